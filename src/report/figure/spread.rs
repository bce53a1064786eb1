//! Curves over the runs of an arm: a line through the means, a band from the least to the greatest run.

use plotters::style::Color;

use super::canvas::{Canvas, Point};
use super::theme::{AXIS, DATA, Look, MARKER};
use crate::error::Result;

/// Mean, least and greatest value of some runs at one place of a curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The least and the greatest.
    pub ends: [f64; 2],
}

impl Spread {
    /// Of one value a run; `None` of no runs. Values that aren't finite don't count.
    pub fn of(values: impl Iterator<Item = f64>) -> Option<Self> {
        let values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
        let count = values.len() as f64;
        let ends = values
            .iter()
            .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], &value| [low.min(value), high.max(value)]);
        // The sum of finite values need not be finite.
        let sum: f64 = values.iter().sum();
        let mean = if sum.is_finite() { sum / count } else { values.iter().map(|value| value / count).sum() };
        (!values.is_empty()).then_some(Self { mean, ends })
    }

    /// Its mean, and where its runs end.
    pub(super) fn all(self) -> impl Iterator<Item = f64> {
        std::iter::once(self.mean).chain(self.ends)
    }
}

/// Draws a curve through `values`, which `place` puts on the page, with a marker at about every `markers`-th part of it: a few
/// are enough to tell lines apart. Arms that aren't told apart are thin lines.
pub(super) fn draw_spread(
    canvas: &Canvas,
    look: &Look,
    values: &[(f64, Spread)],
    place: impl Fn(f64, f64) -> Point,
    markers: usize,
) -> Result<()> {
    let line: Vec<_> = values.iter().map(|(x, spread)| place(*x, spread.mean)).collect();
    if *look == Look::OTHER {
        return canvas.line(&line, look.colour, AXIS);
    }
    if values.iter().any(|(_, spread)| spread.ends[0] < spread.ends[1]) {
        let low = values.iter().map(|(x, spread)| place(*x, spread.ends[0]));
        let high = values.iter().rev().map(|(x, spread)| place(*x, spread.ends[1]));
        canvas.polygon(&low.chain(high).collect::<Vec<_>>(), look.colour.mix(0.15).filled())?;
    }
    canvas.dashed(&line, look, DATA)?;
    let every = line.len().div_ceil(markers).max(1);
    line.iter().step_by(every).try_for_each(|&at| canvas.marker(at, look, MARKER))
}
