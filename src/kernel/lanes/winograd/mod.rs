//! Convolution at stride 1 by Winograd's schemes F(m×m, r×r) (Lavin & Gray, "Fast algorithms for convolutional neural
//! networks", CVPR 2016): (m + r − 1)² products per map and m×m outputs instead of m²r².
//!
//! With d a patch of the input, g a filter, and Y the m×m outputs that depend on the patch,
//! Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A. The gradients are the adjoints of these linear maps, so that they take the same number of
//! products.

mod filters;
mod scheme;
mod transforms;

use pulp::{Simd, WithSimd};

use super::buffer::Workspace;
use super::conv::Geometry;
use super::micro::{Gather, Operand, Walk, gather, outer};
use super::simd::{dispatch, lane_bytes, parts};
pub use filters::{Weights, gradient as filter_gradient};
pub use scheme::Scheme;
use scheme::{ALL, Matrices, rows_of};
use transforms::{Plane, Tiles, between, from_points, to_points};

impl Scheme {
    /// Floats that [`Scheme::add_sums`] sums up for the gradient of the filters: (points, out maps, in maps).
    pub fn sums_length(self, g: &Geometry) -> usize {
        self.numbers().points().pow(2) * g.out_maps * g.in_maps
    }

    /// The outputs of some groups.
    pub fn forward(self, g: &Geometry, workspace: &Workspace, input: &[f32], weights: &Weights, output: &mut [f32]) {
        match self {
            Self::F2x3 => dispatch(Forward::<4, 2, 3> { g, workspace, input, weights, output }),
            Self::F4x3 => dispatch(Forward::<6, 4, 3> { g, workspace, input, weights, output }),
            Self::F2x5 => dispatch(Forward::<6, 2, 5> { g, workspace, input, weights, output }),
        }
    }

    /// Writes the gradient of some groups' input, if it's wanted, which takes the weights for that, and adds their part to the
    /// sums for the gradient of the filters, if that's wanted.
    pub fn backward(
        self,
        g: &Geometry,
        workspace: &Workspace,
        entries: (&[f32], &[f32]),
        of_input: Option<(&Weights, &mut [f32])>,
        sums: Option<&mut [f32]>,
    ) {
        match self {
            Self::F2x3 => dispatch(Backward::<4, 2, 3> { g, workspace, entries, of_input, sums }),
            Self::F4x3 => dispatch(Backward::<6, 4, 3> { g, workspace, entries, of_input, sums }),
            Self::F2x5 => dispatch(Backward::<6, 2, 5> { g, workspace, entries, of_input, sums }),
        }
    }
}

/// Bytes of transformed tiles that should be worked on together, so that they stay in a near cache.
const TILE_BYTES: usize = 2 << 20;

/// Tiles that are worked on together even so: sums over fewer cost too much to start and to end.
const LEAST: usize = 18;

/// How the work on some groups is cut.
struct Plan<'a> {
    g: &'a Geometry,
    workspace: &'a Workspace,
    groups: usize,
    input: Plane,
    output: Plane,
    /// Tiles at once.
    most: usize,
    /// Rows of points in a pass: all, or where tiles of many maps would take too much room, those of a pair.
    rows: usize,
}

impl<'a> Plan<'a> {
    /// For `vectors` vectors of output and `points` points along an axis.
    fn new<S: Simd>(g: &'a Geometry, workspace: &'a Workspace, vectors: usize, points: usize) -> Self {
        let row = points * (g.in_maps + g.out_maps) * lane_bytes();
        let rows = if points == 4 || LEAST * points * row <= TILE_BYTES { points } else { 2 };
        Self {
            g,
            workspace,
            groups: vectors / (g.out_size[0] * g.out_size[1] * g.out_maps * parts::<S>()),
            input: Plane { size: g.in_size, offset: g.padding, maps: g.in_maps },
            output: Plane { size: g.out_size, offset: 0, maps: g.out_maps },
            most: (TILE_BYTES / (rows * row)).max(LEAST),
            rows,
        }
    }

