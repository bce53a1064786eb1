#![allow(clippy::needless_range_loop)] // Indices are what is written in the definition.

//! From filters to points, and from the sums over points to the gradient of filters.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::products::pieces as pieces_of;
use super::scheme::{Matrices, Numbers, Scheme, rows_of};
use crate::kernel::geometry::Geometry;
use crate::kernel::lanes::buffer::{Buffer, Workspace};
use crate::kernel::lanes::micro::{MAP_BLOCK, blocks, sum_place, sums_length};
use crate::kernel::lanes::simd::{LEAST_LANES, dispatch};

/// Filters that are transformed at once.
const FILTERS_AT_ONCE: usize = 16;

/// An entry of each of these filters.
type FilterLanes = [f32; FILTERS_AT_ONCE];

/// Transformed filters in the order in which they are read: of each point, [`Gather::weights`].
///
/// [`Gather::weights`]: crate::kernel::lanes::micro::Gather::weights
pub struct Weights {
    points: Buffer,
    /// Floats of a point.
    length: usize,
}

impl Weights {
    /// For the way forward.
    pub fn forward(scheme: Scheme, g: &Geometry, workspace: &Workspace, filters: &[f32]) -> Self {
        Self::new(scheme, workspace, filters, [g.out_maps, g.in_maps], |out, inner| out * g.in_maps + inner)
    }

    /// For the way back: in and out maps exchanged.
    pub fn backward(scheme: Scheme, g: &Geometry, workspace: &Workspace, filters: &[f32]) -> Self {
        Self::new(scheme, workspace, filters, [g.in_maps, g.out_maps], |inner, out| out * g.in_maps + inner)
    }

    fn new(
        scheme: Scheme,
        workspace: &Workspace,
        filters: &[f32],
        maps: [usize; 2],
        place: impl Fn(usize, usize) -> usize + Sync,
    ) -> Self {
        match scheme {
            Scheme::F2x3 => Self::pack(&Cut::<4, 2, 3>::of(scheme), workspace, filters, maps, place),
            Scheme::F4x3 => Self::pack(&Cut::<6, 4, 3>::of(scheme), workspace, filters, maps, place),
            Scheme::F2x5 => Self::pack(&Cut::<6, 2, 5>::of(scheme), workspace, filters, maps, place),
            Scheme::F4x5 => Self::pack(&Cut::<8, 4, 5>::of(scheme), workspace, filters, maps, place),
            Scheme::F3x7 => Self::pack(&Cut::<6, 3, 4>::of(scheme), workspace, filters, maps, place),
        }
    }

    fn pack<const N: usize, const M: usize, const R: usize>(
        cut: &Cut<N, M, R>,
        workspace: &Workspace,
        filters: &[f32],
        [written, summed]: [usize; 2],
        place: impl Fn(usize, usize) -> usize + Sync,
    ) -> Self {
        let (pieces, kernel) = (cut.pieces * cut.pieces, cut.kernel * cut.kernel);
        let length = written * summed * pieces;
        let mut points = workspace.take(N * N * length);
        let blocks: Vec<(usize, usize)> = blocks(written, MAP_BLOCK).collect();
        // Of every block, its part of each point.
        let mut parts: Vec<Vec<&mut [f32]>> = blocks.iter().map(|_| Vec::with_capacity(N * N)).collect();
        for mut rest in points.chunks_exact_mut(length) {
            for (part, (_, maps)) in parts.iter_mut().zip(&blocks) {
                let (first, after) = rest.split_at_mut(maps * summed * pieces);
                part.push(first);
                rest = after;
            }
        }
        parts.into_par_iter().zip(blocks).for_each(|(mut part, (first, maps))| {
            cut.pack_block([summed, maps], &mut part, |inner, out| &filters[place(first + out, inner) * kernel..]);
        });
        Self { points, length }
    }

