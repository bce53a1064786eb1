//! 3×3 convolution at stride 1 by Winograd's F(2×2, 3×3) (Lavin & Gray, "Fast algorithms for convolutional neural networks",
//! CVPR 2016): 16 products per map and 2×2 outputs instead of 36.
//!
//! With d a 4×4 patch of the input, g a filter, and Y the 2×2 outputs that depend on the patch,
//! Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A. The gradients are the adjoints of these linear maps, so that they take the same number of
//! products. Lanes hold images, so the transforms need no shuffles.

use pulp::{Simd, WithSimd};

use super::buffer::{Buffer, Workspace};
use super::conv::Geometry;
use super::micro::{Gather, NARROW, OUT_BLOCK, Operand, Walk, blocks, gather, outer};
use super::simd::{dispatch, parts};

/// Points in a row of a transformed tile, and rows.
const ROW: usize = 4;

/// Points of a transformed tile.
const POINTS: usize = ROW * ROW;

/// Bytes of transformed tiles that are worked on together, so that they stay in the second-level cache. Only one row of
/// points is there at a time: more tiles fit, which makes the sums over tiles long.
const TILE_BYTES: usize = 512 << 10;

const VECTOR_BYTES: usize = 32;

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
}

impl Weights {
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

/// Some tiles of a group and where their entries lie, in vectors.
struct Tiles {
    /// Tiles in a row.
    columns: usize,
    first: usize,
    count: usize,
    parts: usize,
}

impl Tiles {
    /// All tiles of a group, as many at a time as fit.
    fn all(g: &Geometry, parts: usize) -> impl Iterator<Item = Self> {
        let [rows, columns] = g.out_size.map(|pixels| pixels.div_ceil(2));
        let tile = ROW * (g.in_maps + g.out_maps) * parts * VECTOR_BYTES;
        let most = (TILE_BYTES / tile).next_multiple_of(NARROW).max(6 * NARROW);
        blocks(rows * columns, most).map(move |(first, count)| Self { columns, first, count, parts })
    }

    /// Vectors from a tile to the next: entry (point of the row, tile, map) of transformed tiles lies at
    /// (point·count + tile)·pitch + map.
    fn pitch(&self, maps: usize) -> usize {
        let vectors = maps * self.parts;
        // Powers of two would map all points to the same few cache sets.
        if vectors.is_multiple_of(8) { vectors + 2 } else { vectors }
    }

    /// Row and column of the tiles' first pixels, tile by tile.
    fn corners(&self) -> impl Iterator<Item = (usize, usize, usize)> {
        let (first, columns) = (self.first, self.columns);
        (0..self.count).map(move |tile| (tile, (first + tile) / columns * 2, (first + tile) % columns * 2))
    }
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

impl Tiles {
    fn scratch<S: Simd>(&self, workspace: &Workspace, maps: usize) -> Buffer {
        workspace.take(ROW * self.count * self.pitch(maps) * S::F32_LANES)
    }

    /// A row of points of transformed tile `tile`, each as long as a pixel of the maps.
    #[inline(always)]
    fn points<'a, V>(&self, entries: &'a [V], tile: usize, maps: usize) -> [&'a [V]; ROW] {
        let (pitch, vectors) = (self.pitch(maps), maps * self.parts);
        let point = |point: usize| &entries[(point * self.count + tile) * pitch..][..vectors];
        [point(0), point(1), point(2), point(3)]
    }

    /// As [`Tiles::points`], to be written.
    #[inline(always)]
    fn points_mut<'a, V>(&self, entries: &'a mut [V], tile: usize, maps: usize) -> [&'a mut [V]; ROW] {
        let (pitch, vectors) = (self.pitch(maps), maps * self.parts);
        let (left, right) = entries.split_at_mut(2 * self.count * pitch);
        let ((a, b), (c, d)) = (left.split_at_mut(self.count * pitch), right.split_at_mut(self.count * pitch));
        [a, b, c, d].map(|point| &mut point[tile * pitch..][..vectors])
    }
}

