//! Axes with round numbers, and the panel that two of them span.

use plotters::coord::CoordTranslate;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{BoldPoints, Ranged};
use plotters::coord::types::RangedCoordf64;

use super::canvas::{Anchor, Canvas, Point};
use super::layout::{Rect, thinned, widest, width};
use super::number;
use super::theme::{AXIS, GAP, HAIR, INK, LIGHT, LINE_HEIGHT, TEXT, TICK, mm};
use crate::error::Result;

/// Most numbers on an axis.
const MOST_TICKS: usize = 6;
/// A logarithmic axis covers at least this factor, so that there are round numbers on it.
const LEAST_FACTOR: f64 = 4.0;

/// How values become positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Linear,
    Log,
}

/// An axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    label: String,
    range: [f64; 2],
    scale: Scale,
    ticks: Vec<Tick>,
}

#[derive(Clone, Debug, PartialEq)]
struct Tick {
    value: f64,
    text: String,
}

impl Axis {
    /// A linear axis over some values, with a little room on both sides.
    pub fn linear(label: &str, values: impl Iterator<Item = f64>) -> Self {
        let [low, high] = range_of(values).unwrap_or([0.0, 1.0]);
        let room = if high > low { 0.05 * (high - low) } else { 0.5 * low.abs().max(1e-3) };
        Self::fixed(label, [low - room, high + room])
    }

    /// A linear axis over some percentages: it reaches neither below 0 nor, but for a little room, above 100.
    pub fn percent(label: &str, values: impl Iterator<Item = f64>) -> Self {
        let [low, high] = Self::linear(label, values.map(|value| value.clamp(0.0, 100.0))).range;
        Self::fixed(label, [low.max(0.0), high.min(102.0)])
    }

    /// A linear axis from 0 over some values that aren't negative.
    pub fn from_zero(label: &str, values: impl Iterator<Item = f64>) -> Self {
        let high = range_of(values).map_or(1.0, |[_, high]| high);
        Self::fixed(label, [0.0, if high > 0.0 { 1.05 * high } else { 1.0 }])
    }

    /// A linear axis over exactly this range.
    pub fn fixed(label: &str, range: [f64; 2]) -> Self {
        let values = RangedCoordf64::from(range[0]..range[1]).key_points(BoldPoints(MOST_TICKS));
        let step = values.windows(2).map(|pair| pair[1] - pair[0]).fold(f64::INFINITY, f64::min);
        let decimals = if step.is_finite() { (-step.log10() - 1e-9).ceil().max(0.0) as usize } else { 0 };
        let ticks = values.iter().map(|&value| Tick { value, text: number(value, decimals) });
        Self { label: label.to_owned(), range, scale: Scale::Linear, ticks: ticks.collect() }
    }

    /// A logarithmic axis over some values; those that aren't positive don't count.
    pub fn log(label: &str, values: impl Iterator<Item = f64>) -> Self {
        let [low, high] = range_of(values.filter(|value| *value > 0.0)).unwrap_or([1.0, 10.0]);
        let room = (LEAST_FACTOR / (high / low)).max(1.0).sqrt().max((high / low).powf(0.06));
        let range = [low / room, high * room];
        let ticks = round_numbers(range).into_iter().map(|value| Tick { value, text: readable(value) });
        Self { label: label.to_owned(), range, scale: Scale::Log, ticks: ticks.collect() }
    }

    /// Ticks at some of the values themselves, for the few that there are of them.
    pub fn with_ticks(mut self, values: &[f64], text: impl Fn(f64) -> String) -> Self {
        self.ticks = values.iter().map(|&value| Tick { value, text: text(value) }).collect();
        self
    }

    /// Only whole numbers, as of epochs.
    pub fn whole_numbers(self) -> Self {
        let [low, high] = self.range;
        let step = (1..).find(|step| (high - low) / f64::from(*step) <= MOST_TICKS as f64).unwrap_or(1);
        let whole = self.ticks.iter().all(|tick| tick.value.fract() == 0.0);
        let values: Vec<f64> =
            (low.ceil() as i64..=high.floor() as i64).step_by(step as usize).map(|n| n as f64).collect();
        if whole { self } else { self.with_ticks(&values, |value| number(value, 0)) }
    }

    /// No numbers above `most`, where nothing is.
    pub fn up_to(mut self, most: f64) -> Self {
        self.ticks.retain(|tick| tick.value <= most);
        self
    }

    /// The ends.
    pub fn range(&self) -> [f64; 2] {
        self.range
    }

    /// Numbers and positions of the ticks.
    pub fn ticks(&self) -> impl Iterator<Item = (f64, &str)> {
        self.ticks.iter().map(|tick| (tick.value, tick.text.as_str()))
    }

