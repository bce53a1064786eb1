#![allow(clippy::needless_range_loop)] // Iterators over arrays of vectors don't reliably become registers.

//! From images to a row of the tiles' points, and back: the matrices of a scheme along the columns of an image, a line of
//! pixels at a time, and then along its rows, tile by tile. Lanes hold images, so it needs no shuffles.

use pulp::Simd;

use crate::kernel::lanes::micro::blocks;
use crate::kernel::lanes::simd::lane_bytes;

/// Bytes of transformed tiles that are worked on together, so that they stay in a near cache. Only one row of points is there
/// at a time: more tiles fit, which makes the sums over tiles long.
const TILE_BYTES: usize = 1 << 20;

/// Some rows of tiles of images that follow each other in memory.
pub struct Tiles {
    first: usize,
    rows: usize,
    /// Rows of tiles that an image has.
    per_image: usize,
    /// Tiles in a row.
    columns: usize,
    /// Outputs along an axis of a tile.
    step: usize,
    /// Vectors that a map has.
    pub parts: usize,
}

/// A row of tiles.
struct TileRow {
    /// The image that it's in.
    image: usize,
    /// The row of outputs that it starts with.
    top: usize,
    /// Its first tile's number.
    tile: usize,
}

impl Tiles {
    /// All tiles of `images` images with `out_size` outputs, as many rows at a time as fit with `maps` maps.
    pub fn all(
        images: usize,
        out_size: [usize; 2],
        [points, step]: [usize; 2],
        maps: usize,
        parts: usize,
    ) -> impl Iterator<Item = Self> {
        let [per_image, columns] = out_size.map(|pixels| pixels.div_ceil(step));
        let most = (TILE_BYTES / (columns * points * maps * lane_bytes())).max(1);
        blocks(images * per_image, most).map(move |(first, rows)| Self { first, rows, per_image, columns, step, parts })
    }

    /// Number of tiles.
    pub fn count(&self) -> usize {
        self.rows * self.columns
    }

    /// Vectors from a tile to the next: entry (point of the row, tile, map) of transformed tiles lies at
    /// (point·count + tile)·pitch + map.
    pub fn pitch(&self, maps: usize) -> usize {
        let vectors = maps * self.parts;
        // Powers of two would map all points to the same few cache sets.
        if vectors.is_multiple_of(8) { vectors + 2 } else { vectors }
    }