    /// Those of a pass's points.
    pub fn of_pass<'a, const PASS: usize, const N: usize>(&'a self) -> impl Fn(usize) -> &'a [f32] {
        let rows: [usize; N] = std::array::from_fn(|place| rows_of(PASS, N).nth(place).unwrap_or(0));
        move |point| &self.points[(rows[point / N] * N + point % N) * self.length..][..self.length]
    }
}

/// How kernels are cut into pieces.
struct Cut<const N: usize, const M: usize, const R: usize> {
    kernel: usize,
    /// Along an axis.
    pieces: usize,
}

impl<const N: usize, const M: usize, const R: usize> Cut<N, M, R> {
    fn of(scheme: Scheme) -> Self {
        let Numbers { kernel, pieces, .. } = scheme.numbers();
        Self { kernel, pieces }
    }

    /// Visits the taps of a piece: row and column in the piece, and number in the kernel.
    fn taps(&self, piece: [usize; 2], mut visit: impl FnMut([usize; 2], usize)) {
        let [rows, columns] = piece.map(|piece| if piece + 1 == self.pieces { R } else { M });
        for y in 0..rows {
            for x in 0..columns {
                visit([y, x], (piece[0] * M + y) * self.kernel + piece[1] * M + x);
            }
        }
    }

    /// Writes a block's part of each point: (piece, summed map, out map in the block).
    fn pack_block<'a>(
        &self,
        [summed, maps]: [usize; 2],
        points: &mut [&mut [f32]],
        filter: impl Fn(usize, usize) -> &'a [f32],
    ) {
        for (n, piece) in pieces_of(self.pieces).enumerate() {
            // Filters of neighbouring lanes are those that lie side by side in memory: out maps first, then in maps.
            let (mut inner, mut out) = (0, 0);
            for start in (0..summed * maps).step_by(FILTERS_AT_ONCE) {
                let count = FILTERS_AT_ONCE.min(summed * maps - start);
                let mut taps = [[[0.0; FILTERS_AT_ONCE]; R]; R];
                for lane in 0..count {
                    let filter = filter(inner, out);
                    self.taps(piece, |[y, x], tap| taps[y][x][lane] = filter[tap]);
                    out += 1;
                    if out == maps {
                        (inner, out) = (inner + 1, 0);
                    }
                }
                let transformed = Self::points_of(&taps);
                for (point, values) in points.iter_mut().zip(transformed.as_flattened()) {
                    let to = &mut point[n * summed * maps + start..][..count];
                    match <&mut FilterLanes>::try_from(&mut *to) {
                        Ok(to) => *to = *values,
                        Err(_) => to.copy_from_slice(&values[..count]),
                    }
                }
            }
        }
    }

    /// G x Gᵀ of every filter's x.
    fn points_of(x: &[[FilterLanes; R]; R]) -> [[FilterLanes; N]; N] {
        struct PointsOf<'a, const N: usize, const M: usize, const R: usize>(&'a [[FilterLanes; R]; R]);
        impl<const N: usize, const M: usize, const R: usize> WithSimd for PointsOf<'_, N, M, R> {
            type Output = [[FilterLanes; N]; N];

            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
                sandwich(simd, Matrices::<N, M, R>::FILTERS, self.0)
            }
        }
        dispatch(PointsOf::<N, M, R>(x))
    }

    /// Gᵀ u G of every filter's u.
    fn filters_of(u: &[[FilterLanes; N]; N]) -> [[FilterLanes; R]; R] {
        struct FiltersOf<'a, const N: usize, const M: usize, const R: usize>(&'a [[FilterLanes; N]; N]);
        impl<const N: usize, const M: usize, const R: usize> WithSimd for FiltersOf<'_, N, M, R> {
            type Output = [[FilterLanes; R]; R];

            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) -> Self::Output {
                let mut transposed = [[0.0; N]; R];
                for r in 0..R {
                    for n in 0..N {
                        transposed[r][n] = Matrices::<N, M, R>::FILTERS[n][r];
                    }
                }
                sandwich(simd, transposed, self.0)
            }
        }
        dispatch(FiltersOf::<N, M, R>(u))
    }
}

