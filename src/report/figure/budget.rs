//! What accuracy costs: test error against parameters and against multiply-adds.

use super::axis::{Axis, Plot};
use super::canvas::{Anchor, Canvas};
use super::layout::{Rect, beside_points};
use super::theme::{DOUBLE_COLUMN, GAP, GREY, Look, MARKER, TEXT, mm};
use super::{Arm, Estimate, Figure, seeds};
use crate::error::Result;

const HEIGHT: f64 = 66.0;
const BETWEEN: i32 = mm(6.0);

/// Test error against what a network costs.
#[derive(Clone, Debug)]
pub struct BudgetFigure {
    /// The arms that have finished runs.
    pub points: Vec<BudgetPoint>,
}

/// One arm.
#[derive(Clone, Debug)]
pub struct BudgetPoint {
    /// The arm.
    pub arm: Arm,
    /// Learned real parameters.
    pub parameters: usize,
    /// Multiply-adds per image.
    pub multiply_adds: u64,
    /// Mean test error with Student's interval.
    pub error: Estimate,
    /// Number of seeds.
    pub seeds: usize,
}

impl BudgetFigure {
    fn panel(&self, canvas: &Canvas, rect: Rect, label: &str, cost: impl Fn(&BudgetPoint) -> f64) -> Result<()> {
        let x = Axis::log(label, self.points.iter().map(&cost));
        let y = Axis::linear("Test error (%)", self.points.iter().flat_map(|p| p.error.all()).map(|e| 100.0 * e));
        let plot = Plot::draw(canvas, rect, x, y)?;
        let place = |point: &BudgetPoint| plot.at(cost(point), 100.0 * point.error.value);
        // The important ones come last, above the others, but get their labels first.
        let mut ranked: Vec<&BudgetPoint> = self.points.iter().collect();
        ranked.sort_by_key(|point| match point.arm.role {
            super::Role::Target => (0, 0),
            super::Role::Baseline => (1, 0),
            super::Role::Control(n) => (2, n),
        });
        for point in ranked.iter().rev() {
            let look = Look::or_grey(&point.arm);
            let (x, y) = place(point);
            if let Some(interval) = point.error.interval {
                canvas.upright_whisker(x, interval.map(|end| plot.y(100.0 * end)), look.colour)?;
            }
            canvas.marker((x, y), &look, MARKER)?;
        }
        // Names of arms that look alike would name no point.
        let (named, unnamed): (Vec<_>, Vec<_>) = ranked.iter().partition(|point| Look::of(&point.arm).is_some());
        let ranked: Vec<&BudgetPoint> = named.into_iter().collect();
        let points: Vec<_> = ranked.iter().map(|point| place(point)).collect();
        let texts: Vec<&str> = ranked.iter().map(|point| point.arm.name.as_str()).collect();
        // The line at the top is for the note on labels that found no place.
        let bounds = Rect { top: rect.top + TEXT + GAP, ..plot.rect };
        let places = beside_points(&points, &texts, MARKER + GAP, bounds);
        for (text, place) in texts.iter().zip(&places) {
            if let Some(place) = place {
                canvas.text(text, (place.left, (place.top + place.bottom) / 2), Anchor::Left)?;
            }
        }
        match unnamed.len() + places.iter().filter(|place| place.is_none()).count() {
            0 => Ok(()),
            unnamed => {
                let text = format!("{unnamed} more arms without a name");
                canvas.coloured_text(&text, (plot.rect.right, rect.top), Anchor::TopRight, GREY)
            }
        }
    }
}

impl Figure for BudgetFigure {
    fn name(&self) -> &str {
        "budget"
    }

    fn caption(&self) -> String {
        let counts = seeds(self.points.iter().map(|point| point.seeds));
        format!(
            "Test error against (a) learned real parameters and (b) multiply-adds per image, logarithmic axes: mean and \
             Student's 95 % interval ({counts})."
        )
    }

    fn size(&self) -> [f64; 2] {
        [DOUBLE_COLUMN, HEIGHT]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let inner = canvas.inner();
        let [left, right] = inner.split((inner.width() - BETWEEN) / 2, BETWEEN);
        let counts = seeds(self.points.iter().map(|point| point.seeds));
        let left = canvas.heading("a", &format!("Mean and 95 % interval, {counts}"), left)?;
        self.panel(canvas, left, "Learned real parameters", |point| point.parameters as f64)?;
        let right = canvas.heading("b", "", right)?;
        self.panel(canvas, right, "Multiply-adds per image", |point| point.multiply_adds as f64)
    }
}
