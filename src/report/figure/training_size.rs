//! Test error, and the shares of the gain, against the number of training images.

use super::axis::{Axis, Plot, readable};
use super::canvas::{Anchor, Canvas, End};
use super::layout::Rect;
use super::legend::{Legend, back_to_front};
use super::theme::{
    AXIS, DATA, DOUBLE_COLUMN, GREY, LINE_HEIGHT, Look, MARGIN, MARKER, SINGLE_COLUMN, UNITS_PER_MM, mm,
};
use super::{Arm, Estimate, Figure, error_percent, mean_and_interval, means_in_words, seeds};
use crate::error::Result;

const PANEL: i32 = mm(60.0);
const BETWEEN: i32 = mm(6.0);
/// Points of neighbouring arms are so far apart, unless there are many arms.
const APART: i32 = mm(0.9);
/// Points of one size take at most this width.
const WIDEST: i32 = mm(5.0);
/// Intervals of shares are drawn within these; where the gain is small, they may reach much further.
const SHARES: [f64; 2] = [-1.0, 2.0];

/// Test error against training-set size, and beside it, where there are any, shares of the gain.
#[derive(Clone, Debug)]
pub struct TrainingSizeFigure {
    /// One curve an arm: mean test errors with Student's intervals.
    pub errors: Vec<TrainingSizeCurve>,
    /// One curve a control: shares of the gain with Fieller's intervals, at the sizes where the gain is established.
    pub shares: Vec<TrainingSizeCurve>,
    /// The names of baseline and target.
    pub ends: [String; 2],
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
    /// Its error or share, a fraction.
    pub value: Estimate,
    /// Number of seeds.
    pub seeds: usize,
}

impl TrainingSizeFigure {
    /// The figure of one cell of what else a study varies: a label for its file's name, as in `width-20`, and for the caption,
    /// as in "width = 20"; both are empty if it varies nothing else.
    pub fn new(
        [label, cell]: [&str; 2],
        ends: [&str; 2],
        errors: Vec<TrainingSizeCurve>,
        shares: Vec<TrainingSizeCurve>,
    ) -> Self {
        let name = if label.is_empty() { "training-size".to_owned() } else { format!("{label}.training-size") };
        Self { errors, shares, ends: ends.map(str::to_owned), cell: cell.to_owned(), name }
    }

    fn legend(&self) -> Legend {
        Legend::of(self.errors.iter().map(|curve| &curve.arm))
    }

    fn width(&self) -> f64 {
        if self.shares.is_empty() { SINGLE_COLUMN } else { DOUBLE_COLUMN }
    }

    /// How far the points of an arm are moved sideways, so that intervals of others don't hide its own.
    fn shift(&self, arm: &Arm) -> i32 {
        let arms = self.errors.len().max(1) as i32;
        let place = self.errors.iter().position(|curve| curve.arm.name == arm.name).unwrap_or(0) as i32;
        (2 * place - (arms - 1)) * APART.min(WIDEST / arms) / 2
    }

    /// The axis of both panels, with numbers at the sizes that were studied.
    fn sizes(&self) -> Axis {
        let mut sizes: Vec<f64> = points(&self.errors).map(|point| point.images as f64).collect();
        sizes.sort_by(f64::total_cmp);
        sizes.dedup();
        Axis::log("Training images", sizes.iter().copied()).with_ticks(&sizes, readable)
    }

    fn errors(&self, canvas: &Canvas, rect: Rect) -> Result<()> {
        let errors = points(&self.errors).flat_map(|point| point.value.all()).map(error_percent);
        let y = Axis::from_zero("Test error (%)", errors).up_to(100.0);
        let plot = Plot::draw(canvas, rect, self.sizes(), y)?;
        self.curves(canvas, &plot, &self.errors, |error| End::of_error(error, |percent| plot.y(percent)))
    }

    fn shares(&self, canvas: &Canvas, rect: Rect) -> Result<()> {
        let within = shares_drawn(&self.shares);
        let values = points(&self.shares).flat_map(|point| point.value.all());
        let values = values.map(|share| share.clamp(within[0], within[1])).chain([0.0, 1.0]);
        let y = Axis::linear("Share of the gain (%)", values.map(|share| 100.0 * share));
        let plot = Plot::draw(canvas, rect, self.sizes(), y)?;
        for reference in [0.0, 100.0] {
            let y = plot.y(reference);
            canvas.line(&[(plot.rect.left, y), (plot.rect.right, y)], GREY, AXIS)?;
        }
        let end = |share: f64| End {
            at: plot.y(100.0 * share.clamp(within[0], within[1])),
            cut: share < within[0] || share > within[1],
        };
        self.curves(canvas, &plot, &self.shares, end)
    }

