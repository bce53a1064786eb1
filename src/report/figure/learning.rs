//! Learning curves: loss and error by epoch.

use super::axis::{Axis, Plot};
use super::canvas::{Canvas, heading_height, inner};
use super::layout::Rect;
use super::legend::{Legend, Lines};
use super::spread::{Spread, draw_spread};
use super::theme::{DOUBLE_COLUMN, UNITS_PER_MM, mm};
use super::{Arm, Figure, seeds};
use crate::error::Result;

const PANEL: i32 = mm(58.0);
const BETWEEN: i32 = mm(6.0);
/// Markers on a curve.
const MARKERS: usize = 8;

/// Learning curves of all arms.
#[derive(Clone, Debug)]
pub struct LearningFigure {
    /// The arms that have runs.
    pub arms: Vec<LearningCurve>,
    /// Whether the errors are test errors.
    pub tested: bool,
}

/// The curves of one arm.
#[derive(Clone, Debug)]
pub struct LearningCurve {
    /// The arm.
    pub arm: Arm,
    /// Its finished runs.
    pub runs: Vec<RunCurve>,
}

/// The curves of one run, a value an epoch.
#[derive(Clone, Debug)]
pub struct RunCurve {
    /// Mean training loss in the epoch, in nats.
    pub loss: Vec<f64>,
    /// Test error after the epoch, or training error in it where the study has no test errors.
    pub error: Vec<f64>,
}

/// The spread of the runs in each epoch.
fn by_epoch(runs: &[RunCurve], values: impl Fn(&RunCurve) -> &[f64], factor: f64) -> Vec<(f64, Spread)> {
    let epochs = runs.iter().map(|run| values(run).len()).max().unwrap_or(0);
    let at = |epoch: usize| {
        let there = runs.iter().filter_map(|run| values(run).get(epoch)).map(|value| factor * value);
        Some(((epoch + 1) as f64, Spread::of(there)?))
    };
    (0..epochs).filter_map(at).collect()
}

impl LearningFigure {
    fn panel(
        &self,
        canvas: &Canvas,
        rect: Rect,
        label: &str,
        values: impl Fn(&RunCurve) -> &[f64] + Copy,
        factor: f64,
    ) -> Result<()> {
        let curves: Vec<(&Arm, Vec<(f64, Spread)>)> =
            self.arms.iter().map(|arm| (&arm.arm, by_epoch(&arm.runs, values, factor))).collect();
        let all = || curves.iter().flat_map(|(_, values)| values);
        let x = Axis::linear("Epoch", all().map(|(epoch, _)| *epoch)).whole_numbers();
        let values = all().flat_map(|(_, spread)| spread.all());
        // A loss may be above 100, an error in percent not.
        let y = if factor == 100.0 { Axis::log(label, values).up_to(100.0) } else { Axis::log(label, values) };
        let plot = Plot::draw(canvas, rect, x, y)?;
        let place = |epoch, value| plot.at(epoch, value);
        let lines = self.lines();
        lines
            .back_to_front(&curves, |(arm, _)| arm)
            .try_for_each(|(arm, values)| draw_spread(canvas, &lines.look(arm), values, place, MARKERS))
    }

    fn lines(&self) -> Lines {
        Lines::of(self.arms.iter().map(|curve| &curve.arm))
    }

    fn titles(&self) -> [String; 2] {
        let counts = seeds(self.arms.iter().map(|curve| curve.runs.len()));
        let error = if self.tested { "Test" } else { "Training" };
        [format!("Training loss, mean and range, {counts}"), format!("{error} error, mean and range, {counts}")]
    }

    fn panels(&self, rect: Rect) -> [Rect; 2] {
        rect.halves(BETWEEN)
    }

    fn legend(&self) -> Legend {
        Legend::of(self.arms.iter().map(|curve| &curve.arm))
    }
}

impl Figure for LearningFigure {
    fn name(&self) -> &str {
        "learning"
    }

    fn caption(&self) -> String {
        let counts = seeds(self.arms.iter().map(|curve| curve.runs.len()));
        let is_zero = |value: &f64| *value == 0.0;
        let zero = self.arms.iter().flat_map(|arm| &arm.runs).any(|run| run.loss.iter().chain(&run.error).any(is_zero));
        format!(
            "Learning curves: (a) training loss and (b) {} error by epoch, logarithmic axes{}. Lines: mean over seeds \
             ({counts}); bands: least to greatest seed.{}",
            if self.tested { "test" } else { "training" },
            if zero { " (0 stands below a break)" } else { "" },
            self.lines().others_in_words(self.arms.iter().map(|curve| &curve.arm))
        )
    }

    fn size(&self) -> [f64; 2] {
        let room = inner([mm(DOUBLE_COLUMN), 0]);
        let [a, b] = self.titles();
        let height = PANEL + heading_height([&a, &b], self.panels(room)) + self.legend().height(room.width());
        [DOUBLE_COLUMN, f64::from(height) / f64::from(UNITS_PER_MM)]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let rect = self.legend().draw(canvas, canvas.inner())?;
        let [a, b] = self.titles();
        let [left, right] = canvas.headings([&a, &b], self.panels(rect))?;
        self.panel(canvas, left, "Training loss (nats)", |run| &run.loss, 1.0)?;
        let label = format!("{} error (%)", if self.tested { "Test" } else { "Training" });
        self.panel(canvas, right, &label, |run| &run.error, 100.0)
    }
}
