//! Filters of the first convolution: orbits of group banks, tiles of repetition banks.

use super::Figure;
use super::canvas::{Anchor, Canvas, heading_height, inner};
use super::layout::{Rect, shortened, widest, width};
use super::raster::{BAR_HEIGHT, Raster, colour_bar, diverging};
use super::theme::{GAP, LINE_HEIGHT, MARGIN, SINGLE_COLUMN, TEXT, UNITS_PER_MM, mm};
use crate::error::Result;

/// Side of a filter.
const SIDE: i32 = mm(7.0);
const BETWEEN: i32 = mm(1.5);
const BETWEEN_BLOCKS: i32 = mm(3.0);

/// Filters of the first convolution of one trained network.
#[derive(Clone, Debug)]
pub struct FilterFigure {
    /// The arm.
    pub arm: String,
    /// The layer.
    pub layer: String,
    /// The seed of the run.
    pub seed: u64,
    /// What the columns are: the group's elements, or numbers of tiles.
    pub columns: Vec<String>,
    /// What they are in a few words: "its orbit under C4".
    pub what: String,
    /// Learned filters, a row for every channel.
    pub rows: Vec<FilterRow>,
    /// Channels of a filter.
    pub channels: usize,
    /// Learned filters that aren't shown.
    pub hidden: usize,
    name: String,
}

/// The copies that are made of one channel of a learned filter.
#[derive(Clone, Debug)]
pub struct FilterRow {
    /// Its name.
    pub name: String,
    /// The copies, one a column.
    pub copies: Vec<Raster>,
}

impl FilterFigure {
    /// A figure of the copies of some filters, each with a row for every channel; those that a column has no room for are counted,
    /// not drawn.
    pub fn new(
        [arm, layer]: [&str; 2],
        seed: u64,
        columns: Vec<String>,
        what: &str,
        mut filters: Vec<Vec<FilterRow>>,
    ) -> Self {
        let (all, channels) = (filters.len(), filters.first().map_or(1, Vec::len).max(1));
        filters.truncate((Self::MOST_ROWS / channels).max(1));
        let hidden = all - filters.len();
        let rows = filters.into_iter().flatten().take(Self::MOST_ROWS).collect();
        let name = format!("filters-{arm}");
        let (arm, layer, what) = (arm.to_owned(), layer.to_owned(), what.to_owned());
        Self { arm, layer, seed, columns, what, rows, channels, hidden, name }
    }

    /// Rows that are drawn at most.
    const MOST_ROWS: usize = 20;

    /// Columns that are drawn: as many as a column of text has room for.
    fn shown_columns(&self) -> usize {
        let room = mm(SINGLE_COLUMN) - 2 * MARGIN - self.names();
        self.columns.len().min((room / (SIDE + BETWEEN)).max(1) as usize)
    }

    /// Blocks of rows that stand beside each other.
    fn blocks(&self) -> usize {
        let room = mm(SINGLE_COLUMN) - 2 * MARGIN;
        ((room + BETWEEN_BLOCKS) / (self.block_width() + BETWEEN_BLOCKS)).max(1) as usize
    }

    fn block_width(&self) -> i32 {
        self.names() + (SIDE + BETWEEN) * self.shown_columns() as i32
    }

    fn rows_per_block(&self) -> usize {
        self.rows.len().div_ceil(self.blocks()).max(1)
    }

