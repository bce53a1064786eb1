#![allow(clippy::needless_range_loop)] // Iterators over arrays of vectors don't reliably become registers.

//! From the pixels of tiles to points and back. Lanes hold images, so it needs no shuffles.
//!
//! One axis is transformed after the other, along the tiles of a row: what neighbours share of the first axis, is shared.

use pulp::Simd;

use super::scheme::{ALL, in_pass, rows_of};
use super::tiles::{Plane, Tiles};
use crate::kernel::lanes::micro::blocks;

/// Vectors of a pixel that are transformed in one go: as many as let what lies between the axes stay in a near cache.
const CHUNK: usize = 48;

/// Vectors of scratch memory that the transforms of `points` points along an axis take.
pub const fn between(points: usize) -> usize {
    (points * points + points) * CHUNK
}

/// The rows of T d Tᵀ that are in the pass, of every tile, where T is the matrix and d the L×L pixels of the tile, which lies M
/// from the next: entry (row in the pass, column, tile, map).
#[inline(always)]
pub fn to_points<S: Simd, const PASS: usize, const N: usize, const M: usize, const L: usize>(
    simd: S,
    (tiles, plane): (&Tiles, &Plane),
    matrix: [[f32; L]; N],
    images: &[S::f32s],
    between: &mut [S::f32s],
    points: &mut [S::f32s],
) {
    let (vectors, pitch, [height, width]) = (plane.pixel(tiles), tiles.pitch(plane.maps), plane.size);
    // Of the last L columns of pixels, the points of each.
    let (half, nothing) = between.split_at_mut(L * N * CHUNK);
    nothing.fill(simd.splat_f32s(0.0));
    for (start, length) in blocks(vectors, CHUNK) {
        for row in tiles.each_row() {
            for column in 0..tiles.columns {
                let left = column * M;
                for x in left + if column == 0 { 0 } else { L - M }..left + L {
                    let mut pixels = [&nothing[..length]; L];
                    if let Some(x) = plane.inside(1, x) {
                        for l in 0..L {
                            if let Some(y) = plane.inside(0, row.top + l) {
                                let pixel = (row.image * height + y) * width + x;
                                pixels[l] = &images[pixel * vectors + start..][..length];
                            }
                        }
                    }
                    let mut chunks = half[x % L * N * CHUNK..].chunks_exact_mut(CHUNK);
                    let to = std::array::from_fn(|_| &mut chunks.next().unwrap_or_default()[..length]);
                    all_points_of::<S, PASS, N, L>(simd, matrix, pixels, to);
                }
                let mut chunks = points.chunks_exact_mut(tiles.count() * pitch);
                for n in rows_of(PASS, N) {
                    let mut pixels = [&half[..0]; L];
                    for l in 0..L {
                        pixels[l] = &half[((left + l) % L * N + n) * CHUNK..][..length];
                    }
                    let place = (row.tile + column) * pitch + start;
                    let to = std::array::from_fn(|_| &mut chunks.next().unwrap_or_default()[place..][..length]);
                    all_points_of::<S, ALL, N, L>(simd, matrix, pixels, to);
                }
            }
        }
    }
}

