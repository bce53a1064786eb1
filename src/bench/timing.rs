//! Measuring.

use std::time::Instant;

use candle_core::{DType, Device, Tensor};
use serde::Serialize;

use crate::error::Result;
use crate::kernel::square_products;

/// Repetitions before anything is measured: caches, page tables and the processor's clock settle.
const WARM_UP: usize = 3;

/// Rows and columns of the matrices of [`sgemm_gflops`] on the CPU, and on other devices, which need more work at a time.
const SGEMM_SIZE: usize = 1024;
const DEVICE_SGEMM_SIZE: usize = 4096;

/// Wall-clock times of something that was done several times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Timing {
    /// The median.
    pub median_ms: f64,
    /// The fastest.
    pub min_ms: f64,
    /// The slowest.
    pub max_ms: f64,
    /// How often it was done.
    pub repeats: usize,
}

impl Timing {
    /// Times `repeats` calls, after a few that don't count.
    ///
    /// # Errors
    /// Those of `call`.
    pub fn of(repeats: usize, mut call: impl FnMut() -> Result<()>) -> Result<Self> {
        let mut times = Vec::with_capacity(repeats);
        for n in 0..WARM_UP + repeats.max(1) {
            let start = Instant::now();
            call()?;
            if n >= WARM_UP {
                times.push(1e3 * start.elapsed().as_secs_f64());
            }
        }
        times.sort_by(f64::total_cmp);
        let middle = times.len() / 2;
        let median_ms = if times.len() % 2 == 1 { times[middle] } else { 0.5 * (times[middle - 1] + times[middle]) };
        Ok(Self { median_ms, min_ms: times[0], max_ms: times[times.len() - 1], repeats: times.len() })
    }

    /// How often per second the median is.
    pub fn per_second(&self) -> f64 {
        1e3 / self.median_ms
    }
}

/// The rate of large f32 matrix products in GFLOP/s: on the CPU one per thread of the current pool, side by side.
///
/// # Errors
/// When the device can't multiply them.
pub fn sgemm_gflops(device: &Device, repeats: usize) -> Result<f64> {
    if !device.is_cpu() {
        let operand = Tensor::ones((DEVICE_SGEMM_SIZE, DEVICE_SGEMM_SIZE), DType::F32, device)?;
        let timing = Timing::of(repeats, || {
            operand.matmul(&operand)?;
            Ok(device.synchronize()?)
        })?;
        return Ok(2.0 * (DEVICE_SGEMM_SIZE as f64).powi(3) * timing.per_second() / 1e9);
    }
    let threads = rayon::current_num_threads();
    let entries = SGEMM_SIZE * SGEMM_SIZE;
    let operand: Vec<f32> = (0..entries).map(|n| (n % 17) as f32 - 8.0).collect();
    let mut products = vec![vec![0.0; entries]; threads];
    let timing = Timing::of(repeats, || {
        square_products(SGEMM_SIZE, &operand, &operand, &mut products);
        Ok(())
    })?;
    let flop = 2.0 * (SGEMM_SIZE as f64).powi(3) * threads as f64;
    Ok(flop * timing.per_second() / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_between_the_extremes_and_the_warm_up_does_not_count() {
        let mut calls = 0;
        let timing = Timing::of(5, || {
            calls += 1;
            std::thread::sleep(std::time::Duration::from_millis(if calls <= WARM_UP { 60 } else { 1 }));
            Ok(())
        });
        let timing = timing.unwrap();
        assert_eq!((calls, timing.repeats), (WARM_UP + 5, 5));
        assert!(1.0 <= timing.min_ms && timing.min_ms <= timing.median_ms && timing.median_ms <= timing.max_ms);
        assert!(timing.median_ms < 60.0);
    }
}
