#![allow(clippy::needless_range_loop)] // Iterators over register blocks don't reliably become registers.

//! Weights from maps: of every pair of maps the sum of their products.

use pulp::{NullaryFnOnce, Simd};

use super::transpose::{MOST_LANES, transpose};
use super::{EqualBlocks, MAP_BLOCK, blocks, equal_blocks, most_vectors};
use crate::kernel::lanes::simd::{lane_count, parts};

/// Steps times lanes that [`outer`] sums over in one go: what is transposed for them should stay in near caches.
const DEPTH: usize = 128;

/// What [`outer`] reads.
pub struct Outer<'a, V> {
    /// Entries in lanes that are read one by one.
    pub left: &'a [V],
    /// Where the left maps are at step 0.
    pub places: &'a [usize],
    /// What every step adds to that.
    pub steps: &'a [usize],
    /// Entries in lanes that [`outer`] transposes.
    pub right: &'a [V],
    /// Where the pixel is that every step reads.
    pub pixels: &'a [usize],
    /// Number of right maps.
    pub maps: usize,
    /// Whether products are added to what the sums hold.
    pub accumulate: bool,
    /// Steps times lanes after which a sum is put by and another one begun, at most [`DEPTH`].
    pub run: usize,
}

/// Floats of the sums of so many left and right maps: right maps are filled up to whole groups of as many as there are lanes.
pub fn sums_length(lefts: usize, rights: usize) -> usize {
    lefts * rights.next_multiple_of(lane_count())
}

/// Where the sums of a left and a right map are, among those of `lefts` left maps: (group of right maps, left map, right map in
/// the group).
pub fn sum_place(lefts: usize, left: usize, right: usize) -> usize {
    (right / lane_count() * lefts + left) * lane_count() + right % lane_count()
}

/// sums\[l, r\] = Σ over steps and lanes of left\[place l + step\]·right\[pixel, r\].
///
/// Lanes of `sums`, of [`sums_length`], are right maps, so that none have to be summed up. `panels` is memory for
/// [`panel_length`] floats.
pub fn outer<S: Simd>(simd: S, job: &Outer<S::f32s>, panels: &mut [S::f32s], sums: &mut [S::f32s]) {
    let lanes = parts::<S>() * S::F32_LANES;
    let furthest = job.places.iter().max().zip(job.steps.iter().max());
    let end = |place: usize, step: usize| place.checked_add(step)?.checked_add(parts::<S>());
    assert!(furthest.is_none_or(|(place, step)| end(*place, *step).is_some_and(|end| end <= job.left.len())));
    assert!(job.steps.len() == job.pixels.len());
    if job.steps.is_empty() && !job.accumulate {
        sums.fill(simd.splat_f32s(0.0));
    }
    let vectors = job.maps.div_ceil(S::F32_LANES);
    let most = most_vectors::<S>();
    for (first, steps) in blocks(job.steps.len(), (job.run.min(DEPTH) / lanes).max(1)) {
        simd.vectorize(Pack { simd, job, first, steps, most, panels: &mut *panels });
        for rights in equal_blocks(vectors, most).into_iter().filter(|blocks| blocks.count > 0) {
            for lefts in equal_blocks(job.places.len(), MAP_BLOCK).into_iter().filter(|blocks| blocks.count > 0) {
                let blocks = match rights.length {
                    1 => outer_for::<S, 1>(lefts.length),
                    2 => outer_for::<S, 2>(lefts.length),
                    3 => outer_for::<S, 3>(lefts.length),
                    _ => outer_for::<S, 4>(lefts.length),
                };
                blocks(OuterBlocks { simd, job, lefts, rights, first, steps, panels, sums: &mut *sums });
            }
        }
    }
}

/// Floats of memory that [`outer`] takes for so many right maps.
pub fn panel_length(maps: usize) -> usize {
    sums_length(DEPTH.max(lane_count()), maps)
}

/// Transposes the right maps of some steps: of every block of vectors of maps a panel (step, vector, lane).
struct Pack<'a, S: Simd> {
    simd: S,
    job: &'a Outer<'a, S::f32s>,
    first: usize,
    steps: usize,
    /// Vectors of a panel.
    most: usize,
    panels: &'a mut [S::f32s],
}

impl<S: Simd> NullaryFnOnce for Pack<'_, S> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { simd, job, first, steps, most, panels } = self;
        let (parts, block) = (parts::<S>(), S::F32_LANES * parts::<S>());
        for step in 0..steps {
            let maps = &job.right[job.pixels[first + step]..][..job.maps * parts];
            for (start, vectors) in blocks(job.maps.div_ceil(S::F32_LANES), most) {
                for vector in 0..vectors {
                    let maps = &maps[(start + vector) * block..];
                    let panel = &mut panels[(start * steps + step * vectors + vector) * block..][..block];
                    for part in 0..parts {
                        let rows = transposed(simd, maps, part);
                        for r in 0..S::F32_LANES {
                            panel[part * S::F32_LANES + r] = rows[r];
                        }
                    }
                }
            }
        }
    }
}

