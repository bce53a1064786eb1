//! The main figure: the gain in steps, and beside it the share of it that each control matches.

use plotters::style::Color;

use super::axis::{Axis, x_axis_height};
use super::canvas::{Anchor, Canvas, End, LETTER_ROOM, heading_height, inner};
use super::layout::{Rect, shortened, width};
use super::rows::{RowLabel, Rows, figure_height, most_rows};
use super::theme::{AXIS, DATA, DOUBLE_COLUMN, GAP, GREY, HAIR, INK, LINE_HEIGHT, Look, MARKER, mm, tint};
use super::{Arm, Estimate, Figure, cut_in_words, error_percent, number, seeds, shares_drawn};
use crate::error::Result;
use crate::stats::{Covers, Interval};

const ROW: i32 = mm(8.5);
/// A row of the waterfall: a name, a step in points, and its share.
const STEP_ROW: i32 = mm(11.5);
const BETWEEN: i32 = mm(7.0);
/// Room for lines that tell of what isn't shown.
const EXTRA: i32 = 2 * LINE_HEIGHT;
/// Rows of the panel that has fewer are at most this much further apart, in tenths.
const MOST_STRETCH: i32 = 16;
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
    /// The fall of the mean test error from baseline to target over those seeds, with Student's interval of the paired differences.
    pub gain: Option<Estimate>,
    /// Number of seeds compared, for the steps.
    pub seeds: usize,
    /// What intervals over seeds are for.
    pub covers: Covers,
}

/// One step of the waterfall.
#[derive(Clone, Debug)]
pub struct StepBar {
    /// The arm that it leads to.
    pub to: String,
    /// Mean test errors of the arm that it starts at, and of this one.
    pub errors: [f64; 2],
    /// Student's 95 % interval of the first error minus the second, over the paired seeds.
    pub interval: Option<Interval>,
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

impl StepBar {
    /// Where the second error is at the ends of the step's interval, ascending.
    fn reach(&self) -> Option<Interval> {
        self.interval.map(|[low, high]| [self.errors[0] - high, self.errors[0] - low])
    }

    /// What stands below its name: how many points it gains, and the share of the gain.
    fn notes(&self) -> Vec<String> {
        let gained = Estimate { value: self.errors[0] - self.errors[1], interval: self.interval };
        std::iter::once(points(gained)).chain(self.share.map(percent)).collect()
    }
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
        let most = most_rows(STEP_ROW, self.headings_height() + EXTRA).saturating_sub(2);
        &self.steps[..self.steps.len().min(most)]
    }

    /// How many rows each panel has, and how high they are at least.
    fn rows(&self) -> [(usize, i32); 2] {
        [(self.shown_steps().len() + 2, STEP_ROW), (self.shown().0.len().max(1), ROW)]
    }

    /// Height of all rows.
    fn rows_height(&self) -> i32 {
        self.rows().map(|(rows, height)| rows as i32 * height).into_iter().max().unwrap_or(0)
    }

    /// Height of the rows of both panels, so that both end at the same height, or nearly.
    fn row_heights(&self) -> [i32; 2] {
        self.rows().map(|(rows, height)| (self.rows_height() / rows as i32).min(height * MOST_STRETCH / 10))
    }

    fn titles(&self) -> [String; 2] {
        let counts = seeds(self.shares.iter().map(|bar| bar.seeds));
        let shares = match self.shares.is_empty() {
            true => "Shares of the gain".to_owned(),
            false => format!("Share of the gain, 95 % interval, {counts}"),
        };
        let intervals =
            if self.steps.iter().any(|step| step.interval.is_some()) { ", 95 % intervals of steps" } else { "" };
        [format!("Mean test error{intervals}, {}", seeds([self.seeds].into_iter())), shares]
    }

    /// Height of the titles and of the line below each.
    fn headings_height(&self) -> i32 {
        let [a, b] = self.titles();
        heading_height([&a, &b], halves(inner([mm(DOUBLE_COLUMN), 0]))) + LINE_HEIGHT
    }

