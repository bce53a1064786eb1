//! The products of transformed tiles: convolutions over tiles, point by point.

use pulp::Simd;
use rayon::prelude::*;

use super::tiles::Tiles;
use crate::kernel::lanes::buffer::{List, Workspace};
use crate::kernel::lanes::micro::{Gather, Outer, gather, outer, panel_length};

/// Pieces of the kernel, by row and column of tiles that lie that far from each other.
pub fn pieces(along_axis: usize) -> impl Iterator<Item = [usize; 2]> {
    (0..along_axis * along_axis).map(move |piece| [piece / along_axis, piece % along_axis])
}

/// Which way a convolution is gone through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From inputs to outputs.
    Forward,
    /// From the gradient of outputs to that of inputs.
    Backward,
}

/// Which tiles belong together, as places in memory in vectors: the same for as many rows of tiles.
pub struct Routes {
    rows: usize,
    /// Terms of a sum before another one is begun.
    run: usize,
    /// Numbers of maps of inputs and outputs.
    maps: [usize; 2],
    /// Vectors of a point of them.
    points: [usize; 2],
    /// For every tile of outputs, that of inputs which the kernel's first piece reads, and itself.
    tiles: [List; 2],
    /// What each piece of the kernel adds to the tile of inputs.
    pieces: List,
    /// What each of its maps does.
    piece_maps: List,
}

impl Routes {
    /// Between tiles of inputs and of outputs with so many maps, with so many pieces of the kernel along an axis, in sums of `run` terms.
    pub fn new(workspace: &Workspace, tiles: [&Tiles; 2], maps: [usize; 2], (along_axis, run): (usize, usize)) -> Self {
        let (inputs, count) = (tiles[0], along_axis * along_axis);
        let places = |n: usize| {
            let pitch = tiles[n].pitch(maps[n]);
            workspace.list(tiles[1].count(), tiles[1].places().map(|place| tiles[n].number(place) * pitch))
        };
        let start = |piece| inputs.number(piece) * inputs.pitch(maps[0]);
        let each_map = |piece| (0..maps[0]).map(move |map| start(piece) + map * inputs.parts);
        Self {
            run,
            rows: tiles[1].rows,
            maps,
            points: [0, 1].map(|n| tiles[n].points(1, maps[n])),
            tiles: [0, 1].map(places),
            pieces: workspace.list(count, pieces(along_axis).map(start)),
            piece_maps: workspace.list(count * maps[0], pieces(along_axis).flat_map(each_map)),
        }
    }

    /// Whether they are those of these tiles of outputs of the same images.
    pub fn are_of(&self, outputs: &Tiles) -> bool {
        self.rows == outputs.rows
    }

    /// Of every point, the products of the tiles that the direction starts from and its weights, summed over maps and, on the
    /// way forward, over pieces: the tiles that it leads to.
    pub fn multiply<'a, S: Simd>(
        &self,
        simd: S,
        threads: Threads,
        weights: impl Fn(usize) -> &'a [f32] + Sync,
        (direction, source): (Direction, &[S::f32s]),
        to: &mut [S::f32s],
    ) {
        let (read, written, taps) = match direction {
            Direction::Forward => (0, 1, &*self.pieces),
            Direction::Backward => (1, 0, [0].as_slice()),
        };
        let work = |point: usize, to: &mut [S::f32s]| {
            let job = Gather {
                source: &source[point * self.points[read]..],
                from: &self.tiles[read],
                taps,
                depth: self.maps[read],
                weights: weights(point),
                to: &self.tiles[written],
                out_maps: self.maps[written],
                accumulate: false,
                run: self.run,
            };
            gather(simd, &job, to);
        };
        let points = to.chunks_exact_mut(self.points[written]).enumerate();
        threads.for_each(points, || (), |(), (point, to)| work(point, to));
    }

    /// The products of inputs and outputs as points, summed over tiles and lanes: of every point (piece, in map, out map),
    /// added to what `sums` hold if these aren't the first tiles.
    pub fn add_products<'a, S: Simd>(
        &self,
        simd: S,
        threads: Threads,
        workspace: &Workspace,
        [inputs, outputs]: [&[S::f32s]; 2],
        (first, sums): (bool, impl Iterator<Item = &'a mut [S::f32s]>),
    ) {
        let work = |panels: &mut [f32], point: usize, sums: &mut [S::f32s]| {
            let job = Outer {
                left: &inputs[point * self.points[0]..],
                places: &self.piece_maps,
                steps: &self.tiles[0],
                right: &outputs[point * self.points[1]..],
                pixels: &self.tiles[1],
                maps: self.maps[1],
                accumulate: !first,
                run: self.run,
            };
            outer(simd, &job, bytemuck::cast_slice_mut(panels), sums);
        };
        let memory = || workspace.take(panel_length(self.maps[1]));
        threads.for_each(sums.enumerate(), memory, |panels, (point, sums)| work(panels, point, sums));
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
        points: impl Iterator<Item = P>,
        memory: impl Fn() -> M + Send + Sync,
        work: impl Fn(&mut M, P) + Send + Sync,
    ) {
        match self {
            Self::One => {
                let mut memory = memory();
                points.for_each(|point| work(&mut memory, point));
            }
            // Not cut further than there are threads, each time with memory of its own.
            Self::All => {
                let points: Vec<P> = points.collect();
                let share = points.len().div_ceil(rayon::current_num_threads());
                points.into_par_iter().with_min_len(share).for_each_init(memory, work);
            }
        }
    }
}