    fn transformed(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => value,
            Scale::Log => value.max(f64::MIN_POSITIVE).log10(),
        }
    }

    fn coordinate(&self) -> RangedCoordf64 {
        let [low, high] = self.range.map(|end| self.transformed(end));
        (low..high).into()
    }
}

/// Smallest and greatest of some values; `None` of none. Values that aren't finite don't count.
fn range_of(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    let finite = values.filter(|value| value.is_finite());
    finite.fold(None, |range, value| {
        let [low, high] = range.unwrap_or([value, value]);
        Some([low.min(value), high.max(value)])
    })
}

/// Round numbers in a range: powers of ten, with some of their multiples where that gives too few.
fn round_numbers([low, high]: [f64; 2]) -> Vec<f64> {
    let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let of = |mantissas: &[f64]| -> Vec<f64> {
        let all = decades.clone().flat_map(|decade| mantissas.iter().map(move |m| m * 10f64.powi(decade)));
        all.filter(|value| (low..=high).contains(value)).collect()
    };
    let powers = of(&[1.0]);
    if powers.len() > MOST_TICKS {
        return powers.iter().step_by(powers.len().div_ceil(MOST_TICKS)).copied().collect();
    }
    let finer = [of(&[1.0, 3.0]), of(&[1.0, 2.0, 5.0]), of(&[1.0, 1.5, 2.0, 3.0, 5.0, 7.0])];
    std::iter::once(powers).chain(finer).find(|values| values.len() >= 3).unwrap_or_default()
}

/// A number as people read it: 10⁻⁵, 0.2, 5.5 k, 2 M.
pub(super) fn readable(value: f64) -> String {
    if value < 0.009 {
        let power = value.log10().floor();
        let mantissa = (value / 10f64.powf(power)).round();
        let digits = "⁰¹²³⁴⁵⁶⁷⁸⁹";
        let raised = |digit: char| digits.chars().nth(digit.to_digit(10).unwrap_or(0) as usize);
        let power: String = format!("{}", power.abs()).chars().filter_map(raised).collect();
        return if mantissa > 1.0 { format!("{mantissa}·10⁻{power}") } else { format!("10⁻{power}") };
    }
    let prefixes = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")];
    let (unit, prefix) = prefixes.into_iter().find(|(unit, _)| value >= 0.999 * unit).unwrap_or((1.0, ""));
    // Six digits are enough to tell ticks apart and too few to show how numbers are rounded in binary.
    let scaled = (value / unit * 1e6).round() / 1e6;
    format!("{scaled}{prefix}")
}

/// A panel between two axes.
pub(super) struct Plot {
    /// The room between the axes.
    pub rect: Rect,
    x: Axis,
    y: Axis,
    coordinates: Cartesian2d<RangedCoordf64, RangedCoordf64>,
}

impl Plot {
    /// A panel over exactly `rect`; nothing is drawn.
    pub fn over(rect: Rect, x: Axis, y: Axis) -> Self {
        let pixels = (rect.left..rect.right, rect.bottom..rect.top);
        let coordinates = Cartesian2d::new(x.coordinate(), y.coordinate(), pixels);
        Self { rect, x, y, coordinates }
    }

    /// A panel in `outer` with both axes, their numbers, labels and a grid.
    pub fn draw(canvas: &Canvas, outer: Rect, x: Axis, y: Axis) -> Result<Self> {
        let numbers = widest(y.ticks().map(|(_, text)| text));
        let last = x.ticks().last().map_or(0, |(_, text)| width(text) / 2);
        let rect = Rect {
            left: outer.left + LINE_HEIGHT + GAP + numbers + TICK + GAP,
            right: outer.right - last.min(mm(4.0)),
            top: outer.top + TEXT / 2,
            bottom: outer.bottom - x_axis_height(),
        };
        let plot = Self::over(rect, x, y);
        plot.horizontal_grid(canvas)?;
        plot.draw_x(canvas)?;
        plot.draw_y(canvas, outer.left)?;
        Ok(plot)
    }

    /// The place of a pair of values on the page.
    pub fn at(&self, x: f64, y: f64) -> Point {
        self.coordinates.translate(&(self.x.transformed(x), self.y.transformed(y)))
    }

    /// The same, of a value on the lower edge where it lies below it, as 0 does on a logarithmic axis.
    pub fn at_or_edge(&self, x: f64, y: f64) -> Point {
        self.at(x, y.max(self.y.range[0]))
    }

    /// The place of a value on the x axis.
    pub fn x(&self, value: f64) -> i32 {
        self.at(value, self.y.range[0]).0
    }

    /// The place of a value on the y axis.
    pub fn y(&self, value: f64) -> i32 {
        self.at(self.x.range[0], value).1
    }

    fn horizontal_grid(&self, canvas: &Canvas) -> Result<()> {
        for (value, _) in self.y.ticks() {
            let y = self.y(value);
            canvas.line(&[(self.rect.left, y), (self.rect.right, y)], LIGHT, HAIR)?;
        }
        Ok(())
    }

