//! Convolution as its definition says, for any kernel and stride.

use pulp::{Simd, WithSimd};

use super::conv::Geometry;
use super::micro::{Gather, NARROW, OUT_BLOCK, Operand, Walk, blocks, gather, outer};
use super::simd::{dispatch, parts};

/// Bytes of the input that a register block's sums should read, so that they stay in the first-level cache.
const PATCH_BYTES: usize = 24 << 10;

/// Bytes of a chunk of the gradient that all taps read in turn.
const CHUNK_BYTES: usize = 16 << 10;

/// Steps over which [`outer`] sums before it adds up lanes.
const STEPS: usize = 64;

const VECTOR_BYTES: usize = 32;

impl Geometry {
    fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Where pixel (y, x) of the padded input starts, in vectors.
    fn in_pixel(&self, y: usize, x: usize, parts: usize) -> usize {
        (y * self.padded[1] + x) * self.in_maps * parts
    }

    /// What each tap adds to the place of an input pixel, in vectors.
    fn tap_places(&self, parts: usize) -> Vec<usize> {
        let [height, width] = self.kernel;
        (0..height * width).map(|tap| self.in_pixel(tap / width, tap % width, parts)).collect()
    }

    /// Where each output pixel's first tap reads, in vectors.
    fn sources(&self, parts: usize) -> Vec<usize> {
        let [height, width] = self.out_size;
        let place = |pixel| self.in_pixel(pixel / width * self.stride, pixel % width * self.stride, parts);
        (0..height * width).map(place).collect()
    }
}

/// Filters in the order in which [`forward`] reads them: in maps in chunks, each as [`Gather::weights`].
pub struct ForwardWeights(Vec<(usize, usize, Vec<f32>)>);

impl ForwardWeights {
    pub fn new(g: &Geometry, filters: &[f32]) -> Self {
        let [height, width] = g.kernel;
        let per_map = height * (width + NARROW - 1) * VECTOR_BYTES;
        let chunk = (PATCH_BYTES / per_map).max(8);
        let pack = |(start, length)| {
            let mut weights = Vec::with_capacity(g.out_maps * length * g.taps());
            for (first, maps) in blocks(g.out_maps, OUT_BLOCK) {
                for tap in 0..g.taps() {
                    for i in start..start + length {
                        weights.extend((first..first + maps).map(|o| filters[(o * g.in_maps + i) * g.taps() + tap]));
                    }
                }
            }
            (start, length, weights)
        };
        Self(blocks(g.in_maps, chunk).map(pack).collect())
    }
}

/// The output of one group from its padded input.
pub fn forward(g: &Geometry, input: &[f32], weights: &ForwardWeights, output: &mut [f32]) {
    struct Forward<'a>(&'a Geometry, &'a [f32], &'a ForwardWeights, &'a mut [f32]);
    impl WithSimd for Forward<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Self(g, input, weights, output) = self;
            let parts = parts::<S>();
            let (from, taps) = (g.sources(parts), g.tap_places(parts));
            let to: Vec<usize> = (0..from.len()).map(|pixel| pixel * g.out_maps * parts).collect();
            let input: &[S::f32s] = bytemuck::cast_slice(input);
            for (start, depth, weights) in &weights.0 {
                let job = Gather {
                    source: &input[start * parts..],
                    from: &from,
                    taps: &taps,
                    depth: *depth,
                    weights,
                    to: &to,
                    out_maps: g.out_maps,
                    parts,
                    accumulate: *start > 0,
                };
                gather(simd, &job, bytemuck::cast_slice_mut(output));
            }
        }
    }
    dispatch(Forward(g, input, weights, output));
}

/// Filters in the order in which [`backward`] reads them: of each tap, [`Gather::weights`] with in and out maps exchanged.
pub struct BackwardWeights(Vec<Vec<f32>>);

