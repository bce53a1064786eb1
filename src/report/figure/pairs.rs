//! Differences of the test errors of all pairs of arms, with their intervals.

use plotters::style::Color;

use super::axis::{Axis, x_axis_height};
use super::canvas::{Anchor, Canvas, End, heading_height, inner};
use super::layout::{Rect, shortened, width};
use super::rows::{RowLabel, Rows, figure_height};
use super::theme::{AXIS, DOUBLE_COLUMN, GAP, GREY, LINE_HEIGHT, Look, MARKER, PAPER, SINGLE_COLUMN, mm};
use super::{Arm, Estimate, Figure, Role, seeds};
use crate::error::Result;

/// More arms than this have more pairs than a page has lines.
const MOST_ARMS: usize = 14;
/// Lines that one column has room for; of more there are two.
const MOST_LINES: usize = 24;
const ROW: i32 = mm(3.7);
const BETWEEN: i32 = mm(6.0);
/// Room for the line that tells of arms that aren't shown.
const EXTRA: i32 = 2 * LINE_HEIGHT;

/// All pairs of some arms.
#[derive(Clone, Debug)]
pub struct PairsFigure {
    arms: usize,
    pairs: Vec<Pair>,
    hidden: usize,
}

/// A pair of arms.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The arm compared with.
    pub from: Arm,
    /// The arm in question.
    pub to: Arm,
    /// Mean test error of `from` minus that of `to`, over the seeds of both, with Student's interval.
    pub difference: Estimate,
    /// Number of these seeds.
    pub seeds: usize,
}

/// A line of a column.
enum Line<'a> {
    /// The arm that those below are compared with.
    From(&'a str),
    /// A pair.
    Pair(&'a Pair),
}

impl<'a> Line<'a> {
    /// The lines of some pairs, those of the same first arm together.
    fn all(pairs: &'a [Pair]) -> Vec<Self> {
        let groups = pairs.chunk_by(|a, b| a.from == b.from);
        let lines = |group: &'a [Pair]| {
            let from = group.iter().take(1).map(|pair| Line::From(&pair.from.name));
            from.chain(group.iter().map(Line::Pair))
        };
        groups.flat_map(lines).collect()
    }
}

impl PairsFigure {
    /// Of some arms in the study's order; `pair` compares two. Where they are too many, the baseline, the target, and the
    /// controls in question come first.
    pub fn new(mut arms: Vec<Arm>, pair: impl Fn(&Arm, &Arm) -> Option<Pair>) -> Self {
        let all = arms.len();
        let mut places: Vec<usize> = (0..all).collect();
        places.sort_by_key(|&place| arms[place].role == Role::Other);
        places.truncate(MOST_ARMS);
        places.sort_unstable();
        arms = places.into_iter().map(|place| arms[place].clone()).collect();
        let later = |n: usize| arms.iter().skip(n + 1);
        let pairs = arms.iter().enumerate().flat_map(|(n, from)| later(n).map(move |to| (from, to)));
        let pairs = pairs.filter_map(|(from, to)| pair(from, to)).collect();
        Self { hidden: all - arms.len(), pairs, arms: arms.len() }
    }

