//! Tiles of a group, and their transformation to points and back. Lanes hold images, so it needs no shuffles.

use pulp::Simd;

use super::ROW;
use crate::kernel::lanes::buffer::{Buffer, Workspace};
use crate::kernel::lanes::conv::Geometry;
use crate::kernel::lanes::micro::{NARROW, blocks};
use crate::kernel::lanes::simd::lane_bytes;

/// Bytes of transformed tiles that are worked on together, so that they stay in the second-level cache. Only one row of
/// points is there at a time: more tiles fit, which makes the sums over tiles long.
const TILE_BYTES: usize = 512 << 10;

/// Some tiles of a group, row by row, and where their entries lie, in vectors.
pub struct Tiles {
    /// Tiles in a row.
    columns: usize,
    first: usize,
    /// Number of tiles.
    pub count: usize,
    /// Vectors that a map has.
    pub parts: usize,
}

impl Tiles {
    /// All tiles of a group, as many at a time as fit.
    pub fn all(g: &Geometry, parts: usize) -> impl Iterator<Item = Self> {
        let [rows, columns] = g.out_size.map(|pixels| pixels.div_ceil(2));
        let tile = ROW * (g.in_maps + g.out_maps) * lane_bytes();
        let most = (TILE_BYTES / tile).next_multiple_of(NARROW).max(6 * NARROW);
        blocks(rows * columns, most).map(move |(first, count)| Self { columns, first, count, parts })
    }

    /// Vectors from a tile to the next: entry (point of the row, tile, map) of transformed tiles lies at
    /// (point·count + tile)·pitch + map.
    pub fn pitch(&self, maps: usize) -> usize {
        let vectors = maps * self.parts;
        // Powers of two would map all points to the same few cache sets.
        if vectors.is_multiple_of(8) { vectors + 2 } else { vectors }
    }

    /// Row and column of the tiles' first pixels, tile by tile.
    fn corners(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let (first, columns) = (self.first, self.columns);
        (0..self.count).map(move |tile| (tile, (first + tile) / columns * 2, (first + tile) % columns * 2))
    }

    pub fn scratch<S: Simd>(&self, workspace: &Workspace, maps: usize) -> Buffer {
        workspace.take(ROW * self.count * self.pitch(maps) * S::F32_LANES)
    }

    /// A row of points of transformed tile `tile`, each as long as a pixel of the maps.
    #[inline(always)]
    fn points<'a, V>(&self, entries: &'a [V], tile: usize, maps: usize) -> [&'a [V]; ROW] {
        let (pitch, vectors) = (self.pitch(maps), maps * self.parts);
        let point = |point: usize| &entries[(point * self.count + tile) * pitch..][..vectors];
        [point(0), point(1), point(2), point(3)]
    }

    /// As [`Tiles::points`], to be written.
    #[inline(always)]
    fn points_mut<'a, V>(&self, entries: &'a mut [V], tile: usize, maps: usize) -> [&'a mut [V]; ROW] {
        let (pitch, vectors) = (self.pitch(maps), maps * self.parts);
        let (left, right) = entries.split_at_mut(2 * self.count * pitch);
        let ((a, b), (c, d)) = (left.split_at_mut(self.count * pitch), right.split_at_mut(self.count * pitch));
        [a, b, c, d].map(|point| &mut point[tile * pitch..][..vectors])
    }
}

/// `N` pixels that follow each other, from `start` on.
#[inline(always)]
fn pixels<V, const N: usize>(image: &[V], start: usize, vectors: usize) -> [&[V]; N] {
    let mut pixels = image[start..].chunks_exact(vectors);
    std::array::from_fn(|_| pixels.next().unwrap_or_default())
}

/// As [`pixels`], two to be written.
#[inline(always)]
fn two_pixels_mut<V>(image: &mut [V], start: usize, vectors: usize) -> [&mut [V]; 2] {
    let (a, b) = image[start..][..2 * vectors].split_at_mut(vectors);
    [&mut a[..vectors], &mut b[..vectors]]
}

/// Row `row` of Bᵀ d B of every tile.
#[inline(always)]
pub fn transform_input<S: Simd>(
    simd: S,
    g: &Geometry,
    tiles: &Tiles,
    row: usize,
    input: &[S::f32s],
    to: &mut [S::f32s],
) {
    let vectors = g.in_maps * tiles.parts;
    let line = g.padded[1] * vectors;
    // Bᵀ: the rows of the patch that a row of points takes its difference, or once its sum, from.
    let [first, second] = [[0, 2], [1, 2], [2, 1], [1, 3]][row];
    let sign = simd.splat_f32s(if row == 1 { 1.0 } else { -1.0 });
    for (tile, y, x) in tiles.corners() {
        let [a, b, c, d] = pixels(input, (y + first) * line + x * vectors, vectors);
        let [e, f, g_, h] = pixels(input, (y + second) * line + x * vectors, vectors);
        let (a, b, c, d) = (&a[..vectors], &b[..vectors], &c[..vectors], &d[..vectors]);
        let (e, f, g_, h) = (&e[..vectors], &f[..vectors], &g_[..vectors], &h[..vectors]);
        let [to_a, to_b, to_c, to_d] = tiles.points_mut(to, tile, g.in_maps);
        for v in 0..vectors {
            let p = simd.mul_add_e_f32s(sign, e[v], a[v]);
            let q = simd.mul_add_e_f32s(sign, f[v], b[v]);
            let r = simd.mul_add_e_f32s(sign, g_[v], c[v]);
            let s = simd.mul_add_e_f32s(sign, h[v], d[v]);
            to_a[v] = simd.sub_f32s(p, r);
            to_b[v] = simd.add_f32s(q, r);
            to_c[v] = simd.sub_f32s(r, q);
            to_d[v] = simd.sub_f32s(q, s);
        }
    }
}

