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

/// Starts and lengths of the blocks of at most `most` that `n` splits into, as even as possible: no block is left with next
/// to no work.
#[inline(always)]
pub fn blocks(n: usize, most: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    let count = n.div_ceil(most).max(1);
    let (length, longer) = (n / count, n % count);
    let length_of = move |block: usize| length + usize::from(block < longer);
    (0..count).scan(0, move |start, block| {
        *start += length_of(block);
        Some((*start - length_of(block), length_of(block)))
    })
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
#[inline(always)]
pub fn gather<S: Simd>(simd: S, job: &Gather<S::f32s>, output: &mut [S::f32s]) {
    let pixels_most = if S::REGISTER_COUNT >= 32 { WIDE } else { NARROW };
    for (pixel, pixels) in blocks(job.to.len(), pixels_most) {
        let (from, to) = (&job.from[pixel..pixel + pixels], &job.to[pixel..pixel + pixels]);
        for (map, maps) in blocks(job.out_maps, OUT_BLOCK) {
            let per_map = job.taps.len() * job.depth;
            let weights = &job.weights[map * per_map..(map + maps) * per_map];
            for part in 0..job.parts {
                let place = Place { weights, from, to, map: map * job.parts + part, part };
                let block = match pixels {
                    1 => gather_for::<S, 1>(maps),
                    2 => gather_for::<S, 2>(maps),
                    3 => gather_for::<S, 3>(maps),
                    _ => gather_for::<S, 4>(maps),
                };
                block(simd, job, &place, output);
            }
        }
    }
}

/// Where a register block of [`gather`] lies.
struct Place<'a> {
    weights: &'a [f32],
    from: &'a [usize],
    to: &'a [usize],
    map: usize,
    part: usize,
}

type GatherBlock<S> = fn(S, &Gather<<S as Simd>::f32s>, &Place, &mut [<S as Simd>::f32s]);

/// The block for so many out maps and pixels. A pointer, so that each is compiled on its own: merged into one large function,
/// some of their sums end up in memory, which halves the speed.
fn gather_for<S: Simd, const P: usize>(maps: usize) -> GatherBlock<S> {
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
fn compiled_gather<S: Simd, const M: usize, const P: usize>(
    simd: S,
    job: &Gather<S::f32s>,
    place: &Place,
    output: &mut [S::f32s],
) {
    struct Block<'a, S: Simd, const M: usize, const P: usize> {
        simd: S,
        job: &'a Gather<'a, S::f32s>,
        place: &'a Place<'a>,
        output: &'a mut [S::f32s],
    }
    impl<S: Simd, const M: usize, const P: usize> NullaryFnOnce for Block<'_, S, M, P> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            gather_block::<S, M, P>(self.simd, self.job, self.place, self.output);
        }
    }
    simd.vectorize(Block::<S, M, P> { simd, job, place, output });
}

#[inline(always)]
fn gather_block<S: Simd, const M: usize, const P: usize>(
    simd: S,
    job: &Gather<S::f32s>,
    place: &Place,
    output: &mut [S::f32s],
) {
    let Gather { source, taps, depth, parts, .. } = *job;
    let mut from = [0; P];
    let mut sums = [[simd.splat_f32s(0.0); P]; M];
    for p in 0..P {
        from[p] = place.from[p] + place.part;
        if job.accumulate {
            for m in 0..M {
                sums[m][p] = output[place.to[p] + place.map + m * parts];
            }
        }
    }
    let reach = depth.saturating_sub(1) * parts;
    assert!(place.weights.len() == taps.len() * depth * M);
    let mut weight = place.weights.as_ptr();
    for &tap in taps {
        let mut pixels = [source.as_ptr(); P];
        for p in 0..P {
            assert!(depth > 0 && from[p] + tap + reach < source.len());
            // SAFETY: inside `source` by the assertion above.
            pixels[p] = unsafe { source.as_ptr().add(from[p] + tap) };
        }
        for i in 0..depth {
            let mut values = [simd.splat_f32s(0.0); P];
            for p in 0..P {
                debug_assert!(from[p] + tap + i * parts < source.len());
                // SAFETY: this is `depth` reads from from + tap on, the last of them at `reach` from there, inside
                // `source` by the assertion above. The pointer ends at most `parts` beyond that; it's then not read.
                unsafe {
                    values[p] = *pixels[p];
                    pixels[p] = pixels[p].wrapping_add(parts);
                }
            }
            for m in 0..M {
                // SAFETY: taps·depth·M weights are there by the assertion, and each of the taps·depth rounds takes M.
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
            output[place.to[p] + place.map + m * parts] = sums[m][p];
        }
    }
}

/// Where [`outer`] walks: `rows` × `columns` steps.
#[derive(Clone, Copy)]
pub struct Walk {
    /// Steps along the slow axis.
    pub rows: usize,
    /// Steps along the fast axis.
    pub columns: usize,
    /// What a row and a column add to the place in the left operand.
    pub left: [usize; 2],
    /// What a row and a column add to the place in the right operand.
    pub right: [usize; 2],
    /// Vectors that a map has.
    pub parts: usize,
}

impl Walk {
    fn last(&self, [row, column]: [usize; 2]) -> usize {
        self.rows.saturating_sub(1) * row + self.columns.saturating_sub(1) * column + self.parts - 1
    }
}

/// An operand of [`outer`] and the places in it that the walk starts from.
#[derive(Clone, Copy)]
pub struct Operand<'a, V> {
    pub entries: &'a [V],
    pub places: &'a [usize],
}

