//! A bounds-checked face of the `gemm` crate.

use candle_core::WithDType;
#[cfg(feature = "study")]
use rayon::prelude::*;

/// Square products left·right of f32 into each of `products`, side by side on the current pool: what the machine can do.
///
/// # Panics
/// When a slice is shorter than `size`·`size`.
#[cfg(feature = "study")]
pub(crate) fn square_products(size: usize, left: &[f32], right: &[f32], products: &mut [Vec<f32>]) {
    products.par_iter_mut().for_each(|product| {
        matmul([size; 3], Matrix::new(left, size), Matrix::new(right, size), product, false);
    });
}

/// A matrix in a slice: entry (r, c) lies at r·`row_stride` + c·`column_stride`.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a, T> {
    pub entries: &'a [T],
    pub row_stride: usize,
    pub column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// A row-major matrix with `columns` columns.
    pub fn new(entries: &'a [T], columns: usize) -> Self {
        Self { entries, row_stride: columns, column_stride: 1 }
    }

    /// The same entries with rows and columns exchanged.
    pub fn transposed(self) -> Self {
        Self { row_stride: self.column_stride, column_stride: self.row_stride, ..self }
    }

    /// Whether the entries of so many rows and columns lie in the slice.
    fn holds(&self, rows: usize, columns: usize) -> bool {
        let last = |count: usize, stride: usize| count.checked_sub(1)?.checked_mul(stride);
        let place = || last(rows, self.row_stride)?.checked_add(last(columns, self.column_stride)?);
        rows == 0 || columns == 0 || place().is_some_and(|place| place < self.entries.len())
    }
}

/// `out` (rows × columns, row-major) = left (rows × depth) · right (depth × columns), added to what `out` holds if
/// `accumulate`. On the calling thread.
pub(super) fn matmul<T: WithDType>(
    [rows, columns, depth]: [usize; 3],
    left: Matrix<T>,
    right: Matrix<T>,
    out: &mut [T],
    accumulate: bool,
) {
    assert!(left.holds(rows, depth) && right.holds(depth, columns) && rows.checked_mul(columns) == Some(out.len()));
    // SAFETY: every entry that the strides reach lies inside its slice, by the assertion above, which doesn't wrap; `out` is
    // borrowed mutably, so it overlaps neither operand.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            depth,
            out.as_mut_ptr(),
            1,
            columns as isize,
            accumulate,
            left.entries.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.entries.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            T::one(),
            T::one(),
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
