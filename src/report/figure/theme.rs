//! How all figures look: sizes, lines, text, and what tells arms apart.
//!
//! A bank brings its colour, marker and line ([`Portrait`]), the same in all studies and whatever an arm is in them for: plain
//! networks are black, group banks blue, scrambled ones green, repetition orange to brown, learned signs on random filters purple.
//! Arms with the same bank differ in shade, in line, and in how their markers are filled.

use plotters::style::RGBColor;

use super::Arm;
use crate::bank::{Line, Portrait};

pub use crate::bank::Marker;

/// Page units per millimetre: plotters counts in whole numbers.
pub const UNITS_PER_MM: i32 = 100;

/// Width of one column of text, in mm.
pub const SINGLE_COLUMN: f64 = 85.0;
/// Width of both columns, in mm.
pub const DOUBLE_COLUMN: f64 = 178.0;
/// The most that a figure is high, in mm: what a page leaves beside a caption.
pub const MAX_HEIGHT: f64 = 225.0;
/// Margin that is left free on every side, in units.
pub const MARGIN: i32 = mm(1.0);

/// All text, in units: 8 points.
pub const TEXT: i32 = points(8.0);
/// Distance of two lines of text.
pub const LINE_HEIGHT: i32 = points(10.0);
/// Letters of panels.
pub const LETTER: i32 = points(9.0);

/// Lines of axes.
pub const AXIS: u32 = points(0.5) as u32;
/// Lines of data.
pub const DATA: u32 = points(1.0) as u32;
/// Lines in the background.
pub const HAIR: u32 = points(0.3) as u32;
/// Half the size of a marker.
pub const MARKER: i32 = mm(0.85);
/// Ticks of axes.
pub const TICK: i32 = mm(0.9);
/// Space between what belongs together.
pub const GAP: i32 = mm(0.8);

/// Text and axes.
pub const INK: RGBColor = RGBColor(0, 0, 0);
/// What is of less interest.
pub const GREY: RGBColor = RGBColor(118, 118, 118);
/// Grids and other backgrounds.
pub const LIGHT: RGBColor = RGBColor(217, 217, 217);
/// The page.
pub const PAPER: RGBColor = RGBColor(255, 255, 255);
/// Lines that are too many to be told apart.
pub const FAINT: RGBColor = RGBColor(170, 170, 170);
/// The second of two kinds of lines in a diagram.
pub const SECOND: RGBColor = RGBColor(213, 94, 0);

/// The colour of a bank.
fn colour(bank: Portrait) -> RGBColor {
    let [red, green, blue] = bank.colour;
    RGBColor(red, green, blue)
}

/// A colour mixed with the page: `part` of it. Unlike a see-through one, it hides the grid and prints everywhere.
pub fn tint(colour: RGBColor, part: f64) -> RGBColor {
    let mixed = |value: u8| (255.0 + (f64::from(value) - 255.0) * part).round() as u8;
    RGBColor(mixed(colour.0), mixed(colour.1), mixed(colour.2))
}

/// A colour mixed with black: `part` of it is left.
fn shade(colour: RGBColor, part: f64) -> RGBColor {
    let mixed = |value: u8| (f64::from(value) * part).round() as u8;
    RGBColor(mixed(colour.0), mixed(colour.1), mixed(colour.2))
}

/// Millimetres in units.
pub const fn mm(millimetres: f64) -> i32 {
    (millimetres * UNITS_PER_MM as f64 + 0.5) as i32
}

/// Points (1/72 inch) in units.
pub const fn points(points: f64) -> i32 {
    mm(points * 25.4 / 72.0)
}

/// What is within a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Its colour.
    Full,
    /// Nothing.
    Hollow,
    /// A dot.
    Dotted,
}

/// A line style: units drawn, units left out; `None` is a solid line.
pub type Dash = Option<[i32; 2]>;

/// What tells one arm from the others, the same in every figure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Colour of lines and markers.
    pub colour: RGBColor,
    /// Shape of markers.
    pub marker: Marker,
    /// What is within markers.
    pub fill: Fill,
    /// Line style.
    pub dash: Dash,
}

/// The line style of the arm with this number among those whose bank has this line: every one has the next.
fn dash(line: Line, variant: usize) -> Dash {
    const DASHES: [(Line, Dash); 6] = [
        (Line::Solid, None),
        (Line::Long, Some([mm(2.4), mm(0.8)])),
        (Line::Short, Some([mm(0.8), mm(0.5)])),
        (Line::Medium, Some([mm(1.4), mm(0.7)])),
        (Line::Even, Some([mm(1.4), mm(1.4)])),
        (Line::Dotted, Some([mm(0.35), mm(0.45)])),
    ];
    let own = DASHES.iter().position(|(style, _)| *style == line).unwrap_or_default();
    DASHES[(own + variant) % DASHES.len()].1
}