    /// Vertical lines at the numbers of the x axis.
    pub fn vertical_grid(&self, canvas: &Canvas) -> Result<()> {
        for (value, _) in self.x.ticks() {
            let x = self.x(value);
            canvas.line(&[(x, self.rect.top), (x, self.rect.bottom)], LIGHT, HAIR)?;
        }
        Ok(())
    }

    /// The x axis below the panel.
    pub fn draw_x(&self, canvas: &Canvas) -> Result<()> {
        let Rect { left, right, bottom, .. } = self.rect;
        canvas.line(&[(left, bottom), (right, bottom)], INK, AXIS)?;
        let room = |(value, text): (f64, &str)| {
            let (x, half) = (self.x(value), width(text) / 2);
            [x - half, x + half]
        };
        let rooms: Vec<[i32; 2]> = self.x.ticks().map(room).collect();
        for ((value, text), shown) in self.x.ticks().zip(thinned(&rooms, mm(1.0))) {
            let x = self.x(value);
            canvas.line(&[(x, bottom), (x, bottom + TICK)], INK, AXIS)?;
            if shown {
                canvas.text(text, (x, bottom + TICK + GAP), Anchor::Top)?;
            }
        }
        let middle = (left + right) / 2;
        canvas.text(&self.x.label, (middle, bottom + TICK + GAP + LINE_HEIGHT), Anchor::Top)
    }

    /// The y axis at the left of the panel, its label at `left`.
    fn draw_y(&self, canvas: &Canvas, left: i32) -> Result<()> {
        let Rect { left: axis, top, bottom, .. } = self.rect;
        canvas.line(&[(axis, top), (axis, bottom)], INK, AXIS)?;
        let room = |(value, _): (f64, &str)| [self.y(value) - TEXT / 2, self.y(value) + TEXT / 2];
        let rooms: Vec<[i32; 2]> = self.y.ticks().map(room).collect();
        for ((value, text), shown) in self.y.ticks().zip(thinned(&rooms, 0)) {
            let y = self.y(value);
            canvas.line(&[(axis - TICK, y), (axis, y)], INK, AXIS)?;
            if shown {
                canvas.text(text, (axis - TICK - GAP, y), Anchor::Right)?;
            }
        }
        canvas.upward_text(&self.y.label, (left, (top + bottom) / 2))
    }
}

/// Height that an x axis takes below its panel.
pub(super) fn x_axis_height() -> i32 {
    TICK + GAP + 2 * LINE_HEIGHT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(axis: &Axis) -> Vec<&str> {
        axis.ticks().map(|(_, text)| text).collect()
    }

    #[test]
    fn linear_axes_have_round_numbers() {
        assert_eq!(texts(&Axis::fixed("", [0.0, 17.0])), ["0", "5", "10", "15"]);
        assert_eq!(texts(&Axis::fixed("", [-0.12, 0.26])), ["−0.1", "0.0", "0.1", "0.2"]);
        let single = Axis::linear("", std::iter::once(2.0));
        assert!(single.range()[0] < 2.0 && 2.0 < single.range()[1] && texts(&single).len() > 1);
        assert!(!texts(&Axis::linear("", std::iter::empty())).is_empty());
        assert_eq!(Axis::percent("", [-0.5, 0.1, 2.0].into_iter()).range(), [0.0, 2.1]);
        assert_eq!(texts(&Axis::percent("", [0.0, 240.0].into_iter())).last(), Some(&"100"));
        let epochs = Axis::linear("", [1.0, 3.0].into_iter()).whole_numbers();
        assert_eq!(texts(&epochs), ["1", "2", "3"]);
        let one = Axis::linear("", [1.0].into_iter()).whole_numbers();
        assert_eq!(texts(&one), ["1"]);
    }

    #[test]
    fn logarithmic_axes_have_round_numbers_even_over_one_value() {
        assert_eq!(texts(&Axis::log("", [1e3, 1e6].into_iter())), ["1 k", "10 k", "100 k", "1 M"]);
        let equal = Axis::log("", [5_534.0, 5_540.0].into_iter());
        assert_eq!(texts(&equal), ["3 k", "5 k", "7 k", "10 k"]);
        assert_eq!(texts(&Axis::log("", [1e-7, 1.0].into_iter())), ["10⁻⁷", "10⁻⁵", "10⁻³", "0.1"]);
        assert!(texts(&Axis::log("", [0.0, f64::NAN].into_iter())).len() > 1);
    }

    #[test]
    fn numbers_are_short_and_show_no_binary_digits() {
        assert_eq!(readable(0.1 + 0.2), "0.3");
        assert_eq!(readable(2_000_000.0), "2 M");
        assert_eq!(readable(200.0), "200");
        assert_eq!(readable(1e-5), "10⁻⁵");
        assert_eq!(readable(2e-12), "2·10⁻¹²");
    }
}
