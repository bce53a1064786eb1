//! How all figures look: sizes, lines, text, and what tells arms apart.
//!
//! Colours are Okabe & Ito's (2008, "Color universal design"), which colour-blind readers can tell apart, without their
//! yellow, which is too light for lines. On a grey printer several of them look alike, so every arm has a marker and a line
//! style of its own too.

use plotters::style::RGBColor;

use super::{Arm, Role};

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
/// Where something is lost rather than gained.
pub const LOSS: RGBColor = VERMILLION;

const BLUE: RGBColor = RGBColor(0, 114, 178);
const VERMILLION: RGBColor = RGBColor(213, 94, 0);
const GREEN: RGBColor = RGBColor(0, 158, 115);
const PURPLE: RGBColor = RGBColor(204, 121, 167);
const ORANGE: RGBColor = RGBColor(230, 159, 0);
const SKY: RGBColor = RGBColor(86, 180, 233);

/// A colour mixed with the page: `part` of it. Unlike a see-through one, it hides the grid and prints everywhere.
pub fn tint(colour: RGBColor, part: f64) -> RGBColor {
    let mixed = |value: u8| (255.0 + (f64::from(value) - 255.0) * part).round() as u8;
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

/// The shape of a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// ●
    Circle,
    /// ■
    Square,
    /// ▲
    Triangle,
    /// ◆
    Diamond,
    /// ▼
    Down,
    /// A five-pointed star.
    Star,
    /// ◀
    Left,
    /// ×, and + where it isn't filled.
    Cross,
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
    /// Whether markers are filled.
    pub filled: bool,
    /// Line style.
    pub dash: Dash,
}

const LONG: Dash = Some([mm(2.4), mm(0.8)]);
const MEDIUM: Dash = Some([mm(1.4), mm(0.7)]);
const SHORT: Dash = Some([mm(0.8), mm(0.5)]);
const DOTS: Dash = Some([mm(0.35), mm(0.45)]);
const WIDE: Dash = Some([mm(1.4), mm(1.4)]);

const CONTROLS: [(RGBColor, Marker, Dash); 6] = [
    (VERMILLION, Marker::Triangle, LONG),
    (GREEN, Marker::Diamond, SHORT),
    (PURPLE, Marker::Down, MEDIUM),
    (ORANGE, Marker::Star, DOTS),
    (SKY, Marker::Left, WIDE),
    (GREY, Marker::Cross, LONG),
];

impl Look {
    /// What all arms look like that are too many to be told apart.
    pub const OTHER: Self = Self { colour: LIGHT, marker: Marker::Circle, filled: true, dash: None };

    /// The look of an arm; `None` of controls beyond the twelfth, which no reader could tell apart any more.
    pub fn of(arm: &Arm) -> Option<Self> {
        match arm.role {
            Role::Baseline => Some(Self { colour: INK, marker: Marker::Square, filled: true, dash: MEDIUM }),
            Role::Target => Some(Self { colour: BLUE, marker: Marker::Circle, filled: true, dash: None }),
            Role::Control(n) => {
                let (colour, marker, dash) = *CONTROLS.get(n % CONTROLS.len())?;
                match n / CONTROLS.len() {
                    0 => Some(Self { colour, marker, filled: true, dash }),
                    1 => Some(Self { colour, marker, filled: false, dash: DOTS }),
                    _ => None,
                }
            }
        }
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