/// T x Tᵀ of every filter's x, where the compiler knows T.
#[inline(always)]
fn sandwich<S: Simd, const A: usize, const B: usize>(
    simd: S,
    matrix: [[f32; B]; A],
    x: &[[FilterLanes; B]; B],
) -> [[FilterLanes; A]; A] {
    let mut result = [[[0.0; FILTERS_AT_ONCE]; A]; A];
    for first in (0..FILTERS_AT_ONCE).step_by(S::F32_LANES) {
        // T of every column, then the same of the rows.
        let mut half = [[simd.splat_f32s(0.0); B]; A];
        for b in 0..B {
            let mut column = [simd.splat_f32s(0.0); B];
            for k in 0..B {
                column[k] = simd.partial_load_f32s(&x[k][b][first..][..S::F32_LANES]);
            }
            for a in 0..A {
                half[a][b] = weighted_sum(simd, matrix[a], column);
            }
        }
        for a in 0..A {
            for c in 0..A {
                let sum = weighted_sum(simd, matrix[c], half[a]);
                simd.partial_store_f32s(&mut result[a][c][first..][..S::F32_LANES], sum);
            }
        }
    }
    result
}

#[inline(always)]
fn weighted_sum<S: Simd, const B: usize>(simd: S, weights: [f32; B], values: [S::f32s; B]) -> S::f32s {
    let mut sum = simd.splat_f32s(0.0);
    for k in 0..B {
        if weights[k] != 0.0 {
            sum = simd.mul_add_e_f32s(simd.splat_f32s(weights[k]), values[k], sum);
        }
    }
    sum
}

/// The gradient of the filters (out maps, in maps, k, k) from the sums over points u, of each point (piece, in map) as left
/// maps of [`outer`] and out maps as right ones: Gᵀ u G.
///
/// [`outer`]: crate::kernel::lanes::micro::outer
pub fn gradient(scheme: Scheme, g: &Geometry, sums: &[f32]) -> Vec<f32> {
    match scheme {
        Scheme::F2x3 => fold(&Cut::<4, 2, 3>::of(scheme), g, sums),
        Scheme::F4x3 => fold(&Cut::<6, 4, 3>::of(scheme), g, sums),
        Scheme::F2x5 => fold(&Cut::<6, 2, 5>::of(scheme), g, sums),
        Scheme::F4x5 => fold(&Cut::<8, 4, 5>::of(scheme), g, sums),
        Scheme::F3x7 => fold(&Cut::<6, 3, 4>::of(scheme), g, sums),
    }
}

fn fold<const N: usize, const M: usize, const R: usize>(cut: &Cut<N, M, R>, g: &Geometry, sums: &[f32]) -> Vec<f32> {
    let (pieces, length) = (cut.pieces * cut.pieces, cut.kernel * cut.kernel);
    let (filter, lefts) = (g.in_maps * length, pieces * g.in_maps);
    let mut gradient = vec![0.0; g.out_maps * filter];
    gradient.par_chunks_mut(FILTERS_AT_ONCE * filter).enumerate().for_each(|(chunk, gradient)| {
        let count = gradient.len() / filter;
        for (n, piece) in pieces_of(cut.pieces).enumerate() {
            for inner in 0..g.in_maps {
                let mut points = [[[0.0; FILTERS_AT_ONCE]; N]; N];
                for first in (0..count).step_by(LEAST_LANES) {
                    let start = sum_place(lefts, n * g.in_maps + inner, chunk * FILTERS_AT_ONCE + first);
                    let sums = sums.chunks_exact(sums_length(lefts, g.out_maps));
                    for (point, sums) in points.as_flattened_mut().iter_mut().zip(sums) {
                        point[first..][..LEAST_LANES].copy_from_slice(&sums[start..][..LEAST_LANES]);
                    }
                }
                let values = Cut::<N, M, R>::filters_of(&points);
                cut.taps(piece, |[y, x], tap| {
                    for lane in 0..count {
                        gradient[lane * filter + inner * length + tap] = values[y][x][lane];
                    }
                });
            }
        }
    });
    gradient
}
