#![allow(clippy::needless_range_loop)] // Iterators over register blocks don't reliably become registers.

//! The two register-blocked products that all convolutions are made of. The only `unsafe` of the lane kernels is here.
//!
//! A slice of feature maps holds vectors: entry (pixel, map, part) at pixel·stride + map·parts + part, where the parts of a
//! map together hold its value for all lanes (on AVX2 and AVX-512 there's one part).

use pulp::{NullaryFnOnce, Simd};

use super::simd::{lane_count, parts};
use super::transpose::{MOST_LANES, transpose};

/// Maps on one side of a register block. With 2 vectors on the other that makes 12 sums, enough to hide the latency of
/// multiply-adds, and leaves room for the operands in 16 registers.
pub const OUT_BLOCK: usize = 6;

/// Vectors on that side where there are 16 registers.
pub const NARROW: usize = 2;

/// Vectors on that side where there are 32 registers.
const WIDE: usize = 4;

/// Steps times lanes that [`outer`] sums over in one go: what is transposed for them should stay in near caches.
const DEPTH: usize = 128;

/// Bytes of weights that [`gather`] goes through for every pixel.
const PANEL_BYTES: usize = 96 << 10;

/// Blocks of the same length that follow each other.
#[derive(Clone, Copy)]
struct Run {
    start: usize,
    length: usize,
    count: usize,
}

/// The blocks of at most `most` that `n` splits into, as even as possible, so that no block is left with next to no work:
/// longer ones, then shorter ones.
#[inline(always)]
fn runs(n: usize, most: usize) -> [Run; 2] {
    let count = n.div_ceil(most);
    let (length, longer) = (n.checked_div(count).unwrap_or(0), n.checked_rem(count).unwrap_or(0));
    let first = Run { start: 0, length: length + 1, count: longer };
    [first, Run { start: longer * (length + 1), length, count: count - longer }]
}

/// Starts and lengths of these blocks.
pub fn blocks(n: usize, most: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    runs(n, most).into_iter().flat_map(|run| (0..run.count).map(move |n| (run.start + n * run.length, run.length)))
}

/// What [`gather`] reads and writes.
pub struct Gather<'a, V> {
    /// The input.
    pub source: &'a [V],
    /// Where the pixel that tap 0 reads starts in `source`, for every out pixel.
    pub from: &'a [usize],
    /// What every tap adds to that.
    pub taps: &'a [usize],
    /// In maps to sum over.
    pub depth: usize,
    /// Weights of the out maps, in [`blocks`] of [`OUT_BLOCK`]: of each block (tap, in map, out map in the block).
    pub weights: &'a [f32],
    /// Where the out pixels start in the output.
    pub to: &'a [usize],
    /// Number of out maps.
    pub out_maps: usize,
    /// Vectors that a map has.
    pub parts: usize,
    /// Whether sums are added to what the output holds.
    pub accumulate: bool,
}

/// out\[to + o\] = Σ over taps and in maps i of weights\[o, tap, i\] · source\[from + tap + i\], for all pixels and out maps o.
pub fn gather<S: Simd>(simd: S, job: &Gather<S::f32s>, output: &mut [S::f32s]) {
    let pixels_most = if S::REGISTER_COUNT >= 32 { WIDE } else { NARROW };
    assert!(job.from.len() == job.to.len());
    let weights = job.out_maps.checked_mul(job.taps.len()).and_then(|n| n.checked_mul(job.depth));
    assert!(weights == Some(job.weights.len()) && job.depth > 0);
    for pixels in runs(job.to.len(), pixels_most).into_iter().filter(|run| run.count > 0) {
        for maps in runs(job.out_maps, OUT_BLOCK).into_iter().filter(|run| run.count > 0) {
            let blocks = match pixels.length {
                1 => gather_for::<S, 1>(maps.length),
                2 => gather_for::<S, 2>(maps.length),
                3 => gather_for::<S, 3>(maps.length),
                _ => gather_for::<S, 4>(maps.length),
            };
            // Weights that all pixels read in turn, as many as stay in the second-level cache.
            let bytes = maps.length * job.taps.len() * job.depth * size_of::<f32>();
            let panel = (PANEL_BYTES / bytes).max(1);
            for first in (0..maps.count).step_by(panel) {
                let start = maps.start + first * maps.length;
                let maps = Run { start, count: panel.min(maps.count - first), ..maps };
                blocks(GatherBlocks { simd, job, pixels, maps, output });
            }
        }
    }
}