    /// Does all passes over all tiles.
    #[inline(always)]
    fn work<S: Simd, const N: usize, const M: usize>(&self, simd: S, mut passes: impl Passes) {
        for tiles in Tiles::all(self.groups, self.g.out_size, M, self.most, parts::<S>()) {
            let points = |plane: &Plane| self.rows * N * tiles.count() * tiles.pitch(plane.maps);
            let mut scratch = [points(&self.input), points(&self.output), between(N)]
                .map(|vectors| self.workspace.take(vectors * S::F32_LANES));
            let [inputs, outputs, between] = scratch.each_mut().map(|buffer| bytemuck::cast_slice_mut(buffer));
            let mut work = Work { plan: self, tiles, inputs, outputs, between };
            if N == 4 || self.rows == N {
                passes.pass::<S, ALL>(simd, &mut work);
            } else {
                passes.pass::<S, 0>(simd, &mut work);
                passes.pass::<S, 1>(simd, &mut work);
                passes.pass::<S, 2>(simd, &mut work);
            }
        }
    }
}

/// Tiles and memory for a pass.
struct Work<'a, V> {
    plan: &'a Plan<'a>,
    tiles: Tiles,
    /// Points of the tiles' inputs.
    inputs: &'a mut [V],
    /// Points of the tiles' outputs.
    outputs: &'a mut [V],
    between: &'a mut [V],
}

impl<V> Work<'_, V> {
    /// Vectors of a row of points of so many maps.
    fn row(&self, points: usize, maps: usize) -> usize {
        points * self.tiles.count() * self.tiles.pitch(maps)
    }
}

/// What is done in a pass.
trait Passes {
    fn pass<S: Simd, const PASS: usize>(&mut self, simd: S, work: &mut Work<S::f32s>);
}

struct Forward<'a, const N: usize, const M: usize, const R: usize> {
    g: &'a Geometry,
    workspace: &'a Workspace,
    input: &'a [f32],
    weights: &'a Weights,
    output: &'a mut [f32],
}

impl<const N: usize, const M: usize, const R: usize> WithSimd for Forward<'_, N, M, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        Plan::new::<S>(self.g, self.workspace, self.output.len() / S::F32_LANES, N).work::<S, N, M>(simd, self);
    }
}

impl<const N: usize, const M: usize, const R: usize> Passes for Forward<'_, N, M, R> {
    #[inline(always)]
    fn pass<S: Simd, const PASS: usize>(&mut self, simd: S, work: &mut Work<S::f32s>) {
        let (input, output) = (bytemuck::cast_slice(self.input), bytemuck::cast_slice_mut(self.output));
        let maps = [self.g.in_maps, self.g.out_maps];
        let [from, to] = maps.map(|maps| work.row(N, maps));
        let Work { plan, tiles, inputs, outputs, between } = work;
        let of_pixels = Matrices::<N, M, R>::INPUT;
        to_points::<S, PASS, N, M, N>(simd, (tiles, &plan.input), of_pixels, input, between, inputs);
        for (place, row) in rows_of(PASS, N).enumerate() {
            let weights = self.weights.row::<N>(row);
            multiply(simd, tiles, maps, weights, &inputs[place * from..], &mut outputs[place * to..]);
        }
        let of_outputs = Matrices::<N, M, R>::OUTPUT;
        from_points::<S, PASS, N, M, M>(simd, (tiles, &plan.output), of_outputs, outputs, between, output);
    }
}

struct Backward<'a, const N: usize, const M: usize, const R: usize> {
    g: &'a Geometry,
    workspace: &'a Workspace,
    entries: (&'a [f32], &'a [f32]),
    of_input: Option<(&'a Weights, &'a mut [f32])>,
    sums: Option<&'a mut [f32]>,
}

impl<const N: usize, const M: usize, const R: usize> WithSimd for Backward<'_, N, M, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        Plan::new::<S>(self.g, self.workspace, self.entries.1.len() / S::F32_LANES, N).work::<S, N, M>(simd, self);
    }
}

