//! Maxima and means over windows, maxima over axes. Where several entries tie, the first one takes the gradient.
//!
//! candle's own `max_pool2d` divides the gradient by the size of the window, and its `max` gives the whole gradient to each
//! of several equal entries, as happens on blank image corners; neither is the gradient of a maximum.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, WithDType};
use rayon::prelude::*;

use super::geometry::{PoolWindows, Window};
use super::slices::{entries, output, unsupported, with_entries};

/// Maxima over windows of `size`×`size` pixels: (batch, maps, height, width) becomes (batch, maps, height', width') with as
/// many rows and columns as there are [positions](Window::positions) of `window`. What no window reaches at the right and bottom
/// is dropped. Padding is never the maximum; the gradients of windows that overlap are summed.
///
/// # Errors
/// When no window fits the padded image, size or stride is 0, or the padding more than half of the size.
pub fn max_pool2d(input: &Tensor, size: usize, window: Window) -> Result<Tensor> {
    let (batch, maps, height, width) = input.dims4()?;
    let windows = PoolWindows::new([height, width], size, window)?;
    if !input.device().is_cpu() {
        return max_pool2d_on_device(input, &windows);
    }
    let [out_height, out_width] = windows.out_size;
    let pooled = input.contiguous()?.apply_op1(MaxPool { maps: batch * maps, windows })?;
    pooled.reshape((batch, maps, out_height, out_width))
}

/// [`max_pool2d`] by candle's operators.
fn max_pool2d_on_device(input: &Tensor, windows: &PoolWindows) -> Result<Tensor> {
    let (batch, maps, ..) = input.dims4()?;
    let PoolWindows { size, out_size: [out_height, out_width], .. } = *windows;
    let apart = windows_apart(input, windows)?.reshape(&[batch * maps, out_height, size, out_width, size])?;
    // Lines first: of equal pixels the first one of the window wins.
    let maxima = max_of_pairs(&max_of_pairs(&apart, 4)?, 2)?;
    maxima.reshape((batch, maps, out_height, out_width))
}

/// Means over windows of `size`×`size` pixels, which are those of [`max_pool2d`]. Padding counts as zeros: every sum is divided
/// by size².
///
/// # Errors
/// As [`max_pool2d`].
pub fn mean_pool2d(input: &Tensor, size: usize, window: Window) -> Result<Tensor> {
    let (_, _, height, width) = input.dims4()?;
    let Window { stride, padding } = window;
    PoolWindows::new([height, width], size, window)?;
    let padded = input.pad_with_zeros(2, padding, padding)?.pad_with_zeros(3, padding, padding)?;
    let padded_size = [height + 2 * padding, width + 2 * padding];
    let windows = PoolWindows::new(padded_size, size, Window { stride, padding: 0 })?;
    // candle's gradient is right only where the windows lie side by side and cover the image.
    windows_apart(&padded, &windows)?.avg_pool2d(size)
}

/// The pixels of all windows, which then lie side by side: (batch, maps, height'·size, width'·size). Where a window reaches into
/// the padding it has its nearest pixel several times. That changes no maximum, nor, as all stay in order, which pixel is the
/// first that has it.
fn windows_apart(input: &Tensor, windows: &PoolWindows) -> Result<Tensor> {
    let PoolWindows { size, window: Window { stride, padding }, in_size, out_size } = *windows;
    if windows.are_side_by_side() {
        return input.narrow(2, 0, out_size[0] * size)?.narrow(3, 0, out_size[1] * size)?.contiguous();
    }
    (0..2).try_fold(input.contiguous()?, |apart, axis| {
        let place = |n: usize| (n / size * stride + n % size).saturating_sub(padding).min(in_size[axis] - 1);
        let places = (0..out_size[axis] * size).map(|n| place(n) as u32);
        apart.index_select(&Tensor::from_iter(places, input.device())?, axis + 2)
    })
}

/// The maximum over axis `axis`, which is removed.
///
/// # Errors
/// When there's no such axis, or it's empty.
pub fn max_over_axis(input: &Tensor, axis: usize) -> Result<Tensor> {
    let dims = input.dims();
    if axis >= dims.len() || input.elem_count() == 0 {
        candle_core::bail!("maximum over axis {axis} of {dims:?}, which has no entries")
    }
    if input.device().is_cpu() {
        let inner = dims[axis + 1..].iter().product();
        return input.contiguous()?.apply_op1(MaxOverAxis { axis, length: dims[axis], inner });
    }
    max_of_pairs(input, axis)
}