    fn waterfall(&self, canvas: &Canvas, panel: Rect) -> Result<()> {
        let Some(ends) = self.ends else { return canvas.paragraph(panel, "No seed finished in both arms.") };
        if let Some(gain) = self.gain {
            let text = format!("Gain: {}", points(gain));
            canvas.text(&text, (panel.left + LETTER_ROOM, panel.top - GAP), Anchor::TopLeft)?;
        }
        let panel = Rect { top: panel.top + LINE_HEIGHT, ..panel };
        let steps = self.shown_steps();
        let end = |arm: &Arm, error: f64| RowLabel {
            name: arm.name.clone(),
            notes: vec![format!("{} %", number(100.0 * error, 2))],
        };
        let step = |step: &StepBar| RowLabel { name: format!("→ {}", step.to), notes: step.notes() };
        let labels: Vec<RowLabel> = std::iter::once(end(&self.baseline, ends[0]))
            .chain(steps.iter().map(step))
            .chain(std::iter::once(end(&self.target, ends[1])))
            .collect();
        let values = ends
            .into_iter()
            .chain(steps.iter().flat_map(|s| s.errors.into_iter().chain(s.reach().into_iter().flatten())));
        let axis = Axis::from_zero("Test error (%)", values.map(error_percent)).up_to(100.0);
        let rows = Rows::draw(canvas, panel, axis, &labels, self.row_heights()[0])?;
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
            bar(canvas, rows, row, step.errors, INK.stroke_width(DATA))?;
        }
        match step.reach() {
            Some(reach) => {
                let ends = reach.map(|end| End::of_error(end, |percent| rows.plot.x(percent)));
                canvas.whisker(ends, rows.middle(row), INK)
            }
            None => Ok(()),
        }
    }

    fn controls(&self, canvas: &Canvas, panel: Rect) -> Result<()> {
        let (shown, hidden) = self.shown();
        if let Some(reason) = &self.reason {
            return canvas.paragraph(panel, &capitalised(reason));
        }
        if shown.is_empty() {
            return canvas.paragraph(panel, "The study has no controls.");
        }
        let label = |bar: &&ShareBar| RowLabel {
            name: bar.control.name.clone(),
            notes: vec![bar.share.map_or_else(|| "not established".to_owned(), percent)],
        };
        let labels: Vec<RowLabel> = shown.iter().map(label).collect();
        let within = shares_drawn(shown.iter().filter_map(|bar| bar.share.as_ref()));
        let values = shown.iter().filter_map(|bar| bar.share).flat_map(Estimate::all);
        let values = values.map(|share| 100.0 * share.max(within[0]).min(within[1])).chain([0.0, 100.0]);
        let axis = Axis::linear("Share of the gain (%)", values);
        let below = Rect { top: panel.top + LINE_HEIGHT, ..panel };
        let rows = Rows::draw(canvas, below, axis, &labels, self.row_heights()[1])?;
        for reference in [0.0, 100.0] {
            let x = rows.plot.x(reference);
            canvas.line(&[(x, rows.plot.rect.top), (x, rows.plot.rect.bottom)], GREY, AXIS)?;
        }
        self.references(canvas, panel, [0.0, 100.0].map(|share| rows.plot.x(share)))?;
        for (n, bar) in shown.iter().enumerate() {
            let Some(share) = bar.share else { continue };
            let look = Look::or_grey(&bar.control);
            if let Some(interval) = share.interval {
                let ends = interval.map(|end| End::within(within, end, |percent| rows.plot.x(percent)));
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

    /// What 0 and 100 % are, above their lines.
    fn references(&self, canvas: &Canvas, panel: Rect, [zero, whole]: [i32; 2]) -> Result<()> {
        let most = panel.width() / 2 - 2 * GAP;
        let target = shortened(&format!("100: target {}", self.target.name), most);
        let baseline = shortened(&format!("0: baseline {}", self.baseline.name), most);
        let right = (whole + width(&target) / 2).min(panel.right);
        let left = right - width(&target) - 3 * GAP;
        let end = (zero + width(&baseline) / 2).min(left);
        let middle = panel.top + LINE_HEIGHT / 2 - GAP / 2;
        canvas.coloured_text(&baseline, (end, middle), Anchor::Right, GREY)?;
        canvas.coloured_text(&target, (right, middle), Anchor::Right, GREY)
    }
}

impl Figure for AttributionFigure {
    fn name(&self) -> &str {
        "attribution"
    }

    fn caption(&self) -> String {
        let (baseline, target) = (&self.baseline.name, &self.target.name);
        let within = "as far as they lie between 0 and 100 %";
        let whiskers = match self.steps.iter().any(|step| step.interval.is_some()) {
            true => format!(
                " Whiskers: Student's 95 % intervals of the steps in percentage points, each by itself, {within}. Grey: a step \
                 that gains; hollow: one that loses."
            ),
            false => String::new(),
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
        let within = cut_in_words(self.shown().0.into_iter().filter_map(|bar| bar.share.as_ref()));
        format!(
            "{a} (b) Share of the gain of {target} over {baseline} that each arm matches (0: as many errors as {baseline}, 100: as \
             {target}), with Fieller's 95 % interval over paired seeds, each by itself{within}. Intervals {}.",
            self.covers.in_words()
        )
    }

    fn size(&self) -> [f64; 2] {
        let cut = self.shown().1 > 0 || self.shown_steps().len() < self.steps.len();
        let extra = self.headings_height() + if cut { EXTRA } else { 0 };
        [DOUBLE_COLUMN, figure_height(1, self.rows_height(), extra)]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let [a, b] = self.titles();
        let [left, right] = canvas.headings([&a, &b], halves(canvas.inner()))?;
        self.waterfall(canvas, left)?;
        self.controls(canvas, right)
    }
}

fn halves(rect: Rect) -> [Rect; 2] {
    rect.halves(BETWEEN)
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

/// A difference of errors in percentage points: "2.24 points [2.01, 2.47]".
fn points(difference: Estimate) -> String {
    let one = |fraction: f64| number(100.0 * fraction, 2);
    match difference.interval {
        Some([low, high]) => format!("{} points [{}, {}]", one(difference.value), one(low), one(high)),
        None => format!("{} points", one(difference.value)),
    }
}

/// A reason as a sentence.
fn capitalised(reason: &str) -> String {
    let mut chars = reason.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}
