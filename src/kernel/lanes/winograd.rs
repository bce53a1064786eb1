#![allow(clippy::needless_range_loop)] // Iterators over register blocks don't reliably become registers.

//! 3×3 convolution at stride 1 by Winograd's F(2×2, 3×3) (Lavin & Gray, "Fast algorithms for convolutional neural networks",
//! CVPR 2016): 16 products per map and 2×2 outputs instead of 36.
//!
//! With d a 4×4 patch of the input, g a filter, and Y the 2×2 outputs that depend on the patch,
//! Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A. The gradients are the adjoints of these linear maps, so that they take the same number of
//! products. Lanes hold images, so the transforms need no shuffles.

use pulp::{Simd, WithSimd};

use super::buffer::Workspace;
use super::conv::Geometry;
use super::micro::{Gather, NARROW, OUT_BLOCK, Operand, Walk, blocks, gather, outer};
use super::simd::{dispatch, parts};

/// Entries of a transformed tile.
const POINTS: usize = 16;

/// Bytes of transformed tiles that a pass keeps in the second-level cache on the way forward …
const FORWARD_BYTES: usize = 192 << 10;

/// … and back, where the sums over tiles want to be long.
const BACKWARD_BYTES: usize = 1 << 20;

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
    /// All tiles of a group, `most` at a time.
    fn all(g: &Geometry, most: usize, parts: usize) -> impl Iterator<Item = Self> {
        let [rows, columns] = g.out_size.map(|pixels| pixels.div_ceil(2));
        blocks(rows * columns, most).map(move |(first, count)| Self { columns, first, count, parts })
    }

    /// Tiles for which `vectors` maps' transforms take `bytes`.
    fn fitting(bytes: usize, vectors: usize) -> usize {
        (bytes / (POINTS * vectors * VECTOR_BYTES)).next_multiple_of(NARROW).max(NARROW)
    }

    /// Vectors from a tile to the next: entry (point, tile, map) of transformed tiles lies at
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
            let most = Tiles::fitting(FORWARD_BYTES, (g.in_maps + g.out_maps) * parts);
            for tiles in Tiles::all(g, most, parts) {
                let (from, to) = (tiles.pitch(g.in_maps), tiles.pitch(g.out_maps));
                let mut patches = workspace.take(tiles.count * POINTS * from * S::F32_LANES);
                let mut products = workspace.take(tiles.count * POINTS * to * S::F32_LANES);
                let patches: &mut [S::f32s] = bytemuck::cast_slice_mut(&mut patches);
                let products: &mut [S::f32s] = bytemuck::cast_slice_mut(&mut products);
                transform_input(simd, g, &tiles, input, patches);
                multiply(simd, &tiles, [g.in_maps, g.out_maps], weights, patches, products);
                transform_output(simd, g, &tiles, products, output);
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
            let most = Tiles::fitting(BACKWARD_BYTES, (g.in_maps + g.out_maps) * parts);
            for tiles in Tiles::all(g, most, parts) {
                let (of_in, of_out) = (tiles.pitch(g.in_maps), tiles.pitch(g.out_maps));
                let mut patches = workspace.take(tiles.count * POINTS * of_in * S::F32_LANES);
                let mut gradients = workspace.take(tiles.count * POINTS * of_out * S::F32_LANES);
                let patches: &mut [S::f32s] = bytemuck::cast_slice_mut(&mut patches);
                let gradients: &mut [S::f32s] = bytemuck::cast_slice_mut(&mut gradients);
                transform_gradient(simd, g, &tiles, gradient, gradients);
                if let Some(sums) = &mut sums {
                    transform_input(simd, g, &tiles, input, patches);
                    add_products(simd, g, &tiles, gradients, patches, sums);
                }
                if let Some(to) = &mut input_gradient {
                    multiply(simd, &tiles, [g.out_maps, g.in_maps], weights, gradients, patches);
                    add_patches(simd, g, &tiles, patches, bytemuck::cast_slice_mut(to));
                }
            }
        }
    }
    dispatch(Backward { g, workspace, input, gradient, weights, input_gradient, sums });
}

