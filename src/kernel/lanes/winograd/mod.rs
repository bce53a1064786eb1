//! Convolution at stride 1 by Winograd's schemes F(m×m, r×r) (Lavin & Gray, "Fast algorithms for convolutional neural
//! networks", CVPR 2016): (m + r − 1)² products per map and m×m outputs instead of m²r².
//!
//! With d a patch of the input, g a filter, and Y the m×m outputs that depend on the patch,
//! Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A. The gradients are the adjoints of these linear maps, so that they take the same number of
//! products.
//!
//! Large kernels are cut into pieces as long as tiles are from each other: a convolution over tiles for each point. There the
//! adjoint for the input would write more tiles than it reads, most of them several times, so that its gradient is a
//! convolution of its own.

mod filters;
mod products;
mod scheme;
mod tiles;
mod transforms;

use pulp::{Simd, WithSimd};

use super::buffer::Workspace;
use super::micro::sums_length;
use super::simd::{dispatch, lane_bytes, lane_count, parts};
use crate::kernel::geometry::Geometry;
pub use filters::{Weights, gradient as filter_gradient};
pub use products::Threads;
use products::{Direction, Routes};
pub use scheme::Scheme;
use scheme::{ALL, Matrices, Numbers, in_pass};
use tiles::{Plane, Tiles};
use transforms::{between, from_points, to_points};

impl Scheme {
    /// Floats that [`Scheme::backward`] sums up for the gradient of the filters.
    pub fn sums_length(self, g: &Geometry) -> usize {
        let Numbers { pieces, .. } = self.numbers();
        self.numbers().points().pow(2) * sums_length(pieces * pieces * g.in_maps, g.out_maps)
    }

    /// The outputs of some groups.
    pub fn forward(self, context: Context, input: &[f32], weights: &Weights, output: &mut [f32]) {
        let blocking = Blocking::new(self, context, output.len());
        match self {
            Self::F2x3 => blocking.work(Forward::<4, 2, 3> { blocking: &blocking, input, weights, output }),
            Self::F4x3 => blocking.work(Forward::<6, 4, 3> { blocking: &blocking, input, weights, output }),
            Self::F2x5 => blocking.work(Forward::<6, 2, 5> { blocking: &blocking, input, weights, output }),
            Self::F4x5 => blocking.work(Forward::<8, 4, 5> { blocking: &blocking, input, weights, output }),
            Self::F3x7 => blocking.work(Forward::<6, 3, 4> { blocking: &blocking, input, weights, output }),
        }
    }

    /// Writes the gradient of some groups' input, if it's wanted, which takes the weights for that and a kernel in one piece,
    /// and their sums for the gradient of the filters, if that's wanted.
    pub fn backward(
        self,
        context: Context,
        entries: (&[f32], &[f32]),
        of_input: Option<(&Weights, &mut [f32])>,
        sums: Option<&mut [f32]>,
    ) {
        let blocking = Blocking::new(self, context, entries.1.len());
        assert!(
            blocking.pieces == 1 || of_input.is_none(),
            "the input's gradient of a kernel in pieces is a convolution"
        );
        match self {
            Self::F2x3 => blocking.work(Backward::<4, 2, 3> { blocking: &blocking, entries, of_input, sums }),
            Self::F4x3 => blocking.work(Backward::<6, 4, 3> { blocking: &blocking, entries, of_input, sums }),
            Self::F2x5 => blocking.work(Backward::<6, 2, 5> { blocking: &blocking, entries, of_input, sums }),
            Self::F4x5 => blocking.work(Backward::<8, 4, 5> { blocking: &blocking, entries, of_input, sums }),
            Self::F3x7 => blocking.work(Backward::<6, 3, 4> { blocking: &blocking, entries, of_input, sums }),
        }
    }
}

/// Bytes of transformed tiles that should be worked on together, so that they stay in a near cache; where kernels are cut into
/// pieces, further tiles come on top.
const TILE_BYTES: usize = 2 << 20;

/// Terms that are summed at once where there are eight points, so that sums over 100 maps stay within 10⁻⁵ of the largest output.
const RUN: usize = 32;

/// Tiles that are worked on together even so: fewer would read weights too often.
const LEAST: usize = 10;

