//! Test errors of all arms: every seed a dot, mean and interval.

use plotters::style::Color;

use super::axis::{Axis, x_axis_height};
use super::canvas::{Anchor, Canvas, End};
use super::layout::{Rect, widest, width};
use super::rows::{RowLabel, Rows, figure_height, most_rows};
use super::theme::{GAP, GREY, LINE_HEIGHT, Look, MARKER, SINGLE_COLUMN, TEXT, mm};
use super::{Arm, Estimate, Figure, seeds};
use crate::error::Result;

const ROW: i32 = mm(5.2);
/// Room for the line that tells of arms that aren't shown.
const EXTRA: i32 = 3 * LINE_HEIGHT;
/// From the middle of a row up to its dots, and down to its mean.
const APART: i32 = mm(1.1);
const DOT: i32 = mm(0.45);
/// Room for the line that says what dots and bars are.
const KEY: i32 = LINE_HEIGHT + mm(1.0);

/// Test errors per arm.
#[derive(Clone, Debug)]
pub struct ErrorsFigure {
    /// The arms, in the study's order.
    pub arms: Vec<ErrorRow>,
    /// What they were tested on, for the caption.
    pub data: String,
}

/// One arm.
#[derive(Clone, Debug)]
pub struct ErrorRow {
    /// The arm.
    pub arm: Arm,
    /// Test error of every finished run.
    pub runs: Vec<f64>,
    /// Their mean with Student's interval; `None` if no run finished.
    pub mean: Option<Estimate>,
    /// Number of runs that failed.
    pub failed: usize,
}

impl ErrorRow {
    fn note(&self) -> String {
        match (self.runs.len(), self.failed) {
            (n, 0) => format!("n = {n}"),
            (0, _) => "failed".to_owned(),
            (n, failed) => format!("n = {n}, {failed} failed"),
        }
    }
}

impl ErrorsFigure {
    /// The rows that fit, and how many don't. Where there are too many, baseline, target and the least errors are shown.
    fn shown(&self) -> (Vec<&ErrorRow>, usize) {
        let most = most_rows(ROW, KEY + EXTRA);
        let mut rows: Vec<&ErrorRow> = self.arms.iter().collect();
        if rows.len() <= most {
            return (rows, 0);
        }
        let rank = |row: &ErrorRow| {
            let control = row.arm.is_control();
            (control, row.mean.map_or(f64::INFINITY, |mean| mean.value))
        };
        rows.sort_by(|a, b| {
            let (a, b) = (rank(a), rank(b));
            a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        rows.truncate(most);
        (rows, self.arms.len() - most)
    }

    fn has_intervals(&self) -> bool {
        self.arms.iter().any(|row| row.mean.is_some_and(|mean| mean.interval.is_some()))
    }

    /// What dots, markers and bars are, in a line.
    fn key(&self, canvas: &Canvas, rect: Rect) -> Result<()> {
        let middle = rect.top + TEXT / 2;
        let look = Look { colour: GREY, ..Look::OTHER };
        let text = |text: &str, x: i32| {
            canvas.coloured_text(text, (x, middle), Anchor::Left, GREY)?;
            Ok(x + width(text) + mm(2.5))
        };
        canvas.circle((rect.left + DOT, middle), DOT, look.colour.filled())?;
        let x = text("a seed", rect.left + 2 * DOT + GAP)?;
        let half = if self.has_intervals() { mm(2.2) } else { MARKER };
        if self.has_intervals() {
            canvas.whisker([x, x + 2 * half].map(|at| End { at, cut: false }), middle, look.colour)?;
        }
        canvas.marker((x + half, middle), &look, MARKER)?;
        let mean = if self.has_intervals() { "mean and its 95 % interval" } else { "mean" };
        let x = text(mean, x + 2 * half + GAP)?;
        text("n: seeds", x).map(|_| ())
    }

    fn draw_row(&self, canvas: &Canvas, rows: &Rows, n: usize, row: &ErrorRow) -> Result<()> {
        let look = Look::or_grey(&row.arm);
        let middle = rows.middle(n);
        for &error in &row.runs {
            let at = (rows.plot.x(100.0 * error), middle - APART);
            canvas.circle(at, DOT, look.colour.mix(0.75).filled())?;
        }
        let Some(mean) = row.mean else { return Ok(()) };
        if let Some(interval) = mean.interval {
            let ends = interval.map(|end| End::of_error(end, |percent| rows.plot.x(percent)));
            canvas.whisker(ends, middle + APART, look.colour)?;
        }
        canvas.marker((rows.plot.x(100.0 * mean.value), middle + APART), &look, MARKER)
    }
}

impl Figure for ErrorsFigure {
    fn name(&self) -> &str {
        "errors"
    }

    fn caption(&self) -> String {
        let counts = seeds(self.arms.iter().map(|row| row.runs.len()));
        format!(
            "Test error of every arm on {}. Small dots: single seeds ({counts}); {}.",
            self.data,
            match self.has_intervals() {
                true =>
                    "markers with whiskers: mean and Student's 95 % interval of the mean, as far as it lies between 0 and 100 %",
                false => "markers: mean",
            }
        )
    }

    fn size(&self) -> [f64; 2] {
        let (shown, hidden) = self.shown();
        [SINGLE_COLUMN, figure_height(shown.len(), ROW, KEY + if hidden > 0 { EXTRA } else { 0 })]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let inner = canvas.inner();
        let (shown, hidden) = self.shown();
        let notes: Vec<String> = shown.iter().map(|row| row.note()).collect();
        let for_notes = widest(notes.iter().map(String::as_str)) + 2 * GAP;
        let labels: Vec<RowLabel> =
            shown.iter().map(|row| RowLabel { name: row.arm.name.clone(), notes: Vec::new() }).collect();
        let errors =
            shown.iter().flat_map(|row| row.runs.iter().copied().chain(row.mean.into_iter().flat_map(Estimate::all)));
        let axis = Axis::percent("Test error (%)", errors.map(|error| 100.0 * error));
        self.key(canvas, inner)?;
        let panel = Rect { right: inner.right - for_notes, top: inner.top + KEY, ..inner };
        let rows = Rows::draw(canvas, panel, axis, &labels, ROW)?;
        for (n, row) in shown.iter().enumerate() {
            self.draw_row(canvas, &rows, n, row)?;
            canvas.coloured_text(&notes[n], (inner.right, rows.middle(n)), Anchor::Right, GREY)?;
        }
        if hidden > 0 {
            let text = format!(
                "Baseline, target and the {} arms of least error; {hidden} more are in the tables.",
                shown.len().saturating_sub(2)
            );
            let top = rows.plot.rect.bottom + x_axis_height() + mm(1.0);
            canvas.paragraph(Rect { top, ..inner }, &text)?;
        }
        Ok(())
    }
}
