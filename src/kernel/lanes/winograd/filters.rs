#![allow(clippy::needless_range_loop)] // Indices are what is written in the definition.

//! From filters to points, and from the sums over points to the gradient of filters.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::scheme::{Matrices, Scheme};
use crate::kernel::lanes::conv::Geometry;
use crate::kernel::lanes::micro::{OUT_BLOCK, blocks};
use crate::kernel::lanes::simd::dispatch;

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
            Scheme::F2x3 => Self::pack::<4, 2, 3>(filters, maps, place),
            Scheme::F4x3 => Self::pack::<6, 4, 3>(filters, maps, place),
            Scheme::F2x5 => Self::pack::<6, 2, 5>(filters, maps, place),
        }
    }

    fn pack<const N: usize, const M: usize, const R: usize>(
        filters: &[f32],
        [written, summed]: [usize; 2],
        place: impl Fn(usize, usize) -> usize + Sync,
    ) -> Self {
        let mut points = vec![vec![0.0; written * summed]; N * N];
        let blocks: Vec<(usize, usize)> = blocks(written, OUT_BLOCK).collect();
        // Of every block, its part of each point.
        let mut parts: Vec<Vec<&mut [f32]>> = blocks.iter().map(|_| Vec::with_capacity(N * N)).collect();
        for point in &mut points {
            let mut rest = &mut point[..];
            for (part, (_, maps)) in parts.iter_mut().zip(&blocks) {
                let (first, after) = rest.split_at_mut(maps * summed);
                part.push(first);
                rest = after;
            }
        }
        parts.into_par_iter().zip(blocks).for_each(|(mut part, (first, maps))| {
            for inner in 0..summed {
                let mut taps = [[[0.0; SIDE]; R]; R];
                for side in 0..maps {
                    let filter = &filters[place(first + side, inner) * R * R..][..R * R];
                    for (tap, value) in filter.iter().enumerate() {
                        taps[tap / R][tap % R][side] = *value;
                    }
                }
                let transformed = sandwich(&Matrices::<N, M, R>::FILTERS, &taps);
                for (point, values) in part.iter_mut().zip(transformed.as_flattened()) {
                    point[inner * maps..][..maps].copy_from_slice(&values[..maps]);
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

/// The gradient of the filters (out maps, in maps, k, k) from the sums over points u: Gᵀ u G.
pub fn gradient(scheme: Scheme, filters: usize, sums: &[f32]) -> Vec<f32> {
    match scheme {
        Scheme::F2x3 => fold::<4, 2, 3>(filters, sums),
        Scheme::F4x3 => fold::<6, 4, 3>(filters, sums),
        Scheme::F2x5 => fold::<6, 2, 5>(filters, sums),
    }
}

fn fold<const N: usize, const M: usize, const R: usize>(filters: usize, sums: &[f32]) -> Vec<f32> {
    let matrix = Matrices::<N, M, R>::FILTERS;
    let transposed: [[f32; N]; R] = std::array::from_fn(|r| std::array::from_fn(|n| matrix[n][r]));
    let mut gradient = vec![0.0; R * R * filters];
    gradient.par_chunks_mut(SIDE * R * R).enumerate().for_each(|(chunk, gradient)| {
        let count = gradient.len() / (R * R);
        let mut points = [[[0.0; SIDE]; N]; N];
        for (point, sums) in points.as_flattened_mut().iter_mut().zip(sums.chunks_exact(filters)) {
            point[..count].copy_from_slice(&sums[chunk * SIDE..][..count]);
        }
        let taps = sandwich(&transposed, &points);
        for (tap, values) in taps.as_flattened().iter().enumerate() {
            let places = gradient[tap..].iter_mut().step_by(R * R);
            places.zip(&values[..count]).for_each(|(place, value)| *place = *value);
        }
    });
    gradient
}