/// [`max_over_axis`] by candle's operators: neighbours are compared until one is left, so that the first of equals wins.
fn max_of_pairs(input: &Tensor, axis: usize) -> Result<Tensor> {
    let mut left = input.clone();
    loop {
        let length = left.dim(axis)?;
        if length == 1 {
            return left.squeeze(axis);
        }
        let mut dims = left.dims().to_vec();
        dims[axis] = length / 2;
        dims.insert(axis + 1, 2);
        let pairs = left.narrow(axis, 0, length / 2 * 2)?.reshape(dims)?;
        let of_pairs = |n| pairs.narrow(axis + 1, n, 1)?.squeeze(axis + 1)?.contiguous();
        let (first, second) = (of_pairs(0)?, of_pairs(1)?);
        // As `exceeds` says; only NaN differs from itself.
        let exceeds = (second.gt(&first)? + second.ne(&second)?)?;
        let larger = exceeds.where_cond(&second, &first)?;
        left = match length % 2 {
            0 => larger,
            _ => Tensor::cat(&[&larger, &left.narrow(axis, length - 1, 1)?], axis)?,
        };
    }
}

/// Whether `x` takes the place of the largest entry so far; NaN takes every number's, and keeps it.
#[allow(clippy::eq_op)] // Only NaN differs from itself; the trait has no other way to ask.
fn exceeds<T: WithDType>(x: T, largest: T) -> bool {
    x > largest || (x != x && largest == largest)
}

/// Entries as (outer, `length`, `inner`), the maximum taken over the middle axis.
struct MaxOverAxis {
    axis: usize,
    length: usize,
    inner: usize,
}

impl MaxOverAxis {
    fn forward<T: WithDType>(&self, input: &[T]) -> Vec<T> {
        let mut out = vec![T::zero(); input.len() / self.length];
        out.par_chunks_mut(self.inner).zip(input.par_chunks(self.inner * self.length)).for_each(|(out, input)| {
            out.copy_from_slice(&input[..self.inner]);
            for slice in input.chunks(self.inner).skip(1) {
                out.iter_mut().zip(slice).filter(|(out, x)| exceeds(**x, **out)).for_each(|(out, x)| *out = *x);
            }
        });
        out
    }

    fn backward<T: WithDType>(&self, input: &Tensor, maxima: &Tensor, gradient: &Tensor) -> Result<Tensor> {
        let mut out = vec![T::zero(); input.elem_count()];
        let Self { inner, length, .. } = *self;
        with_entries::<T, _>(input, |input| {
            with_entries::<T, _>(maxima, |maxima| {
                with_entries::<T, _>(gradient, |gradient| {
                    let maxima = maxima.par_chunks(inner).zip(gradient.par_chunks(inner));
                    let inputs = input.par_chunks(inner * length).zip(maxima);
                    out.par_chunks_mut(inner * length).zip(inputs).for_each(|(out, (input, (maxima, gradient)))| {
                        let mut left = gradient.to_vec();
                        for (out, input) in out.chunks_mut(inner).zip(input.chunks(inner)) {
                            for entry in 0..inner {
                                if input[entry] == maxima[entry] {
                                    out[entry] = std::mem::replace(&mut left[entry], T::zero());
                                }
                            }
                        }
                    });
                    Ok(())
                })
            })
        })?;
        Tensor::from_vec(out, input.shape(), input.device())
    }
}

impl CustomOp1 for MaxOverAxis {
    fn name(&self) -> &'static str {
        "max-over-axis"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut shape = layout.shape().dims().to_vec();
        shape.remove(self.axis);
        match storage.dtype() {
            DType::F32 => Ok(output(self.forward::<f32>(entries(storage, layout)?), shape)),
            DType::F64 => Ok(output(self.forward::<f64>(entries(storage, layout)?), shape)),
            other => unsupported(self.name(), other),
        }
    }

    fn bwd(&self, input: &Tensor, maxima: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        match input.dtype() {
            DType::F32 => self.backward::<f32>(input, maxima, gradient).map(Some),
            DType::F64 => self.backward::<f64>(input, maxima, gradient).map(Some),
            other => unsupported(self.name(), other),
        }
    }
}

struct MaxPool {
    maps: usize,
    windows: PoolWindows,
}

impl MaxPool {
    fn in_area(&self) -> usize {
        self.windows.in_size[0] * self.windows.in_size[1]
    }

    fn out_area(&self) -> usize {
        self.windows.out_size[0] * self.windows.out_size[1]
    }

    /// The pixel of `map` that wins the window of out pixel `pixel`.
    fn winner<T: WithDType>(&self, map: &[T], pixel: usize) -> usize {
        let ([_, width], [_, out_width]) = (self.windows.in_size, self.windows.out_size);
        let lines = self.windows.pixels(0, pixel / out_width);
        let columns = self.windows.pixels(1, pixel % out_width);
        let mut best = lines.start * width + columns.start;
        for line in lines {
            for candidate in line * width + columns.start..line * width + columns.end {
                if exceeds(map[candidate], map[best]) {
                    best = candidate;
                }
            }
        }
        best
    }

    fn forward<T: WithDType>(&self, input: &[T]) -> Vec<T> {
        let mut out = vec![T::zero(); self.maps * self.out_area()];
        out.par_chunks_mut(self.out_area()).zip(input.par_chunks(self.in_area())).for_each(|(out, map)| {
            out.iter_mut().enumerate().for_each(|(pixel, out)| *out = map[self.winner(map, pixel)]);
        });
        out
    }