/// `N` pixels that follow each other, from `start` on.
#[inline(always)]
fn pixels<V, const N: usize>(image: &[V], start: usize, vectors: usize) -> [&[V]; N] {
    let mut pixels = image[start..].chunks_exact(vectors);
    std::array::from_fn(|_| pixels.next().unwrap_or_default())
}

/// As [`pixels`], two to be written.
#[inline(always)]
fn two_pixels_mut<V>(image: &mut [V], start: usize, vectors: usize) -> [&mut [V]; 2] {
    let (a, b) = image[start..][..2 * vectors].split_at_mut(vectors);
    [&mut a[..vectors], &mut b[..vectors]]
}

/// Row `row` of Bᵀ d B of every tile.
#[inline(always)]
fn transform_input<S: Simd>(simd: S, g: &Geometry, tiles: &Tiles, row: usize, input: &[S::f32s], to: &mut [S::f32s]) {
    let vectors = g.in_maps * tiles.parts;
    let line = g.padded[1] * vectors;
    // Bᵀ: the rows of the patch that a row of points takes its difference, or once its sum, from.
    let [first, second] = [[0, 2], [1, 2], [2, 1], [1, 3]][row];
    let sign = simd.splat_f32s(if row == 1 { 1.0 } else { -1.0 });
    for (tile, y, x) in tiles.corners() {
        let [a, b, c, d] = pixels(input, (y + first) * line + x * vectors, vectors);
        let [e, f, g_, h] = pixels(input, (y + second) * line + x * vectors, vectors);
        let (a, b, c, d) = (&a[..vectors], &b[..vectors], &c[..vectors], &d[..vectors]);
        let (e, f, g_, h) = (&e[..vectors], &f[..vectors], &g_[..vectors], &h[..vectors]);
        let [to_a, to_b, to_c, to_d] = tiles.points_mut(to, tile, g.in_maps);
        for v in 0..vectors {
            let p = simd.mul_add_e_f32s(sign, e[v], a[v]);
            let q = simd.mul_add_e_f32s(sign, f[v], b[v]);
            let r = simd.mul_add_e_f32s(sign, g_[v], c[v]);
            let s = simd.mul_add_e_f32s(sign, h[v], d[v]);
            to_a[v] = simd.sub_f32s(p, r);
            to_b[v] = simd.add_f32s(q, r);
            to_c[v] = simd.sub_f32s(r, q);
            to_d[v] = simd.sub_f32s(q, s);
        }
    }
}

/// Adds what row `row` of the points contributes to B p Bᵀ of every tile to the patch that the tile came from: the adjoint
/// of [`transform_input`].
#[inline(always)]
fn add_patches<S: Simd>(simd: S, g: &Geometry, tiles: &Tiles, row: usize, from: &[S::f32s], to: &mut [S::f32s]) {
    let vectors = g.in_maps * tiles.parts;
    let line = g.padded[1] * vectors;
    // B: the two rows of the patch, and the signs with which they take the row of points.
    let targets = [[(0, 1.0), (2, -1.0)], [(1, 1.0), (2, 1.0)], [(1, -1.0), (2, 1.0)], [(1, 1.0), (3, -1.0)]][row];
    for (tile, y, x) in tiles.corners() {
        let [a, b, c, d] = tiles.points(from, tile, g.in_maps);
        for (target, sign) in targets {
            let sign = simd.splat_f32s(sign);
            let start = (y + target) * line + x * vectors;
            let (left, right) = to[start..][..4 * vectors].split_at_mut(2 * vectors);
            let ([p, q], [r, s]) = (two_pixels_mut(left, 0, vectors), two_pixels_mut(right, 0, vectors));
            for v in 0..vectors {
                let (sum, difference) = (simd.add_f32s(b[v], c[v]), simd.sub_f32s(b[v], c[v]));
                p[v] = simd.mul_add_e_f32s(sign, a[v], p[v]);
                q[v] = simd.mul_add_e_f32s(sign, simd.add_f32s(difference, d[v]), q[v]);
                r[v] = simd.mul_add_e_f32s(sign, simd.sub_f32s(sum, a[v]), r[v]);
                s[v] = simd.mul_add_e_f32s(sign, simd.neg_f32s(d[v]), s[v]);
            }
        }
    }
}

