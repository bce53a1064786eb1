//! The first images of an epoch, each as it's held and as it's augmented.

use super::bitmap::Bitmap;
use super::canvas::{Anchor, Canvas, heading_height, inner};
use super::layout::{Rect, widest, wrapped};
use super::theme::{DOUBLE_COLUMN, GAP, GREY, LINE_HEIGHT, MARGIN, MAX_HEIGHT, UNITS_PER_MM, mm};
use super::{Figure, number};
use crate::error::Result;

/// The longer side of an image at most.
const LARGEST: i32 = mm(24.0);
const BETWEEN: i32 = mm(2.0);
const BETWEEN_ROWS: i32 = mm(2.5);
/// Channels whose range is told.
const MOST_RANGES: usize = 4;

/// The first images of an epoch of one run.
#[derive(Clone, Debug)]
pub struct BatchFigure {
    /// The arm.
    pub arm: String,
    /// What the images are.
    pub data: String,
    /// Seed of the run.
    pub seed: u64,
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// What is done to each image, in words; `None`: nothing.
    pub augmentation: Option<String>,
    /// What black (0) and white (1) are to the network, in all channels or in each.
    pub ranges: Vec<[f64; 2]>,
    /// Whether the mean of several channels is shown.
    pub averaged: bool,
    /// The images in their order.
    pub images: Vec<BatchImage>,
}

/// An image of a [`BatchFigure`].
#[derive(Clone, Debug)]
pub struct BatchImage {
    /// Its class.
    pub class: String,
    /// As it's held.
    pub loaded: Bitmap,
    /// As it's augmented.
    pub augmented: Bitmap,
}

/// How images are laid out.
struct Grid {
    columns: usize,
    rows: usize,
    /// Width and height of an image.
    image: [i32; 2],
    /// From an image to the one below it.
    slot: i32,
    /// From one column to the next, and from one row of pairs.
    pitch: [i32; 2],
}

impl BatchFigure {
    fn title(&self) -> String {
        let Self { arm, data, seed, epoch, images, .. } = self;
        let augmentation = self.augmentation.as_deref().unwrap_or("none");
        let images = match images.len() {
            1 => "the first image".to_owned(),
            count => format!("the first {count} images"),
        };
        format!("{data}: {images} of epoch {epoch}, seed {seed}, as {arm} sees them. Augmentation: {augmentation}")
    }

    /// What stands below the images.
    fn note(&self) -> String {
        let range = |[black, white]: &[f64; 2]| format!("{} to {}", number(*black, 2), number(*white, 2));
        let ranges: Vec<String> = self.ranges.iter().take(MOST_RANGES).map(range).collect();
        let more = if self.ranges.len() > MOST_RANGES { ", …" } else { "" };
        let each = if self.ranges.len() > 1 { " (channel by channel)" } else { "" };
        let averaged = if self.averaged { " Shown is the mean of the channels." } else { "" };
        format!(
            "Black (0) to white (1) is {}{more} to the network{each}, after normalisation.{averaged}",
            ranges.join(", ")
        )
    }

