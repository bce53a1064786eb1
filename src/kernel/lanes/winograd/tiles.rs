//! Where tiles lie in images, and where in memory once they are transformed.

use crate::kernel::lanes::micro::{self, blocks};

/// Some rows of tiles of images that follow each other in memory.
#[derive(Clone, Copy)]
pub struct Tiles {
    first: usize,
    pub rows: usize,
    /// Rows of tiles that an image has.
    per_image: usize,
    /// Tiles in a row.
    pub columns: usize,
    /// Outputs along an axis of a tile.
    step: usize,
    /// Vectors that a map has.
    pub parts: usize,
}

/// A row of tiles.
pub struct TileRow {
    /// The image that it's in.
    pub image: usize,
    /// The row of outputs that it starts with.
    pub top: usize,
    /// Its first tile's number.
    pub tile: usize,
}

impl Tiles {
    /// All tiles of `images` images with `out_size` outputs, as many rows at a time as have at most `most` tiles, but at least
    /// one, and of no more than one image if that's asked for.
    pub fn all(
        images: usize,
        out_size: [usize; 2],
        step: usize,
        (most, one_image): (usize, bool),
        parts: usize,
    ) -> impl Iterator<Item = Self> {
        let [per_image, columns] = out_size.map(|pixels| pixels.div_ceil(step));
        let most = (most / columns).max(1);
        let (spans, rows) = if one_image { (images, per_image) } else { (1, images * per_image) };
        let all =
            (0..spans).flat_map(move |span| blocks(rows, most).map(move |(row, count)| (span * rows + row, count)));
        all.map(move |(first, rows)| Self { first, rows, per_image, columns, step, parts })
    }

    /// These, all of one image, and `more` columns to the right and rows below.
    pub fn wider(&self, more: usize) -> Self {
        let first = self.first + self.first / self.per_image * more;
        let (rows, per_image, columns) = (self.rows + more, self.per_image + more, self.columns + more);
        Self { first, rows, per_image, columns, ..*self }
    }

    /// Number of tiles in memory.
    pub fn count(&self) -> usize {
        self.rows * self.columns
    }

    /// The number of the tile at a row and a column.
    pub fn number(&self, [row, column]: [usize; 2]) -> usize {
        row * self.columns + column
    }

    /// Rows and columns of all tiles.
    pub fn places(&self) -> impl Iterator<Item = [usize; 2]> {
        let columns = self.columns;
        (0..self.rows * columns).map(move |tile| [tile / columns, tile % columns])
    }

    /// Vectors from a tile to the next: entry (point, tile, map) of transformed tiles lies at
    /// (point·count + tile)·pitch + map.
    pub fn pitch(&self, maps: usize) -> usize {
        micro::pitch(maps * self.parts)
    }

    /// Vectors of so many points of all tiles with so many maps.
    pub fn points(&self, points: usize, maps: usize) -> usize {
        points * self.count() * self.pitch(maps)
    }

    /// The rows of tiles.
    pub fn each_row(&self) -> impl Iterator<Item = TileRow> {
        (0..self.rows).map(|row| {
            let at = self.first + row;
            let (image, top) = (at / self.per_image, at % self.per_image * self.step);
            TileRow { image, top, tile: self.number([row, 0]) }
        })
    }
}

/// Images as tiles see them: those start `offset` pixels above and left of the image, and what they have beyond it is 0.
#[derive(Clone, Copy)]
pub struct Plane {
    pub size: [usize; 2],
    pub offset: usize,
    pub maps: usize,
}

impl Plane {
    /// Vectors of a pixel.
    pub fn pixel(&self, tiles: &Tiles) -> usize {
        self.maps * tiles.parts
    }

    /// The image's row or column that the tiles' `place` along `axis` is.
    pub fn inside(&self, axis: usize, place: usize) -> Option<usize> {
        place.checked_sub(self.offset).filter(|&place| place < self.size[axis])
    }
}