    fn rows(&self) -> impl Iterator<Item = TileRow> {
        (0..self.rows).map(|row| {
            let at = self.first + row;
            let (image, top) = (at / self.per_image, at % self.per_image * self.step);
            TileRow { image, top, tile: row * self.columns }
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
    /// Vectors of a line that covers all tiles, each `length` pixels long.
    pub fn line(&self, tiles: &Tiles, length: usize) -> usize {
        ((tiles.columns - 1) * tiles.step + length) * self.maps * tiles.parts
    }

    /// Vectors of a pixel.
    fn pixel(&self, tiles: &Tiles) -> usize {
        self.maps * tiles.parts
    }

    /// Where a line has the image's pixels: the vectors before them and those that they take.
    fn inside(&self, line: usize, vectors: usize) -> [usize; 2] {
        let before = (self.offset * vectors).min(line);
        [before, (self.size[1] * vectors).min(line - before)]
    }

    /// The vectors of `tile_row`'s line `line` in the images, if it's inside one.
    fn start(&self, tile_row: &TileRow, line: usize, vectors: usize) -> Option<usize> {
        let y = (tile_row.top + line).checked_sub(self.offset).filter(|&y| y < self.size[0])?;
        Some((tile_row.image * self.size[0] + y) * self.size[1] * vectors)
    }
}

/// Row `row` of T d Tᵀ of every tile, where T is the matrix and d the L×L pixels of the tile.
#[inline(always)]
pub fn to_points<S: Simd, const N: usize, const L: usize>(
    simd: S,
    (tiles, plane): (&Tiles, &Plane),
    (matrix, row): ([[f32; L]; N], usize),
    images: &[S::f32s],
    line: &mut [S::f32s],
    points: &mut [S::f32s],
) {
    let vectors = plane.pixel(tiles);
    let [before, length] = plane.inside(line.len(), vectors);
    line[..before].fill(simd.splat_f32s(0.0));
    line[before + length..].fill(simd.splat_f32s(0.0));
    for tile_row in tiles.rows() {
        let mut terms = [(&images[..0], 0.0); L];
        let mut count = 0;
        for l in 0..L {
            let start = plane.start(&tile_row, l, vectors).filter(|_| matrix[row][l] != 0.0);
            if let Some(start) = start {
                terms[count] = (&images[start..start + length], matrix[row][l]);
                count += 1;
            }
        }
        sum_lines(simd, &terms[..count], &mut line[before..before + length]);
        spread(simd, matrix, tiles, tile_row.tile, vectors, line, points);
    }
}

/// to = Σ factor · line. No recursion: what isn't inlined isn't compiled for the vectors, and takes more than twice as long.
#[inline(always)]
fn sum_lines<S: Simd>(simd: S, terms: &[(&[S::f32s], f32)], to: &mut [S::f32s]) {
    match terms {
        [] => to.fill(simd.splat_f32s(0.0)),
        [a] => sum_of(simd, [*a], to),
        [a, b] => sum_of(simd, [*a, *b], to),
        [a, b, c] => sum_of(simd, [*a, *b, *c], to),
        [a, b, c, d, rest @ ..] => {
            sum_of(simd, [*a, *b, *c, *d], to);
            rest.iter().for_each(|(line, factor)| add_line(simd, *factor, line, to));
        }
    }
}

#[inline(always)]
fn sum_of<S: Simd, const K: usize>(simd: S, terms: [(&[S::f32s], f32); K], to: &mut [S::f32s]) {
    let (mut lines, mut factors) = ([&terms[0].0[..0]; K], [simd.splat_f32s(0.0); K]);
    for k in 0..K {
        lines[k] = &terms[k].0[..to.len()];
        factors[k] = simd.splat_f32s(terms[k].1);
    }
    for v in 0..to.len() {
        let mut sum = simd.mul_f32s(factors[0], lines[0][v]);
        for k in 1..K {
            sum = simd.mul_add_e_f32s(factors[k], lines[k][v], sum);
        }
        to[v] = sum;
    }
}

#[inline(always)]
fn add_line<S: Simd>(simd: S, factor: f32, line: &[S::f32s], to: &mut [S::f32s]) {
    let factor = simd.splat_f32s(factor);
    for (to, value) in to.iter_mut().zip(line) {
        *to = simd.mul_add_e_f32s(factor, *value, *to);
    }
}

/// The points of a line's tiles.
#[inline(always)]
fn spread<S: Simd, const N: usize, const L: usize>(
    simd: S,
    matrix: [[f32; L]; N],
    tiles: &Tiles,
    first: usize,
    vectors: usize,
    line: &[S::f32s],
    points: &mut [S::f32s],
) {
    let pitch = points.len() / N / tiles.count();
    for column in 0..tiles.columns {
        let mut from = [&line[..0]; L];
        for l in 0..L {
            from[l] = &line[(column * tiles.step + l) * vectors..][..vectors];
        }
        let mut chunks = points.chunks_exact_mut(tiles.count() * pitch);
        let to: [&mut [S::f32s]; N] =
            std::array::from_fn(|_| &mut chunks.next().unwrap_or_default()[(first + column) * pitch..][..vectors]);
        for v in 0..vectors {
            let mut pixels = [simd.splat_f32s(0.0); L];
            for l in 0..L {
                pixels[l] = from[l][v];
            }
            let entries = points_of(simd, matrix, pixels);
            for n in 0..N {
                to[n][v] = entries[n];
            }
        }
    }
}

/// T d along one axis.
#[inline(always)]
fn points_of<S: Simd, const N: usize, const L: usize>(
    simd: S,
    matrix: [[f32; L]; N],
    pixels: [S::f32s; L],
) -> [S::f32s; N] {
    let mut points = [simd.splat_f32s(0.0); N];
    for n in [0, N - 1] {
        let (even, odd) = by_parity(simd, matrix[n], pixels);
        points[n] = sum_of_two(simd, even, odd);
    }
    for plus in (1..N - 1).step_by(2) {
        let (even, odd) = by_parity(simd, matrix[plus], pixels);
        let zero = simd.splat_f32s(0.0);
        let (even, odd) = (even.unwrap_or(zero), odd.unwrap_or(zero));
        points[plus] = simd.add_f32s(even, odd);
        points[plus + 1] = simd.sub_f32s(even, odd);
    }
    points
}

/// Σ factor · pixel over the even and over the odd pixels, `None` where all factors are 0.
#[inline(always)]
fn by_parity<S: Simd, const L: usize>(
    simd: S,
    factors: [f32; L],
    pixels: [S::f32s; L],
) -> (Option<S::f32s>, Option<S::f32s>) {
    let (mut even, mut odd) = (None, None);
    for l in 0..L {
        if factors[l] != 0.0 {
            let sum = if l % 2 == 0 { &mut even } else { &mut odd };
            *sum = Some(add_scaled(simd, factors[l], pixels[l], *sum));
        }
    }
    (even, odd)
}

#[inline(always)]
fn add_scaled<S: Simd>(simd: S, factor: f32, value: S::f32s, sum: Option<S::f32s>) -> S::f32s {
    match sum {
        None if factor == 1.0 => value,
        None => simd.mul_f32s(simd.splat_f32s(factor), value),
        Some(sum) if factor == 1.0 => simd.add_f32s(value, sum),
        Some(sum) => simd.mul_add_e_f32s(simd.splat_f32s(factor), value, sum),
    }
}

#[inline(always)]
fn sum_of_two<S: Simd>(simd: S, a: Option<S::f32s>, b: Option<S::f32s>) -> S::f32s {
    match (a, b) {
        (Some(a), Some(b)) => simd.add_f32s(a, b),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => simd.splat_f32s(0.0),
    }
}

/// Adds what row `row` of the points contributes to Tᵀ p T of every tile to the tile's pixels: the adjoint of [`to_points`].
#[inline(always)]
pub fn from_points<S: Simd, const N: usize, const L: usize>(
    simd: S,
    (tiles, plane): (&Tiles, &Plane),
    (matrix, row): ([[f32; L]; N], usize),
    points: &[S::f32s],
    line: &mut [S::f32s],
    images: &mut [S::f32s],
) {
    let vectors = plane.pixel(tiles);
    let [before, length] = plane.inside(line.len(), vectors);
    for tile_row in tiles.rows() {
        collect(simd, matrix, tiles, tile_row.tile, vectors, points, line);
        for l in 0..L {
            if let Some(start) = plane.start(&tile_row, l, vectors).filter(|_| matrix[row][l] != 0.0) {
                add_line(simd, matrix[row][l], &line[before..before + length], &mut images[start..start + length]);
            }
        }
    }
}

/// The line of the tiles whose points these are: the sum of what they have for its pixels.
#[inline(always)]
fn collect<S: Simd, const N: usize, const L: usize>(
    simd: S,
    matrix: [[f32; L]; N],
    tiles: &Tiles,
    first: usize,
    vectors: usize,
    points: &[S::f32s],
    line: &mut [S::f32s],
) {
    let pitch = points.len() / N / tiles.count();
    // The pixels of a tile that the one before has as well.
    let shared = L - tiles.step.min(L);
    line[..shared * vectors].fill(simd.splat_f32s(0.0));
    for column in 0..tiles.columns {
        let mut from = [&points[..0]; N];
        for n in 0..N {
            from[n] = &points[(n * tiles.count() + first + column) * pitch..][..vectors];
        }
        let pixels = &mut line[column * tiles.step * vectors..][..L * vectors];
        let mut chunks = pixels.chunks_exact_mut(vectors);
        let to: [&mut [S::f32s]; L] = std::array::from_fn(|_| &mut chunks.next().unwrap_or_default()[..vectors]);
        for v in 0..vectors {
            let mut entries = [simd.splat_f32s(0.0); N];
            for n in 0..N {
                entries[n] = from[n][v];
            }
            let pixels = pixels_of(simd, matrix, entries);
            for l in 0..L {
                to[l][v] = if l < shared { simd.add_f32s(pixels[l], to[l][v]) } else { pixels[l] };
            }
        }
    }
}

/// Tᵀ p along one axis.
#[inline(always)]
fn pixels_of<S: Simd, const N: usize, const L: usize>(
    simd: S,
    matrix: [[f32; L]; N],
    points: [S::f32s; N],
) -> [S::f32s; L] {
    let (mut sums, mut differences) = (points, points);
    for plus in (1..N - 1).step_by(2) {
        sums[plus] = simd.add_f32s(points[plus], points[plus + 1]);
        differences[plus] = simd.sub_f32s(points[plus], points[plus + 1]);
    }
    let mut pixels = [simd.splat_f32s(0.0); L];
    for l in 0..L {
        let mut sum = None;
        for n in [0, N - 1] {
            if matrix[n][l] != 0.0 {
                sum = Some(add_scaled(simd, matrix[n][l], points[n], sum));
            }
        }
        for plus in (1..N - 1).step_by(2) {
            let pair = if l % 2 == 0 { sums[plus] } else { differences[plus] };
            if matrix[plus][l] != 0.0 {
                sum = Some(add_scaled(simd, matrix[plus][l], pair, sum));
            }
        }
        pixels[l] = sum_of_two(simd, sum, None);
    }
    pixels
}
