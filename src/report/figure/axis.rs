//! Axes with round numbers, and the panel that two of them span.

use plotters::coord::CoordTranslate;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::types::RangedCoordf64;
use plotters::style::Color;

use super::canvas::{Anchor, Canvas, Point};
use super::layout::{Rect, thinned, widest, width};
use super::theme::{AXIS, GAP, HAIR, INK, LIGHT, LINE_HEIGHT, PAPER, TEXT, TICK, mm};
use super::ticks::{self, Tick};
use crate::error::Result;

/// A logarithmic axis covers at least this factor, so that there are round numbers on it.
const LEAST_FACTOR: f64 = 4.0;
/// No axis reaches further than this, nor does it tell apart what is nearer to 0 than this: beyond, nothing can be reckoned
/// with in floating point. Values that are further out stand at the end of their axis.
const FURTHEST: f64 = 1e300;
const NEAREST: f64 = 1e-300;
/// How far below the rest of a logarithmic axis 0 stands, and how far the axis goes on below it, in parts of the rest.
const ZERO: f64 = 0.09;
const BELOW_ZERO: f64 = 0.03;

/// How values become positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Linear,
    Log {
        /// Whether it has a place for 0, below a break.
        zero: bool,
    },
}

/// An axis.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    label: String,
    range: [f64; 2],
    scale: Scale,
    ticks: Vec<Tick>,
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
        Self::fixed(label, [0.0, if high > 0.0 { (1.05 * high).max(NEAREST) } else { 1.0 }])
    }

    /// A linear axis over exactly this range, as far as numbers can be told apart in it.
    pub fn fixed(label: &str, range: [f64; 2]) -> Self {
        let range = usable(range);
        Self { label: label.to_owned(), range, scale: Scale::Linear, ticks: ticks::linear(range, 0.0) }
    }

    /// A logarithmic axis over some values; 0 has a place of its own on it, below a break. What is negative doesn't count.
    pub fn log(label: &str, values: impl Iterator<Item = f64>) -> Self {
        let values: Vec<f64> = values.collect();
        let positive = range_of(values.iter().copied().filter(|value| *value > 0.0)).unwrap_or([1.0, 10.0]);
        let [low, high] = positive.map(|end| end.clamp(NEAREST, FURTHEST).log10());
        let room = ((LEAST_FACTOR.log10() - (high - low)) / 2.0).max(0.06 * (high - low));
        let range = [low - room, high + room].map(|end| 10f64.powf(end).clamp(0.1 * NEAREST, 10.0 * FURTHEST));
        let zero = values.contains(&0.0);
        let at_zero = zero.then(|| Tick { value: 0.0, text: "0".to_owned() });
        let ticks = at_zero.into_iter().chain(ticks::logarithmic(range)).collect();
        Self { label: label.to_owned(), range, scale: Scale::Log { zero }, ticks }
    }

    /// Ticks at some of the values themselves, for the few that there are of them.
    pub fn with_ticks(mut self, values: &[f64], text: impl Fn(f64) -> String) -> Self {
        self.ticks = values.iter().map(|&value| Tick { value, text: text(value) }).collect();
        self
    }

    /// Only whole numbers, as of epochs.
    pub fn whole_numbers(self) -> Self {
        Self { ticks: ticks::linear(self.range, 1.0), ..self }
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

    /// Where the axis has its break, if it has one; a position.
    fn break_at(&self) -> Option<f64> {
        let [low, high] = self.range.map(f64::log10);
        (self.scale == Scale::Log { zero: true }).then(|| low - ZERO / 2.0 * (high - low))
    }

    /// The position of a value, at an end of the axis if it's beyond.
    fn transformed(&self, value: f64) -> f64 {
        let [low, high] = self.range;
        let value_within = if value.is_nan() { low } else { value.clamp(low, high) };
        match self.scale {
            Scale::Linear => value_within,
            Scale::Log { zero: true } if value <= 0.0 => low.log10() - ZERO * (high.log10() - low.log10()),
            Scale::Log { .. } => value_within.log10(),
        }
    }

    fn coordinate(&self) -> RangedCoordf64 {
        let [low, high] = self.range.map(|end| self.transformed(end));
        match self.scale {
            Scale::Log { zero: true } => (low - (ZERO + BELOW_ZERO) * (high - low)..high).into(),
            _ => (low..high).into(),
        }
    }
}

