//! How far networks are from equivariance: by layer, and by angle.

use super::axis::{Axis, Plot};
use super::canvas::Canvas;
use super::layout::Rect;
use super::legend::{Legend, back_to_front};
use super::theme::{DATA, DOUBLE_COLUMN, LINE_HEIGHT, Look, MARGIN, MARKER, UNITS_PER_MM, mm};
use super::{Arm, Figure, seeds};
use crate::error::Result;

const PANEL: i32 = mm(60.0);
const BETWEEN: i32 = mm(6.0);
/// Errors below this are rounding, and 0 has no place on a logarithmic axis.
const LEAST: f64 = 1e-7;

/// Relative equivariance errors.
#[derive(Clone, Debug)]
pub struct EquivarianceFigure {
    /// The layers, from the image on.
    pub layers: Vec<String>,
    /// Angles in degrees, ascending.
    pub angles: Vec<f64>,
    /// The angle, an index into `angles`, that the errors by layer are shown at.
    pub shown_angle: usize,
    /// The arms.
    pub curves: Vec<EquivarianceCurve>,
}

/// One arm.
#[derive(Clone, Debug)]
pub struct EquivarianceCurve {
    /// The arm.
    pub arm: Arm,
    /// ‖f(g·x) − g·f(x)‖ / ‖f(x)‖ by layer, then by angle; the mean over images and seeds.
    pub errors: Vec<Vec<f64>>,
    /// Number of seeds.
    pub seeds: usize,
}

impl EquivarianceFigure {
    fn legend(&self) -> Legend {
        Legend::of(self.curves.iter().map(|curve| &curve.arm))
    }

    fn panel(
        &self,
        canvas: &Canvas,
        rect: Rect,
        x: Axis,
        values: impl Fn(&EquivarianceCurve) -> Vec<(f64, f64)>,
    ) -> Result<()> {
        let all = self.curves.iter().flat_map(&values).map(|(_, error)| error.max(LEAST));
        let plot = Plot::draw(canvas, rect, x, Axis::log("Relative equivariance error", all))?;
        for curve in back_to_front(&self.curves, |curve| &curve.arm) {
            let look = Look::or_other(&curve.arm);
            let line: Vec<_> = values(curve).into_iter().map(|(x, error)| plot.at(x, error.max(LEAST))).collect();
            canvas.dashed(&line, &look, DATA)?;
            let every = line.len().div_ceil(12).max(1);
            line.iter().step_by(every).try_for_each(|&at| canvas.marker(at, &look, MARKER))?;
        }
        Ok(())
    }
}

impl Figure for EquivarianceFigure {
    fn name(&self) -> &str {
        "equivariance"
    }

    fn caption(&self) -> String {
        let counts = seeds(self.curves.iter().map(|curve| curve.seeds));
        let angle = self.angles.get(self.shown_angle).copied().unwrap_or_default();
        format!(
            "Relative equivariance error ‖f(g·x) − g·f(x)‖ / ‖f(x)‖ (logarithmic axis; errors below {LEAST:e} are drawn \
             there): (a) by layer at {angle}°, layers from the image on: {}; (b) of the last layer by angle. Mean over test \
             images and seeds ({counts}).",
            self.layers.join(", ")
        )
    }

    fn size(&self) -> [f64; 2] {
        let height = PANEL + LINE_HEIGHT + self.legend().height(mm(DOUBLE_COLUMN) - 2 * MARGIN);
        [DOUBLE_COLUMN, f64::from(height) / f64::from(UNITS_PER_MM)]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let inner = self.legend().draw(canvas, canvas.inner())?;
        let [left, right] = inner.split((inner.width() - BETWEEN) / 2, BETWEEN);
        let angle = self.angles.get(self.shown_angle).copied().unwrap_or_default();
        let counts = seeds(self.curves.iter().map(|curve| curve.seeds));
        let numbers: Vec<f64> = (0..self.layers.len()).map(|n| n as f64).collect();
        let layers = Axis::linear("Layer", numbers.iter().copied());
        let layers = layers.with_ticks(&numbers, |n| self.layers.get(n as usize).cloned().unwrap_or_default());
        let left = canvas.heading("a", &format!("By layer, turned by {angle}°, {counts}"), left)?;
        self.panel(canvas, left, layers, |curve| {
            let by_layer = curve.errors.iter().map(|by_angle| by_angle.get(self.shown_angle).copied());
            (0..).map(f64::from).zip(by_layer.map(|error| error.unwrap_or(f64::NAN))).collect()
        })?;
        let last = self.layers.last().map_or("", String::as_str);
        let right = canvas.heading("b", &format!("After {last}, by angle"), right)?;
        let degrees: Vec<f64> = (0..=360).step_by(90).map(f64::from).collect();
        let angles = Axis::fixed("Angle", [0.0, 360.0]).with_ticks(&degrees, |angle| format!("{angle}°"));
        self.panel(canvas, right, angles, |curve| {
            let last = curve.errors.last().into_iter().flatten().copied();
            self.angles.iter().copied().zip(last).collect()
        })
    }
}