/// Register blocks of [`gather`] that have the same size.
struct GatherBlocks<'a, S: Simd> {
    simd: S,
    job: &'a Gather<'a, S::f32s>,
    pixels: Run,
    maps: Run,
    output: &'a mut [S::f32s],
}

/// The blocks for so many out maps and pixels. A pointer, so that each is compiled on its own: merged into one large function,
/// some of their sums end up in memory, which halves the speed.
fn gather_for<S: Simd, const P: usize>(maps: usize) -> fn(GatherBlocks<S>) {
    match maps {
        1 => compiled_gather::<S, 1, P>,
        2 => compiled_gather::<S, 2, P>,
        3 => compiled_gather::<S, 3, P>,
        4 => compiled_gather::<S, 4, P>,
        5 => compiled_gather::<S, 5, P>,
        _ => compiled_gather::<S, 6, P>,
    }
}

#[inline(never)]
fn compiled_gather<S: Simd, const M: usize, const P: usize>(blocks: GatherBlocks<S>) {
    struct Compiled<'a, S: Simd, const M: usize, const P: usize>(GatherBlocks<'a, S>);
    impl<S: Simd, const M: usize, const P: usize> NullaryFnOnce for Compiled<'_, S, M, P> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            let GatherBlocks { simd, job, pixels, maps, output } = self.0;
            for pixel in 0..pixels.count {
                for map in 0..maps.count {
                    gather_block::<S, M, P>(simd, job, pixels.start + pixel * P, maps.start + map * M, output);
                }
            }
        }
    }
    blocks.simd.vectorize(Compiled::<S, M, P>(blocks));
}

/// The sums of the pixels from `pixel` and the out maps from `map` on.
#[inline(always)]
fn gather_block<S: Simd, const M: usize, const P: usize>(
    simd: S,
    job: &Gather<S::f32s>,
    pixel: usize,
    map: usize,
    output: &mut [S::f32s],
) {
    let Gather { source, taps, depth, parts, .. } = *job;
    let per_map = taps.len() * depth;
    let weights = &job.weights[map * per_map..(map + M) * per_map];
    for part in 0..parts {
        let (mut from, mut to) = ([0; P], [0; P]);
        let mut sums = [[simd.splat_f32s(0.0); P]; M];
        for p in 0..P {
            from[p] = job.from[pixel + p] + part;
            to[p] = job.to[pixel + p] + map * parts + part;
            if job.accumulate {
                for m in 0..M {
                    sums[m][p] = output[to[p] + m * parts];
                }
            }
        }
        let reach = (depth - 1) * parts;
        let mut weight = weights.as_ptr();
        for &tap in taps {
            let mut values_at = [source.as_ptr(); P];
            for p in 0..P {
                // Each is below the length of a slice, so that their sum can't overflow.
                assert!(from[p] < source.len() && tap < source.len() && reach < source.len());
                assert!(from[p] + tap + reach < source.len());
                // SAFETY: inside `source` by the assertion above.
                values_at[p] = unsafe { source.as_ptr().add(from[p] + tap) };
            }
            for i in 0..depth {
                let mut values = [simd.splat_f32s(0.0); P];
                for p in 0..P {
                    debug_assert!(from[p] + tap + i * parts < source.len());
                    // SAFETY: this is `depth` reads from from + tap on, the last of them at `reach` from there, inside
                    // `source` by the assertion above. The pointer ends `parts` beyond that, where it's not read.
                    unsafe {
                        values[p] = *values_at[p];
                        values_at[p] = values_at[p].wrapping_add(parts);
                    }
                }
                for m in 0..M {
                    // SAFETY: `weights` has taps·depth·M entries, and each of the taps·depth rounds takes M.
                    let w = simd.splat_f32s(unsafe { *weight.add(m) });
                    for p in 0..P {
                        sums[m][p] = simd.mul_add_e_f32s(w, values[p], sums[m][p]);
                    }
                }
                // SAFETY: at most one past the last weight.
                weight = unsafe { weight.add(M) };
            }
        }
        for m in 0..M {
            for p in 0..P {
                output[to[p] + m * parts] = sums[m][p];
            }
        }
    }
}