/// A vector of maps for every lane of a part; maps beyond the last are 0.
#[inline(always)]
fn transposed<S: Simd>(simd: S, maps: &[S::f32s], part: usize) -> [S::f32s; MOST_LANES] {
    let parts = parts::<S>();
    let mut rows = [simd.splat_f32s(0.0); MOST_LANES];
    if let Some(maps) = maps.get(..S::F32_LANES * parts) {
        for r in 0..S::F32_LANES {
            rows[r] = maps[r * parts + part];
        }
    } else {
        // Asked for each, so that rows stay in registers.
        for r in 0..S::F32_LANES {
            if r * parts < maps.len() {
                rows[r] = maps[r * parts + part];
            }
        }
    }
    transpose(simd, &mut rows);
    rows
}

/// Register blocks of [`outer`] that have the same size.
struct OuterBlocks<'a, S: Simd> {
    simd: S,
    job: &'a Outer<'a, S::f32s>,
    lefts: EqualBlocks,
    rights: EqualBlocks,
    first: usize,
    steps: usize,
    panels: &'a [S::f32s],
    sums: &'a mut [S::f32s],
}

/// The blocks for so many left maps and vectors of right maps, each compiled on its own as those of `gather` are.
fn outer_for<S: Simd, const V: usize>(lefts: usize) -> fn(OuterBlocks<S>) {
    match lefts {
        1 => compiled_outer::<S, 1, V>,
        2 => compiled_outer::<S, 2, V>,
        3 => compiled_outer::<S, 3, V>,
        4 => compiled_outer::<S, 4, V>,
        5 => compiled_outer::<S, 5, V>,
        _ => compiled_outer::<S, 6, V>,
    }
}

#[inline(never)]
fn compiled_outer<S: Simd, const M: usize, const V: usize>(blocks: OuterBlocks<S>) {
    struct Compiled<'a, S: Simd, const M: usize, const V: usize>(OuterBlocks<'a, S>);
    impl<S: Simd, const M: usize, const V: usize> NullaryFnOnce for Compiled<'_, S, M, V> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            let OuterBlocks { simd, job, lefts, rights, first, steps, panels, sums } = self.0;
            let lanes = parts::<S>() * S::F32_LANES;
            for right in (0..rights.count).map(|n| rights.start + n * V) {
                let panel = &panels[right * steps * lanes..][..V * steps * lanes];
                for left in (0..lefts.count).map(|n| lefts.start + n * M) {
                    outer_block::<S, M, V>(simd, job, (first, panel), [left, right], sums);
                }
            }
        }
    }
    blocks.simd.vectorize(Compiled::<S, M, V>(blocks));
}

/// The sums of the left maps from `left` on and of the vectors of right maps from `right` on.
#[inline(always)]
fn outer_block<S: Simd, const M: usize, const V: usize>(
    simd: S,
    job: &Outer<S::f32s>,
    (first, panel): (usize, &[S::f32s]),
    [left, right]: [usize; 2],
    sums: &mut [S::f32s],
) {
    let (parts, lanes) = (parts::<S>(), parts::<S>() * S::F32_LANES);
    let (places, steps) = (&job.places[left..left + M], &job.steps[first..][..panel.len() / (lanes * V)]);
    let mut block = [[simd.splat_f32s(0.0); V]; M];
    let mut values_at = panel.as_ptr();
    for &step in steps {
        let step_at = job.left.as_ptr().wrapping_add(step);
        let mut weights_at = [step_at.cast::<f32>(); M];
        for m in 0..M {
            debug_assert!(places[m] + step + parts <= job.left.len());
            weights_at[m] = step_at.wrapping_add(places[m]).cast();
        }
        for lane in 0..lanes {
            let mut values = [simd.splat_f32s(0.0); V];
            for v in 0..V {
                debug_assert!(values_at.wrapping_add(v * lanes + lane) < panel.as_ptr_range().end);
                // SAFETY: the panel has steps·V·lanes vectors, and every step takes V·lanes of them.
                values[v] = unsafe { *values_at.add(v * lanes + lane) };
            }
            for m in 0..M {
                // SAFETY: `outer` has asserted that so many lanes are inside `left` from every place at every step.
                let weight = simd.splat_f32s(unsafe { *weights_at[m].wrapping_add(lane) });
                for v in 0..V {
                    block[m][v] = simd.mul_add_e_f32s(weight, values[v], block[m][v]);
                }
            }
        }
        // SAFETY: at most one past the last vector.
        values_at = unsafe { values_at.add(V * lanes) };
    }
    let add = job.accumulate || first > 0;
    for m in 0..M {
        for v in 0..V {
            let (group, part) = ((right + v) / parts, (right + v) % parts);
            let sum = &mut sums[(group * job.places.len() + left + m) * parts + part];
            *sum = if add { simd.add_f32s(*sum, block[m][v]) } else { block[m][v] };
        }
    }
}