/// Of every point, the products of tiles and weights, summed over maps.
#[inline(always)]
fn multiply<S: Simd>(
    simd: S,
    tiles: &Tiles,
    [summed, written]: [usize; 2],
    weights: &Weights,
    source: &[S::f32s],
    to: &mut [S::f32s],
) {
    let (from, into) = (tiles.pitch(summed), tiles.pitch(written));
    let sources: Vec<usize> = (0..tiles.count).map(|tile| tile * from).collect();
    let places: Vec<usize> = (0..tiles.count).map(|tile| tile * into).collect();
    for (point, weights) in weights.0.iter().enumerate() {
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

/// Of every point, the products of the tiles' gradients and inputs, summed over tiles and lanes.
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
    let walk = Walk { rows: 1, columns: tiles.count, left: [0, left], right: [0, right], parts };
    for (point, sums) in sums.chunks_mut(g.out_maps * g.in_maps).enumerate() {
        let start = point * tiles.count;
        let (gradients, patches) = (&gradients[start * left..], &patches[start * right..]);
        for (o, outs) in blocks(g.out_maps, OUT_BLOCK) {
            let lefts: [usize; OUT_BLOCK] = std::array::from_fn(|n| (o + n) * parts);
            for (i, ins) in blocks(g.in_maps, NARROW) {
                let rights: [usize; NARROW] = std::array::from_fn(|n| (i + n) * parts);
                let sums = &mut sums[o * g.in_maps + i..];
                let left = Operand { entries: gradients, places: &lefts[..outs] };
                let right = Operand { entries: patches, places: &rights[..ins] };
                outer(simd, &walk, left, right, sums, g.in_maps);
            }
        }
    }
}

impl Tiles {
    /// The points of transformed tile `tile`, each as long as a pixel of the maps.
    #[inline(always)]
    fn points<'a, V>(&self, entries: &'a [V], tile: usize, maps: usize) -> [&'a [V]; POINTS] {
        let (pitch, vectors) = (self.pitch(maps), maps * self.parts);
        std::array::from_fn(|point| &entries[(point * self.count + tile) * pitch..][..vectors])
    }

    /// As [`Tiles::points`], to be written.
    #[inline(always)]
    fn points_mut<'a, V>(&self, entries: &'a mut [V], tile: usize, maps: usize) -> [&'a mut [V]; POINTS] {
        let (pitch, vectors) = (self.pitch(maps), maps * self.parts);
        let mut points = entries.chunks_exact_mut(self.count * pitch);
        std::array::from_fn(|_| points.next().map_or(&mut [][..], |point| &mut point[tile * pitch..][..vectors]))
    }
}

/// `N`×`N` pixels of an image with `line` vectors a row, from the one that starts at `corner` on, row by row.
fn pixels<const N: usize, V>(image: &[V], corner: usize, line: usize, vectors: usize) -> [[&[V]; N]; N] {
    std::array::from_fn(|y| std::array::from_fn(|x| &image[corner + y * line + x * vectors..][..vectors]))
}

/// Bᵀ d B of every tile.
#[inline(always)]
fn transform_input<S: Simd>(simd: S, g: &Geometry, tiles: &Tiles, input: &[S::f32s], to: &mut [S::f32s]) {
    let vectors = g.in_maps * tiles.parts;
    let line = g.padded[1] * vectors;
    for (tile, y, x) in tiles.corners() {
        let patch = pixels::<4, _>(input, y * line + x * vectors, line, vectors);
        let points = tiles.points_mut(to, tile, g.in_maps);
        for v in 0..vectors {
            let mut columns = [[simd.splat_f32s(0.0); 4]; 4];
            for x in 0..4 {
                columns[x] = fold_patch(simd, [patch[0][x][v], patch[1][x][v], patch[2][x][v], patch[3][x][v]]);
            }
            for y in 0..4 {
                let row = fold_patch(simd, [columns[0][y], columns[1][y], columns[2][y], columns[3][y]]);
                for x in 0..4 {
                    points[4 * y + x][v] = row[x];
                }
            }
        }
    }
}

/// Bᵀ d
#[inline(always)]
fn fold_patch<S: Simd>(simd: S, d: [S::f32s; 4]) -> [S::f32s; 4] {
    [
        simd.sub_f32s(d[0], d[2]),
        simd.add_f32s(d[1], d[2]),
        simd.sub_f32s(d[2], d[1]),
        simd.sub_f32s(d[1], d[3]),
    ]
}