/// What [`outer`] reads.
pub struct Outer<'a, V> {
    /// Entries in lanes; those of a map are read one by one.
    pub left: &'a [f32],
    /// Where the left maps are at step 0, in floats.
    pub places: &'a [usize],
    /// What every step adds to that.
    pub steps: &'a [usize],
    /// Entries in lanes that [`outer`] transposes.
    pub right: &'a [V],
    /// Where the pixel is that every step reads.
    pub pixels: &'a [usize],
    /// Number of right maps.
    pub maps: usize,
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

/// sums\[l, r\] += Σ over steps and lanes of left\[place l + step\]·right\[pixel, r\].
///
/// Lanes of `sums`, of [`sums_length`], are right maps, so that none have to be summed up. `panels` is memory for
/// [`panel_length`] floats.
pub fn outer<S: Simd>(simd: S, job: &Outer<S::f32s>, panels: &mut [S::f32s], sums: &mut [S::f32s]) {
    let lanes = parts::<S>() * S::F32_LANES;
    let (furthest_place, furthest_step) = (job.places.iter().max(), job.steps.iter().max());
    let end = furthest_place.zip(furthest_step).and_then(|(place, step)| place.checked_add(*step)?.checked_add(lanes));
    assert!(end.is_none_or(|end| end <= job.left.len()) && job.steps.len() == job.pixels.len());
    let vectors = job.maps.div_ceil(S::F32_LANES);
    let most = if S::REGISTER_COUNT >= 32 { WIDE } else { NARROW };
    for (first, steps) in blocks(job.steps.len(), (DEPTH / lanes).max(1)) {
        simd.vectorize(Pack { simd, job, first, steps, most, panels: &mut *panels });
        for rights in runs(vectors, most).into_iter().filter(|run| run.count > 0) {
            for lefts in runs(job.places.len(), OUT_BLOCK).into_iter().filter(|run| run.count > 0) {
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
    lefts: Run,
    rights: Run,
    first: usize,
    steps: usize,
    panels: &'a [S::f32s],
    sums: &'a mut [S::f32s],
}

/// As [`gather_for`].
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
    let lanes = parts::<S>() * S::F32_LANES;
    let (places, steps) = (&job.places[left..left + M], &job.steps[first..][..panel.len() / (lanes * V)]);
    let mut block = [[simd.splat_f32s(0.0); V]; M];
    let mut values_at = panel.as_ptr();
    for &step in steps {
        let mut weights_at = [job.left.as_ptr(); M];
        for m in 0..M {
            debug_assert!(places[m] + step + lanes <= job.left.len());
            weights_at[m] = weights_at[m].wrapping_add(places[m] + step);
        }
        for lane in 0..lanes {
            let mut values = [simd.splat_f32s(0.0); V];
            for v in 0..V {
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
    let parts = parts::<S>();
    for m in 0..M {
        for v in 0..V {
            let (group, part) = ((right + v) / parts, (right + v) % parts);
            let sum = &mut sums[(group * job.places.len() + left + m) * parts + part];
            *sum = simd.add_f32s(*sum, block[m][v]);
        }
    }
}
