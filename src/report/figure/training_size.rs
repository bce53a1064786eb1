//! Test error, and the shares of the gain, against the number of training images.

use plotters::style::Color;

use super::axis::{Axis, Plot};
use super::canvas::{Canvas, End, heading_height, inner};
use super::layout::Rect;
use super::legend::{Legend, Lines};
use super::theme::{AXIS, DATA, DOUBLE_COLUMN, GREY, Look, MARKER, SINGLE_COLUMN, UNITS_PER_MM, mm};
use super::ticks::readable;
use super::{
    Arm, Estimate, Figure, cut_in_words, error_percent, mean_and_interval, means_in_words, seeds, shares_drawn,
};
use crate::error::Result;

const PANEL: i32 = mm(58.0);
const BETWEEN: i32 = mm(6.0);
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
        let within = shares_drawn(points(&self.shares).map(|point| &point.value));
        let values = points(&self.shares).flat_map(|point| point.value.all());
        let values = values.map(|share| share.clamp(within[0], within[1])).chain([0.0, 1.0]);
        let y = Axis::linear("Share of the gain (%)", values.map(|share| 100.0 * share));
        let plot = Plot::draw(canvas, rect, self.sizes(), y)?;
        for reference in [0.0, 100.0] {
            let y = plot.y(reference);
            canvas.line(&[(plot.rect.left, y), (plot.rect.right, y)], GREY, AXIS)?;
        }
        let end = |share: f64| End::within(within, share, |percent| plot.y(percent));
        self.curves(canvas, &plot, &self.shares, end)
    }

    /// The curves of a panel; `end` gives the place of the end of an interval. Intervals are bands, since arms lie over each
    /// other at every size, and a whisker where there's one size alone.
    fn curves(
        &self,
        canvas: &Canvas,
        plot: &Plot,
        curves: &[TrainingSizeCurve],
        end: impl Fn(f64) -> End,
    ) -> Result<()> {
        let lines = self.lines();
        let place = |point: &SizePoint| plot.at(point.images as f64, 100.0 * point.value.value);
        for curve in lines.back_to_front(curves, |curve| &curve.arm) {
            let look = lines.look(&curve.arm);
            let line: Vec<_> = curve.points.iter().map(place).collect();
            if look == Look::OTHER {
                canvas.line(&line, look.colour, AXIS)?;
                continue;
            }
            match curve.points.as_slice() {
                [single] => {
                    let ends = single.value.interval.map(|interval| interval.map(&end));
                    ends.map_or(Ok(()), |ends| canvas.upright_whisker(place(single).0, ends, look.colour))?;
                }
                several => {
                    let edge = |n: usize| {
                        let end = &end;
                        several.iter().map(move |point| {
                            (place(point).0, end(point.value.interval.map_or(point.value.value, |ends| ends[n])).at)
                        })
                    };
                    let band: Vec<_> = edge(0).chain(edge(1).rev()).collect();
                    canvas.polygon(&band, look.colour.mix(0.15).filled())?;
                }
            }
            canvas.dashed(&line, &look, DATA)?;
            line.iter().try_for_each(|&at| canvas.marker(at, &look, MARKER))?;
        }
        Ok(())
    }

    fn lines(&self) -> Lines {
        Lines::of(self.errors.iter().map(|curve| &curve.arm))
    }

    fn titles(&self) -> [String; 2] {
        let errors = seeds(points(&self.errors).map(|point| point.seeds));
        let shares = seeds(points(&self.shares).map(|point| point.seeds));
        let intervals = mean_and_interval(points(&self.errors).map(|point| &point.value));
        [format!("Test error, {intervals}, {errors}"), format!("Share of the gain, 95 % interval, {shares}")]
    }

    fn panels(&self, rect: Rect) -> [Rect; 2] {
        rect.halves(BETWEEN)
    }
}

fn points(curves: &[TrainingSizeCurve]) -> impl Iterator<Item = &SizePoint> + Clone {
    curves.iter().flat_map(|curve| &curve.points)
}

impl Figure for TrainingSizeFigure {
    fn name(&self) -> &str {
        &self.name
    }

    fn caption(&self) -> String {
        let counts = seeds(points(&self.errors).map(|point| point.seeds));
        let cell = if self.cell.is_empty() { String::new() } else { format!(", {}", self.cell) };
        let means = means_in_words(points(&self.errors).map(|point| &point.value), &counts);
        let others = self.lines().others_in_words(self.errors.iter().map(|curve| &curve.arm));
        let between = "Bands: the intervals, joined between the sizes that were studied.";
        if self.shares.is_empty() {
            return format!(
                "Test error against the number of training images{cell} (logarithmic axis). {means} {between}{others}"
            );
        }
        let [baseline, target] = &self.ends;
        let cut = cut_in_words(points(&self.shares).map(|point| &point.value));
        format!(
            "Against the number of training images{cell} (logarithmic axis): (a) test error. {means} (b) Share of the gain of \
             {target} over {baseline} that each arm matches (0: as many errors as {baseline}, 100: as {target}), with Fieller's \
             95 % interval over paired seeds{cut}; no point where the gain isn't established. {between}{others}"
        )
    }

    fn size(&self) -> [f64; 2] {
        let width = self.width();
        let room = inner([mm(width), 0]);
        let [a, b] = self.titles();
        let headings = match self.shares.is_empty() {
            true => heading_height([&a], [room]),
            false => heading_height([&a, &b], self.panels(room)),
        };
        let height = PANEL + headings + self.legend().height(room.width());
        [width, f64::from(height) / f64::from(UNITS_PER_MM)]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let rect = self.legend().draw(canvas, canvas.inner())?;
        let [a, b] = self.titles();
        if self.shares.is_empty() {
            let [panel] = canvas.headings([&a], [rect])?;
            return self.errors(canvas, panel);
        }
        let [left, right] = canvas.headings([&a, &b], self.panels(rect))?;
        self.errors(canvas, left)?;
        self.shares(canvas, right)
    }
}
