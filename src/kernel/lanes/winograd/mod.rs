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

use super::buffer::{Buffer, Workspace};
use super::conv::Geometry;
use super::micro::{Gather, Operand, Walk, gather, outer};
use super::simd::{dispatch, parts};
pub use filters::{Weights, gradient as filter_gradient};
use scheme::Matrices;
pub use scheme::Scheme;
use transforms::{Plane, Tiles, from_points, to_points};

impl Scheme {
    /// Floats that [`Scheme::backward`] sums up for the gradient of the filters: (points, out maps, in maps).
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

/// The tiles of some groups, and the input and the output as they see them.
fn cover<const N: usize, const M: usize>(
    g: &Geometry,
    output: usize,
    parts: usize,
) -> (impl Iterator<Item = Tiles>, Plane, Plane) {
    let input = Plane { size: g.in_size, offset: g.padding, maps: g.in_maps };
    let plane = Plane { size: g.out_size, offset: 0, maps: g.out_maps };
    let groups = output / (g.out_size[0] * g.out_size[1] * g.out_maps * parts);
    (Tiles::all(groups, g.out_size, [N, M], g.in_maps + g.out_maps, parts), input, plane)
}

/// Room for a row of the points of the input's tiles and of the output's, and for a line of each.
fn scratch<S: Simd, const N: usize, const M: usize>(
    workspace: &Workspace,
    tiles: &Tiles,
    [input, output]: [&Plane; 2],
) -> [Buffer; 4] {
    let points = |plane: &Plane| N * tiles.count() * tiles.pitch(plane.maps);
    [points(input), points(output), input.line(tiles, N), output.line(tiles, M)]
        .map(|vectors| workspace.take(vectors * S::F32_LANES))
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
        let Self { g, workspace, input, weights, output } = self;
        output.fill(0.0);
        let input: &[S::f32s] = bytemuck::cast_slice(input);
        let output: &mut [S::f32s] = bytemuck::cast_slice_mut(output);
        let (tiles, in_plane, out_plane) = cover::<N, M>(g, output.len(), parts::<S>());
        for tiles in tiles {
            let mut scratch = scratch::<S, N, M>(workspace, &tiles, [&in_plane, &out_plane]);
            let [patches, products, in_line, out_line] =
                scratch.each_mut().map(|buffer| bytemuck::cast_slice_mut(buffer));
            for row in 0..N {
                let of_input = (Matrices::<N, M, R>::INPUT, row);
                to_points(simd, (&tiles, &in_plane), of_input, input, in_line, patches);
                multiply(simd, &tiles, [g.in_maps, g.out_maps], weights.row::<N>(row), patches, products);
                let of_output = (Matrices::<N, M, R>::OUTPUT, row);
                from_points(simd, (&tiles, &out_plane), of_output, products, out_line, output);
            }
        }
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
        let Self { g, workspace, entries: (input, gradient), mut of_input, mut sums } = self;
        let (input, gradient): (&[S::f32s], &[S::f32s]) = (bytemuck::cast_slice(input), bytemuck::cast_slice(gradient));
        if let Some((_, to)) = &mut of_input {
            to.fill(0.0);
        }
        let filters = g.out_maps * g.in_maps;
        let (tiles, in_plane, out_plane) = cover::<N, M>(g, gradient.len(), parts::<S>());
        for tiles in tiles {
            let mut scratch = scratch::<S, N, M>(workspace, &tiles, [&in_plane, &out_plane]);
            let [patches, gradients, in_line, out_line] =
                scratch.each_mut().map(|buffer| bytemuck::cast_slice_mut(buffer));
            for row in 0..N {
                let of_output = (Matrices::<N, M, R>::OUTPUT, row);
                to_points(simd, (&tiles, &out_plane), of_output, gradient, out_line, gradients);
                let input_matrix = (Matrices::<N, M, R>::INPUT, row);
                if let Some(sums) = &mut sums {
                    to_points(simd, (&tiles, &in_plane), input_matrix, input, in_line, patches);
                    let sums = &mut sums[row * N * filters..][..N * filters];
                    add_products(simd, &tiles, [g.out_maps, g.in_maps], gradients, patches, sums);
                }
                if let Some((weights, to)) = &mut of_input {
                    multiply(simd, &tiles, [g.out_maps, g.in_maps], weights.row::<N>(row), gradients, patches);
                    let to = bytemuck::cast_slice_mut(to);
                    from_points(simd, (&tiles, &in_plane), input_matrix, patches, in_line, to);
                }
            }
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
