//! 3×3 convolution at stride 1 by Winograd's F(2×2, 3×3) (Lavin & Gray, "Fast algorithms for convolutional neural networks",
//! CVPR 2016): 16 products per map and 2×2 outputs instead of 36.
//!
//! With d a 4×4 patch of the input, g a filter, and Y the 2×2 outputs that depend on the patch,
//! Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A. The gradients are the adjoints of these linear maps, so that they take the same number of
//! products.

mod tiles;

use pulp::{Simd, WithSimd};

use super::buffer::Workspace;
use super::conv::Geometry;
use super::micro::{Gather, OUT_BLOCK, Operand, Walk, blocks, gather, outer};
use super::simd::{dispatch, parts};
use tiles::{Tiles, add_patches, transform_gradient, transform_input, transform_output};

/// Points in a row of a transformed tile, and rows.
const ROW: usize = 4;

/// Points of a transformed tile.
const POINTS: usize = ROW * ROW;

/// Length of the padded input that covers `out` outputs with whole tiles.
pub fn padded(out: usize) -> usize {
    out.div_ceil(2) * 2 + 2
}

/// Floats that [`backward`] sums up for the gradient of the filters: (points, out maps, in maps).
pub fn sums_length(g: &Geometry) -> usize {
    POINTS * g.out_maps * g.in_maps
}

/// Transformed filters in the order in which they are read: of each point, [`Gather::weights`].
pub struct Weights(Vec<Vec<f32>>);

impl Weights {
    /// For the way forward.
    pub fn forward(g: &Geometry, filters: &[f32]) -> Self {
        Self::pack(g, filters, [g.out_maps, g.in_maps], |out, inner| out * g.in_maps + inner)
    }

    /// For the way back: in and out maps exchanged.
    pub fn backward(g: &Geometry, filters: &[f32]) -> Self {
        Self::pack(g, filters, [g.in_maps, g.out_maps], |inner, out| out * g.in_maps + inner)
    }

    fn pack(
        g: &Geometry,
        filters: &[f32],
        [written, summed]: [usize; 2],
        place: impl Fn(usize, usize) -> usize,
    ) -> Self {
        let mut points = vec![vec![0.0; g.out_maps * g.in_maps]; POINTS];
        for (first, maps) in blocks(written, OUT_BLOCK) {
            for inner in 0..summed {
                for map in first..first + maps {
                    let transformed = transform_filter(&filters[place(map, inner) * 9..][..9]);
                    let at = first * summed + inner * maps + map - first;
                    points.iter_mut().zip(transformed).for_each(|(point, value)| point[at] = value);
                }
            }
        }
        Self(points)
    }

    fn row(&self, row: usize) -> &[Vec<f32>] {
        &self.0[row * ROW..][..ROW]
    }
}

/// G g Gᵀ
fn transform_filter(filter: &[f32]) -> [f32; POINTS] {
    let column = |a: f32, b: f32, c: f32| [a, 0.5 * (a + b + c), 0.5 * (a - b + c), c];
    let columns: [[f32; 4]; 3] = std::array::from_fn(|x| column(filter[x], filter[3 + x], filter[6 + x]));
    let mut transformed = [0.0; POINTS];
    for y in 0..4 {
        transformed[4 * y..4 * y + 4].copy_from_slice(&column(columns[0][y], columns[1][y], columns[2][y]));
    }
    transformed
}

/// The gradient of the filters (out maps, in maps, 3, 3) from the sums of [`backward`]: Gᵀ u G.
pub fn filter_gradient(g: &Geometry, sums: &[f32]) -> Vec<f32> {
    let filters = g.out_maps * g.in_maps;
    let fold = |u: [f32; 4]| [u[0] + 0.5 * (u[1] + u[2]), 0.5 * (u[1] - u[2]), 0.5 * (u[1] + u[2]) + u[3]];
    let mut gradient = Vec::with_capacity(9 * filters);
    for filter in 0..filters {
        let point = |y: usize, x: usize| sums[(4 * y + x) * filters + filter];
        let rows: [[f32; 3]; 4] = std::array::from_fn(|y| fold(std::array::from_fn(|x| point(y, x))));
        let columns: [[f32; 3]; 3] = std::array::from_fn(|x| fold(std::array::from_fn(|y| rows[y][x])));
        gradient.extend((0..9).map(|entry| columns[entry % 3][entry / 3]));
    }
    gradient
}

