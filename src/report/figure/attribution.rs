//! The main figure: the gain in steps, and beside it the share of it that each control matches.

use plotters::style::Color;

use super::axis::{Axis, x_axis_height};
use super::canvas::{Canvas, End};
use super::layout::Rect;
use super::rows::{RowLabel, Rows, figure_height, most_rows};
use super::theme::{AXIS, DATA, DOUBLE_COLUMN, GREY, HAIR, INK, LINE_HEIGHT, LOSS, Look, MARKER, mm, tint};
use super::{Arm, Estimate, Figure, error_percent, number, seeds};
use crate::error::Result;
use crate::stats::Interval;

const ROW: i32 = mm(8.5);
const BETWEEN: i32 = mm(7.0);
/// Room for a heading and for lines that tell of what isn't shown.
const EXTRA: i32 = HEADING + 2 * LINE_HEIGHT;
/// Room for a heading.
const HEADING: i32 = LINE_HEIGHT + mm(2.5);
/// Rows of the panel that has fewer are at most this much further apart.
const MOST_STRETCH: i32 = ROW * 8 / 5;
/// More controls than this are ranked, and the rest is summed up in a line.
const MOST_CONTROLS: usize = 16;

/// A waterfall from baseline to target, and the shares of the controls.
#[derive(Clone, Debug)]
pub struct AttributionFigure {
    /// The arm at the top.
    pub baseline: Arm,
    /// The arm at the bottom.
    pub target: Arm,
    /// Mean test errors of the two over the seeds that are compared; `None` if there are none.
    pub ends: Option<[f64; 2]>,
    /// From baseline to target; one step if the study has no ladder or the gain isn't established.
    pub steps: Vec<StepBar>,
    /// The controls.
    pub shares: Vec<ShareBar>,
    /// Why there are no shares, if so.
    pub reason: Option<String>,
    /// Number of seeds compared, for the steps.
    pub seeds: usize,
}

/// One step of the waterfall.
#[derive(Clone, Debug)]
pub struct StepBar {
    /// The arm that it leads to.
    pub to: String,
    /// Mean test errors of the arm that it starts at, and of this one.
    pub errors: [f64; 2],
    /// Where the second error is at the ends of the step's 95 % interval.
    pub reach: Option<Interval>,
    /// The step as a share of the gain.
    pub share: Option<Estimate>,
}

/// The share of one control.
#[derive(Clone, Debug)]
pub struct ShareBar {
    /// The control.
    pub control: Arm,
    /// Its share of the gain; `None` where it has too few runs.
    pub share: Option<Estimate>,
    /// Number of seeds compared.
    pub seeds: usize,
}

impl AttributionFigure {
    /// The controls that are shown, the greatest share first if they are too many, and how many are left out.
    fn shown(&self) -> (Vec<&ShareBar>, usize) {
        let mut shares: Vec<&ShareBar> = self.shares.iter().collect();
        if shares.len() <= MOST_CONTROLS {
            return (shares, 0);
        }
        let share = |bar: &ShareBar| bar.share.map_or(f64::NEG_INFINITY, |share| share.value);
        shares.sort_by(|a, b| share(b).total_cmp(&share(a)));
        shares.truncate(MOST_CONTROLS);
        (shares, self.shares.len() - MOST_CONTROLS)
    }

    /// The steps that are shown: a ladder of hundreds of rungs is cut.
    fn shown_steps(&self) -> &[StepBar] {
        &self.steps[..self.steps.len().min(most_rows(ROW, EXTRA).saturating_sub(2))]
    }

    /// Rows of the panel that has more.
    fn most_rows(&self) -> usize {
        (self.shown_steps().len() + 2).max(self.shown().0.len())
    }

    /// Height of the rows of a panel that has so many, so that both panels end at the same height, or nearly.
    fn row_height(&self, rows: usize) -> i32 {
        (ROW * self.most_rows() as i32 / rows.max(1) as i32).min(MOST_STRETCH)
    }

