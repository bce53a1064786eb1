//! The products of transformed tiles: convolutions over tiles, point by point.

use pulp::Simd;

use super::tiles::Tiles;
use crate::kernel::lanes::micro::{Gather, Operand, Walk, gather, outer};

/// Pieces of the kernel, by row and column of tiles that lie that far from each other.
pub fn pieces(along_axis: usize) -> impl Iterator<Item = [usize; 2]> {
    (0..along_axis * along_axis).map(move |piece| [piece / along_axis, piece % along_axis])
}

/// Which tiles are read for a tile that is written.
pub struct Route {
    read: Tiles,
    written: Tiles,
    /// Of each piece, from the place of the written tile, counted from the border, to that of the one read.
    steps: Vec<[usize; 2]>,
}

impl Route {
    /// From inputs to outputs.
    pub fn forward(read: Tiles, written: Tiles, along_axis: usize) -> Self {
        Self { read, written, steps: pieces(along_axis).collect() }
    }

    /// From the gradients of outputs, framed by as many zeros as there are further pieces, to those of inputs.
    pub fn backward(read: Tiles, written: Tiles, along_axis: usize) -> Self {
        let back = |step: usize| along_axis - 1 - step;
        Self { read, written, steps: pieces(along_axis).map(|piece| piece.map(back)).collect() }
    }

    /// Of every point of a row, the products of tiles and weights, summed over maps and pieces.
    #[inline(always)]
    pub fn multiply<S: Simd>(
        &self,
        simd: S,
        [summed, out_maps]: [usize; 2],
        weights: &[Vec<f32>],
        source: &[S::f32s],
        output: &mut [S::f32s],
    ) {
        let Self { read, written, steps } = self;
        let (from_pitch, to_pitch) = (read.pitch(summed), written.pitch(out_maps));
        let from: Vec<usize> = written.places().map(|place| read.at(place) * from_pitch).collect();
        let to: Vec<usize> = written.places().map(|place| written.number(place) * to_pitch).collect();
        let taps: Vec<usize> = steps.iter().map(|&step| read.at(step) * from_pitch).collect();
        for (point, weights) in weights.iter().enumerate() {
            let job = Gather {
                source: &source[point * read.count() * from_pitch..],
                from: &from,
                taps: &taps,
                depth: summed,
                weights,
                to: &to,
                out_maps,
                parts: read.parts,
                accumulate: false,
            };
            gather(simd, &job, &mut output[point * written.count() * to_pitch..]);
        }
    }
}

/// Of every point of a row, the products of outputs' gradients and inputs, summed over tiles and lanes: (out maps, pieces, in
/// maps).
#[inline(always)]
pub fn add_products<S: Simd>(
    simd: S,
    [outputs, inputs]: [&Tiles; 2],
    [out_maps, in_maps]: [usize; 2],
    along_axis: usize,
    (gradients, patches): (&[S::f32s], &[S::f32s]),
    sums: &mut [f32],
) {
    let (left, right, parts) = (outputs.pitch(out_maps), inputs.pitch(in_maps), inputs.parts);
    // From the first tile of outputs to the last, zeros beside them included, so that each is as far from the next.
    let [first, last] = [[0, 0], [outputs.rows - 1, outputs.columns - 1]].map(|place| outputs.number(place));
    let width = outputs.at([1, 0]);
    let beside = |step: usize| inputs.number([step / width, (step % width).min(inputs.columns - 1)]) * right;
    let at_right: Vec<usize> = (0..=last - first).map(beside).collect();
    let walk = Walk { left, right: &at_right, parts };
    let lefts: Vec<usize> = (0..out_maps).map(|map| map * parts).collect();
    let of_piece = |piece| (0..in_maps).map(move |map| inputs.at(piece) * right + map * parts);
    let rights: Vec<usize> = pieces(along_axis).flat_map(of_piece).collect();
    for (point, sums) in sums.chunks_mut(lefts.len() * rights.len()).enumerate() {
        let left = Operand { entries: &gradients[(point * outputs.count() + first) * left..], places: &lefts };
        let right = Operand { entries: &patches[point * inputs.count() * right..], places: &rights };
        outer(simd, &walk, left, right, sums);
    }
}