/// sums\[o\]\[i\] += Σ over the walk, and over lanes, of left\[place o\]·right\[place i\], for up to [`OUT_BLOCK`] places
/// on the left and [`NARROW`] on the right; `sums` holds the entries o·`stride` + i.
#[inline(always)]
pub fn outer<S: Simd>(
    simd: S,
    walk: &Walk,
    left: Operand<S::f32s>,
    right: Operand<S::f32s>,
    sums: &mut [f32],
    stride: usize,
) {
    let block = match right.places.len() {
        1 => outer_for::<S, 1>(left.places.len()),
        _ => outer_for::<S, 2>(left.places.len()),
    };
    block(OuterJob { simd, walk, left, right, sums, stride });
}

struct OuterJob<'a, S: Simd> {
    simd: S,
    walk: &'a Walk,
    left: Operand<'a, S::f32s>,
    right: Operand<'a, S::f32s>,
    sums: &'a mut [f32],
    stride: usize,
}

/// As [`gather_for`].
fn outer_for<S: Simd, const I: usize>(lefts: usize) -> fn(OuterJob<S>) {
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
fn compiled_outer<S: Simd, const O: usize, const I: usize>(job: OuterJob<S>) {
    struct Block<'a, S: Simd, const O: usize, const I: usize>(OuterJob<'a, S>);
    impl<S: Simd, const O: usize, const I: usize> NullaryFnOnce for Block<'_, S, O, I> {
        type Output = ();

        #[inline(always)]
        fn call(self) {
            outer_block::<S, O, I>(self.0);
        }
    }
    job.simd.vectorize(Block::<S, O, I>(job));
}

#[inline(always)]
fn outer_block<S: Simd, const O: usize, const I: usize>(job: OuterJob<S>) {
    let OuterJob { simd, walk, left, right, sums, stride } = job;
    let (Operand { entries: left, places: lefts }, Operand { entries: right, places: rights }) = (left, right);
    assert!(lefts.len() == O && rights.len() == I);
    for &place in lefts {
        assert!(place + walk.last(walk.left) < left.len());
    }
    for &place in rights {
        assert!(place + walk.last(walk.right) < right.len());
    }
    let mut block = [[simd.splat_f32s(0.0); I]; O];
    for part in 0..walk.parts {
        for row in 0..walk.rows {
            let (mut at_left, mut at_right) = ([left.as_ptr(); O], [right.as_ptr(); I]);
            for o in 0..O {
                at_left[o] = at_left[o].wrapping_add(lefts[o] + row * walk.left[0] + part);
            }
            for i in 0..I {
                at_right[i] = at_right[i].wrapping_add(rights[i] + row * walk.right[0] + part);
            }
            for _ in 0..walk.columns {
                // SAFETY: each place plus the last step of the walk is inside its slice by the assertions above, and no
                // step is further than the last. The pointers are then moved on once more, but not read.
                unsafe {
                    let mut values = [simd.splat_f32s(0.0); I];
                    for i in 0..I {
                        values[i] = *at_right[i];
                        at_right[i] = at_right[i].wrapping_add(walk.right[1]);
                    }
                    for o in 0..O {
                        let value = *at_left[o];
                        at_left[o] = at_left[o].wrapping_add(walk.left[1]);
                        for i in 0..I {
                            block[o][i] = simd.mul_add_e_f32s(value, values[i], block[o][i]);
                        }
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
