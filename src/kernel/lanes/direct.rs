//! Convolution as its definition says, for any kernel and stride.
//!
//! In maps are worked through in chunks, so that what the sums of one register block read stays in the first-level cache,
//! whatever the number of maps. Where windows overlap, each chunk is copied to memory of its own.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::buffer::{Buffer, Floats, List, Workspace};
use super::micro::{
    self, Gather, NARROW, Outer, blocks, gather, outer, pack_columns, pack_weights, panel_length, pitch, sum_place,
    transpose_matrix,
};
use super::simd::{dispatch, lane_bytes, lane_count, parts};
use crate::kernel::geometry::Geometry;

/// Bytes of the input that a register block's sums should read.
const PATCH_BYTES: usize = 20 << 10;

/// Bytes of a chunk of the gradient that all taps read in turn.
const CHUNK_BYTES: usize = 16 << 10;

/// Weights that are worth the start of a thread.
const AT_ONCE: usize = 1 << 16;

/// Maps that are worked on together, and how their pixels lie in memory, in vectors.
#[derive(Clone, Copy)]
struct Chunk {
    first: usize,
    maps: usize,
    parts: usize,
    /// Of the first pixel.
    start: usize,
    /// From a pixel to the next.
    pitch: usize,
    /// Pixels of a row.
    width: usize,
}

impl Chunk {
    /// Maps that lie among others, `pitch` vectors from pixel to pixel.
    fn in_place([first, maps]: [usize; 2], width: usize, parts: usize, pitch: usize) -> Self {
        Self { first, maps, parts, start: first * parts, pitch, width }
    }

    /// Maps that are copied.
    fn apart([first, maps]: [usize; 2], width: usize, parts: usize) -> Self {
        Self { first, maps, parts, start: 0, pitch: pitch(maps * parts), width }
    }

    fn pixel(&self, y: usize, x: usize) -> usize {
        (y * self.width + x) * self.pitch
    }

    /// What holds the chunk, out of pixels of `maps` maps.
    fn take<'a, V: bytemuck::Pod>(&self, workspace: &Workspace, entries: &'a [V], maps: usize) -> Floats<'a> {
        let (start, length) = (self.first * self.parts, self.maps * self.parts);
        if self.pitch == maps * self.parts && self.start == start {
            return Floats::Borrowed(bytemuck::cast_slice(entries));
        }
        let pixels = entries.chunks_exact(maps * self.parts);
        let mut copy = workspace.take(pixels.len() * self.pitch * size_of::<V>() / size_of::<f32>());
        let to = bytemuck::cast_slice_mut::<_, V>(&mut copy).chunks_exact_mut(self.pitch);
        to.zip(pixels).for_each(|(to, pixel)| to[..length].copy_from_slice(&pixel[start..start + length]));
        Floats::Owned(copy)
    }
}

impl Geometry {
    /// The in maps, a chunk at a time.
    fn chunks(&self, parts: usize) -> impl Iterator<Item = Chunk> {
        let per_map = self.kernel[0] * (self.kernel[1] + NARROW - 1) * lane_bytes();
        let [_, width] = self.padded();
        let (overlap, pitch) = (self.windows_overlap(), self.in_maps * parts);
        blocks(self.in_maps, (PATCH_BYTES / per_map).max(8)).map(move |(first, maps)| match overlap {
            true => Chunk::apart([first, maps], width, parts),
            false => Chunk::in_place([first, maps], width, parts, pitch),
        })
    }

    /// Whether there are pixels that several outputs read.
    fn windows_overlap(&self) -> bool {
        (0..2).any(|axis| self.out_size[axis] > 1 && self.window.stride < self.kernel[axis])
    }

    /// Whether every padded pixel is read once.
    fn windows_tile(&self) -> bool {
        let read = |axis| self.out_size[axis] * self.kernel[axis];
        !self.windows_overlap() && [0, 1].map(read) == self.padded()
    }

    /// What each tap adds to the place of an input pixel.
    fn tap_places(&self, workspace: &Workspace, chunk: &Chunk) -> List {
        let width = self.kernel[1];
        workspace.list(self.taps(), (0..self.taps()).map(|tap| chunk.pixel(tap / width, tap % width)))
    }

    /// Where the first tap of each output pixel of `groups` groups reads.
    fn sources(&self, workspace: &Workspace, chunk: &Chunk, groups: usize) -> List {
        let ([height, width], [padded_height, _]) = (self.out_size, self.padded());
        let place = |group: usize, pixel: usize| {
            let [y, x] = [pixel / width, pixel % width].map(|place| place * self.window.stride);
            chunk.start + chunk.pixel(group * padded_height + y, x)
        };
        let places = (0..groups).flat_map(|group| (0..height * width).map(move |pixel| place(group, pixel)));
        workspace.list(groups * height * width, places)
    }

    /// Groups that `vectors` vectors of output are.
    fn groups(&self, vectors: usize, parts: usize) -> usize {
        vectors / (self.out_pixels() * self.out_maps * parts)
    }
}