/// The [`points_of`] that are in the pass, entry by entry.
#[inline(always)]
fn all_points_of<S: Simd, const PASS: usize, const N: usize, const L: usize>(
    simd: S,
    matrix: [[f32; L]; N],
    pixels: [&[S::f32s]; L],
    points: [&mut [S::f32s]; N],
) {
    let length = pixels[0].len();
    assert!(pixels.iter().all(|pixels| pixels.len() == length) && points.iter().all(|points| points.len() == length));
    for v in 0..length {
        let mut entries = [simd.splat_f32s(0.0); L];
        for l in 0..L {
            entries[l] = pixels[l][v];
        }
        let entries = points_of(simd, matrix, entries);
        for n in 0..N {
            if in_pass(PASS, N, n) {
                points[n][v] = entries[n];
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

/// What the rows in the pass give of Tᵀ p T, of every tile, where p are its points: the adjoint of [`to_points`]. Pixels that
/// several tiles have get their sum; passes have to follow each other.
#[inline(always)]
pub fn from_points<S: Simd, const PASS: usize, const N: usize, const M: usize, const L: usize>(
    simd: S,
    (tiles, plane): (&Tiles, &Plane),
    matrix: [[f32; L]; N],
    points: &[S::f32s],
    between: &mut [S::f32s],
    images: &mut [S::f32s],
) {
    let (vectors, pitch, [height, width]) = (plane.pixel(tiles), tiles.pitch(plane.maps), plane.size);
    // Of the last L columns of pixels, the points of each.
    let (half, nowhere) = between.split_at_mut(N * L * CHUNK);
    for (start, length) in blocks(vectors, CHUNK) {
        for row in tiles.each_row() {
            let image = &mut images[row.image * height * width * vectors..][..height * width * vectors];
            for column in 0..tiles.columns {
                let left = column * M;
                for (place, n) in rows_of(PASS, N).enumerate() {
                    let mut from = [&points[..0]; N];
                    for m in 0..N {
                        let tile = (place * N + m) * tiles.count() + row.tile + column;
                        from[m] = &points[tile * pitch + start..][..length];
                    }
                    let mut chunks = half[n * L * CHUNK..].chunks_exact_mut(CHUNK);
                    let mut to: [&mut [S::f32s]; L] =
                        std::array::from_fn(|_| &mut chunks.next().unwrap_or_default()[..length]);
                    to.rotate_left(left % L);
                    all_pixels_of::<S, ALL, N, M, L>(simd, matrix, from, to, column > 0);
                }
                // Those that no tile to come has.
                let done = if column + 1 == tiles.columns { L } else { M };
                for x in left..left + done {
                    let Some(image_x) = plane.inside(1, x) else { continue };
                    let mut from = [&half[..0]; N];
                    for n in 0..N {
                        from[n] = &half[(n * L + x % L) * CHUNK..][..length];
                    }
                    let first = row.top.saturating_sub(plane.offset);
                    let mut rows = image.chunks_exact_mut(width * vectors).skip(first);
                    let mut outside = nowhere.chunks_exact_mut(CHUNK);
                    let to = std::array::from_fn(|l| match plane.inside(0, row.top + l) {
                        Some(_) => &mut rows.next().unwrap_or_default()[image_x * vectors + start..][..length],
                        None => &mut outside.next().unwrap_or_default()[..length],
                    });
                    all_pixels_of::<S, PASS, N, M, L>(simd, matrix, from, to, row.top > 0);
                }
            }
        }
    }
}

/// [`pixels_of`] entry by entry, added to what passes before have written, and with `shared` to what the tile before has.
#[inline(always)]
fn all_pixels_of<S: Simd, const PASS: usize, const N: usize, const M: usize, const L: usize>(
    simd: S,
    matrix: [[f32; L]; N],
    points: [&[S::f32s]; N],
    pixels: [&mut [S::f32s]; L],
    shared: bool,
) {
    let length = points[0].len();
    assert!(pixels.iter().all(|pixels| pixels.len() == length) && points.iter().all(|points| points.len() == length));
    for v in 0..length {
        let mut entries = [simd.splat_f32s(0.0); N];
        for n in 0..N {
            entries[n] = points[n][v];
        }
        let entries = pixels_of::<S, PASS, N, L>(simd, matrix, entries);
        for l in 0..L {
            if let Some(entry) = entries[l] {
                let add = l + M < L && shared || written(matrix, PASS, l);
                pixels[l][v] = if add { simd.add_f32s(pixels[l][v], entry) } else { entry };
            }
        }
    }
}

/// Whether passes before this one have written pixel `l`.
#[inline(always)]
fn written<const N: usize, const L: usize>(matrix: [[f32; L]; N], pass: usize, l: usize) -> bool {
    let mut written = false;
    for before in 0..if pass == ALL { 0 } else { pass } {
        for n in 0..N {
            written |= in_pass(before, N, n) && matrix[n][l] != 0.0;
        }
    }
    written
}

/// What the points in the pass give of Tᵀ p along one axis; `None` where they have no part.
#[inline(always)]
fn pixels_of<S: Simd, const PASS: usize, const N: usize, const L: usize>(
    simd: S,
    matrix: [[f32; L]; N],
    points: [S::f32s; N],
) -> [Option<S::f32s>; L] {
    let (mut sums, mut differences) = (points, points);
    for plus in (1..N - 1).step_by(2) {
        sums[plus] = simd.add_f32s(points[plus], points[plus + 1]);
        differences[plus] = simd.sub_f32s(points[plus], points[plus + 1]);
    }
    let mut pixels = [None; L];
    for l in 0..L {
        let mut sum = None;
        for n in [0, N - 1] {
            if in_pass(PASS, N, n) && matrix[n][l] != 0.0 {
                sum = Some(add_scaled(simd, matrix[n][l], points[n], sum));
            }
        }
        for plus in (1..N - 1).step_by(2) {
            let pair = if l % 2 == 0 { sums[plus] } else { differences[plus] };
            if in_pass(PASS, N, plus) && matrix[plus][l] != 0.0 {
                sum = Some(add_scaled(simd, matrix[plus][l], pair, sum));
            }
        }
        pixels[l] = sum;
    }
    pixels
}