    fn block(&self, canvas: &Canvas, start: i32, rows: &[FilterRow]) -> Result<()> {
        let names = self.names();
        let inner = Rect { top: canvas.inner().top + self.heading_height(), ..canvas.inner() };
        let left = |column: usize| start + names + (SIDE + BETWEEN) * column as i32;
        for (column, text) in self.columns.iter().take(self.shown_columns()).enumerate() {
            let text = shortened(text, SIDE + BETWEEN - mm(0.3));
            canvas.text(&text, (left(column) + SIDE / 2, inner.top), Anchor::Top)?;
        }
        for (n, row) in rows.iter().enumerate() {
            let top = inner.top + LINE_HEIGHT + TEXT / 4 + (SIDE + BETWEEN) * n as i32;
            let name = shortened(&row.name, names - 2 * GAP);
            canvas.text(&name, (start + names - 2 * GAP, top + SIDE / 2), Anchor::Right)?;
            let peak = self.peak();
            for (column, copy) in row.copies.iter().take(self.shown_columns()).enumerate() {
                let rect = Rect { left: left(column), top, right: left(column) + SIDE, bottom: top + SIDE };
                copy.draw(canvas, rect, |value| diverging(value, peak))?;
            }
        }
        Ok(())
    }

    /// The greatest magnitude of all weights: one scale of colours is for all rows.
    fn peak(&self) -> f64 {
        self.rows.iter().flat_map(|row| &row.copies).map(Raster::peak).fold(0.0, f64::max)
    }

    fn title(&self) -> String {
        let Self { arm, layer, seed, what, .. } = self;
        let row = match self.channels {
            1 => "a learned filter",
            _ => "a channel of a learned filter (1.2: of filter 1 the second)",
        };
        format!("First convolution ({layer}) of {arm}, seed {seed}; a row: {row}, {what}")
    }

    fn heading_height(&self) -> i32 {
        heading_height([&self.title()], [inner([mm(self.size()[0]), 0])])
    }

    fn names(&self) -> i32 {
        widest(self.rows.iter().map(|row| row.name.as_str())).min(mm(20.0)) + 2 * GAP
    }
}

impl Figure for FilterFigure {
    fn name(&self) -> &str {
        &self.name
    }

    fn caption(&self) -> String {
        let more = match self.hidden {
            0 => String::new(),
            1 => " 1 more filter isn't shown.".to_owned(),
            left => format!(" {left} more filters aren't shown."),
        };
        let columns = match self.columns.len() - self.shown_columns() {
            0 => String::new(),
            1 => " 1 more copy of each isn't shown.".to_owned(),
            left => format!(" {left} more copies of each aren't shown."),
        };
        let rows = match self.channels {
            1 => "a row each",
            _ => "a row for each of their channels (1.2: of filter 1 the second)",
        };
        format!(
            "Learned filters of the first convolution of {} (seed {}), {rows}: {}. White is 0, blue positive, orange negative, \
             all rows on one scale.{more}{columns}",
            self.arm, self.seed, self.what
        )
    }

    fn size(&self) -> [f64; 2] {
        let blocks = self.rows.len().div_ceil(self.rows_per_block()).max(1) as i32;
        let width = 2 * MARGIN + blocks * (self.block_width() + BETWEEN_BLOCKS) - BETWEEN_BLOCKS;
        // A column's width, also where the filters take less.
        let width = width.max(mm(SINGLE_COLUMN));
        let heading = heading_height([&self.title()], [inner([width, 0])]);
        let rows = LINE_HEIGHT + (SIDE + BETWEEN) * self.rows_per_block() as i32;
        let height = 2 * MARGIN + heading + rows + BETWEEN + BAR_HEIGHT;
        [width, height].map(|units| f64::from(units) / f64::from(UNITS_PER_MM))
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        canvas.headings([&self.title()], [canvas.inner()])?;
        for (n, rows) in (0..).zip(self.rows.chunks(self.rows_per_block())) {
            self.block(canvas, canvas.inner().left + n * (self.block_width() + BETWEEN_BLOCKS), rows)?;
        }
        let Rect { left, bottom, .. } = canvas.inner();
        canvas.text("Weight", (left, bottom - BAR_HEIGHT + TEXT / 3), Anchor::Left)?;
        let start = left + width("Weight") + mm(7.0);
        let bar = Rect { left: start, right: start + mm(30.0), top: bottom - BAR_HEIGHT, bottom };
        colour_bar(canvas, bar, self.peak())
    }
}
