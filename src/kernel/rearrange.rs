//! Entries of a tensor in another order, some of them several times.

use std::sync::Arc;

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, WithDType};

use super::slices::{entries, output, unsupported};

/// The tensor of shape `shape` whose entry n is entry `table`\[n\] of `input`, both in row-major order.
///
/// # Errors
/// When the table has another length than the shape, or names an entry that the input doesn't have.
pub fn rearrange(input: &Tensor, table: Vec<u32>, shape: impl Into<Shape>) -> Result<Tensor> {
    let (shape, count) = (shape.into(), input.elem_count());
    if table.len() != shape.elem_count() || table.iter().any(|&entry| entry as usize >= count) {
        candle_core::bail!("rearrange: {} of {count} entries don't make {shape:?}", table.len())
    }
    if input.device().is_cpu() {
        return input.contiguous()?.apply_op1(Rearrange { table: table.into(), shape });
    }
    let table = Tensor::new(table, input.device())?;
    input.flatten_all()?.index_select(&table, 0)?.reshape(shape)
}

struct Rearrange {
    table: Arc<[u32]>,
    shape: Shape,
}

/// The gradient of [`Rearrange`]'s input, which has this shape.
struct Collect {
    table: Arc<[u32]>,
    shape: Shape,
}

impl Rearrange {
    fn forward<T: WithDType>(&self, input: &[T]) -> Vec<T> {
        self.table.iter().map(|&entry| input[entry as usize]).collect()
    }
}

impl Collect {
    fn forward<T: WithDType>(&self, gradient: &[T]) -> Vec<T> {
        let mut sums = vec![T::zero(); self.shape.elem_count()];
        self.table.iter().zip(gradient).for_each(|(&entry, gradient)| sums[entry as usize] += *gradient);
        sums
    }
}

impl CustomOp1 for Rearrange {
    fn name(&self) -> &'static str {
        "rearrange"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        match storage.dtype() {
            DType::F32 => Ok(output(self.forward::<f32>(entries(storage, layout)?), self.shape.clone())),
            DType::F64 => Ok(output(self.forward::<f64>(entries(storage, layout)?), self.shape.clone())),
            other => unsupported(self.name(), other),
        }
    }

    fn bwd(&self, input: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let collect = Collect { table: Arc::clone(&self.table), shape: input.shape().clone() };
        Ok(Some(gradient.contiguous()?.apply_op1_no_bwd(&collect)?))
    }
}

impl CustomOp1 for Collect {
    fn name(&self) -> &'static str {
        "rearrange-gradient"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        match storage.dtype() {
            DType::F32 => Ok(output(self.forward::<f32>(entries(storage, layout)?), self.shape.clone())),
            DType::F64 => Ok(output(self.forward::<f64>(entries(storage, layout)?), self.shape.clone())),
            other => unsupported(self.name(), other),
        }
    }
}