/// Arms with the same bank that can be told apart.
const MOST_VARIANTS: usize = 6;

impl Look {
    /// What all arms look like that are too many to be told apart.
    pub const OTHER: Self = Self { colour: FAINT, marker: Marker::Circle, fill: Fill::Full, dash: None };

    /// The look of an arm; `None` of arms beyond the sixth with the same bank, which no reader could tell apart any more.
    pub fn of(arm: &Arm) -> Option<Self> {
        let variant = arm.variant;
        if variant >= MOST_VARIANTS {
            return None;
        }
        let own = colour(arm.bank);
        // Six pairs of shade and filling, none of them twice.
        let colour = match (variant + variant / 3) % 3 {
            0 => own,
            1 => tint(own, 0.72),
            // Black has no darker shade.
            _ if own == INK => tint(own, 0.5),
            _ => shade(own, 0.65),
        };
        let fill = [Fill::Full, Fill::Hollow, Fill::Dotted][variant % 3];
        let dash = dash(arm.bank.line, variant);
        Some(Self { colour, marker: arm.bank.marker, fill, dash })
    }

    /// The look of an arm where every arm is a row or a point of its own.
    pub fn or_grey(arm: &Arm) -> Self {
        Self::of(arm).unwrap_or(Self { colour: GREY, ..Self::OTHER })
    }

    /// The look of an arm, or that of all the others.
    pub fn or_other(arm: &Arm) -> Self {
        Self::of(arm).unwrap_or(Self::OTHER)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Role;
    use super::*;
    use crate::bank::{families, family};

    fn look(bank: &str, variant: usize) -> Option<Look> {
        let bank = family(bank).unwrap().portrait();
        Look::of(&Arm { name: String::new(), role: Role::Other, bank, variant })
    }

    fn names() -> Vec<&'static str> {
        families().iter().map(|bank| bank.name()).collect()
    }

    /// Hue in degrees; black has none.
    fn hue(RGBColor(r, g, b): RGBColor) -> Option<f64> {
        let [r, g, b] = [r, g, b].map(f64::from);
        let (most, least) = (r.max(g).max(b), r.min(g).min(b));
        let part = |x: f64, y: f64, from: f64| 60.0 * ((x - y) / (most - least) + from);
        let hue = if most == r {
            part(g, b, 6.0)
        } else if most == g {
            part(b, r, 2.0)
        } else {
            part(r, g, 4.0)
        };
        (most > least).then_some(hue % 360.0)
    }

    #[test]
    fn a_family_of_banks_has_one_hue_and_no_other_family_has_it() {
        let families: [&[&str]; 5] = [
            &["free", "band-limited"],
            &["p4", "p4m", "steerable"],
            &["scrambled", "scrambled-steerable"],
            &["repeat-linear", "repeat-swish", "repeat-mask", "repeat-drop"],
            &["random-mask"],
        ];
        assert_eq!(families.iter().map(|family| family.len()).sum::<usize>(), names().len());
        let of = |family: &[&str]| -> Vec<Option<f64>> {
            let looks = family.iter().flat_map(|&bank| (0..MOST_VARIANTS).filter_map(move |n| look(bank, n)));
            looks.map(|look| hue(look.colour)).collect()
        };
        let apart = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => (a - b).abs().min(360.0 - (a - b).abs()),
            (None, None) => 0.0,
            _ => 360.0,
        };
        for (n, family) in families.iter().enumerate() {
            let own = of(family);
            assert!(own.iter().all(|&hue| apart(hue, own[0]) < 8.0), "{family:?}: {own:?}");
            for other in &families[..n] {
                assert!(of(other).iter().all(|&hue| apart(hue, own[0]) > 25.0), "{family:?} and {other:?}");
            }
        }
    }

    #[test]
    fn no_two_arms_look_alike_and_in_grey_no_two_banks_do() {
        let all = names().into_iter().flat_map(|bank| (0..MOST_VARIANTS).filter_map(move |n| look(bank, n)));
        let all: Vec<Look> = all.collect();
        for (n, look) in all.iter().enumerate() {
            let same = |other: &Look| (other.colour, other.marker, other.fill) == (look.colour, look.marker, look.fill);
            assert!(!all[..n].iter().any(same), "{look:?}");
        }
        // The first three of every bank differ without their colour.
        let first = names().into_iter().flat_map(|bank| (0..3).filter_map(move |n| look(bank, n)));
        let first: Vec<Look> = first.collect();
        for (n, look) in first.iter().enumerate() {
            let same = |other: &Look| (other.marker, other.fill) == (look.marker, look.fill);
            assert!(!first[..n].iter().any(same), "{look:?}");
        }
        assert_eq!(look("p4", MOST_VARIANTS), None);
    }
}
