//! Test error against the number of training images.

use super::axis::{Axis, Plot, readable};
use super::canvas::{Anchor, Canvas, End};
use super::legend::{Legend, back_to_front};
use super::theme::{DATA, GREY, LINE_HEIGHT, Look, MARGIN, MARKER, SINGLE_COLUMN, UNITS_PER_MM, mm};
use super::{Arm, Estimate, Figure, error_percent, mean_and_interval, means_in_words, seeds};
use crate::error::Result;

const PANEL: i32 = mm(60.0);
/// Points of neighbouring arms are so far apart, unless there are many arms.
const APART: i32 = mm(0.9);
/// Points of one size take at most this width.
const WIDEST: i32 = mm(5.0);

/// Test error against training-set size.
#[derive(Clone, Debug)]
pub struct TrainingSizeFigure {
    /// One curve an arm.
    pub curves: Vec<TrainingSizeCurve>,
    /// What else the study varies, for the caption; empty if nothing.
    cell: String,
    name: String,
}

/// One arm.
#[derive(Clone, Debug)]
pub struct TrainingSizeCurve {
    /// The arm.
    pub arm: Arm,
    /// From the smallest set on.
    pub points: Vec<SizePoint>,
}

/// One arm trained on one number of images.
#[derive(Clone, Debug)]
pub struct SizePoint {
    /// Training images.
    pub images: usize,
    /// Mean test error with Student's interval.
    pub error: Estimate,
    /// Number of seeds.
    pub seeds: usize,
}

impl TrainingSizeFigure {
    /// The figure of one cell of what else a study varies: a label for its file's name, as in `width-20`, and for the caption,
    /// as in "width = 20"; both are empty if it varies nothing else.
    pub fn new([label, cell]: [&str; 2], curves: Vec<TrainingSizeCurve>) -> Self {
        let name = if label.is_empty() { "training-size".to_owned() } else { format!("{label}.training-size") };
        Self { curves, cell: cell.to_owned(), name }
    }

    fn legend(&self) -> Legend {
        Legend::of(self.curves.iter().map(|curve| &curve.arm))
    }

    /// How far the points of an arm are moved sideways, so that intervals of others don't hide its own.
    fn shift(&self, arm: &Arm) -> i32 {
        let arms = self.curves.len().max(1) as i32;
        let place = self.curves.iter().position(|curve| curve.arm.name == arm.name).unwrap_or(0) as i32;
        (2 * place - (arms - 1)) * APART.min(WIDEST / arms) / 2
    }

    fn points(&self) -> impl Iterator<Item = &SizePoint> {
        self.curves.iter().flat_map(|curve| &curve.points)
    }
}

impl Figure for TrainingSizeFigure {
    fn name(&self) -> &str {
        &self.name
    }

    fn caption(&self) -> String {
        let counts = seeds(self.points().map(|point| point.seeds));
        format!(
            "Test error against the number of training images{} (logarithmic axis). {} Points of the arms are set a little \
             apart.",
            if self.cell.is_empty() { String::new() } else { format!(", {}", self.cell) },
            means_in_words(self.points().map(|point| &point.error), &counts)
        )
    }

    fn size(&self) -> [f64; 2] {
        let height = PANEL + self.legend().height(mm(SINGLE_COLUMN) - 2 * MARGIN);
        [SINGLE_COLUMN, f64::from(height) / f64::from(UNITS_PER_MM)]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let rect = self.legend().draw(canvas, canvas.inner())?;
        let counts = seeds(self.points().map(|point| point.seeds));
        canvas.coloured_text(
            &format!("{}, {counts}", mean_and_interval(self.points().map(|point| &point.error))),
            (rect.left, rect.top),
            Anchor::TopLeft,
            GREY,
        )?;
        let rect = super::Rect { top: rect.top + LINE_HEIGHT, ..rect };
        let mut sizes: Vec<f64> = self.points().map(|point| point.images as f64).collect();
        sizes.sort_by(f64::total_cmp);
        sizes.dedup();
        let x = Axis::log("Training images", sizes.iter().copied()).with_ticks(&sizes, readable);
        let errors = self.points().flat_map(|point| point.error.all()).map(error_percent);
        let y = Axis::from_zero("Test error (%)", errors).up_to(100.0);
        let plot = Plot::draw(canvas, rect, x, y)?;
        for curve in back_to_front(&self.curves, |curve| &curve.arm) {
            let look = Look::or_other(&curve.arm);
            let shift = self.shift(&curve.arm);
            let place = |point: &SizePoint| {
                let (x, y) = plot.at(point.images as f64, 100.0 * point.error.value);
                (x + shift, y)
            };
            let line: Vec<_> = curve.points.iter().map(place).collect();
            canvas.dashed(&line, &look, DATA)?;
            for (point, &at) in curve.points.iter().zip(&line) {
                if let Some(interval) = point.error.interval {
                    let ends = interval.map(|end| End::of_error(end, |percent| plot.y(percent)));
                    canvas.upright_whisker(at.0, ends, look.colour)?;
                }
                canvas.marker(at, &look, MARKER)?;
            }
        }
        Ok(())
    }
}