/// The output of one group from its padded input.
pub fn forward(g: &Geometry, workspace: &Workspace, input: &[f32], weights: &Weights, output: &mut [f32]) {
    struct Forward<'a>(&'a Geometry, &'a Workspace, &'a [f32], &'a Weights, &'a mut [f32]);
    impl WithSimd for Forward<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Self(g, workspace, input, weights, output) = self;
            let parts = parts::<S>();
            let (input, output): (&[S::f32s], &mut [S::f32s]) =
                (bytemuck::cast_slice(input), bytemuck::cast_slice_mut(output));
            for tiles in Tiles::all(g, parts) {
                let mut patches = tiles.scratch::<S>(workspace, g.in_maps);
                let mut products = tiles.scratch::<S>(workspace, g.out_maps);
                let patches: &mut [S::f32s] = bytemuck::cast_slice_mut(&mut patches);
                let products: &mut [S::f32s] = bytemuck::cast_slice_mut(&mut products);
                for row in 0..ROW {
                    transform_input(simd, g, &tiles, row, input, patches);
                    multiply(simd, &tiles, [g.in_maps, g.out_maps], weights.row(row), patches, products);
                    transform_output(simd, g, &tiles, row, products, output);
                }
            }
        }
    }
    dispatch(Forward(g, workspace, input, weights, output));
}

/// Adds one group's part to the gradient of its padded input and to the sums for that of the filters, those that are
/// wanted.
pub fn backward(
    g: &Geometry,
    workspace: &Workspace,
    (input, gradient): (&[f32], &[f32]),
    weights: &Weights,
    input_gradient: Option<&mut [f32]>,
    sums: Option<&mut [f32]>,
) {
    struct Backward<'a> {
        g: &'a Geometry,
        workspace: &'a Workspace,
        input: &'a [f32],
        gradient: &'a [f32],
        weights: &'a Weights,
        input_gradient: Option<&'a mut [f32]>,
        sums: Option<&'a mut [f32]>,
    }
    impl WithSimd for Backward<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Self { g, workspace, input, gradient, weights, mut input_gradient, mut sums } = self;
            let parts = parts::<S>();
            let (input, gradient): (&[S::f32s], &[S::f32s]) =
                (bytemuck::cast_slice(input), bytemuck::cast_slice(gradient));
            for tiles in Tiles::all(g, parts) {
                let mut patches = tiles.scratch::<S>(workspace, g.in_maps);
                let mut gradients = tiles.scratch::<S>(workspace, g.out_maps);
                let patches: &mut [S::f32s] = bytemuck::cast_slice_mut(&mut patches);
                let gradients: &mut [S::f32s] = bytemuck::cast_slice_mut(&mut gradients);
                for row in 0..ROW {
                    transform_gradient(simd, g, &tiles, row, gradient, gradients);
                    if let Some(sums) = &mut sums {
                        transform_input(simd, g, &tiles, row, input, patches);
                        let filters = g.out_maps * g.in_maps;
                        let sums = &mut sums[row * ROW * filters..][..ROW * filters];
                        add_products(simd, g, &tiles, gradients, patches, sums);
                    }
                    if let Some(to) = &mut input_gradient {
                        multiply(simd, &tiles, [g.out_maps, g.in_maps], weights.row(row), gradients, patches);
                        add_patches(simd, g, &tiles, row, patches, bytemuck::cast_slice_mut(to));
                    }
                }
            }
        }
    }
    dispatch(Backward { g, workspace, input, gradient, weights, input_gradient, sums });
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
    let sources: Vec<usize> = (0..tiles.count).map(|tile| tile * from).collect();
    let places: Vec<usize> = (0..tiles.count).map(|tile| tile * into).collect();
    for (point, weights) in weights.iter().enumerate() {
        let job = Gather {
            source: &source[point * tiles.count * from..],
            from: &sources,
            taps: &[0],
            depth: summed,
            weights,
            to: &places,
            out_maps: written,
            parts: tiles.parts,
            accumulate: false,
        };
        gather(simd, &job, &mut to[point * tiles.count * into..]);
    }
}

/// Of every point of a row, the products of the tiles' gradients and inputs, summed over tiles and lanes.
#[inline(always)]
fn add_products<S: Simd>(
    simd: S,
    g: &Geometry,
    tiles: &Tiles,
    gradients: &[S::f32s],
    patches: &[S::f32s],
    sums: &mut [f32],
) {
    let (left, right) = (tiles.pitch(g.out_maps), tiles.pitch(g.in_maps));
    let parts = tiles.parts;
    let steps: Vec<usize> = (0..tiles.count).map(|tile| tile * right).collect();
    let walk = Walk { left, right: &steps, parts };
    let [lefts, rights] = [g.out_maps, g.in_maps].map(|maps| (0..maps).map(|map| map * parts).collect::<Vec<_>>());
    for (point, sums) in sums.chunks_mut(g.out_maps * g.in_maps).enumerate() {
        let start = point * tiles.count;
        let left = Operand { entries: &gradients[start * left..], places: &lefts };
        let right = Operand { entries: &patches[start * right..], places: &rights };
        outer(simd, &walk, left, right, sums);
    }
}
