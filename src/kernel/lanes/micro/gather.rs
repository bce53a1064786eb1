#![allow(clippy::needless_range_loop)] // Iterators over register blocks don't reliably become registers.

//! Maps from maps: every out map a weighted sum of in maps.

use pulp::{NullaryFnOnce, Simd};

use super::{EqualBlocks, MAP_BLOCK, blocks, equal_blocks, most_vectors};
use crate::kernel::lanes::simd::parts;

/// Bytes of weights that [`gather`] goes through for every pixel.
const PANEL_BYTES: usize = 96 << 10;

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
    /// Weights of the out maps, in [`blocks`] of [`MAP_BLOCK`]: of each block (tap, in map, out map in the block).
    pub weights: &'a [f32],
    /// Where the out pixels start in the output.
    pub to: &'a [usize],
    /// Number of out maps.
    pub out_maps: usize,
    /// Whether sums are added to what the output holds.
    pub accumulate: bool,
    /// In maps after which a sum is put by and another one begun, which rounds less than one long sum.
    pub run: usize,
}

/// [`Gather::weights`] of so many out maps: each has a row of weights, of which `order` says which follow each other.
pub fn pack_weights<'a>(out_maps: usize, row: impl Fn(usize) -> &'a [f32], order: &[usize], weights: &mut [f32]) {
    for (first, maps) in blocks(out_maps, MAP_BLOCK) {
        let to = &mut weights[first * order.len()..][..maps * order.len()];
        let row = |m| row(first + m);
        match maps {
            1 => pack_block::<1>(std::array::from_fn(row), order, to),
            2 => pack_block::<2>(std::array::from_fn(row), order, to),
            3 => pack_block::<3>(std::array::from_fn(row), order, to),
            4 => pack_block::<4>(std::array::from_fn(row), order, to),
            5 => pack_block::<5>(std::array::from_fn(row), order, to),
            _ => pack_block::<6>(std::array::from_fn(row), order, to),
        }
    }
}

/// The same of weights that lie in rows as long as `pitch`, one for each step of the sum, with the out maps side by side.
pub fn pack_columns([depth, out_maps]: [usize; 2], rows: &[f32], pitch: usize, weights: &mut [f32]) {
    for (first, maps) in blocks(out_maps, MAP_BLOCK) {
        let (rows, to) = (&rows[first..], &mut weights[first * depth..][..maps * depth]);
        match maps {
            1 => pack_column::<1>(rows, pitch, to),
            2 => pack_column::<2>(rows, pitch, to),
            3 => pack_column::<3>(rows, pitch, to),
            4 => pack_column::<4>(rows, pitch, to),
            5 => pack_column::<5>(rows, pitch, to),
            _ => pack_column::<6>(rows, pitch, to),
        }
    }
}

fn pack_column<const M: usize>(rows: &[f32], pitch: usize, to: &mut [f32]) {
    for (to, row) in to.as_chunks_mut::<M>().0.iter_mut().zip(rows.chunks(pitch)) {
        if let Some(row) = row.first_chunk() {
            *to = *row;
        }
    }
}

fn pack_block<const M: usize>(rows: [&[f32]; M], order: &[usize], to: &mut [f32]) {
    for (to, &place) in to.as_chunks_mut::<M>().0.iter_mut().zip(order) {
        for m in 0..M {
            to[m] = rows[m][place];
        }
    }
}

