//! The products of transformed tiles: convolutions over tiles, point by point.

use bytemuck::Pod;
use pulp::Simd;
use rayon::prelude::*;

use super::tiles::Tiles;
use crate::kernel::lanes::buffer::Workspace;
use crate::kernel::lanes::micro::{Gather, Outer, gather, outer, panel_length};

/// Pieces of the kernel, by row and column of tiles that lie that far from each other.
pub fn pieces(along_axis: usize) -> impl Iterator<Item = [usize; 2]> {
    (0..along_axis * along_axis).map(move |piece| [piece / along_axis, piece % along_axis])
}

/// Which tiles are read for each that is written, as places in memory.
pub struct Route {
    maps: [usize; 2],
    /// Vectors of a point.
    points: [usize; 2],
    from: Vec<usize>,
    taps: Vec<usize>,
    to: Vec<usize>,
}

impl Route {
    /// From tiles that are read to those that are written, with so many pieces of the kernel along an axis.
    pub fn new([read, written]: [&Tiles; 2], maps: [usize; 2], along_axis: usize) -> Self {
        let pitches = [read.pitch(maps[0]), written.pitch(maps[1])];
        Self {
            maps,
            points: [read.points(1, maps[0]), written.points(1, maps[1])],
            from: written.places().map(|place| read.number(place) * pitches[0]).collect(),
            taps: pieces(along_axis).map(|step| read.number(step) * pitches[0]).collect(),
            to: written.places().map(|place| written.number(place) * pitches[1]).collect(),
        }
    }

    /// Of every point, the products of tiles and its weights, summed over maps and pieces.
    pub fn multiply<'a, S: Simd>(
        &self,
        simd: S,
        threads: Threads,
        weights: impl Fn(usize) -> &'a [f32] + Sync,
        source: &[S::f32s],
        output: &mut [S::f32s],
    ) {
        let points = output.chunks_exact_mut(self.points[1]).enumerate().collect();
        threads.for_each(
            points,
            || (),
            |(), (point, output)| {
                let job = Gather {
                    source: &source[point * self.points[0]..],
                    from: &self.from,
                    taps: &self.taps,
                    depth: self.maps[0],
                    weights: weights(point),
                    to: &self.to,
                    out_maps: self.maps[1],
                    accumulate: false,
                };
                gather(simd, &job, output);
            },
        );
    }
}

/// Whether the points of some tiles are worked on one after the other, or shared among threads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Threads {
    One,
    All,
}

impl Threads {
    /// Does `work` for all points, with memory that no other point uses at the same time.
    fn for_each<P: Send, M>(
        self,
        points: Vec<P>,
        memory: impl Fn() -> M + Send + Sync,
        work: impl Fn(&mut M, P) + Send + Sync,
    ) {
        match self {
            Self::One => {
                let mut memory = memory();
                points.into_iter().for_each(|point| work(&mut memory, point));
            }
            // Not cut further than there are threads, each time with memory of its own.
            Self::All => {
                let share = points.len().div_ceil(rayon::current_num_threads());
                points.into_par_iter().with_min_len(share).for_each_init(memory, work);
            }
        }
    }
}

/// Gradients of outputs and inputs as points: what a pass has of them, and how its tiles lie.
pub struct Pair<'a, V> {
    pub tiles: [&'a Tiles; 2],
    /// Numbers of maps.
    pub maps: [usize; 2],
    pub points: [&'a [V]; 2],
}

impl<V: Pod + Send + Sync> Pair<'_, V> {
    /// Adds the products of both to the sums of every point, over tiles and lanes: (piece, in map, out map). The sums start
    /// from 0 if these are the first tiles.
    pub fn add_products<S: Simd<f32s = V>>(
        &self,
        simd: S,
        threads: Threads,
        workspace: &Workspace,
        (along_axis, first): (usize, bool),
        sums: Vec<&mut [V]>,
    ) {
        let ([outputs, inputs], [out_maps, in_maps]) = (self.tiles, self.maps);
        let pitches = [outputs.pitch(out_maps), inputs.pitch(in_maps)];
        let floats = |vectors: usize| vectors * S::F32_LANES;
        let pixels: Vec<usize> = outputs.places().map(|place| outputs.number(place) * pitches[0]).collect();
        let steps: Vec<usize> = outputs.places().map(|place| floats(inputs.number(place) * pitches[1])).collect();
        let of_piece = |piece| {
            let start = inputs.number(piece) * pitches[1];
            (0..in_maps).map(move |map| floats(start + map * inputs.parts))
        };
        let places: Vec<usize> = pieces(along_axis).flat_map(of_piece).collect();
        let memory = || workspace.take(panel_length(out_maps));
        threads.for_each(sums.into_iter().enumerate().collect(), memory, |panels, (point, sums)| {
            let [gradients, patches] = [0, 1].map(|n| &self.points[n][self.tiles[n].points(point, self.maps[n])..]);
            let left = bytemuck::cast_slice(patches);
            let job = Outer {
                left,
                places: &places,
                steps: &steps,
                right: gradients,
                pixels: &pixels,
                maps: out_maps,
                accumulate: !first,
            };
            outer(simd, &job, bytemuck::cast_slice_mut(panels), sums);
        });
    }
}
