#![allow(clippy::needless_range_loop)] // Indices are what is written in the definition.

//! From filters to points, and from the sums over points to the gradient of filters.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::products::pieces as pieces_of;
use super::scheme::{Matrices, Numbers, Scheme};
use crate::kernel::lanes::conv::Geometry;
use crate::kernel::lanes::micro::{OUT_BLOCK, blocks};
use crate::kernel::lanes::simd::{dispatch, filled_up};

/// Filters that are transformed side by side: at least those of a block of out maps.
const SIDE: usize = 8;

/// An entry of each of these filters.
type Side = [f32; SIDE];

/// Transformed filters in the order in which they are read: of each point, [`Gather::weights`].
///
/// [`Gather::weights`]: crate::kernel::lanes::micro::Gather::weights
pub struct Weights(Vec<Vec<f32>>);

impl Weights {
    /// For the way forward.
    pub fn forward(scheme: Scheme, g: &Geometry, filters: &[f32]) -> Self {
        Self::new(scheme, filters, [g.out_maps, g.in_maps], |out, inner| out * g.in_maps + inner)
    }

    /// For the way back: in and out maps exchanged.
    pub fn backward(scheme: Scheme, g: &Geometry, filters: &[f32]) -> Self {
        Self::new(scheme, filters, [g.in_maps, g.out_maps], |inner, out| out * g.in_maps + inner)
    }

    fn new(scheme: Scheme, filters: &[f32], maps: [usize; 2], place: impl Fn(usize, usize) -> usize + Sync) -> Self {
        match scheme {
            Scheme::F2x3 => Self::pack(&Cut::<4, 2, 3>::of(scheme), filters, maps, place),
            Scheme::F4x3 => Self::pack(&Cut::<6, 4, 3>::of(scheme), filters, maps, place),
            Scheme::F2x5 => Self::pack(&Cut::<6, 2, 5>::of(scheme), filters, maps, place),
            Scheme::F3x7 => Self::pack(&Cut::<6, 3, 4>::of(scheme), filters, maps, place),
        }
    }

    fn pack<const N: usize, const M: usize, const R: usize>(
        cut: &Cut<N, M, R>,
        filters: &[f32],
        [written, summed]: [usize; 2],
        place: impl Fn(usize, usize) -> usize + Sync,
    ) -> Self {
        let (pieces, length) = (cut.pieces * cut.pieces, cut.kernel * cut.kernel);
        let mut points = vec![vec![0.0; written * summed * pieces]; N * N];
        let blocks: Vec<(usize, usize)> = blocks(written, OUT_BLOCK).collect();
        // Of every block, its part of each point.
        let mut parts: Vec<Vec<&mut [f32]>> = blocks.iter().map(|_| Vec::with_capacity(N * N)).collect();
        for point in &mut points {
            let mut rest = &mut point[..];
            for (part, (_, maps)) in parts.iter_mut().zip(&blocks) {
                let (first, after) = rest.split_at_mut(maps * summed * pieces);
                part.push(first);
                rest = after;
            }
        }
        parts.into_par_iter().zip(blocks).for_each(|(mut part, (first, maps))| {
            for (n, piece) in pieces_of(cut.pieces).enumerate() {
                for inner in 0..summed {
                    let mut taps = [[[0.0; SIDE]; R]; R];
                    for side in 0..maps {
                        let filter = &filters[place(first + side, inner) * length..][..length];
                        cut.taps(piece, |[y, x], tap| taps[y][x][side] = filter[tap]);
                    }
                    let transformed = sandwich(&Matrices::<N, M, R>::FILTERS, &taps);
                    for (point, values) in part.iter_mut().zip(transformed.as_flattened()) {
                        point[(n * summed + inner) * maps..][..maps].copy_from_slice(&values[..maps]);
                    }
                }
            }
        });
        Self(points)
    }

    /// The points of a row.
    pub fn row<const N: usize>(&self, row: usize) -> &[Vec<f32>] {
        &self.0[row * N..][..N]
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
}

/// T x Tᵀ of every filter's x.
fn sandwich<const A: usize, const B: usize>(matrix: &[[f32; B]; A], x: &[[Side; B]; B]) -> [[Side; A]; A] {
    struct Sandwich<'a, const A: usize, const B: usize>(&'a [[f32; B]; A], &'a [[Side; B]; B]);
    impl<const A: usize, const B: usize> WithSimd for Sandwich<'_, A, B> {
        type Output = [[Side; A]; A];

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> Self::Output {
            let Self(matrix, x) = self;
            // T of every column; transposed, so that the same again transforms the rows.
            let mut half = [[[0.0; SIDE]; B]; A];
            for a in 0..A {
                for b in 0..B {
                    for k in 0..B {
                        add_scaled(&mut half[a][b], matrix[a][k], &x[k][b]);
                    }
                }
            }
            let mut result = [[[0.0; SIDE]; A]; A];
            for a in 0..A {
                for c in 0..A {
                    for k in 0..B {
                        add_scaled(&mut result[a][c], matrix[c][k], &half[a][k]);
                    }
                }
            }
            result
        }
    }
    dispatch(Sandwich(matrix, x))
}

#[inline(always)]
fn add_scaled(sum: &mut Side, factor: f32, values: &Side) {
    for side in 0..SIDE {
        sum[side] += factor * values[side];
    }
}

/// The gradient of the filters (out maps, in maps, k, k) from the sums over points u, (point, piece, in map, out map):
/// Gᵀ u G.
pub fn gradient(scheme: Scheme, g: &Geometry, sums: &[f32]) -> Vec<f32> {
    match scheme {
        Scheme::F2x3 => fold(&Cut::<4, 2, 3>::of(scheme), g, sums),
        Scheme::F4x3 => fold(&Cut::<6, 4, 3>::of(scheme), g, sums),
        Scheme::F2x5 => fold(&Cut::<6, 2, 5>::of(scheme), g, sums),
        Scheme::F3x7 => fold(&Cut::<6, 3, 4>::of(scheme), g, sums),
    }
}

fn fold<const N: usize, const M: usize, const R: usize>(cut: &Cut<N, M, R>, g: &Geometry, sums: &[f32]) -> Vec<f32> {
    let matrix = Matrices::<N, M, R>::FILTERS;
    let transposed: [[f32; N]; R] = std::array::from_fn(|r| std::array::from_fn(|n| matrix[n][r]));
    let (pieces, length) = (cut.pieces * cut.pieces, cut.kernel * cut.kernel);
    let (filter, row) = (g.in_maps * length, filled_up(g.out_maps));
    let mut gradient = vec![0.0; g.out_maps * filter];
    gradient.par_chunks_mut(SIDE * filter).enumerate().for_each(|(chunk, gradient)| {
        let count = gradient.len() / filter;
        for (n, piece) in pieces_of(cut.pieces).enumerate() {
            for inner in 0..g.in_maps {
                let start = (n * g.in_maps + inner) * row + chunk * SIDE;
                let mut points = [[[0.0; SIDE]; N]; N];
                for (point, sums) in points.as_flattened_mut().iter_mut().zip(sums.chunks_exact(pieces * g.in_maps * row)) {
                    point.copy_from_slice(&sums[start..start + SIDE]);
                }
                let values = sandwich(&transposed, &points);
                cut.taps(piece, |[y, x], tap| {
                    for side in 0..count {
                        gradient[side * filter + inner * length + tap] = values[y][x][side];
                    }
                });
            }
        }
    });
    gradient
}