impl<const N: usize, const M: usize, const R: usize> Passes for Backward<'_, N, M, R> {
    #[inline(always)]
    fn pass<S: Simd, const PASS: usize>(&mut self, simd: S, work: &mut Work<S::f32s>) {
        let (input, gradient) = (bytemuck::cast_slice(self.entries.0), bytemuck::cast_slice(self.entries.1));
        let maps = [self.g.out_maps, self.g.in_maps];
        let [of_outputs, of_inputs] = maps.map(|maps| work.row(N, maps));
        let Work { plan, tiles, inputs, outputs, between } = work;
        let (in_matrix, out_matrix) = (Matrices::<N, M, R>::INPUT, Matrices::<N, M, R>::OUTPUT);
        to_points::<S, PASS, N, M, M>(simd, (tiles, &plan.output), out_matrix, gradient, between, outputs);
        if let Some(sums) = &mut self.sums {
            to_points::<S, PASS, N, M, N>(simd, (tiles, &plan.input), in_matrix, input, between, inputs);
            let length = N * self.g.out_maps * self.g.in_maps;
            for (place, row) in rows_of(PASS, N).enumerate() {
                let (left, right) = (&outputs[place * of_outputs..], &inputs[place * of_inputs..]);
                add_products(simd, tiles, maps, left, right, &mut sums[row * length..][..length]);
            }
        }
        if let Some((weights, to)) = &mut self.of_input {
            for (place, row) in rows_of(PASS, N).enumerate() {
                let (from, into) = (&outputs[place * of_outputs..], &mut inputs[place * of_inputs..]);
                multiply(simd, tiles, maps, weights.row::<N>(row), from, into);
            }
            let to = bytemuck::cast_slice_mut(to);
            from_points::<S, PASS, N, M, N>(simd, (tiles, &plan.input), in_matrix, inputs, between, to);
        }
    }
}

/// Of every point of a row, the products of tiles and weights, summed over maps.
#[inline(always)]
fn multiply<S: Simd>(
    simd: S,
    tiles: &Tiles,
    [summed, written]: [usize; 2],
    weights: &[Vec<f32>],
    source: &[S::f32s],
    to: &mut [S::f32s],
) {
    let (from, into) = (tiles.pitch(summed), tiles.pitch(written));
    let sources: Vec<usize> = (0..tiles.count()).map(|tile| tile * from).collect();
    let places: Vec<usize> = (0..tiles.count()).map(|tile| tile * into).collect();
    for (point, weights) in weights.iter().enumerate() {
        let job = Gather {
            source: &source[point * tiles.count() * from..],
            from: &sources,
            taps: &[0],
            depth: summed,
            weights,
            to: &places,
            out_maps: written,
            parts: tiles.parts,
            accumulate: false,
        };
        gather(simd, &job, &mut to[point * tiles.count() * into..]);
    }
}

/// Of every point of a row, the products of the tiles' gradients and inputs, summed over tiles and lanes.
#[inline(always)]
fn add_products<S: Simd>(
    simd: S,
    tiles: &Tiles,
    [out_maps, in_maps]: [usize; 2],
    gradients: &[S::f32s],
    patches: &[S::f32s],
    sums: &mut [f32],
) {
    let (left, right) = (tiles.pitch(out_maps), tiles.pitch(in_maps));
    let parts = tiles.parts;
    let steps: Vec<usize> = (0..tiles.count()).map(|tile| tile * right).collect();
    let walk = Walk { left, right: &steps, parts };
    let [lefts, rights] = [out_maps, in_maps].map(|maps| (0..maps).map(|map| map * parts).collect::<Vec<_>>());
    for (point, sums) in sums.chunks_mut(out_maps * in_maps).enumerate() {
        let start = point * tiles.count();
        let left = Operand { entries: &gradients[start * left..], places: &lefts };
        let right = Operand { entries: &patches[start * right..], places: &rights };
        outer(simd, &walk, left, right, sums);
    }
}