/// Filters in the order in which [`forward`] reads them: of each chunk of in maps, [`Gather::weights`].
pub struct ForwardWeights(Buffer);

impl ForwardWeights {
    pub fn new(g: &Geometry, workspace: &Workspace, filters: &[f32]) -> Self {
        let mut packed = workspace.take(filters.len());
        let mut rest = &mut packed[..];
        let part = |chunk: Chunk| {
            let (part, after) = std::mem::take(&mut rest).split_at_mut(chunk.maps * g.taps() * g.out_maps);
            rest = after;
            (chunk, part)
        };
        let parts: Vec<(Chunk, &mut [f32])> = g.chunks(1).map(part).collect();
        parts.into_par_iter().for_each(|(chunk, to)| {
            let taps_of = |tap| (chunk.first..chunk.first + chunk.maps).map(move |i| i * g.taps() + tap);
            let order = workspace.list(chunk.maps * g.taps(), (0..g.taps()).flat_map(taps_of));
            pack_weights(g.out_maps, |o| &filters[o * g.in_maps * g.taps()..], &order, to);
        });
        Self(packed)
    }

    fn of_chunk(&self, g: &Geometry, chunk: &Chunk) -> &[f32] {
        let in_map = g.taps() * g.out_maps;
        &self.0[chunk.first * in_map..][..chunk.maps * in_map]
    }
}

/// The outputs of some groups from their padded inputs.
pub fn forward(g: &Geometry, workspace: &Workspace, input: &[f32], weights: &ForwardWeights, output: &mut [f32]) {
    struct Forward<'a>(&'a Geometry, &'a Workspace, &'a [f32], &'a ForwardWeights, &'a mut [f32]);
    impl WithSimd for Forward<'_> {
        type Output = ();

        fn with_simd<S: Simd>(self, simd: S) {
            let Self(g, workspace, input, weights, output) = self;
            let parts = parts::<S>();
            let (input, output): (&[S::f32s], &mut [S::f32s]) =
                (bytemuck::cast_slice(input), bytemuck::cast_slice_mut(output));
            let groups = g.groups(output.len(), parts);
            let pixels = output.len() / (g.out_maps * parts);
            let to = workspace.list(pixels, (0..pixels).map(|pixel| pixel * g.out_maps * parts));
            for chunk in g.chunks(parts) {
                let source = chunk.take(workspace, input, g.in_maps);
                let (from, taps) = (g.sources(workspace, &chunk, groups), g.tap_places(workspace, &chunk));
                let job = Gather {
                    source: bytemuck::cast_slice(&source),
                    from: &from,
                    taps: &taps,
                    depth: chunk.maps,
                    weights: weights.of_chunk(g, &chunk),
                    to: &to,
                    out_maps: g.out_maps,
                    accumulate: chunk.first > 0,
                    run: usize::MAX,
                };
                gather(simd, &job, output);
            }
        }
    }
    dispatch(Forward(g, workspace, input, weights, output));
}

/// Filters in the order in which [`backward`] reads them: of each tap, [`Gather::weights`] with in and out maps exchanged.
pub struct BackwardWeights {
    taps: Buffer,
    /// Floats of a tap.
    length: usize,
}

impl BackwardWeights {
    pub fn new(g: &Geometry, workspace: &Workspace, filters: &[f32]) -> Self {
        let (taps, length) = (g.taps(), g.out_maps * g.in_maps);
        // Of every out map (tap, in map), so that a block's in maps lie side by side.
        let mut by_tap = workspace.take(filters.len());
        let filter = g.in_maps * taps;
        by_tap
            .par_chunks_mut(filter)
            .zip(filters.par_chunks(filter))
            .with_min_len(AT_ONCE / filter)
            .for_each(|(to, from)| transpose_matrix([g.in_maps, taps], (from, taps), (to, g.in_maps)));
        let mut packed = workspace.take(filters.len());
        packed.par_chunks_mut(length).with_min_len(AT_ONCE / length).enumerate().for_each(|(tap, packed)| {
            pack_columns([g.out_maps, g.in_maps], &by_tap[tap * g.in_maps..], filter, packed);
        });
        Self { taps: packed, length }
    }
}