/// What a convolution is made on.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub geometry: &'a Geometry,
    pub workspace: &'a Workspace,
    pub threads: Threads,
}

/// How the work on some groups is cut, so that what is worked on together stays in a near cache.
struct Blocking<'a> {
    g: &'a Geometry,
    workspace: &'a Workspace,
    threads: Threads,
    groups: usize,
    input: Plane,
    output: Plane,
    /// Pieces of the kernel along an axis.
    pieces: usize,
    /// Terms that are summed at once.
    run: usize,
    /// Tiles at once.
    most: usize,
    /// Rows of points in a pass: all, or where tiles of many maps would take too much room, those of a pair.
    rows: usize,
}

impl<'a> Blocking<'a> {
    /// For `outputs` floats of output.
    fn new(scheme: Scheme, context: Context<'a>, outputs: usize) -> Self {
        let Context { geometry: g, workspace, threads } = context;
        let (points, pieces) = (scheme.numbers().points(), scheme.numbers().pieces);
        let row = points * (g.in_maps + g.out_maps) * lane_bytes();
        let rows = if points == 4 || LEAST * points * row <= TILE_BYTES { points } else { 2 };
        Self {
            g,
            workspace,
            threads,
            groups: outputs / (g.out_pixels() * g.out_maps * lane_count()),
            input: Plane { size: g.in_size, offset: g.window.padding, maps: g.in_maps },
            output: Plane { size: g.out_size, offset: 0, maps: g.out_maps },
            pieces,
            // Eight points magnify what long sums round.
            run: if points == 8 { RUN } else { usize::MAX },
            most: (TILE_BYTES / (rows * row)).max(LEAST),
            rows,
        }
    }

    /// Does all passes over all tiles.
    fn work<const N: usize, const M: usize>(&self, passes: impl Passes<N, M>) {
        struct All<'a, P, const N: usize, const M: usize>(&'a Blocking<'a>, P);
        impl<P: Passes<N, M>, const N: usize, const M: usize> WithSimd for All<'_, P, N, M> {
            type Output = ();

            #[inline(always)]
            fn with_simd<S: Simd>(mut self, simd: S) {
                let mut routes = None;
                for (n, tiles) in self.0.tiles::<S, M>().enumerate() {
                    let kept = routes.take().filter(|routes: &Routes| routes.are_of(&tiles));
                    let routes = routes.insert(kept.unwrap_or_else(|| self.0.routes(&tiles)));
                    self.0.all_rows(simd, (tiles, routes), n == 0, &mut self.1);
                }
            }
        }
        dispatch(All(self, passes));
    }

    fn tiles<S: Simd, const M: usize>(&self) -> impl Iterator<Item = Tiles> + use<S, M> {
        Tiles::all(self.groups, self.g.out_size, M, (self.most, self.pieces > 1), parts::<S>())
    }

    fn inputs_of(&self, outputs: &Tiles) -> Tiles {
        outputs.wider(self.pieces - 1)
    }

    fn routes(&self, outputs: &Tiles) -> Routes {
        let maps = [self.g.in_maps, self.g.out_maps];
        Routes::new(self.workspace, [&self.inputs_of(outputs), outputs], maps, (self.pieces, self.run))
    }

    /// Does the passes over some tiles.
    #[inline(always)]
    fn all_rows<S: Simd, P: Passes<N, M>, const N: usize, const M: usize>(
        &self,
        simd: S,
        (outputs, routes): (Tiles, &Routes),
        first: bool,
        passes: &mut P,
    ) {
        let inputs = self.inputs_of(&outputs);
        let (points, in_maps, out_maps) = (self.rows * N, self.g.in_maps, self.g.out_maps);
        let mut scratch = [inputs.points(points, in_maps), outputs.points(points, out_maps), between(N)]
            .map(|vectors| self.workspace.take(vectors * S::F32_LANES));
        let [of_inputs, of_outputs, between] = scratch.each_mut().map(|buffer| bytemuck::cast_slice_mut(buffer));
        let mut work = Work { inputs: (inputs, of_inputs), outputs: (outputs, of_outputs), routes, between, first };
        if N == 4 || self.rows == N {
            passes.pass::<S, ALL>(simd, &mut work);
        } else {
            passes.pass::<S, 0>(simd, &mut work);
            passes.pass::<S, 1>(simd, &mut work);
            passes.pass::<S, 2>(simd, &mut work);
            if N == 8 {
                passes.pass::<S, 3>(simd, &mut work);
            }
        }
    }
}

