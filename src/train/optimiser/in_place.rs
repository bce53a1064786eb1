//! Updates of a tensor in its place.
//!
//! An expression of candle's operators takes a new tensor for every operator: for a network of ten million weights that was a
//! tenth of a training step, nearly all of it fresh pages.

use candle_core::{CpuStorage, InplaceOp2, InplaceOp3, Layout, Result, Tensor};
use rayon::prelude::*;

use crate::kernel::entries;

/// Entries that a thread changes at a time: less isn't worth another thread.
const CHUNK: usize = 1 << 15;

/// Whether [`from_one`] and [`from_two`] can change `tensor`.
pub(super) fn is_possible(tensor: &Tensor) -> bool {
    tensor.device().is_cpu() && tensor.dtype() == candle_core::DType::F32 && tensor.is_contiguous()
}

/// Sets every entry x of `tensor`, for which [`is_possible`] holds, to `change`(x, y), where y is the entry of `other` there.
pub(super) fn from_one(tensor: &Tensor, other: &Tensor, change: impl Fn(f32, f32) -> f32 + Sync) -> Result<()> {
    tensor.inplace_op2(&other.contiguous()?, &FromOne(change))
}

/// Sets every entry x of `tensor`, for which [`is_possible`] holds, to `change`(x, y, z) of the entries of `others` there.
pub(super) fn from_two(
    tensor: &Tensor,
    others: [&Tensor; 2],
    change: impl Fn(f32, f32, f32) -> f32 + Sync,
) -> Result<()> {
    tensor.inplace_op3(&others[0].contiguous()?, &others[1].contiguous()?, &FromTwo(change))
}

struct FromOne<F>(F);
struct FromTwo<F>(F);

impl<F: Fn(f32, f32) -> f32 + Sync> InplaceOp2 for FromOne<F> {
    fn name(&self) -> &'static str {
        "update"
    }

    fn cpu_fwd(&self, x: &mut CpuStorage, lx: &Layout, y: &CpuStorage, ly: &Layout) -> Result<()> {
        let y: &[f32] = entries(y, ly)?;
        in_chunks(entries_mut(x, lx)?, |start, x| {
            x.iter_mut().zip(&y[start..]).for_each(|(x, &y)| *x = (self.0)(*x, y));
        });
        Ok(())
    }
}

impl<F: Fn(f32, f32, f32) -> f32 + Sync> InplaceOp3 for FromTwo<F> {
    fn name(&self) -> &'static str {
        "update"
    }

    fn cpu_fwd(
        &self,
        x: &mut CpuStorage,
        lx: &Layout,
        y: &CpuStorage,
        ly: &Layout,
        z: &CpuStorage,
        lz: &Layout,
    ) -> Result<()> {
        let (y, z): (&[f32], &[f32]) = (entries(y, ly)?, entries(z, lz)?);
        in_chunks(entries_mut(x, lx)?, |start, x| {
            x.iter_mut().zip(&y[start..]).zip(&z[start..]).for_each(|((x, &y), &z)| *x = (self.0)(*x, y, z));
        });
        Ok(())
    }
}

/// Calls `change` with parts of `x` and where they start.
fn in_chunks(x: &mut [f32], change: impl Fn(usize, &mut [f32]) + Sync) {
    if x.len() <= CHUNK {
        change(0, x);
    } else {
        x.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, x)| change(chunk * CHUNK, x));
    }
}

fn entries_mut<'a>(storage: &'a mut CpuStorage, layout: &Layout) -> Result<&'a mut [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(entries), Some((start, end))) => Ok(&mut entries[start..end]),
        _ => candle_core::bail!("no contiguous f32 tensor to update"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use candle_core::{Device, Tensor, Var};

    use crate::error::Result;
    use crate::train::optimiser::Moments;

    /// Checks that two ways of taking a step, which are given its number from 0 on, agree to the bit, on so many entries that
    /// several threads change them.
    pub fn agree(
        one: impl Fn(u64, &Var, &mut Moments, &Tensor) -> Result<()>,
        other: impl Fn(u64, &Var, &mut Moments, &Tensor) -> Result<()>,
    ) {
        let noise = |start: f32| {
            let entries: Vec<f32> = (0..100_000).map(|n| (start + 1.7 * n as f32).sin()).collect();
            Tensor::from_vec(entries, (1000, 100), &Device::Cpu).unwrap()
        };
        let trained = |step: &dyn Fn(u64, &Var, &mut Moments, &Tensor) -> Result<()>| {
            let var = Var::from_tensor(&noise(0.3)).unwrap();
            let mut moments = Moments(vec![var.zeros_like().unwrap(), var.zeros_like().unwrap()]);
            (0..4).for_each(|n| step(n, &var, &mut moments, &noise(n as f32)).unwrap());
            var.flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        let results = [trained(&one), trained(&other)];
        assert!(results[0] == results[1]);
        assert_ne!(results[0], noise(0.3).flatten_all().unwrap().to_vec1::<f32>().unwrap());
    }
}