    /// Names of the rows: images that nothing is done to are shown once.
    fn rows(&self) -> &'static [&'static str] {
        if self.augmentation.is_some() { &["loaded", "augmented"] } else { &["loaded"] }
    }

    fn names(&self) -> i32 {
        widest(["class"].iter().chain(self.rows()).copied()) + 2 * GAP
    }

    fn heading(&self) -> i32 {
        heading_height([&self.title()], [inner([mm(DOUBLE_COLUMN), 0])])
    }

    fn footing(&self) -> i32 {
        wrapped(&self.note(), inner([mm(DOUBLE_COLUMN), 0]).width()).len() as i32 * LINE_HEIGHT
    }

    /// The columns that leave images the most room on a page, or that take the least where a page is too short for all.
    fn grid(&self) -> Grid {
        let room = self.room();
        let key = |grid: &Grid| (-(grid.rows as i32 * grid.pitch[1] - room.height()).max(0), grid.image[0]);
        // Classes may be wider than images.
        let fits = |grid: &Grid| self.names() + grid.columns as i32 * grid.pitch[0] - BETWEEN <= room.width();
        let labels = widest(self.images.iter().map(|image| image.class.as_str()));
        let grids = (1..=self.images.len()).map(|columns| self.grid_of(columns, room, labels));
        grids.filter(fits).max_by_key(key).unwrap_or_else(|| self.grid_of(1, room, labels))
    }

    /// What a page has for images and the names of their rows.
    fn room(&self) -> Rect {
        let page = inner([mm(DOUBLE_COLUMN), mm(MAX_HEIGHT)]);
        Rect { top: page.top + self.heading(), bottom: page.bottom - self.footing(), ..page }
    }

    /// So many columns; `labels` is the width of the widest class.
    fn grid_of(&self, columns: usize, room: Rect, labels: i32) -> Grid {
        let rows = self.images.len().div_ceil(columns).max(1);
        let names = self.rows().len() as i32;
        let wide = (room.width() - self.names() + BETWEEN) / columns as i32 - BETWEEN;
        let high = room.height() / rows as i32 - LINE_HEIGHT - BETWEEN_ROWS;
        // Beside an image is its row's name; where that takes more than a page, the page is longer.
        let high = ((high + GAP) / names - GAP).max(LINE_HEIGHT);
        let first = self
            .images
            .first()
            .map_or([1.0; 2], |image| [image.loaded.width, image.loaded.height()].map(|pixels| pixels.max(1) as f64));
        let longest = first[0].max(first[1]);
        let scale = (f64::from(wide) / first[0]).min(f64::from(high) / first[1]).min(f64::from(LARGEST) / longest);
        let image = first.map(|pixels| ((pixels * scale) as i32).max(1));
        let slot = image[1].max(LINE_HEIGHT) + GAP;
        let down = LINE_HEIGHT + names * slot - GAP + BETWEEN_ROWS;
        Grid { columns, rows, image, slot, pitch: [image[0].max(labels) + BETWEEN, down] }
    }

    /// A row of pairs whose upper left corner is at a point.
    fn row(&self, canvas: &Canvas, grid: &Grid, [left, top]: [i32; 2], images: &[BatchImage]) -> Result<()> {
        let [width, height] = grid.image;
        let upper = |n: i32| top + LINE_HEIGHT + n * grid.slot + (grid.slot - GAP - height) / 2;
        let named = left + self.names() - 2 * GAP;
        canvas.coloured_text("class", (named, top + LINE_HEIGHT / 2 - GAP / 2), Anchor::Right, GREY)?;
        for (n, name) in (0..).zip(self.rows()) {
            canvas.coloured_text(name, (named, upper(n) + height / 2), Anchor::Right, GREY)?;
        }
        for (n, image) in (0..).zip(images) {
            let middle = left + self.names() + n * grid.pitch[0] + (grid.pitch[0] - BETWEEN) / 2;
            canvas.text(&image.class, (middle, top + LINE_HEIGHT / 2 - GAP / 2), Anchor::Centre)?;
            for (row, bitmap) in (0..self.rows().len() as i32).zip([&image.loaded, &image.augmented]) {
                let (left, top) = (middle - width / 2, upper(row));
                bitmap.draw(canvas, Rect { left, top, right: left + width, bottom: top + height })?;
            }
        }
        Ok(())
    }
}

impl Figure for BatchFigure {
    fn name(&self) -> &str {
        "images"
    }

    fn caption(&self) -> String {
        let rows = match self.augmentation {
            Some(_) => " Above each as it's held, below as it's augmented.",
            None => "",
        };
        format!("{}.{rows} {}", self.title(), self.note())
    }

    fn size(&self) -> [f64; 2] {
        let Grid { rows, pitch, .. } = self.grid();
        let height = 2 * MARGIN + self.heading() + rows as i32 * pitch[1] + self.footing();
        [DOUBLE_COLUMN, f64::from(height) / f64::from(UNITS_PER_MM)]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let [room] = canvas.headings([&self.title()], [canvas.inner()])?;
        let grid = self.grid();
        for (n, images) in (0..).zip(self.images.chunks(grid.columns)) {
            self.row(canvas, &grid, [room.left, room.top + n * grid.pitch[1]], images)?;
        }
        canvas.paragraph(Rect { top: room.bottom - self.footing(), ..room }, &self.note())
    }
}