/// Adds B p Bᵀ of every tile to the patch that it came from: the adjoint of [`transform_input`].
#[inline(always)]
fn add_patches<S: Simd>(simd: S, g: &Geometry, tiles: &Tiles, from: &[S::f32s], to: &mut [S::f32s]) {
    let vectors = g.in_maps * tiles.parts;
    let line = g.padded[1] * vectors;
    for (tile, y, x) in tiles.corners() {
        let p = tiles.points(from, tile, g.in_maps);
        for y_in in 0..4 {
            let row = &mut to[(y + y_in) * line + x * vectors..][..4 * vectors];
            let (left, right) = row.split_at_mut(2 * vectors);
            let ((a, b), (c, d)) = (left.split_at_mut(vectors), right.split_at_mut(vectors));
            let (a, b, c, d) = (&mut a[..vectors], &mut b[..vectors], &mut c[..vectors], &mut d[..vectors]);
            for v in 0..vectors {
                let mut columns = [simd.splat_f32s(0.0); 4];
                for x in 0..4 {
                    columns[x] = unfold_patch(simd, [p[x][v], p[4 + x][v], p[8 + x][v], p[12 + x][v]])[y_in];
                }
                let values = unfold_patch(simd, columns);
                a[v] = simd.add_f32s(a[v], values[0]);
                b[v] = simd.add_f32s(b[v], values[1]);
                c[v] = simd.add_f32s(c[v], values[2]);
                d[v] = simd.add_f32s(d[v], values[3]);
            }
        }
    }
}

/// B t
#[inline(always)]
fn unfold_patch<S: Simd>(simd: S, t: [S::f32s; 4]) -> [S::f32s; 4] {
    let (sum, difference) = (simd.add_f32s(t[1], t[2]), simd.sub_f32s(t[1], t[2]));
    [t[0], simd.add_f32s(difference, t[3]), simd.sub_f32s(sum, t[0]), simd.neg_f32s(t[3])]
}

/// Aᵀ m A of every tile, as far as the output has its pixels.
#[inline(always)]
fn transform_output<S: Simd>(simd: S, g: &Geometry, tiles: &Tiles, from: &[S::f32s], to: &mut [S::f32s]) {
    let vectors = g.out_maps * tiles.parts;
    let [height, width] = g.out_size;
    for (tile, y, x) in tiles.corners() {
        let p = tiles.points(from, tile, g.out_maps);
        for row in 0..2.min(height - y) {
            let pixels = &mut to[((y + row) * width + x) * vectors..][..2.min(width - x) * vectors];
            let (left, right) = pixels.split_at_mut(vectors);
            let left = &mut left[..vectors];
            for v in 0..vectors {
                let mut half = [simd.splat_f32s(0.0); 4];
                for x in 0..4 {
                    half[x] = fold_outputs(simd, [p[x][v], p[4 + x][v], p[8 + x][v], p[12 + x][v]])[row];
                }
                let values = fold_outputs(simd, half);
                left[v] = values[0];
                if let Some(right) = right.get_mut(v) {
                    *right = values[1];
                }
            }
        }
    }
}

/// Aᵀ m
#[inline(always)]
fn fold_outputs<S: Simd>(simd: S, m: [S::f32s; 4]) -> [S::f32s; 2] {
    let (sum, difference) = (simd.add_f32s(m[1], m[2]), simd.sub_f32s(m[1], m[2]));
    [simd.add_f32s(m[0], sum), simd.sub_f32s(difference, m[3])]
}

/// A y Aᵀ of every tile's gradient, which is 0 where the output has no pixels: the adjoint of [`transform_output`].
#[inline(always)]
fn transform_gradient<S: Simd>(simd: S, g: &Geometry, tiles: &Tiles, gradient: &[S::f32s], to: &mut [S::f32s]) {
    let vectors = g.out_maps * tiles.parts;
    let [height, width] = g.out_size;
    let zeros = vec![simd.splat_f32s(0.0); vectors];
    for (tile, y, x) in tiles.corners() {
        let pixel = |y: usize, x: usize| match y < height && x < width {
            true => &gradient[(y * width + x) * vectors..][..vectors],
            false => &zeros[..vectors],
        };
        let (a, b, c, d) = (pixel(y, x), pixel(y, x + 1), pixel(y + 1, x), pixel(y + 1, x + 1));
        let points = tiles.points_mut(to, tile, g.out_maps);
        for v in 0..vectors {
            let (left, right) = (unfold_outputs(simd, [a[v], c[v]]), unfold_outputs(simd, [b[v], d[v]]));
            for y in 0..4 {
                let row = unfold_outputs(simd, [left[y], right[y]]);
                for x in 0..4 {
                    points[4 * y + x][v] = row[x];
                }
            }
        }
    }
}

/// A y
#[inline(always)]
fn unfold_outputs<S: Simd>(simd: S, y: [S::f32s; 2]) -> [S::f32s; 4] {
    [y[0], simd.add_f32s(y[0], y[1]), simd.sub_f32s(y[0], y[1]), simd.neg_f32s(y[1])]
}