    fn backward<T: WithDType>(&self, input: &Tensor, gradient: &Tensor) -> Result<Tensor> {
        let mut out = vec![T::zero(); self.maps * self.in_area()];
        with_entries::<T, _>(input, |input| {
            with_entries::<T, _>(gradient, |gradient| {
                let maps = input.par_chunks(self.in_area()).zip(gradient.par_chunks(self.out_area()));
                out.par_chunks_mut(self.in_area()).zip(maps).for_each(|(out, (map, gradient))| {
                    gradient.iter().enumerate().for_each(|(pixel, g)| out[self.winner(map, pixel)] += *g);
                });
                Ok(())
            })
        })?;
        Tensor::from_vec(out, input.shape(), input.device())
    }
}

impl CustomOp1 for MaxPool {
    fn name(&self) -> &'static str {
        "max-pool2d"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let shape = (self.maps, self.out_area());
        match storage.dtype() {
            DType::F32 => Ok(output(self.forward::<f32>(entries(storage, layout)?), shape)),
            DType::F64 => Ok(output(self.forward::<f64>(entries(storage, layout)?), shape)),
            other => unsupported(self.name(), other),
        }
    }

    fn bwd(&self, input: &Tensor, _: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        match input.dtype() {
            DType::F32 => self.backward::<f32>(input, gradient).map(Some),
            DType::F64 => self.backward::<f64>(input, gradient).map(Some),
            other => unsupported(self.name(), other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    /// What a GPU computes, by candle's operators on the CPU, against the operator of our own; entries often tie.
    #[test]
    fn both_ways_have_the_same_maxima_and_winners() {
        for (axis, length) in (0..3).flat_map(|axis| (1..10).map(move |length| (axis, length))) {
            let mut dims = [4, 5, 3];
            dims[axis] = length;
            let count: usize = dims.iter().product();
            let entries: Vec<f64> = (0..count).map(|n| ((n * n * 7 + n) % 5) as f64).collect();
            let weights: Vec<f64> = (0..count / length).map(|n| n as f64 + 1.0).collect();
            let input = Var::from_vec(entries, &dims[..], &Device::Cpu).unwrap();
            let results = [max_over_axis(&input, axis), max_of_pairs(&input, axis)].map(|maxima| {
                let maxima = maxima.unwrap();
                let weights = Tensor::from_slice(&weights, maxima.shape(), &Device::Cpu).unwrap();
                let gradients = (&maxima * weights).unwrap().sum_all().unwrap().backward().unwrap();
                let gradient = gradients.get(&input).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
                (maxima.flatten_all().unwrap().to_vec1::<f64>().unwrap(), gradient)
            });
            assert_eq!(results[0], results[1], "axis {axis} of {dims:?}");
        }
    }

    #[test]
    fn both_ways_pool_alike_whatever_the_window() {
        let (mut fit, [height, width]) = (0, [5, 7]);
        let entries = |n: usize| [f64::NEG_INFINITY, 0.0, 1.0, 1.0, 2.0][(n * n * 7 + n / 3) % 5];
        let input: Vec<f64> = (0..2 * 3 * height * width).map(entries).collect();
        let input = Var::from_vec(input, (2, 3, height, width), &Device::Cpu).unwrap();
        let strides = |size: usize| (1..=4).map(move |stride| (size, stride));
        for ((size, stride), padding) in (1..=5).flat_map(strides).flat_map(|s| [0, 1, 2].map(|padding| (s, padding))) {
            let Ok(windows) = PoolWindows::new([height, width], size, Window { stride, padding }) else { continue };
            let both = [max_pool2d(&input, size, windows.window), max_pool2d_on_device(&input, &windows)];
            let results = both.map(|maxima| {
                let maxima = maxima.unwrap();
                // Whole numbers: the order of sums doesn't matter.
                let weights = Tensor::arange(1.0, 1.0 + maxima.elem_count() as f64, &Device::Cpu).unwrap();
                let weights = weights.reshape(maxima.shape()).unwrap();
                let gradients = (&maxima * weights).unwrap().sum_all().unwrap().backward().unwrap();
                [&maxima, gradients.get(&input).unwrap()].map(|t| t.flatten_all().unwrap().to_vec1::<f64>().unwrap())
            });
            assert_eq!(results[0], results[1], "{windows:?}");
            fit += 1;
        }
        assert_eq!(fit, (1 + 2 + 2 + 3 + 3) * 4);
    }

    #[test]
    fn a_nan_wins_in_any_place() {
        for place in 0..5 {
            let mut entries = [1.0, 3.0, 2.0, 3.0, 0.0];
            entries[place] = f64::NAN;
            let input = Tensor::new(&entries, &Device::Cpu).unwrap();
            for maximum in [max_over_axis(&input, 0), max_of_pairs(&input, 0)] {
                assert!(maximum.unwrap().to_scalar::<f64>().unwrap().is_nan(), "{place}");
            }
        }
    }
}
