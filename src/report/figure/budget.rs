//! What accuracy costs: test error against parameters and against multiply-adds.

use super::axis::{Axis, Plot};
use super::canvas::{Canvas, End};
use super::layout::{Rect, apart};
use super::legend::Legend;
use super::theme::{DOUBLE_COLUMN, LINE_HEIGHT, Look, MARGIN, MARKER, UNITS_PER_MM, mm};
use super::{Arm, Estimate, Figure, Role, error_percent, mean_and_interval, means_in_words, seeds};
use crate::error::Result;

const PANEL: i32 = mm(60.0);
const BETWEEN: i32 = mm(6.0);
/// Width that a point with its interval takes.
const SLOT: i32 = mm(1.3);
/// Points are moved sideways by no more than this.
const FURTHEST: i32 = 2 * SLOT;

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
    fn legend(&self) -> Legend {
        Legend::of_points(self.points.iter().map(|point| &point.arm))
    }

    fn panel(&self, canvas: &Canvas, rect: Rect, label: &str, cost: impl Fn(&BudgetPoint) -> f64) -> Result<()> {
        let x = Axis::log(label, self.points.iter().map(&cost));
        let y = Axis::percent("Test error (%)", self.points.iter().flat_map(|p| p.error.all()).map(|e| 100.0 * e));
        let plot = Plot::draw(canvas, rect, x, y)?;
        let (named, others): (Vec<_>, Vec<_>) = self.points.iter().partition(|point| Look::of(&point.arm).is_some());
        for point in others {
            draw(canvas, &plot, point, plot.x(cost(point)))?;
        }
        // The target and the baseline keep their places.
        let mut ranked: Vec<&BudgetPoint> = named;
        ranked.sort_by_key(|point| match point.arm.role {
            Role::Target => 0,
            Role::Baseline => 1,
            Role::Control(_) => 2,
        });
        let marks: Vec<Rect> = ranked.iter().map(|point| mark(&plot, point, plot.x(cost(point)))).collect();
        let mut places = ranked.iter().zip(apart(&marks, FURTHEST));
        places.try_for_each(|(point, place)| draw(canvas, &plot, point, (place.left + place.right) / 2))
    }
}

/// What a point at `x` covers: its marker and its interval.
fn mark(plot: &Plot, point: &BudgetPoint, x: i32) -> Rect {
    let around = Rect::about((x, plot.y(100.0 * point.error.value)), SLOT / 2);
    let ends = point.error.interval.unwrap_or([point.error.value; 2]).map(|end| plot.y(error_percent(end)));
    Rect { top: around.top.min(ends[1]), bottom: around.bottom.max(ends[0]), ..around }
}

fn draw(canvas: &Canvas, plot: &Plot, point: &BudgetPoint, x: i32) -> Result<()> {
    let look = Look::or_other(&point.arm);
    if let Some(interval) = point.error.interval {
        let ends = interval.map(|end| End::of_error(end, |percent| plot.y(percent)));
        canvas.upright_whisker(x, ends, look.colour)?;
    }
    canvas.marker((x, plot.y(100.0 * point.error.value)), &look, MARKER)
}

impl Figure for BudgetFigure {
    fn name(&self) -> &str {
        "budget"
    }

    fn caption(&self) -> String {
        let counts = seeds(self.points.iter().map(|point| point.seeds));
        format!(
            "Test error against (a) learned real parameters (learned signs aren't counted) and (b) multiply-adds per image, \
             logarithmic axes. {} Points that would cover each other are moved sideways by up to 2.6 mm.",
            means_in_words(self.points.iter().map(|point| &point.error), &counts)
        )
    }

    fn size(&self) -> [f64; 2] {
        let height = PANEL + LINE_HEIGHT + self.legend().height(mm(DOUBLE_COLUMN) - 2 * MARGIN);
        [DOUBLE_COLUMN, f64::from(height) / f64::from(UNITS_PER_MM)]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let inner = self.legend().draw(canvas, canvas.inner())?;
        let [left, right] = inner.split((inner.width() - BETWEEN) / 2, BETWEEN);
        let counts = seeds(self.points.iter().map(|point| point.seeds));
        let left = canvas.heading(
            "a",
            &format!("{}, {counts}", mean_and_interval(self.points.iter().map(|point| &point.error))),
            left,
        )?;
        self.panel(canvas, left, "Learned real parameters", |point| point.parameters as f64)?;
        let right = canvas.heading("b", "", right)?;
        self.panel(canvas, right, "Multiply-adds per image", |point| point.multiply_adds as f64)
    }
}