/// A range that numbers can be found in: within what can be reckoned with, and so wide that its ends differ in their first
/// six digits.
fn usable(range: [f64; 2]) -> [f64; 2] {
    let [low, high] = range.map(|end| if end.is_nan() { 0.0 } else { end.clamp(-FURTHEST, FURTHEST) });
    let least = (1e-6 * low.abs().max(high.abs())).max(NEAREST);
    if high - low >= least { [low, high] } else { [low - least, high + least] }
}

/// Smallest and greatest of some values; `None` of none. Values that aren't finite don't count.
fn range_of(values: impl Iterator<Item = f64>) -> Option<[f64; 2]> {
    let finite = values.filter(|value| value.is_finite()).map(|value| value.clamp(-FURTHEST, FURTHEST));
    finite.fold(None, |range, value| {
        let [low, high] = range.unwrap_or([value, value]);
        Some([low.min(value), high.max(value)])
    })
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
        if let Some(position) = self.x.break_at() {
            let x = self.coordinates.translate(&(position, 0.0)).0;
            break_mark(canvas, (x, bottom), true)?;
        }
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
        if let Some(position) = self.y.break_at() {
            let y = self.coordinates.translate(&(0.0, position)).1;
            break_mark(canvas, (axis, y), false)?;
        }
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

/// Two strokes across an axis that is broken, and nothing between them.
fn break_mark(canvas: &Canvas, (x, y): Point, lies: bool) -> Result<()> {
    let (long, rise, gap) = (mm(1.1), mm(0.5), mm(0.45));
    let stroke = |by: i32| match lies {
        true => [(x + by - rise, y + long), (x + by + rise, y - long)],
        false => [(x - long, y + by + rise), (x + long, y + by - rise)],
    };
    let [[a, b], [c, d]] = [stroke(-gap), stroke(gap)];
    canvas.polygon(&[a, b, d, c], PAPER.filled())?;
    [[a, b], [c, d]].iter().try_for_each(|stroke| canvas.line(stroke, INK, AXIS))
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
        assert!(texts(&Axis::log("", [f64::NAN].into_iter())).len() > 1);
    }

    #[test]
    fn zero_stands_below_a_break_of_a_logarithmic_axis() {
        let axis = Axis::log("", [0.0, 0.01, 10.0].into_iter());
        assert_eq!(texts(&axis), ["0", "0.01", "0.1", "1", "10"]);
        let rect = Rect { left: 0, top: 0, right: 1000, bottom: 1000 };
        let plot = Plot::over(rect, Axis::fixed("", [0.0, 1.0]), axis);
        let least = plot.y(plot.y.range()[0]);
        assert!(1000 > plot.y(0.0) && plot.y(0.0) > least + 40 && least > plot.y(0.01), "0 has a place of its own");
        let gap = plot.coordinates.translate(&(0.0, plot.y.break_at().unwrap())).1;
        assert!(least < gap && gap < plot.y(0.0));
        assert_eq!(Axis::log("", [0.01, 10.0].into_iter()).break_at(), None);
    }

    #[test]
    fn no_value_hangs_an_axis_or_leaves_its_panel() {
        let values = [0.0, 5e-324, 1e-308, 1e-9, 1.0, 1e19, 1e308, f64::MAX, f64::INFINITY, f64::NAN, -1e308];
        let kinds: [fn([f64; 2]) -> Axis; 6] = [
            |pair| Axis::linear("", pair.into_iter()),
            |pair| Axis::linear("", pair.into_iter()).whole_numbers(),
            |pair| Axis::percent("", pair.into_iter()),
            |pair| Axis::from_zero("", pair.into_iter()),
            |pair| Axis::log("", pair.into_iter()),
            |pair| Axis::log("", pair.into_iter()).up_to(100.0),
        ];
        let rect = Rect { left: 0, top: 0, right: 1000, bottom: 1000 };
        for value in values {
            assert!(texts(&Axis::log("", std::iter::once(value))).len() > 1, "{value}");
        }
        for pair in values.iter().flat_map(|&a| values.iter().map(move |&b| [a, b])) {
            for kind in kinds {
                let axis = kind(pair);
                assert!(axis.ticks().count() <= 14, "{pair:?}");
                assert!(axis.ticks().all(|(value, text)| value.is_finite() && text.chars().count() < 14), "{pair:?}");
                let plot = Plot::over(rect, axis.clone(), axis);
                for (x, y) in values.iter().map(|&value| plot.at(value, value)) {
                    assert!((0..=1000).contains(&x) && (0..=1000).contains(&y), "{pair:?}: ({x}, {y})");
                }
            }
        }
    }
}
