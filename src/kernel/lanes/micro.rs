#![allow(clippy::needless_range_loop)] // Iterators over register blocks don't reliably become registers.

//! The two register-blocked products that all convolutions are made of. The only `unsafe` of the lane kernels is here.
//!
//! A slice of feature maps holds vectors: entry (pixel, map, part) at pixel·stride + map·parts + part, where the parts of a
//! map together hold its value for all lanes (on AVX2 and AVX-512 there's one part).

use pulp::{NullaryFnOnce, Simd};

/// Out maps of a register block. With 2 on the other side that makes 12 sums, enough to hide the latency of
/// multiply-adds, and leaves room for the operands in 16 registers.
pub const OUT_BLOCK: usize = 6;

/// In maps of a register block of [`outer`], and pixels of a register block of [`gather`] where there are 16 registers.
pub const NARROW: usize = 2;

/// Pixels of a register block where there are 32 registers.
const WIDE: usize = 4;

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

/// Where [`outer`] walks, in step in both operands.
#[derive(Clone, Copy)]
pub struct Walk<'a> {
    /// What every step adds to the place in the left operand.
    pub left: usize,
    /// Where each step is in the right operand.
    pub right: &'a [usize],
    /// Vectors that a map has.
    pub parts: usize,
}

/// An operand of [`outer`] and the places in it that the walk starts from.
#[derive(Clone, Copy)]
pub struct Operand<'a, V> {
    pub entries: &'a [V],
    pub places: &'a [usize],
}

impl<V> Operand<'_, V> {
    /// Whether the walk stays inside from every place.
    fn holds(&self, last: usize) -> bool {
        self.places.iter().all(|place| place.checked_add(last).is_some_and(|place| place < self.entries.len()))
    }
}

/// sums\[l, r\] += Σ over the walk, and over lanes, of left\[place l\]·right\[place r\]; `sums` is row-major.
pub fn outer<S: Simd>(simd: S, walk: &Walk, left: Operand<S::f32s>, right: Operand<S::f32s>, sums: &mut [f32]) {
    let last = walk.parts - 1;
    let furthest = walk.right.iter().max().map_or(0, |furthest| furthest.saturating_add(last));
    let end = walk.right.len().saturating_sub(1).saturating_mul(walk.left).saturating_add(last);
    assert!(left.holds(end) && right.holds(furthest));
    for lefts in runs(left.places.len(), OUT_BLOCK).into_iter().filter(|run| run.count > 0) {
        for rights in runs(right.places.len(), NARROW).into_iter().filter(|run| run.count > 0) {
            let blocks = match rights.length {
                1 => outer_for::<S, 1>(lefts.length),
                _ => outer_for::<S, 2>(lefts.length),
            };
            blocks(OuterBlocks { simd, walk, left, right, lefts, rights, sums });
        }
    }
}

/// Register blocks of [`outer`] that have the same size.
struct OuterBlocks<'a, S: Simd> {
    simd: S,
    walk: &'a Walk<'a>,
    left: Operand<'a, S::f32s>,
    right: Operand<'a, S::f32s>,
    lefts: Run,
    rights: Run,
    sums: &'a mut [f32],
}

/// As [`gather_for`].
fn outer_for<S: Simd, const I: usize>(lefts: usize) -> fn(OuterBlocks<S>) {
    match lefts {
        1 => compiled_outer::<S, 1, I>,
        2 => compiled_outer::<S, 2, I>,
        3 => compiled_outer::<S, 3, I>,
        4 => compiled_outer::<S, 4, I>,
        5 => compiled_outer::<S, 5, I>,
        _ => compiled_outer::<S, 6, I>,
    }
}

#[inline(never)]
fn compiled_outer<S: Simd, const O: usize, const I: usize>(blocks: OuterBlocks<S>) {
    struct Compiled<'a, S: Simd, const O: usize, const I: usize>(OuterBlocks<'a, S>);
    impl<S: Simd, const O: usize, const I: usize> NullaryFnOnce for Compiled<'_, S, O, I> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            let OuterBlocks { simd, walk, left, right, lefts, rights, sums } = self.0;
            let stride = right.places.len();
            for o in 0..lefts.count {
                let o = lefts.start + o * O;
                for i in 0..rights.count {
                    let i = rights.start + i * I;
                    let left = Operand { places: &left.places[o..o + O], ..left };
                    let right = Operand { places: &right.places[i..i + I], ..right };
                    outer_block::<S, O, I>(simd, walk, left, right, &mut sums[o * stride + i..], stride);
                }
            }
        }
    }
    blocks.simd.vectorize(Compiled::<S, O, I>(blocks));
}

/// One register block, whose walk is known to stay inside the operands.
#[inline(always)]
fn outer_block<S: Simd, const O: usize, const I: usize>(
    simd: S,
    walk: &Walk,
    left: Operand<S::f32s>,
    right: Operand<S::f32s>,
    sums: &mut [f32],
    stride: usize,
) {
    let mut block = [[simd.splat_f32s(0.0); I]; O];
    for part in 0..walk.parts {
        let (mut at_left, mut at_right) = ([left.entries.as_ptr(); O], [right.entries.as_ptr(); I]);
        for o in 0..O {
            at_left[o] = at_left[o].wrapping_add(left.places[o] + part);
        }
        for i in 0..I {
            at_right[i] = at_right[i].wrapping_add(right.places[i] + part);
        }
        for (step, &place) in walk.right.iter().enumerate() {
            debug_assert!(left.holds(step * walk.left + part) && right.holds(place + part));
            // SAFETY: `outer` has asserted that the last step's place is inside the left operand and the furthest inside
            // the right one, from every place to start from. The left pointers move on once more, but aren't read.
            unsafe {
                let mut values = [simd.splat_f32s(0.0); I];
                for i in 0..I {
                    values[i] = *at_right[i].wrapping_add(place);
                }
                for o in 0..O {
                    let value = *at_left[o];
                    at_left[o] = at_left[o].wrapping_add(walk.left);
                    for i in 0..I {
                        block[o][i] = simd.mul_add_e_f32s(value, values[i], block[o][i]);
                    }
                }
            }
        }
    }
    for o in 0..O {
        for i in 0..I {
            sums[o * stride + i] += simd.reduce_sum_f32s(block[o][i]);
        }
    }
}
