//! Copies of a tensor's rows, each with its entries, or some of them, in another order.

use std::sync::Arc;

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, WithDType};

use super::slices::{entries, output, unsupported};

/// From (a, b, entries) the tensor (a, copies, b, n) whose rows' entry e in copy c is entry `tables`\[c\]\[e\]; n is the length of all
/// tables.
///
/// # Errors
/// When tables differ in length, or one names an entry that a row doesn't have.
pub fn rearranged_copies(input: &Tensor, tables: &[Vec<usize>]) -> Result<Tensor> {
    let (outer, inner, length) = input.dims3()?;
    let copied = tables.first().map_or(0, Vec::len);
    if copied == 0 || tables.iter().any(|table| table.len() != copied || table.iter().any(|&entry| entry >= length)) {
        candle_core::bail!("rearranged copies: tables have to be of one length, of the {length} entries of a row")
    }
    let table: Vec<u32> = tables.iter().flatten().map(|&entry| entry as u32).collect();
    let copies = Copies { outer, inner, length, copied, table: table.into() };
    if input.device().is_cpu() && matches!(input.dtype(), DType::F32 | DType::F64) {
        return input.contiguous()?.apply_op1(copies);
    }
    let table = Tensor::new(&copies.table[..], input.device())?;
    let rows = input.index_select(&table, 2)?.reshape((outer, inner, tables.len(), copied))?;
    rows.transpose(1, 2)?.contiguous()
}

#[derive(Clone)]
struct Copies {
    outer: usize,
    inner: usize,
    /// Entries of a row.
    length: usize,
    /// Entries of a copy.
    copied: usize,
    /// Of all copies, one after the other.
    table: Arc<[u32]>,
}

/// The gradient of [`Copies`]' input.
struct Collect(Copies);

impl Copies {
    /// Visits the rows of the output in their order: the table, and where the row starts that it's a copy of.
    fn for_each_row(&self, mut visit: impl FnMut(&[u32], usize)) {
        for a in 0..self.outer {
            for table in self.table.chunks(self.copied) {
                for b in 0..self.inner {
                    visit(table, (a * self.inner + b) * self.length);
                }
            }
        }
    }

    fn forward<T: WithDType>(&self, input: &[T]) -> Vec<T> {
        let mut copies = Vec::with_capacity(self.outer * self.inner * self.table.len());
        self.for_each_row(|table, start| copies.extend(table.iter().map(|&entry| input[start + entry as usize])));
        copies
    }

    fn collect<T: WithDType>(&self, gradient: &[T]) -> Vec<T> {
        let mut sums = vec![T::zero(); self.outer * self.inner * self.length];
        let mut rows = gradient.chunks(self.copied);
        self.for_each_row(|table, start| {
            let row = rows.next().unwrap_or_default();
            table.iter().zip(row).for_each(|(&entry, gradient)| sums[start + entry as usize] += *gradient);
        });
        sums
    }
}

impl CustomOp1 for Copies {
    fn name(&self) -> &'static str {
        "rearranged-copies"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let Self { outer, inner, copied, table, .. } = self;
        let shape = (*outer, table.len() / copied, *inner, *copied);
        match storage.dtype() {
            DType::F32 => Ok(output(self.forward::<f32>(entries(storage, layout)?), shape)),
            DType::F64 => Ok(output(self.forward::<f64>(entries(storage, layout)?), shape)),
            other => unsupported(self.name(), other),
        }
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(gradient.contiguous()?.apply_op1_no_bwd(&Collect(self.clone()))?))
    }
}

impl CustomOp1 for Collect {
    fn name(&self) -> &'static str {
        "rearranged-copies-gradient"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let copies = &self.0;
        let shape = (copies.outer, copies.inner, copies.length);
        match storage.dtype() {
            DType::F32 => Ok(output(copies.collect::<f32>(entries(storage, layout)?), shape)),
            DType::F64 => Ok(output(copies.collect::<f64>(entries(storage, layout)?), shape)),
            other => unsupported(self.name(), other),
        }
    }
}