/// Adds what row `row` of the points contributes to Aᵀ m A of every tile to the output, as far as that has its pixels; the
/// first row that contributes to a pixel sets it.
#[inline(always)]
fn transform_output<S: Simd>(simd: S, g: &Geometry, tiles: &Tiles, row: usize, from: &[S::f32s], to: &mut [S::f32s]) {
    let vectors = g.out_maps * tiles.parts;
    let [height, width] = g.out_size;
    // Aᵀ: what the upper and the lower pixels take the row of points with, and what they held before.
    let targets =
        [[(1.0, 0.0), (0.0, 0.0)], [(1.0, 1.0), (1.0, 0.0)], [(1.0, 1.0), (-1.0, 1.0)], [(0.0, 0.0), (-1.0, 1.0)]];
    for (tile, y, x) in tiles.corners() {
        let [a, b, c, d] = tiles.points(from, tile, g.out_maps);
        for (lower, (sign, keep)) in targets[row].into_iter().enumerate() {
            if sign == 0.0 || y + lower >= height {
                continue;
            }
            let start = ((y + lower) * width + x) * vectors;
            let sign = simd.splat_f32s(sign);
            let write = |to: &mut S::f32s, value: S::f32s| {
                *to = if keep == 0.0 { value } else { simd.mul_add_e_f32s(sign, value, *to) };
            };
            if x + 1 < width {
                let [p, q] = two_pixels_mut(to, start, vectors);
                for v in 0..vectors {
                    let (sum, difference) = (simd.add_f32s(b[v], c[v]), simd.sub_f32s(b[v], c[v]));
                    write(&mut p[v], simd.add_f32s(a[v], sum));
                    write(&mut q[v], simd.sub_f32s(difference, d[v]));
                }
            } else {
                let p = &mut to[start..][..vectors];
                for v in 0..vectors {
                    write(&mut p[v], simd.add_f32s(a[v], simd.add_f32s(b[v], c[v])));
                }
            }
        }
    }
}

/// Row `row` of A y Aᵀ of every tile's gradient, which is 0 where the output has no pixels: the adjoint of
/// [`transform_output`].
#[inline(always)]
fn transform_gradient<S: Simd>(
    simd: S,
    g: &Geometry,
    tiles: &Tiles,
    row: usize,
    gradient: &[S::f32s],
    to: &mut [S::f32s],
) {
    let vectors = g.out_maps * tiles.parts;
    let [height, width] = g.out_size;
    let zeros = vec![simd.splat_f32s(0.0); vectors];
    // A: what the row of points takes the upper and the lower pixels with.
    let [upper, lower] = [[1.0, 0.0], [1.0, 1.0], [1.0, -1.0], [0.0, -1.0]][row].map(|sign| simd.splat_f32s(sign));
    for (tile, y, x) in tiles.corners() {
        let pixel = |y: usize, x: usize| match y < height && x < width {
            true => &gradient[(y * width + x) * vectors..][..vectors],
            false => &zeros[..vectors],
        };
        let (a, b, c, d) = (pixel(y, x), pixel(y, x + 1), pixel(y + 1, x), pixel(y + 1, x + 1));
        let [to_a, to_b, to_c, to_d] = tiles.points_mut(to, tile, g.out_maps);
        for v in 0..vectors {
            let left = simd.mul_add_e_f32s(upper, a[v], simd.mul_f32s(lower, c[v]));
            let right = simd.mul_add_e_f32s(upper, b[v], simd.mul_f32s(lower, d[v]));
            to_a[v] = left;
            to_b[v] = simd.add_f32s(left, right);
            to_c[v] = simd.sub_f32s(left, right);
            to_d[v] = simd.neg_f32s(right);
        }
    }
}