    fn waterfall(&self, canvas: &Canvas, panel: Rect) -> Result<()> {
        let title = format!("Mean test error, {}", seeds([self.seeds].into_iter()));
        let panel = canvas.heading("a", &title, panel)?;
        let Some(ends) = self.ends else { return canvas.paragraph(panel, "No seed finished in both arms.") };
        let steps = self.shown_steps();
        let end = |arm: &Arm, error: f64| RowLabel {
            name: arm.name.clone(),
            note: Some(format!("{} %", number(100.0 * error, 2))),
        };
        let step = |step: &StepBar| RowLabel {
            name: format!("→ {}", step.to),
            note: Some(step.share.map_or_else(|| points(step), percent)),
        };
        let labels: Vec<RowLabel> = std::iter::once(end(&self.baseline, ends[0]))
            .chain(steps.iter().map(step))
            .chain(std::iter::once(end(&self.target, ends[1])))
            .collect();
        let values = ends
            .into_iter()
            .chain(steps.iter().flat_map(|s| s.errors.into_iter().chain(s.reach.into_iter().flatten())));
        let axis = Axis::from_zero("Test error (%)", values.map(error_percent)).up_to(100.0);
        let rows = Rows::draw(canvas, panel, axis, &labels, self.row_height(labels.len()))?;
        let looks = [&self.baseline, &self.target].map(Look::or_other);
        bar(canvas, &rows, 0, [0.0, ends[0]], tint(looks[0].colour, 0.55).filled())?;
        for (n, step) in (1..).zip(steps) {
            self.step(canvas, &rows, n, step)?;
        }
        if steps.len() < self.steps.len() {
            let below = Rect { top: rows.plot.rect.bottom + x_axis_height() + mm(1.0), ..panel };
            canvas.paragraph(below, &format!("The first {} of {} steps.", steps.len(), self.steps.len()))?;
        }
        bar(canvas, &rows, labels.len() - 1, [0.0, ends[1]], tint(looks[1].colour, 0.85).filled())
    }

    fn step(&self, canvas: &Canvas, rows: &Rows, row: usize, step: &StepBar) -> Result<()> {
        let [from, to] = step.errors;
        let look = Look { colour: GREY, ..Look::OTHER };
        for (level, at) in [(from, row - 1), (to, row)] {
            let x = rows.plot.x(100.0 * level);
            canvas.line(&[(x, rows.middle(at) + HALF_BAR), (x, rows.middle(at + 1) - HALF_BAR)], look.colour, HAIR)?;
        }
        if to <= from {
            bar(canvas, rows, row, step.errors, tint(GREY, 0.6).filled())?;
        } else {
            // A loss is drawn hollow, so that it's no gain in grey either.
            bar(canvas, rows, row, step.errors, LOSS.stroke_width(DATA))?;
        }
        match step.reach {
            Some(reach) => {
                let ends = reach.map(|end| End::of_error(end, |percent| rows.plot.x(percent)));
                canvas.whisker(ends, rows.middle(row), INK)
            }
            None => Ok(()),
        }
    }

