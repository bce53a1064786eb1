//! Planar convolution (cross-correlation, as everywhere in deep learning) by im2col and matrix products.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp2, DType, Layout, Result, Shape, Tensor, WithDType};
use rayon::prelude::*;

use super::geometry::{Geometry, Window};
use super::matmul::{Matrix, matmul};
use super::slices::{entries, output, unsupported};

/// Images whose weight gradients are summed by one task; the partial sums are then added in order.
const IMAGES_PER_SUM: usize = 8;

/// Convolves (batch, in maps, height, width) with filters (out maps, in maps, k, k).
///
/// # Errors
/// When the in maps differ, the kernel is larger than the padded image, or the stride is 0.
pub fn conv2d(input: &Tensor, filters: &Tensor, window: Window) -> Result<Tensor> {
    let geometry = geometry(input.shape(), filters.shape(), window)?;
    if input.device().is_cpu() {
        return input.contiguous()?.apply_op2(&filters.contiguous()?, Forward(geometry));
    }
    conv2d_on_device(input, filters, window, &geometry)
}

/// [`conv2d`] by candle's operators.
fn conv2d_on_device(input: &Tensor, filters: &Tensor, window: Window, geometry: &Geometry) -> Result<Tensor> {
    let Window { stride, padding } = window;
    let padded = geometry.in_size.map(|size| size + 2 * padding);
    let read = [0, 1].map(|axis| (geometry.out_size[axis] - 1) * stride + geometry.kernel[axis]);
    if read == padded {
        return input.conv2d(filters, padding, stride, 1, 1);
    }
    // candle's gradient of the input has the wrong size where windows leave lines over.
    let input = input.pad_with_zeros(2, padding, padding)?.pad_with_zeros(3, padding, padding)?;
    input.narrow(2, 0, read[0])?.narrow(3, 0, read[1])?.contiguous()?.conv2d(filters, 0, stride, 1, 1)
}

/// The sizes of the convolution of `input` with `filters`.
fn geometry(input: &Shape, filters: &Shape, window: Window) -> Result<Geometry> {
    let (_, in_maps, height, width) = input.dims4()?;
    let geometry = Geometry::new(in_maps, [height, width], filters.dims4()?.into(), window);
    match geometry.filter(|_| input.elem_count() > 0) {
        Some(geometry) => Ok(geometry),
        None => candle_core::bail!("conv2d: filters {filters:?} don't fit input {input:?} with {window:?}"),
    }
}

impl Geometry {
    fn image(&self) -> usize {
        self.in_maps * self.in_size[0] * self.in_size[1]
    }

    fn result(&self) -> usize {
        self.out_maps * self.out_pixels()
    }

    /// Entries of one filter: the depth of the forward product.
    fn depth(&self) -> usize {
        self.in_maps * self.taps()
    }

    /// Visits the runs of one image's column matrix (depth × out pixels): for row `row` of the matrix and each line of the
    /// output, the part of that line that reads inside the image, as (first entry of the matrix, first pixel of the image,
    /// length). What isn't visited reads the zero padding.
    fn for_each_run(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let Self { in_size: [height, width], out_size: [out_height, out_width], kernel, window, .. } = *self;
        let Window { stride, padding } = window;
        for row in 0..self.depth() {
            let (map, tap) = (row / self.taps(), row % self.taps());
            let (tap_y, tap_x) = (tap / kernel[1], tap % kernel[1]);
            let first = padding.saturating_sub(tap_x).div_ceil(stride);
            let end = (width + padding).saturating_sub(tap_x).div_ceil(stride).min(out_width);
            for y in 0..out_height {
                let line = (y * stride + tap_y).wrapping_sub(padding);
                if line < height && first < end {
                    let pixel = (map * height + line) * width + first * stride + tap_x - padding;
                    visit((row * out_height + y) * out_width + first, pixel, end - first);
                }
            }
        }
    }

    fn columns_of<T: WithDType>(&self, image: &[T], columns: &mut [T]) {
        let stride = self.window.stride;
        self.for_each_run(|entry, pixel, length| {
            let run = &mut columns[entry..entry + length];
            match stride {
                1 => run.copy_from_slice(&image[pixel..pixel + length]),
                _ => run.iter_mut().zip(image[pixel..].iter().step_by(stride)).for_each(|(to, from)| *to = *from),
            }
        });
    }

    fn add_columns_to<T: WithDType>(&self, columns: &[T], image: &mut [T]) {
        let stride = self.window.stride;
        self.for_each_run(|entry, pixel, length| {
            let run = &columns[entry..entry + length];
            image[pixel..].iter_mut().step_by(stride).zip(run).for_each(|(to, from)| *to += *from);
        });
    }

    fn zeroed_columns<T: WithDType>(&self) -> Vec<T> {
        vec![T::zero(); self.depth() * self.out_pixels()]
    }

    fn forward<T: WithDType>(&self, input: &[T], filters: &[T]) -> Vec<T> {
        let mut out = vec![T::zero(); input.len() / self.image() * self.result()];
        let product = [self.out_maps, self.out_pixels(), self.depth()];
        out.par_chunks_mut(self.result()).zip(input.par_chunks(self.image())).for_each_init(
            || self.zeroed_columns(),
            |columns, (out, image)| {
                self.columns_of(image, columns);
                let (filters, columns) = (Matrix::new(filters, self.depth()), Matrix::new(columns, self.out_pixels()));
                matmul(product, filters, columns, out, false);
            },
        );
        out
    }