    /// The pairs that have a seed in common.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// The lines of every column.
    fn columns(&self) -> Vec<Vec<Line<'_>>> {
        let count = |pairs: &[Pair]| pairs.chunk_by(|a, b| a.from == b.from).count() + pairs.len();
        let all = self.pairs.as_slice();
        // The first column ends where both have about as many lines.
        let half = (0..=all.len()).find(|&n| count(&all[..n]) >= count(&all[n..])).unwrap_or(all.len());
        let (left, right) = all.split_at(if count(all) > MOST_LINES { half } else { all.len() });
        [left, right].into_iter().filter(|part| !part.is_empty()).map(Line::all).collect()
    }

    fn title(&self) -> String {
        let counts = seeds(self.pairs.iter().map(|pair| pair.seeds));
        let intervals = if self.has_intervals() { "95 % intervals, each by itself" } else { "no intervals" };
        format!("Test error of an arm (grey) minus that of each below it: {intervals}, {counts}")
    }

    fn has_intervals(&self) -> bool {
        self.pairs.iter().any(|pair| pair.difference.interval.is_some())
    }

    fn width(&self) -> f64 {
        if self.columns().len() > 1 { DOUBLE_COLUMN } else { SINGLE_COLUMN }
    }

    fn axis(&self) -> Axis {
        let values = self.pairs.iter().flat_map(|pair| pair.difference.all()).map(|value| 100.0 * value);
        Axis::linear("Difference (percentage points)", values.chain([0.0]))
    }

    fn column(&self, canvas: &Canvas, rect: Rect, lines: &[Line]) -> Result<i32> {
        let name = |line: &Line| match line {
            Line::From(_) => String::new(),
            Line::Pair(pair) => pair.to.name.clone(),
        };
        let labels: Vec<RowLabel> = lines.iter().map(|line| RowLabel { name: name(line), notes: Vec::new() }).collect();
        let rows = Rows::draw(canvas, rect, self.axis(), &labels, ROW)?;
        let zero = rows.plot.x(0.0);
        canvas.line(&[(zero, rows.plot.rect.top), (zero, rows.plot.rect.bottom)], GREY, AXIS)?;
        for (n, line) in lines.iter().enumerate() {
            let middle = rows.middle(n);
            match line {
                Line::From(name) => {
                    // There's nothing else in this row, so that it may reach over the axis.
                    let text = format!("{} −", shortened(name, rect.width() * 2 / 3));
                    let [right, half] = [rect.left + width(&text) + GAP, ROW / 2];
                    let behind = Rect { right, top: middle - half, bottom: middle + half, ..rect };
                    canvas.rect(behind, PAPER.filled())?;
                    canvas.coloured_text(&text, (rect.left, middle), Anchor::Left, GREY)?;
                }
                Line::Pair(pair) => {
                    let look = Look::or_grey(&pair.to);
                    if let Some(interval) = pair.difference.interval {
                        let ends = interval.map(|end| End { at: rows.plot.x(100.0 * end), cut: false });
                        canvas.whisker(ends, middle, look.colour)?;
                    }
                    canvas.marker((rows.plot.x(100.0 * pair.difference.value), middle), &look, MARKER)?;
                }
            }
        }
        Ok(rows.plot.rect.bottom)
    }

    fn panels(&self, rect: Rect) -> Vec<Rect> {
        match self.columns().len() {
            2 => rect.halves(BETWEEN).to_vec(),
            _ => vec![rect],
        }
    }
}

impl Figure for PairsFigure {
    fn name(&self) -> &str {
        "pairs"
    }

    fn caption(&self) -> String {
        let counts = seeds(self.pairs.iter().map(|pair| pair.seeds));
        let count = self.pairs.len();
        let intervals = match self.has_intervals() {
            true => format!(
                " with Student's 95 % interval of the mean over paired seeds ({counts}): each by itself, not corrected for there \
                 being {count}, of which one in twenty would miss the truth"
            ),
            false => format!(" over paired seeds; there's no interval ({counts})"),
        };
        let hidden = match self.hidden {
            0 => String::new(),
            left => format!(" {left} more arms aren't compared here."),
        };
        format!(
            "Test error of one arm, named in grey, minus that of each below it, in percentage points{intervals}. Right of 0: the \
             arm below errs less.{hidden}"
        )
    }

    fn size(&self) -> [f64; 2] {
        let width = self.width();
        let rows = self.columns().iter().map(Vec::len).max().unwrap_or(1);
        let heading = heading_height([&self.title()], [inner([mm(width), 0])]);
        let extra = heading + if self.hidden > 0 { EXTRA } else { 0 };
        [width, figure_height(rows, ROW, extra)]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let [rect] = canvas.headings([&self.title()], [canvas.inner()])?;
        let mut bottom = rect.top;
        for (panel, lines) in self.panels(rect).into_iter().zip(self.columns()) {
            bottom = bottom.max(self.column(canvas, panel, &lines)?);
        }
        if self.hidden > 0 {
            let text = format!("{} arms; {} more are in the tables.", self.arms, self.hidden);
            let top = bottom + x_axis_height() + mm(1.0);
            canvas.paragraph(Rect { top, ..rect }, &text)?;
        }
        Ok(())
    }
}
