#![allow(clippy::needless_range_loop)] // Iterators over arrays of vectors don't reliably become registers.

//! Rows and lanes of vectors exchanged, by the shuffles that an instruction set has for it.

use pulp::{Simd, WithSimd};

use crate::kernel::lanes::simd::dispatch;

/// Lanes of the widest vectors.
pub const MOST_LANES: usize = 16;

/// Lane r of row l becomes what lane l of row r was, for as many rows as there are lanes.
#[inline(always)]
pub fn transpose<S: Simd>(simd: S, rows: &mut [S::f32s; MOST_LANES]) {
    #[cfg(target_arch = "x86_64")]
    {
        let simd: &dyn std::any::Any = &simd;
        if let Some(simd) = simd.downcast_ref() {
            return x86::transpose_16(*simd, rows);
        }
        if let Some(simd) = simd.downcast_ref() {
            return x86::transpose_8(*simd, rows);
        }
    }
    let mut floats = [simd.splat_f32s(0.0); MOST_LANES];
    let to: &mut [f32] = bytemuck::cast_slice_mut(&mut floats);
    for (n, from) in bytemuck::cast_slice::<_, f32>(&rows[..S::F32_LANES]).iter().enumerate() {
        to[n % S::F32_LANES * S::F32_LANES + n / S::F32_LANES] = *from;
    }
    *rows = floats;
}

/// Entry (row, column) of the matrix `from` becomes entry (column, row) of `to`, for so many rows and columns; each matrix comes
/// with the distance of its rows.
pub fn transpose_matrix(
    [rows, columns]: [usize; 2],
    (from, from_pitch): (&[f32], usize),
    (to, to_pitch): (&mut [f32], usize),
) {
    struct Transpose<'a> {
        sizes: [usize; 2],
        from: (&'a [f32], usize),
        to: (&'a mut [f32], usize),
    }
    impl WithSimd for Transpose<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            let Self { sizes: [rows, columns], from: (from, from_pitch), to: (to, to_pitch) } = self;
            // The last block ends at the edge, so that it's whole where there's room for one.
            let starts = |count: usize| {
                (0..count).step_by(S::F32_LANES).map(move |start| start.min(count.saturating_sub(S::F32_LANES)))
            };
            for row in starts(rows) {
                for column in starts(columns) {
                    let [high, wide] = [rows - row, columns - column].map(|left| left.min(S::F32_LANES));
                    let mut block = [simd.splat_f32s(0.0); MOST_LANES];
                    for r in 0..S::F32_LANES {
                        if r < high {
                            block[r] = load(simd, &from[(row + r) * from_pitch + column..]);
                        }
                    }
                    transpose(simd, &mut block);
                    for c in 0..S::F32_LANES {
                        if c < wide {
                            store(simd, block[c], &mut to[(column + c) * to_pitch + row..][..high]);
                        }
                    }
                }
            }
        }
    }
    dispatch(Transpose { sizes: [rows, columns], from: (from, from_pitch), to: (to, to_pitch) });
}

/// The first floats, as many as there are lanes; without the masks that `partial_load_f32s` takes, where there are so many.
#[inline(always)]
fn load<S: Simd>(simd: S, from: &[f32]) -> S::f32s {
    match from.get(..S::F32_LANES) {
        Some(from) => bytemuck::pod_read_unaligned(bytemuck::cast_slice(from)),
        None => simd.partial_load_f32s(from),
    }
}

