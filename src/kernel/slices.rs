//! Typed access to candle's CPU storage.

use candle_core::{CpuStorage, DType, Layout, Result, Shape, Storage, Tensor, WithDType};

/// The entries of a contiguous operand.
pub(crate) fn entries<'a, T: WithDType>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [T]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<T>()?[start..end]),
        None => candle_core::bail!("operand of shape {:?} isn't contiguous", layout.shape()),
    }
}

/// Calls `with` on the entries of a CPU tensor in row-major order.
pub(super) fn with_entries<T: WithDType, R>(tensor: &Tensor, with: impl FnOnce(&[T]) -> Result<R>) -> Result<R> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        Storage::Cpu(storage) => with(entries(storage, layout)?),
        _ => candle_core::bail!("operand isn't on the CPU"),
    }
}

/// A result together with its shape, as candle's custom operators return it.
pub(super) fn output<T: WithDType>(entries: Vec<T>, shape: impl Into<Shape>) -> (CpuStorage, Shape) {
    (T::to_cpu_storage_owned(entries), shape.into())
}

/// The error for an element type that no operator is written for.
pub(super) fn unsupported<R>(operator: &str, dtype: DType) -> Result<R> {
    candle_core::bail!("{operator} takes f32 or f64, not {dtype:?}")
}