/// out\[to + o\] = Σ over taps and in maps i of weights\[o, tap, i\] · source\[from + tap + i\], for all pixels and out maps o.
pub fn gather<S: Simd>(simd: S, job: &Gather<S::f32s>, output: &mut [S::f32s]) {
    assert!(job.from.len() == job.to.len());
    let weights = job.out_maps.checked_mul(job.taps.len()).and_then(|n| n.checked_mul(job.depth));
    assert!(weights == Some(job.weights.len()) && job.depth > 0 && job.run > 0);
    for pixels in equal_blocks(job.to.len(), most_vectors::<S>()).into_iter().filter(|blocks| blocks.count > 0) {
        for maps in equal_blocks(job.out_maps, MAP_BLOCK).into_iter().filter(|blocks| blocks.count > 0) {
            let blocks = match pixels.length {
                1 => gather_for::<S, 1>(maps.length),
                2 => gather_for::<S, 2>(maps.length),
                3 => gather_for::<S, 3>(maps.length),
                _ => gather_for::<S, 4>(maps.length),
            };
            // Weights that all pixels read in turn, as many as stay in the second-level cache.
            let bytes = maps.length * job.taps.len() * job.depth * size_of::<f32>();
            let panel = (PANEL_BYTES / bytes.max(1)).max(1);
            for first in (0..maps.count).step_by(panel) {
                let start = maps.start + first * maps.length;
                let maps = EqualBlocks { start, count: panel.min(maps.count - first), ..maps };
                blocks(GatherBlocks { simd, job, pixels, maps, output });
            }
        }
    }
}

/// Register blocks of [`gather`] that have the same size.
struct GatherBlocks<'a, S: Simd> {
    simd: S,
    job: &'a Gather<'a, S::f32s>,
    pixels: EqualBlocks,
    maps: EqualBlocks,
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
    let mut start = 0;
    while start < job.depth {
        let length = job.run.min(job.depth - start);
        gather_run::<S, M, P>(simd, job, [pixel, map], (start, length), output);
        start += length;
    }
}

/// The sums over `length` in maps from `start` on, added to those over the maps before.
#[inline(always)]
fn gather_run<S: Simd, const M: usize, const P: usize>(
    simd: S,
    job: &Gather<S::f32s>,
    [pixel, map]: [usize; 2],
    (start, length): (usize, usize),
    output: &mut [S::f32s],
) {
    let Gather { source, taps, depth, .. } = *job;
    assert!(length > 0 && start < depth && length <= depth - start);
    let parts = parts::<S>();
    let per_map = taps.len() * depth;
    let weights = &job.weights[map * per_map..(map + M) * per_map];
    for part in 0..parts {
        let (mut from, mut to) = ([0; P], [0; P]);
        let mut sums = [[simd.splat_f32s(0.0); P]; M];
        for p in 0..P {
            from[p] = job.from[pixel + p] + part;
            to[p] = job.to[pixel + p] + map * parts + part;
            if job.accumulate && start == 0 {
                for m in 0..M {
                    sums[m][p] = output[to[p] + m * parts];
                }
            }
        }
        // At the largest number instead of wrapping, which no slice is as long as.
        let reach = (depth - 1).saturating_mul(parts);
        for (t, &tap) in taps.iter().enumerate() {
            let mut values_at = [source.as_ptr(); P];
            for p in 0..P {
                // Each is below the length of a slice, so that their sum can't overflow.
                assert!(from[p] < source.len() && tap < source.len() && reach < source.len());
                assert!(from[p] + tap + reach < source.len());
                // SAFETY: inside `source` by the assertion above, since `start` is below `depth`.
                values_at[p] = unsafe { source.as_ptr().add(from[p] + tap + start * parts) };
            }
            // SAFETY: `weights` has taps·depth·M entries, and `start` is below `depth`.
            let mut weight = unsafe { weights.as_ptr().add((t * depth + start) * M) };
            for _ in 0..length {
                let mut values = [simd.splat_f32s(0.0); P];
                for p in 0..P {
                    // SAFETY: these are reads of maps `start` to `start + length`, at most `depth`, from from + tap on; that of the last
                    // map of all would be at `reach` from there, inside `source` by the assertion above. The pointer ends `parts` beyond
                    // what is read last.
                    unsafe {
                        values[p] = *values_at[p];
                        values_at[p] = values_at[p].wrapping_add(parts);
                    }
                }
                for m in 0..M {
                    // SAFETY: each of the at most `depth - start` rounds takes M of the weights from the tap's and `start` on.
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
                let place = &mut output[to[p] + m * parts];
                *place = if start > 0 { simd.add_f32s(*place, sums[m][p]) } else { sums[m][p] };
            }
        }
    }
}