    fn controls(&self, canvas: &Canvas, panel: Rect) -> Result<()> {
        let counts = seeds(self.shares.iter().map(|bar| bar.seeds));
        let title = if self.shares.is_empty() {
            "Shares of the gain".to_owned()
        } else {
            format!("Share of the gain matched, {counts}")
        };
        let panel = canvas.heading("b", &title, panel)?;
        let (shown, hidden) = self.shown();
        if let Some(reason) = &self.reason {
            return canvas.paragraph(panel, &capitalised(reason));
        }
        if shown.is_empty() {
            return canvas.paragraph(panel, "The study has no controls.");
        }
        let label = |bar: &&ShareBar| RowLabel {
            name: bar.control.name.clone(),
            note: Some(bar.share.map_or_else(|| "not established".to_owned(), percent)),
        };
        let labels: Vec<RowLabel> = shown.iter().map(label).collect();
        let values = shown.iter().filter_map(|bar| bar.share).flat_map(Estimate::all);
        let axis = Axis::linear("Share of the gain (%)", values.map(|share| 100.0 * share).chain([0.0, 100.0]));
        let rows = Rows::draw(canvas, panel, axis, &labels, self.row_height(labels.len()))?;
        for reference in [0.0, 100.0] {
            let x = rows.plot.x(reference);
            canvas.line(&[(x, rows.plot.rect.top), (x, rows.plot.rect.bottom)], GREY, AXIS)?;
        }
        for (n, bar) in shown.iter().enumerate() {
            let Some(share) = bar.share else { continue };
            let look = Look::or_grey(&bar.control);
            if let Some(interval) = share.interval {
                let ends = interval.map(|end| End { at: rows.plot.x(100.0 * end), cut: false });
                canvas.whisker(ends, rows.middle(n), look.colour)?;
            }
            canvas.marker((rows.plot.x(100.0 * share.value), rows.middle(n)), &look, MARKER)?;
        }
        if hidden > 0 {
            let below = Rect { top: rows.plot.rect.bottom + x_axis_height() + mm(1.0), ..panel };
            canvas
                .paragraph(below, &format!("The {MOST_CONTROLS} greatest shares; {hidden} more are in the tables."))?;
        }
        Ok(())
    }
}

impl Figure for AttributionFigure {
    fn name(&self) -> &str {
        "attribution"
    }

    fn caption(&self) -> String {
        let (baseline, target) = (&self.baseline.name, &self.target.name);
        let within = "as far as they lie between 0 and 100 %";
        let whiskers = match self.steps.iter().find(|step| step.reach.is_some()) {
            Some(StepBar { share: Some(_), .. }) => {
                format!(" Whiskers: Fieller's 95 % intervals of the steps, on the scale of the gain, {within}.")
            }
            Some(_) => format!(" Whiskers: Student's 95 % interval of the gain, {within}."),
            None => String::new(),
        };
        let cut = match self.steps.len() - self.shown_steps().len() {
            0 => String::new(),
            left => format!(" The last {left} steps aren't shown."),
        };
        let counts = seeds([self.seeds].into_iter());
        let a = format!("(a) Mean test error from {baseline} to {target} ({counts}, paired).{whiskers}{cut}");
        if let Some(reason) = &self.reason {
            return format!("{a} (b) {}", capitalised(reason));
        }
        format!(
            "{a} (b) Share of the gain of {target} over {baseline} that each arm matches, with Fieller's 95 % interval \
             over paired seeds."
        )
    }

    fn size(&self) -> [f64; 2] {
        let cut = self.shown().1 > 0 || self.shown_steps().len() < self.steps.len();
        let extra = if cut { EXTRA } else { HEADING };
        [DOUBLE_COLUMN, figure_height(self.most_rows(), ROW, extra)]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let inner = canvas.inner();
        let [left, right] = inner.split((inner.width() - BETWEEN) / 2, BETWEEN);
        self.waterfall(canvas, left)?;
        self.controls(canvas, right)
    }
}

const HALF_BAR: i32 = mm(2.4);

fn bar(canvas: &Canvas, rows: &Rows, row: usize, ends: [f64; 2], style: plotters::style::ShapeStyle) -> Result<()> {
    let [a, b] = ends.map(|error| rows.plot.x(100.0 * error));
    let middle = rows.middle(row);
    let rect = Rect { left: a.min(b), right: a.max(b), top: middle - HALF_BAR, bottom: middle + HALF_BAR };
    canvas.rect(rect, style)
}

/// "20.0 % [15.1, 25.6]".
fn percent(share: Estimate) -> String {
    let one = |fraction: f64| number(100.0 * fraction, 1);
    match share.interval {
        Some([low, high]) => format!("{} % [{}, {}]", one(share.value), one(low), one(high)),
        None => format!("{} %", one(share.value)),
    }
}

/// A step in percentage points: "−2.24 points".
fn points(step: &StepBar) -> String {
    format!("{} points", number(100.0 * (step.errors[1] - step.errors[0]), 2))
}

/// A reason as a sentence.
fn capitalised(reason: &str) -> String {
    let mut chars = reason.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}