    fn input_gradient<T: WithDType>(&self, filters: &[T], gradient: &[T]) -> Vec<T> {
        let mut out = vec![T::zero(); gradient.len() / self.result() * self.image()];
        let product = [self.depth(), self.out_pixels(), self.out_maps];
        out.par_chunks_mut(self.image()).zip(gradient.par_chunks(self.result())).for_each_init(
            || self.zeroed_columns(),
            |columns, (image, gradient)| {
                let filters = Matrix::new(filters, self.depth()).transposed();
                matmul(product, filters, Matrix::new(gradient, self.out_pixels()), columns, false);
                self.add_columns_to(columns, image);
            },
        );
        out
    }

    fn filter_gradient<T: WithDType>(&self, input: &[T], gradient: &[T]) -> Vec<T> {
        let product = [self.out_maps, self.depth(), self.out_pixels()];
        let images = input.par_chunks(IMAGES_PER_SUM * self.image());
        let partial = images.zip(gradient.par_chunks(IMAGES_PER_SUM * self.result())).map_init(
            || self.zeroed_columns(),
            |columns, (images, gradients)| {
                let mut sum = vec![T::zero(); self.out_maps * self.depth()];
                for (image, gradient) in images.chunks(self.image()).zip(gradients.chunks(self.result())) {
                    self.columns_of(image, columns);
                    let columns = Matrix::new(columns, self.out_pixels()).transposed();
                    matmul(product, Matrix::new(gradient, self.out_pixels()), columns, &mut sum, true);
                }
                sum
            },
        );
        let mut total = vec![T::zero(); self.out_maps * self.depth()];
        for sum in partial.collect::<Vec<_>>() {
            total.iter_mut().zip(sum).for_each(|(total, part)| *total += part);
        }
        total
    }
}

struct Forward(Geometry);
struct InputGradient(Geometry);
struct FilterGradient(Geometry);

impl CustomOp2 for Forward {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let g = &self.0;
        let shape = (l1.dims()[0], g.out_maps, g.out_size[0], g.out_size[1]);
        match s1.dtype() {
            DType::F32 => Ok(output(g.forward::<f32>(entries(s1, l1)?, entries(s2, l2)?), shape)),
            DType::F64 => Ok(output(g.forward::<f64>(entries(s1, l1)?, entries(s2, l2)?), shape)),
            other => unsupported(self.name(), other),
        }
    }

    fn bwd(
        &self,
        input: &Tensor,
        filters: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        let input_gradient = filters.apply_op2_no_bwd(&gradient, &InputGradient(self.0))?;
        let filter_gradient = input.apply_op2_no_bwd(&gradient, &FilterGradient(self.0))?;
        Ok((Some(input_gradient), Some(filter_gradient)))
    }
}

impl CustomOp2 for InputGradient {
    fn name(&self) -> &'static str {
        "conv2d-input-gradient"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let g = &self.0;
        let shape = (l2.dims()[0], g.in_maps, g.in_size[0], g.in_size[1]);
        match s1.dtype() {
            DType::F32 => Ok(output(g.input_gradient::<f32>(entries(s1, l1)?, entries(s2, l2)?), shape)),
            DType::F64 => Ok(output(g.input_gradient::<f64>(entries(s1, l1)?, entries(s2, l2)?), shape)),
            other => unsupported(self.name(), other),
        }
    }
}

impl CustomOp2 for FilterGradient {
    fn name(&self) -> &'static str {
        "conv2d-filter-gradient"
    }

    fn cpu_fwd(&self, s1: &CpuStorage, l1: &Layout, s2: &CpuStorage, l2: &Layout) -> Result<(CpuStorage, Shape)> {
        let g = &self.0;
        let shape = (g.out_maps, g.in_maps, g.kernel[0], g.kernel[1]);
        match s1.dtype() {
            DType::F32 => Ok(output(g.filter_gradient::<f32>(entries(s1, l1)?, entries(s2, l2)?), shape)),
            DType::F64 => Ok(output(g.filter_gradient::<f64>(entries(s1, l1)?, entries(s2, l2)?), shape)),
            other => unsupported(self.name(), other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    /// What a GPU computes, by candle's operators on the CPU, against the operator of our own.
    #[test]
    fn both_ways_give_the_same_convolution_and_gradients() {
        let var = |start: f64, shape: &[usize]| {
            let entries: Vec<f64> =
                (0..shape.iter().product()).map(|n: usize| (start + 1.7 * n as f64).sin()).collect();
            Var::from_vec(entries, shape, &Device::Cpu).unwrap()
        };
        for (kernel, stride, padding) in (1..6).flat_map(|k| (1..4).flat_map(move |s| (0..3).map(move |p| (k, s, p)))) {
            let (x, w) = (var(0.3, &[3, 2, 7, 6]), var(1.1, &[4, 2, kernel, kernel]));
            let window = Window { stride, padding };
            let geometry = geometry(x.shape(), w.shape(), window).unwrap();
            let results = [conv2d(&x, &w, window), conv2d_on_device(&x, &w, window, &geometry)].map(|output| {
                let output = output.unwrap();
                let gradients = (&output * var(5.0, output.dims()).as_tensor()).unwrap().sum_all().unwrap().backward();
                let gradients = gradients.unwrap();
                let all = [&output, gradients.get(&x).unwrap(), gradients.get(&w).unwrap()];
                all.iter().flat_map(|t| t.flatten_all().unwrap().to_vec1::<f64>().unwrap()).collect::<Vec<_>>()
            });
            assert_eq!(results[0].len(), results[1].len());
            for (own, candle) in results[0].iter().zip(&results[1]) {
                assert!((own - candle).abs() < 1e-11, "{own} and {candle}: {kernel} {stride} {padding}");
            }
        }
    }
}