    /// The curves of a panel; `end` gives the place of the end of an interval.
    fn curves(
        &self,
        canvas: &Canvas,
        plot: &Plot,
        curves: &[TrainingSizeCurve],
        end: impl Fn(f64) -> End,
    ) -> Result<()> {
        for curve in back_to_front(curves, |curve| &curve.arm) {
            let look = Look::or_other(&curve.arm);
            let shift = self.shift(&curve.arm);
            let place = |point: &SizePoint| {
                let (x, y) = plot.at(point.images as f64, 100.0 * point.value.value);
                (x + shift, y)
            };
            let line: Vec<_> = curve.points.iter().map(place).collect();
            canvas.dashed(&line, &look, DATA)?;
            for (point, &at) in curve.points.iter().zip(&line) {
                if let Some(interval) = point.value.interval {
                    canvas.upright_whisker(at.0, interval.map(&end), look.colour)?;
                }
                canvas.marker(at, &look, MARKER)?;
            }
        }
        Ok(())
    }
}

fn points(curves: &[TrainingSizeCurve]) -> impl Iterator<Item = &SizePoint> {
    curves.iter().flat_map(|curve| &curve.points)
}

/// The ends of what is drawn of shares' intervals: far enough for all shares themselves.
fn shares_drawn(curves: &[TrainingSizeCurve]) -> [f64; 2] {
    points(curves).fold(SHARES, |[low, high], point| [low.min(point.value.value), high.max(point.value.value)])
}

impl Figure for TrainingSizeFigure {
    fn name(&self) -> &str {
        &self.name
    }

    fn caption(&self) -> String {
        let counts = seeds(points(&self.errors).map(|point| point.seeds));
        let cell = if self.cell.is_empty() { String::new() } else { format!(", {}", self.cell) };
        let means = means_in_words(points(&self.errors).map(|point| &point.value), &counts);
        let apart = "Points of the arms are set a little apart.";
        if self.shares.is_empty() {
            return format!(
                "Test error against the number of training images{cell} (logarithmic axis). {means} {apart}"
            );
        }
        let [baseline, target] = &self.ends;
        let [low, high] = shares_drawn(&self.shares);
        let ends = points(&self.shares).filter_map(|point| point.value.interval).flatten();
        let cut = match ends.into_iter().any(|end| !(low..=high).contains(&end)) {
            true => format!(", as far as it lies between {} and {:.0} %", super::number(100.0 * low, 0), 100.0 * high),
            false => String::new(),
        };
        format!(
            "Against the number of training images{cell} (logarithmic axis): (a) test error. {means} (b) Share of the gain of \
             {target} over {baseline} that each arm matches, with Fieller's 95 % interval over paired seeds{cut}; no \
             point where the gain isn't established. {apart}"
        )
    }

    fn size(&self) -> [f64; 2] {
        let width = self.width();
        let height = PANEL + self.legend().height(mm(width) - 2 * MARGIN);
        [width, f64::from(height) / f64::from(UNITS_PER_MM)]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let rect = self.legend().draw(canvas, canvas.inner())?;
        let counts = seeds(points(&self.errors).map(|point| point.seeds));
        let title = format!("{}, {counts}", mean_and_interval(points(&self.errors).map(|point| &point.value)));
        if self.shares.is_empty() {
            canvas.coloured_text(&title, (rect.left, rect.top), Anchor::TopLeft, GREY)?;
            return self.errors(canvas, Rect { top: rect.top + LINE_HEIGHT, ..rect });
        }
        let [left, right] = rect.split((rect.width() - BETWEEN) / 2, BETWEEN);
        self.errors(canvas, canvas.heading("a", &title, left)?)?;
        let counts = seeds(points(&self.shares).map(|point| point.seeds));
        self.shares(canvas, canvas.heading("b", &format!("Share of the gain matched, {counts}"), right)?)
    }
}