/// Adds what row `row` of the points contributes to B p Bᵀ of every tile to the patch that the tile came from: the adjoint
/// of [`transform_input`].
#[inline(always)]
pub fn add_patches<S: Simd>(simd: S, g: &Geometry, tiles: &Tiles, row: usize, from: &[S::f32s], to: &mut [S::f32s]) {
    let vectors = g.in_maps * tiles.parts;
    let line = g.padded[1] * vectors;
    // B: the two rows of the patch, and the signs with which they take the row of points.
    let targets = [[(0, 1.0), (2, -1.0)], [(1, 1.0), (2, 1.0)], [(1, -1.0), (2, 1.0)], [(1, 1.0), (3, -1.0)]][row];
    for (tile, y, x) in tiles.corners() {
        let [a, b, c, d] = tiles.points(from, tile, g.in_maps);
        for (target, sign) in targets {
            let sign = simd.splat_f32s(sign);
            let start = (y + target) * line + x * vectors;
            let (left, right) = to[start..][..4 * vectors].split_at_mut(2 * vectors);
            let ([p, q], [r, s]) = (two_pixels_mut(left, 0, vectors), two_pixels_mut(right, 0, vectors));
            for v in 0..vectors {
                let (sum, difference) = (simd.add_f32s(b[v], c[v]), simd.sub_f32s(b[v], c[v]));
                p[v] = simd.mul_add_e_f32s(sign, a[v], p[v]);
                q[v] = simd.mul_add_e_f32s(sign, simd.add_f32s(difference, d[v]), q[v]);
                r[v] = simd.mul_add_e_f32s(sign, simd.sub_f32s(sum, a[v]), r[v]);
                s[v] = simd.mul_add_e_f32s(sign, simd.neg_f32s(d[v]), s[v]);
            }
        }
    }
}

/// Adds what row `row` of the points contributes to Aᵀ m A of every tile to the output, as far as that has its pixels; the
/// first row that contributes to a pixel sets it.
#[inline(always)]
pub fn transform_output<S: Simd>(
    simd: S,
    g: &Geometry,
    tiles: &Tiles,
    row: usize,
    from: &[S::f32s],
    to: &mut [S::f32s],
) {
    let vectors = g.out_maps * tiles.parts;
    let [height, width] = g.out_size;
    // Aᵀ: what the upper and the lower pixels take the row of points with, and what they held before.
    let targets =
        [[(1.0, 0.0), (0.0, 0.0)], [(1.0, 1.0), (1.0, 0.0)], [(1.0, 1.0), (-1.0, 1.0)], [(0.0, 0.0), (-1.0, 1.0)]];
    for (tile, y, x) in tiles.corners() {
        let [a, b, c, d] = tiles.points(from, tile, g.out_maps);
        for (lower, (sign, keep)) in targets[row].into_iter().enumerate() {
            if sign == 0.0 || y + lower >= height {
                continue;
            }
            let start = ((y + lower) * width + x) * vectors;
            let sign = simd.splat_f32s(sign);
            let write = |to: &mut S::f32s, value: S::f32s| {
                *to = if keep == 0.0 { value } else { simd.mul_add_e_f32s(sign, value, *to) };
            };
            if x + 1 < width {
                let [p, q] = two_pixels_mut(to, start, vectors);
                for v in 0..vectors {
                    let (sum, difference) = (simd.add_f32s(b[v], c[v]), simd.sub_f32s(b[v], c[v]));
                    write(&mut p[v], simd.add_f32s(a[v], sum));
                    write(&mut q[v], simd.sub_f32s(difference, d[v]));
                }
            } else {
                let p = &mut to[start..][..vectors];
                for v in 0..vectors {
                    write(&mut p[v], simd.add_f32s(a[v], simd.add_f32s(b[v], c[v])));
                }
            }
        }
    }
}

/// Row `row` of A y Aᵀ of every tile's gradient, which is 0 where the output has no pixels: the adjoint of
/// [`transform_output`].
#[inline(always)]
pub fn transform_gradient<S: Simd>(
    simd: S,
    g: &Geometry,
    tiles: &Tiles,
    row: usize,
    gradient: &[S::f32s],
    to: &mut [S::f32s],
) {
    let vectors = g.out_maps * tiles.parts;
    let [height, width] = g.out_size;
    let zeros = vec![simd.splat_f32s(0.0); vectors];
    // A: what the row of points takes the upper and the lower pixels with.
    let [upper, lower] = [[1.0, 0.0], [1.0, 1.0], [1.0, -1.0], [0.0, -1.0]][row].map(|sign| simd.splat_f32s(sign));
    for (tile, y, x) in tiles.corners() {
        let pixel = |y: usize, x: usize| match y < height && x < width {
            true => &gradient[(y * width + x) * vectors..][..vectors],
            false => &zeros[..vectors],
        };
        let (a, b, c, d) = (pixel(y, x), pixel(y, x + 1), pixel(y + 1, x), pixel(y + 1, x + 1));
        let [to_a, to_b, to_c, to_d] = tiles.points_mut(to, tile, g.out_maps);
        for v in 0..vectors {
            let left = simd.mul_add_e_f32s(upper, a[v], simd.mul_f32s(lower, c[v]));
            let right = simd.mul_add_e_f32s(upper, b[v], simd.mul_f32s(lower, d[v]));
            to_a[v] = left;
            to_b[v] = simd.add_f32s(left, right);
            to_c[v] = simd.sub_f32s(left, right);
            to_d[v] = simd.neg_f32s(right);
        }
    }
}
