//! Learning curves: loss and error by epoch.

use plotters::style::Color;

use super::axis::{Axis, Plot};
use super::canvas::Canvas;
use super::layout::Rect;
use super::legend::{Legend, back_to_front};
use super::theme::{DATA, DOUBLE_COLUMN, LINE_HEIGHT, Look, MARKER, UNITS_PER_MM, mm};
use super::{Arm, Figure, seeds};
use crate::error::Result;

const PANEL: i32 = mm(58.0);
const BETWEEN: i32 = mm(6.0);

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

/// Mean, least and greatest value of the runs in an epoch.
struct Band {
    epoch: f64,
    mean: f64,
    ends: [f64; 2],
}

/// The band of the runs in each epoch.
fn bands(runs: &[RunCurve], values: impl Fn(&RunCurve) -> &[f64], factor: f64) -> Vec<Band> {
    let epochs = runs.iter().map(|run| values(run).len()).max().unwrap_or(0);
    let band = |epoch: usize| {
        let there = || runs.iter().filter_map(|run| values(run).get(epoch)).map(|value| factor * value);
        let ends = there().fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], v| [low.min(v), high.max(v)]);
        Band { epoch: (epoch + 1) as f64, mean: there().sum::<f64>() / there().count().max(1) as f64, ends }
    };
    (0..epochs).map(band).collect()
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
        let curves: Vec<(&Arm, Vec<Band>)> =
            self.arms.iter().map(|arm| (&arm.arm, bands(&arm.runs, values, factor))).collect();
        let all = || curves.iter().flat_map(|(_, bands)| bands);
        let x = Axis::linear("Epoch", all().map(|band| band.epoch)).whole_numbers();
        let values = all().flat_map(|band| [band.ends[0], band.mean, band.ends[1]]);
        // A loss may be above 100, an error in percent not.
        let y = if factor == 100.0 { Axis::log(label, values).up_to(100.0) } else { Axis::log(label, values) };
        let plot = Plot::draw(canvas, rect, x, y)?;
        for (arm, bands) in back_to_front(&curves, |(arm, _)| arm) {
            draw_curve(canvas, &plot, &Look::or_other(arm), bands)?;
        }
        Ok(())
    }

    fn legend(&self) -> Legend {
        Legend::of(self.arms.iter().map(|curve| &curve.arm))
    }
}

fn draw_curve(canvas: &Canvas, plot: &Plot, look: &Look, bands: &[Band]) -> Result<()> {
    let spread: Vec<_> = bands.iter().map(|band| plot.at_or_edge(band.epoch, band.ends[0])).collect();
    let back = bands.iter().rev().map(|band| plot.at_or_edge(band.epoch, band.ends[1]));
    let spread: Vec<_> = spread.into_iter().chain(back).collect();
    if bands.iter().any(|band| band.ends[0] < band.ends[1]) {
        canvas.polygon(&spread, look.colour.mix(0.15).filled())?;
    }
    let line: Vec<_> = bands.iter().map(|band| plot.at_or_edge(band.epoch, band.mean)).collect();
    canvas.dashed(&line, look, DATA)?;
    // A few markers are enough to tell lines apart.
    let every = line.len().div_ceil(8).max(1);
    line.iter().step_by(every).try_for_each(|&at| canvas.marker(at, look, MARKER))
}

impl Figure for LearningFigure {
    fn name(&self) -> &str {
        "learning"
    }

    fn caption(&self) -> String {
        let counts = seeds(self.arms.iter().map(|curve| curve.runs.len()));
        format!(
            "Learning curves: (a) training loss and (b) {} error by epoch, logarithmic axes (0 lies on the lower edge). Lines: \
             mean over seeds ({counts}); bands: least to greatest seed.",
            if self.tested { "test" } else { "training" }
        )
    }

    fn size(&self) -> [f64; 2] {
        let room = mm(DOUBLE_COLUMN) - 2 * super::theme::MARGIN;
        let height = PANEL + LINE_HEIGHT + self.legend().height(room);
        [DOUBLE_COLUMN, f64::from(height) / f64::from(UNITS_PER_MM)]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let inner = self.legend().draw(canvas, canvas.inner())?;
        let [left, right] = inner.split((inner.width() - BETWEEN) / 2, BETWEEN);
        let counts = seeds(self.arms.iter().map(|curve| curve.runs.len()));
        let left = canvas.heading("a", &format!("Mean and range, {counts}"), left)?;
        self.panel(canvas, left, "Training loss (nats)", |run| &run.loss, 1.0)?;
        let right = canvas.heading("b", "", right)?;
        let label = format!("{} error (%)", if self.tested { "Test" } else { "Training" });
        self.panel(canvas, right, &label, |run| &run.error, 100.0)
    }
}