/// As many floats as there's room for.
#[inline(always)]
fn store<S: Simd>(simd: S, vector: S::f32s, to: &mut [f32]) {
    match to.get_mut(..S::F32_LANES) {
        Some(to) => bytemuck::cast_slice_mut(to).copy_from_slice(bytemuck::bytes_of(&vector)),
        None => simd.partial_store_f32s(to, vector),
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m256, __m512};

    use bytemuck::{Pod, cast};
    use pulp::x86::{V3, V4};

    /// Squares of 4 are transposed inside vectors' quarters, then the quarters change places.
    #[inline(always)]
    pub fn transpose_16<V: Pod>(simd: V4, rows: &mut [V]) {
        let simd = simd.avx512f;
        let mut quarters = [simd._mm512_setzero_ps(); 16];
        for four in (0..16).step_by(4) {
            let (a, b): (__m512, __m512) = (cast(rows[four]), cast(rows[four + 1]));
            let (c, d): (__m512, __m512) = (cast(rows[four + 2]), cast(rows[four + 3]));
            let (low, high) = (cast(simd._mm512_unpacklo_ps(a, b)), cast(simd._mm512_unpackhi_ps(a, b)));
            let (low_2, high_2) = (cast(simd._mm512_unpacklo_ps(c, d)), cast(simd._mm512_unpackhi_ps(c, d)));
            quarters[four] = cast(simd._mm512_unpacklo_pd(low, low_2));
            quarters[four + 1] = cast(simd._mm512_unpackhi_pd(low, low_2));
            quarters[four + 2] = cast(simd._mm512_unpacklo_pd(high, high_2));
            quarters[four + 3] = cast(simd._mm512_unpackhi_pd(high, high_2));
        }
        for j in 0..4 {
            let (a, b, c, d) = (quarters[j], quarters[4 + j], quarters[8 + j], quarters[12 + j]);
            let (ab, cd) = (simd._mm512_shuffle_f32x4::<0x44>(a, b), simd._mm512_shuffle_f32x4::<0x44>(c, d));
            rows[j] = cast(simd._mm512_shuffle_f32x4::<0x88>(ab, cd));
            rows[4 + j] = cast(simd._mm512_shuffle_f32x4::<0xdd>(ab, cd));
            let (ab, cd) = (simd._mm512_shuffle_f32x4::<0xee>(a, b), simd._mm512_shuffle_f32x4::<0xee>(c, d));
            rows[8 + j] = cast(simd._mm512_shuffle_f32x4::<0x88>(ab, cd));
            rows[12 + j] = cast(simd._mm512_shuffle_f32x4::<0xdd>(ab, cd));
        }
    }

    /// The same with halves.
    #[inline(always)]
    pub fn transpose_8<V: Pod>(simd: V3, rows: &mut [V]) {
        let simd = simd.avx;
        let mut halves = [simd._mm256_setzero_ps(); 8];
        for four in (0..8).step_by(4) {
            let (a, b): (__m256, __m256) = (cast(rows[four]), cast(rows[four + 1]));
            let (c, d): (__m256, __m256) = (cast(rows[four + 2]), cast(rows[four + 3]));
            let (low, high) = (cast(simd._mm256_unpacklo_ps(a, b)), cast(simd._mm256_unpackhi_ps(a, b)));
            let (low_2, high_2) = (cast(simd._mm256_unpacklo_ps(c, d)), cast(simd._mm256_unpackhi_ps(c, d)));
            halves[four] = cast(simd._mm256_unpacklo_pd(low, low_2));
            halves[four + 1] = cast(simd._mm256_unpackhi_pd(low, low_2));
            halves[four + 2] = cast(simd._mm256_unpacklo_pd(high, high_2));
            halves[four + 3] = cast(simd._mm256_unpackhi_pd(high, high_2));
        }
        for j in 0..4 {
            let (a, b) = (halves[j], halves[4 + j]);
            rows[j] = cast(simd._mm256_permute2f128_ps::<0x20>(a, b));
            rows[4 + j] = cast(simd._mm256_permute2f128_ps::<0x31>(a, b));
        }
    }
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, WithSimd};

    use super::*;

    struct Numbered;

    impl WithSimd for Numbered {
        type Output = usize;

        fn with_simd<S: Simd>(self, simd: S) -> usize {
            let lanes = S::F32_LANES;
            let mut rows = [simd.splat_f32s(0.0); MOST_LANES];
            let numbers = bytemuck::cast_slice_mut::<_, f32>(&mut rows).iter_mut().enumerate();
            numbers.for_each(|(n, number)| *number = n as f32);
            transpose(simd, &mut rows);
            let found = &bytemuck::cast_slice::<_, f32>(&rows)[..lanes * lanes];
            assert!(found.iter().enumerate().all(|(n, found)| *found as usize == n % lanes * lanes + n / lanes));
            lanes
        }
    }

    #[test]
    fn matrices_of_any_size_are_transposed() {
        for (rows, columns) in [(1, 1), (3, 40), (16, 16), (17, 33), (40, 9)] {
            let from: Vec<f32> = (0..rows * (columns + 2)).map(|n| n as f32).collect();
            let mut to = vec![-1.0; columns * (rows + 1)];
            transpose_matrix([rows, columns], (&from, columns + 2), (&mut to, rows + 1));
            for (n, entry) in to.iter().enumerate() {
                let (column, row) = (n / (rows + 1), n % (rows + 1));
                let expected = if row < rows { from[row * (columns + 2) + column] } else { -1.0 };
                assert_eq!(*entry, expected, "{rows} {columns} {row} {column}");
            }
        }
    }

    #[test]
    fn rows_become_lanes() {
        assert_eq!(Numbered.with_simd(pulp::Scalar), 1);
        assert!(Arch::new().dispatch(Numbered) >= 1);
        assert_eq!(Numbered.with_simd(pulp::Scalar256b), 8);
        #[cfg(target_arch = "x86_64")]
        if let Some(simd) = pulp::x86::V3::try_new() {
            assert_eq!(Arch::V3(simd).dispatch(Numbered), 8);
        }
    }
}
