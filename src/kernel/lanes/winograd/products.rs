//! The products of transformed tiles: convolutions over tiles, point by point.

use pulp::Simd;

use super::tiles::Tiles;
use crate::kernel::lanes::micro::{Gather, Outer, gather, outer};
use crate::kernel::lanes::simd::filled_up;

/// Pieces of the kernel, by row and column of tiles that lie that far from each other.
pub fn pieces(along_axis: usize) -> impl Iterator<Item = [usize; 2]> {
    (0..along_axis * along_axis).map(move |piece| [piece / along_axis, piece % along_axis])
}

/// Which tiles are read for each that is written, as places in memory.
pub struct Route {
    maps: [usize; 2],
    parts: usize,
    /// Vectors of a point.
    points: [usize; 2],
    from: Vec<usize>,
    taps: Vec<usize>,
    to: Vec<usize>,
}

impl Route {
    /// From inputs to outputs.
    pub fn forward(tiles: [&Tiles; 2], maps: [usize; 2], along_axis: usize) -> Self {
        Self::new(tiles, maps, pieces(along_axis))
    }

    /// From the gradients of outputs, framed by as many zeros as there are further pieces, to those of inputs.
    pub fn backward(tiles: [&Tiles; 2], maps: [usize; 2], along_axis: usize) -> Self {
        let back = |piece: usize| along_axis - 1 - piece;
        Self::new(tiles, maps, pieces(along_axis).map(|piece| piece.map(back)))
    }

    /// `steps`: of each piece, from the place of the tile that is written, counted from the border, to that of the one read.
    fn new([read, written]: [&Tiles; 2], maps: [usize; 2], steps: impl Iterator<Item = [usize; 2]>) -> Self {
        let pitches = [read.pitch(maps[0]), written.pitch(maps[1])];
        Self {
            maps,
            parts: read.parts,
            points: [read.points(1, maps[0]), written.points(1, maps[1])],
            from: written.places().map(|place| read.at(place) * pitches[0]).collect(),
            taps: steps.map(|step| read.at(step) * pitches[0]).collect(),
            to: written.places().map(|place| written.number(place) * pitches[1]).collect(),
        }
    }

    /// Of every point of row `row` in memory, the products of tiles and weights, summed over maps and pieces.
    #[inline(always)]
    pub fn multiply<S: Simd>(
        &self,
        simd: S,
        row: usize,
        weights: &[Vec<f32>],
        source: &[S::f32s],
        output: &mut [S::f32s],
    ) {
        let columns = weights.len();
        for (column, weights) in weights.iter().enumerate() {
            let [source_start, output_start] = self.points.map(|point| (row * columns + column) * point);
            let job = Gather {
                source: &source[source_start..],
                from: &self.from,
                taps: &self.taps,
                depth: self.maps[0],
                weights,
                to: &self.to,
                out_maps: self.maps[1],
                parts: self.parts,
                accumulate: false,
            };
            gather(simd, &job, &mut output[output_start..]);
        }
    }
}

/// Of every point of a row, the products of inputs and outputs' gradients, summed over tiles and lanes: (piece, in map, out
/// map).
#[inline(always)]
pub fn add_products<S: Simd>(
    simd: S,
    [outputs, inputs]: [&Tiles; 2],
    [out_maps, in_maps]: [usize; 2],
    along_axis: usize,
    (gradients, patches): (&[S::f32s], &[S::f32s]),
    (panels, sums): (&mut [S::f32s], &mut [S::f32s]),
) {
    let parts = inputs.parts;
    let pitches = [outputs.pitch(out_maps), inputs.pitch(in_maps)];
    let pixels: Vec<usize> = outputs.places().map(|place| outputs.number(place) * pitches[0]).collect();
    let in_floats = pitches[1] * S::F32_LANES;
    let steps: Vec<usize> = outputs.places().map(|place| inputs.number(place) * in_floats).collect();
    let of_piece = |piece| {
        let start = inputs.at(piece) * in_floats;
        (0..in_maps).map(move |map| start + map * parts * S::F32_LANES)
    };
    let places: Vec<usize> = pieces(along_axis).flat_map(of_piece).collect();
    let length = places.len() * filled_up(out_maps) / S::F32_LANES;
    for (point, sums) in sums.chunks_exact_mut(length).enumerate() {
        let job = Outer {
            left: bytemuck::cast_slice(&patches[point * inputs.count() * pitches[1]..]),
            places: &places,
            steps: &steps,
            right: &gradients[point * outputs.count() * pitches[0]..],
            pixels: &pixels,
            maps: out_maps,
        };
        outer(simd, &job, panels, sums);
    }
}