impl BackwardWeights {
    pub fn new(g: &Geometry, filters: &[f32]) -> Self {
        let pack = |tap| {
            let mut weights = Vec::with_capacity(g.out_maps * g.in_maps);
            for (first, maps) in blocks(g.in_maps, OUT_BLOCK) {
                for o in 0..g.out_maps {
                    weights.extend((first..first + maps).map(|i| filters[(o * g.in_maps + i) * g.taps() + tap]));
                }
            }
            weights
        };
        Self((0..g.taps()).map(pack).collect())
    }
}

/// Adds one group's part to the gradients of its padded input and of the filters, those that are wanted.
pub fn backward(
    g: &Geometry,
    (input, gradient): (&[f32], &[f32]),
    weights: &BackwardWeights,
    input_gradient: Option<&mut [f32]>,
    filter_gradient: Option<&mut [f32]>,
) {
    struct Backward<'a> {
        g: &'a Geometry,
        input: &'a [f32],
        gradient: &'a [f32],
        weights: &'a BackwardWeights,
        input_gradient: Option<&'a mut [f32]>,
        filter_gradient: Option<&'a mut [f32]>,
    }
    impl WithSimd for Backward<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Self { g, input, gradient, weights, input_gradient, filter_gradient } = self;
            let gradient: &[S::f32s] = bytemuck::cast_slice(gradient);
            if let Some(to) = input_gradient {
                add_input_gradient(simd, g, gradient, weights, bytemuck::cast_slice_mut(to));
            }
            if let Some(to) = filter_gradient {
                add_filter_gradient(simd, g, bytemuck::cast_slice(input), gradient, to);
            }
        }
    }
    dispatch(Backward { g, input, gradient, weights, input_gradient, filter_gradient });
}

/// Every tap carries the gradient of a pixel to the pixel that it read.
#[inline(always)]
fn add_input_gradient<S: Simd>(
    simd: S,
    g: &Geometry,
    gradient: &[S::f32s],
    weights: &BackwardWeights,
    to: &mut [S::f32s],
) {
    let parts = parts::<S>();
    let (pixels, taps) = (g.sources(parts), g.tap_places(parts));
    let chunk = (CHUNK_BYTES / (g.out_maps * VECTOR_BYTES)).max(6);
    for (start, length) in blocks(pixels.len(), chunk) {
        let from: Vec<usize> = (start..start + length).map(|pixel| pixel * g.out_maps * parts).collect();
        for (tap, weights) in taps.iter().zip(&weights.0) {
            let places: Vec<usize> = pixels[start..start + length].iter().map(|pixel| pixel + tap).collect();
            let job = Gather {
                source: gradient,
                from: &from,
                taps: &[0],
                depth: g.out_maps,
                weights,
                to: &places,
                out_maps: g.in_maps,
                parts,
                accumulate: true,
            };
            gather(simd, &job, to);
        }
    }
}

#[inline(always)]
fn add_filter_gradient<S: Simd>(
    simd: S,
    g: &Geometry,
    input: &[S::f32s],
    gradient: &[S::f32s],
    filter_gradient: &mut [f32],
) {
    let parts = parts::<S>();
    let [height, width] = g.out_size;
    let columns = g.in_maps * g.taps();
    let taps = g.tap_places(parts);
    let places: Vec<usize> = (0..columns).map(|c| c / g.taps() * parts + taps[c % g.taps()]).collect();
    let lefts: Vec<usize> = (0..g.out_maps).map(|map| map * parts).collect();
    for (first, rows) in blocks(height, STEPS.div_ceil(width)) {
        let walk = Walk {
            rows,
            columns: width,
            left: [width * g.out_maps * parts, g.out_maps * parts],
            right: [g.in_pixel(g.stride, 0, parts), g.in_pixel(0, g.stride, parts)],
            parts,
        };
        let gradient = &gradient[first * walk.left[0]..];
        let input = &input[first * walk.right[0]..];
        let left = Operand { entries: gradient, places: &lefts };
        outer(simd, &walk, left, Operand { entries: input, places: &places }, filter_gradient);
    }
}