/// Tiles and memory for a pass's rows of their points.
struct Work<'a, V> {
    inputs: (Tiles, &'a mut [V]),
    outputs: (Tiles, &'a mut [V]),
    routes: &'a Routes,
    between: &'a mut [V],
    /// Whether they are the first tiles.
    first: bool,
}

/// What is done in a pass, by a scheme of N points and M outputs along an axis.
trait Passes<const N: usize, const M: usize> {
    fn pass<S: Simd, const PASS: usize>(&mut self, simd: S, work: &mut Work<S::f32s>);
}

struct Forward<'a, const N: usize, const M: usize, const R: usize> {
    blocking: &'a Blocking<'a>,
    input: &'a [f32],
    weights: &'a Weights,
    output: &'a mut [f32],
}

impl<const N: usize, const M: usize, const R: usize> Passes<N, M> for Forward<'_, N, M, R> {
    #[inline(always)]
    fn pass<S: Simd, const PASS: usize>(&mut self, simd: S, work: &mut Work<S::f32s>) {
        let (input, output) = (bytemuck::cast_slice(self.input), bytemuck::cast_slice_mut(self.output));
        let Work { inputs: (in_tiles, inputs), outputs: (out_tiles, outputs), routes, between, .. } = work;
        let Blocking { threads, input: in_plane, output: out_plane, .. } = self.blocking;
        let of_pixels = Matrices::<N, M, R>::INPUT;
        to_points::<S, PASS, N, M, N>(simd, (in_tiles, in_plane), of_pixels, input, between, inputs);
        routes.multiply(simd, *threads, self.weights.of_pass::<PASS, N>(), (Direction::Forward, inputs), outputs);
        let of_outputs = Matrices::<N, M, R>::OUTPUT;
        from_points::<S, PASS, N, M, M>(simd, (out_tiles, out_plane), of_outputs, outputs, between, output);
    }
}

struct Backward<'a, const N: usize, const M: usize, const R: usize> {
    blocking: &'a Blocking<'a>,
    entries: (&'a [f32], &'a [f32]),
    of_input: Option<(&'a Weights, &'a mut [f32])>,
    sums: Option<&'a mut [f32]>,
}

impl<const N: usize, const M: usize, const R: usize> Passes<N, M> for Backward<'_, N, M, R> {
    #[inline(always)]
    fn pass<S: Simd, const PASS: usize>(&mut self, simd: S, work: &mut Work<S::f32s>) {
        let (input, gradient) = (bytemuck::cast_slice(self.entries.0), bytemuck::cast_slice(self.entries.1));
        let Work { inputs: (in_tiles, inputs), outputs: (out_tiles, outputs), routes, between, first } = work;
        let Blocking { g, workspace, threads, pieces, input: in_plane, output: out_plane, .. } = self.blocking;
        let (in_matrix, out_matrix) = (Matrices::<N, M, R>::INPUT, Matrices::<N, M, R>::OUTPUT);
        to_points::<S, PASS, N, M, M>(simd, (out_tiles, out_plane), out_matrix, gradient, between, outputs);
        if let Some(sums) = &mut self.sums {
            to_points::<S, PASS, N, M, N>(simd, (in_tiles, in_plane), in_matrix, input, between, inputs);
            let length = sums_length(pieces * pieces * g.in_maps, g.out_maps);
            let of_pass = sums.chunks_exact_mut(length).enumerate().filter(|(n, _)| in_pass(PASS, N, n / N));
            let sums = of_pass.map(|(_, sums)| bytemuck::cast_slice_mut(sums));
            routes.add_products(simd, *threads, workspace, [inputs, outputs], (*first, sums));
        }
        if let Some((weights, to)) = &mut self.of_input {
            routes.multiply(simd, *threads, weights.of_pass::<PASS, N>(), (Direction::Backward, outputs), inputs);
            let to = bytemuck::cast_slice_mut(to);
            from_points::<S, PASS, N, M, N>(simd, (in_tiles, in_plane), in_matrix, inputs, between, to);
        }
    }
}
