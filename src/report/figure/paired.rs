//! How much less every arm errs than the baseline, seed by seed: seeds are joined across arms, so that one sees whether a seed
//! that is hard for one arm is hard for all.

use plotters::style::Color;

use super::axis::{Axis, x_axis_height};
use super::canvas::{Anchor, Canvas, Point, heading_height, inner};
use super::layout::{Rect, widest};
use super::rows::{RowLabel, Rows, figure_height, most_rows};
use super::theme::{AXIS, DATA, FAINT, GAP, GREY, INK, LINE_HEIGHT, Look, SINGLE_COLUMN, mm};
use super::{Arm, Figure, Role, seeds};
use crate::error::Result;

const ROW: i32 = mm(6.0);
/// Room for the line that tells of arms that aren't shown.
const EXTRA: i32 = 2 * LINE_HEIGHT;
/// Half the height of the bar at a mean.
const HALF_BAR: i32 = mm(1.9);
const DOT: i32 = mm(0.6);

/// Differences to the baseline by seed.
#[derive(Clone, Debug)]
pub struct PairedFigure {
    /// The baseline's name.
    pub baseline: String,
    /// The other arms, in the study's order.
    pub rows: Vec<PairedRow>,
}

/// One arm.
#[derive(Clone, Debug)]
pub struct PairedRow {
    /// The arm.
    pub arm: Arm,
    /// The seeds that it and the baseline finished, each with the baseline's test error minus the arm's.
    pub differences: Vec<(u64, f64)>,
}

impl PairedRow {
    fn mean(&self) -> f64 {
        let count = self.differences.len() as f64;
        self.differences.iter().map(|(_, difference)| difference / count).sum()
    }
}

impl PairedFigure {
    fn title(&self) -> String {
        format!("Gain over {}, seed by seed: lines join the runs of a seed, bars are means", self.baseline)
    }

    fn heading_height(&self) -> i32 {
        heading_height([&self.title()], [inner([mm(SINGLE_COLUMN), 0])])
    }

    /// The rows that fit, and how many don't: the target and the controls in question stay.
    fn shown(&self) -> (Vec<&PairedRow>, usize) {
        let most = most_rows(ROW, self.heading_height() + EXTRA);
        let mut ranked: Vec<(usize, &PairedRow)> = self.rows.iter().enumerate().collect();
        ranked.sort_by_key(|(_, row)| row.arm.role == Role::Other);
        ranked.truncate(most);
        ranked.sort_by_key(|(place, _)| *place);
        (ranked.into_iter().map(|(_, row)| row).collect(), self.rows.len().saturating_sub(most))
    }

    /// A line a seed through all rows that have it; it's broken where a row lacks it.
    fn seed_lines(&self, canvas: &Canvas, rows: &Rows, shown: &[&PairedRow]) -> Result<()> {
        let mut all: Vec<u64> = shown.iter().flat_map(|row| &row.differences).map(|(seed, _)| *seed).collect();
        all.sort_unstable();
        all.dedup();
        for seed in all {
            let at = |(n, row): (usize, &&PairedRow)| -> Option<Point> {
                let (_, difference) = row.differences.iter().find(|(of, _)| *of == seed)?;
                Some((rows.plot.x(100.0 * difference), rows.middle(n)))
            };
            let points: Vec<Option<Point>> = shown.iter().enumerate().map(at).collect();
            for part in points.split(Option::is_none) {
                let part: Vec<Point> = part.iter().flatten().copied().collect();
                if part.len() > 1 {
                    canvas.line(&part, FAINT, AXIS)?;
                }
            }
        }
        Ok(())
    }

    fn draw_row(&self, canvas: &Canvas, rows: &Rows, n: usize, row: &PairedRow) -> Result<()> {
        if row.differences.is_empty() {
            return Ok(());
        }
        let middle = rows.middle(n);
        let look = Look::or_grey(&row.arm);
        let mean = rows.plot.x(100.0 * row.mean());
        canvas.line(&[(mean, middle - HALF_BAR), (mean, middle + HALF_BAR)], look.colour, DATA)?;
        row.differences.iter().try_for_each(|(_, difference)| {
            canvas.circle((rows.plot.x(100.0 * difference), middle), DOT, look.colour.mix(0.75).filled())
        })
    }
}

impl Figure for PairedFigure {
    fn name(&self) -> &str {
        "paired"
    }

    fn caption(&self) -> String {
        let counts = seeds(self.rows.iter().map(|row| row.differences.len()));
        let baseline = &self.baseline;
        format!(
            "Test error of {baseline} minus that of every other arm, with the same seed, in percentage points ({counts}; right of \
             0: the arm errs less). Dots: single seeds, a line joins those of the same seed; bars: means."
        )
    }

    fn size(&self) -> [f64; 2] {
        let (shown, hidden) = self.shown();
        let extra = self.heading_height() + if hidden > 0 { EXTRA } else { 0 };
        [SINGLE_COLUMN, figure_height(shown.len(), ROW, extra)]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let [panel] = canvas.headings([&self.title()], [canvas.inner()])?;
        let (shown, hidden) = self.shown();
        let notes: Vec<String> = shown.iter().map(|row| format!("n = {}", row.differences.len())).collect();
        let for_notes = widest(notes.iter().map(String::as_str)) + 2 * GAP;
        let labels: Vec<RowLabel> =
            shown.iter().map(|row| RowLabel { name: row.arm.name.clone(), notes: Vec::new() }).collect();
        let differences = shown.iter().flat_map(|row| &row.differences).map(|(_, difference)| 100.0 * difference);
        let axis = Axis::linear("Gain (percentage points)", differences.chain([0.0]));
        let rows = Rows::draw(canvas, Rect { right: panel.right - for_notes, ..panel }, axis, &labels, ROW)?;
        let zero = rows.plot.x(0.0);
        canvas.line(&[(zero, rows.plot.rect.top), (zero, rows.plot.rect.bottom)], INK, AXIS)?;
        self.seed_lines(canvas, &rows, &shown)?;
        for (n, row) in shown.iter().enumerate() {
            self.draw_row(canvas, &rows, n, row)?;
            canvas.coloured_text(&notes[n], (panel.right, rows.middle(n)), Anchor::Right, GREY)?;
        }
        if hidden > 0 {
            let top = rows.plot.rect.bottom + x_axis_height() + mm(1.0);
            canvas.paragraph(Rect { top, ..panel }, &format!("{hidden} more arms are in the tables."))?;
        }
        Ok(())
    }
}
