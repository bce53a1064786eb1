//! Panels of one line an arm: names at the left, values along an x axis.

use super::axis::{Axis, Plot, x_axis_height};
use super::canvas::{Anchor, Canvas};
use super::layout::{Rect, shortened, widest};
use super::theme::{GAP, GREY, LINE_HEIGHT, MARGIN, MAX_HEIGHT, UNITS_PER_MM, mm};
use crate::error::Result;

/// Names take no more than this part of a panel's width.
const MOST_FOR_NAMES: f64 = 0.42;

/// What stands before a row.
pub(super) struct RowLabel {
    /// The name.
    pub name: String,
    /// Lines below it, in grey.
    pub notes: Vec<String>,
}

/// Rows under each other.
pub(super) struct Rows {
    /// The panel; its y axis isn't used.
    pub plot: Plot,
    top: i32,
    height: i32,
}

impl Rows {
    /// Draws names, axis and grid.
    pub fn draw(canvas: &Canvas, outer: Rect, x: Axis, labels: &[RowLabel], height: i32) -> Result<Self> {
        let most = (f64::from(outer.width()) * MOST_FOR_NAMES) as i32;
        // Names may be shortened; what the notes say are numbers.
        let notes = widest(labels.iter().flat_map(|label| &label.notes).map(String::as_str));
        let names = widest(labels.iter().map(|label| label.name.as_str())).min(most).max(notes);
        let last = x.ticks().last().map_or(0, |(_, text)| super::layout::width(text) / 2);
        let bottom = outer.top + height * labels.len() as i32 + GAP;
        let rect = Rect { left: outer.left + names + 2 * GAP, right: outer.right - last, top: outer.top, bottom };
        let plot = Plot::over(rect, x, Axis::fixed("", [0.0, 1.0]));
        plot.vertical_grid(canvas)?;
        plot.draw_x(canvas)?;
        let rows = Self { plot, top: outer.top, height };
        for (n, label) in labels.iter().enumerate() {
            let (x, middle) = (rect.left - 2 * GAP, rows.middle(n));
            let line = |n: usize| middle - LINE_HEIGHT * label.notes.len() as i32 / 2 + LINE_HEIGHT * n as i32;
            canvas.text(&shortened(&label.name, names), (x, line(0)), Anchor::Right)?;
            for (n, note) in (1..).zip(&label.notes) {
                canvas.coloured_text(note, (x, line(n)), Anchor::Right, GREY)?;
            }
        }
        Ok(rows)
    }

    /// The y of the middle of a row.
    pub fn middle(&self, row: usize) -> i32 {
        self.top + self.height * row as i32 + self.height / 2
    }
}

/// Height in mm of a figure with so many rows; `extra` is what stands above and below them, in units.
pub(super) fn figure_height(rows: usize, height: i32, extra: i32) -> f64 {
    let units = height * rows as i32 + GAP + x_axis_height() + extra + 2 * MARGIN;
    f64::from(units) / f64::from(UNITS_PER_MM)
}

/// The most rows that a page has room for.
pub(super) fn most_rows(height: i32, extra: i32) -> usize {
    let room = mm(MAX_HEIGHT) - GAP - x_axis_height() - extra - 2 * MARGIN;
    (room / height).max(1) as usize
}
