//! The two register-blocked products that all convolutions are made of. The only `unsafe` of the lane kernels is here.
//!
//! A slice of feature maps holds vectors: entry (pixel, map, part) at pixel·stride + map·parts + part, where the parts of a
//! map together hold its value for all lanes (on AVX2 and AVX-512 there's one part).

mod gather;
mod outer;
mod transpose;

use pulp::Simd;

pub use gather::{Gather, gather, pack_columns, pack_weights};
pub use outer::{Outer, outer, panel_length, sum_place, sums_length};
pub use transpose::transpose_matrix;

/// Maps on one side of a register block. With 2 vectors on the other that makes 12 sums, enough to hide the latency of
/// multiply-adds, and leaves room for the operands in 16 registers.
pub const MAP_BLOCK: usize = 6;

/// Vectors on that side where there are 16 registers.
pub const NARROW: usize = 2;

/// Vectors on that side where there are 32 registers.
const WIDE: usize = 4;

/// Vectors on that side at most.
fn most_vectors<S: Simd>() -> usize {
    if S::REGISTER_COUNT >= 32 { WIDE } else { NARROW }
}

/// How far pixels or tiles of so many vectors should be from each other: powers of two would map all of them to the same few
/// cache sets.
pub fn pitch(vectors: usize) -> usize {
    if vectors.is_multiple_of(8) { vectors + 2 } else { vectors }
}

/// Blocks of the same length that follow each other.
#[derive(Clone, Copy)]
struct EqualBlocks {
    start: usize,
    length: usize,
    count: usize,
}

/// The blocks of at most `most` that `n` splits into, as even as possible, so that no block is left with next to no work:
/// longer ones, then shorter ones.
#[inline(always)]
fn equal_blocks(n: usize, most: usize) -> [EqualBlocks; 2] {
    let count = n.div_ceil(most);
    let (length, longer) = (n.checked_div(count).unwrap_or(0), n.checked_rem(count).unwrap_or(0));
    let first = EqualBlocks { start: 0, length: length + 1, count: longer };
    [first, EqualBlocks { start: longer * (length + 1), length, count: count - longer }]
}

/// Starts and lengths of these blocks.
pub fn blocks(n: usize, most: usize) -> impl Iterator<Item = (usize, usize)> + Clone {
    equal_blocks(n, most)
        .into_iter()
        .flat_map(|equal| (0..equal.count).map(move |n| (equal.start + n * equal.length, equal.length)))
}