/// Writes the gradient of some groups' padded input, if it's wanted, which takes the weights for that, and their sums for the
/// gradient of the filters, if that's wanted.
pub fn backward(
    g: &Geometry,
    workspace: &Workspace,
    entries: (&[f32], &[f32]),
    of_input: Option<(&BackwardWeights, &mut [f32])>,
    of_filters: Option<&mut [f32]>,
) {
    struct Backward<'a> {
        g: &'a Geometry,
        workspace: &'a Workspace,
        entries: (&'a [f32], &'a [f32]),
        of_input: Option<(&'a BackwardWeights, &'a mut [f32])>,
        of_filters: Option<&'a mut [f32]>,
    }
    impl WithSimd for Backward<'_> {
        type Output = ();

        fn with_simd<S: Simd>(self, simd: S) {
            let Self { g, workspace, entries: (input, gradient), of_input, of_filters } = self;
            let gradient: &[S::f32s] = bytemuck::cast_slice(gradient);
            if let Some((weights, to)) = of_input {
                write_input_gradient(simd, g, workspace, gradient, weights, bytemuck::cast_slice_mut(to));
            }
            if let Some(to) = of_filters {
                let entries = (bytemuck::cast_slice(input), gradient);
                sum_filter_gradient(simd, g, workspace, entries, bytemuck::cast_slice_mut(to));
            }
        }
    }
    dispatch(Backward { g, workspace, entries, of_input, of_filters });
}

/// Every tap carries the gradient of a pixel to the pixel that it read.
fn write_input_gradient<S: Simd>(
    simd: S,
    g: &Geometry,
    workspace: &Workspace,
    gradient: &[S::f32s],
    weights: &BackwardWeights,
    to: &mut [S::f32s],
) {
    let (parts, once) = (parts::<S>(), g.windows_tile());
    if !once {
        to.fill(simd.splat_f32s(0.0));
    }
    let whole = Chunk::in_place([0, g.in_maps], g.padded()[1], parts, g.in_maps * parts);
    let groups = g.groups(gradient.len(), parts);
    let (pixels, taps) = (g.sources(workspace, &whole, groups), g.tap_places(workspace, &whole));
    let outs = Chunk::apart([0, g.out_maps], g.out_size[1], parts);
    let copy = outs.take(workspace, gradient, g.out_maps);
    let chunk = (CHUNK_BYTES / (g.out_maps * lane_bytes())).max(6);
    for (start, length) in blocks(pixels.len(), chunk) {
        let from = workspace.list(length, (start..start + length).map(|pixel| pixel * outs.pitch));
        for (tap, weights) in taps.iter().zip(weights.taps.chunks_exact(weights.length)) {
            let job = Gather {
                source: bytemuck::cast_slice(&copy),
                from: &from,
                taps: &[0],
                depth: g.out_maps,
                weights,
                to: &pixels[start..start + length],
                out_maps: g.in_maps,
                accumulate: !once,
                run: usize::MAX,
            };
            gather(simd, &job, &mut to[*tap..]);
        }
    }
}

/// Of some in maps at a time and of all taps.
fn sum_filter_gradient<S: Simd>(
    simd: S,
    g: &Geometry,
    workspace: &Workspace,
    (input, gradient): (&[S::f32s], &[S::f32s]),
    sums: &mut [S::f32s],
) {
    let parts = parts::<S>();
    let mut panels = workspace.take(panel_length(g.out_maps));
    for chunk in g.chunks(parts) {
        let input = chunk.take(workspace, input, g.in_maps);
        let steps = g.sources(workspace, &chunk, g.groups(gradient.len(), parts));
        let pixels = workspace.list(steps.len(), (0..steps.len()).map(|pixel| pixel * g.out_maps * parts));
        let taps = g.tap_places(workspace, &chunk);
        let places = (0..chunk.maps).flat_map(|map| taps.iter().map(move |tap| map * parts + tap));
        let places = workspace.list(chunk.maps * taps.len(), places);
        let start = micro::sums_length(chunk.first * g.taps(), g.out_maps) / S::F32_LANES;
        let sums = &mut sums[start..][..micro::sums_length(places.len(), g.out_maps) / S::F32_LANES];
        let job = Outer {
            left: bytemuck::cast_slice(&input),
            places: &places,
            steps: &steps,
            right: gradient,
            pixels: &pixels,
            maps: g.out_maps,
            accumulate: false,
            run: usize::MAX,
        };
        outer(simd, &job, bytemuck::cast_slice_mut(&mut panels), sums);
    }
}

/// Floats that [`backward`] sums up for the gradient of the filters: of each chunk of in maps those of (in map, tap) and out
/// map.
pub fn sums_length(g: &Geometry) -> usize {
    micro::sums_length(g.in_maps * g.taps(), g.out_maps)
}

/// The gradient of the filters (out maps, in maps, k, k) from these sums.
pub fn filter_gradient(g: &Geometry, sums: &[f32]) -> Vec<f32> {
    let filter = g.in_maps * g.taps();
    let mut gradient = vec![0.0; g.out_maps * filter];
    let side = lane_count();
    gradient.par_chunks_mut(side * filter).enumerate().for_each(|(n, gradient)| {
        for chunk in g.chunks(1) {
            let (first, lefts) = (chunk.first * g.taps(), chunk.maps * g.taps());
            let sums = &sums[micro::sums_length(first, g.out_maps) + sum_place(lefts, 0, n * side)..];
            let outs = gradient.len() / filter;
            transpose_matrix([lefts, outs], (sums, side), (&mut gradient[first..], filter));
        }
    });
    gradient
}
