//! Batch normalisation over fields (Ioffe & Szegedy 2015), statistics shared by the maps of a field.

use candle_core::backend::BackendStorage;
use candle_core::{CpuStorage, CustomOp3, DType, Layout, Result, Shape, Tensor, WithDType};
use rayon::prelude::*;

use super::slices::{entries, output, unsupported, with_entries};

/// Mean and biased variance of every field, over batch, maps and pixels; f64, since they are small and summed over much.
#[derive(Clone, Debug)]
pub struct Moments {
    /// Mean per field.
    pub mean: Vec<f64>,
    /// Variance per field, divided by the number of entries.
    pub variance: Vec<f64>,
    /// Entries of each field that they were taken over.
    pub count: usize,
}

/// The moments of the fields of (batch, fields·maps per field, height, width).
///
/// # Errors
/// When the maps don't divide into `fields`, or there are none.
pub fn field_moments(input: &Tensor, fields: usize) -> Result<Moments> {
    let layout = Fields::of(input, fields)?;
    let count = layout.batch * layout.field;
    let sums = if input.device().is_cpu() {
        match input.dtype() {
            DType::F32 => with_entries::<f32, _>(input, |x| Ok(layout.moments(x)))?,
            DType::F64 => with_entries::<f64, _>(input, |x| Ok(layout.moments(x)))?,
            other => unsupported("field moments", other)?,
        }
    } else {
        let flat = input.reshape((layout.batch, fields, layout.field))?;
        let mean = flat.mean_keepdim((0, 2))?;
        let variance = flat.broadcast_sub(&mean)?.sqr()?.mean_keepdim((0, 2))?;
        let list = |t: &Tensor| t.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>();
        list(&mean)?.into_iter().zip(list(&variance)?).collect()
    };
    let (mean, variance) = sums.into_iter().unzip();
    Ok(Moments { mean, variance, count })
}

/// γ·(x − mean)/√(variance + ε) + β per field, with `moments` those of `input` itself: the gradient takes into account that
/// they move with it. γ and β have the shape (fields).
///
/// # Errors
/// When shapes don't agree.
pub fn normalise_batch(
    input: &Tensor,
    gamma: &Tensor,
    beta: &Tensor,
    moments: &Moments,
    epsilon: f64,
) -> Result<Tensor> {
    let fields = gamma.dims1()?;
    let layout = Fields::of(input, fields)?;
    if input.device().is_cpu() {
        let scale = moments.variance.iter().map(|variance| 1.0 / (variance + epsilon).sqrt()).collect();
        let op = Normalise { layout, mean: moments.mean.clone(), scale };
        return input.contiguous()?.apply_op3(&gamma.contiguous()?, &beta.contiguous()?, op);
    }
    let flat = input.reshape((layout.batch, fields, layout.field))?;
    let centred = flat.broadcast_sub(&flat.mean_keepdim((0, 2))?)?;
    let deviation = (centred.sqr()?.mean_keepdim((0, 2))? + epsilon)?.sqrt()?;
    let per_field = |t: &Tensor| t.reshape((1, fields, 1));
    centred
        .broadcast_div(&deviation)?
        .broadcast_mul(&per_field(gamma)?)?
        .broadcast_add(&per_field(beta)?)?
        .reshape(input.shape())
}

/// Entries as (batch, fields, entries of one field in one image).
#[derive(Clone, Copy)]
struct Fields {
    batch: usize,
    fields: usize,
    field: usize,
}

impl Fields {
    fn of(input: &Tensor, fields: usize) -> Result<Self> {
        let (batch, maps, height, width) = input.dims4()?;
        if fields == 0 || maps % fields != 0 || input.elem_count() == 0 {
            candle_core::bail!("batch norm: {:?} doesn't divide into {fields} fields", input.shape())
        }
        Ok(Self { batch, fields, field: maps / fields * height * width })
    }

    /// The entries of one field, image by image.
    fn images<'a, T>(&self, entries: &'a [T], field: usize) -> impl Iterator<Item = &'a [T]> + use<'a, T> {
        let Self { fields, field: length, .. } = *self;
        entries.chunks_exact(fields * length).map(move |image| &image[field * length..(field + 1) * length])
    }

    /// Mean and variance of each field.
    fn moments<T: WithDType>(&self, x: &[T]) -> Vec<(f64, f64)> {
        let count = (self.batch * self.field) as f64;
        let of_field = |field| {
            let mean = self.images(x, field).map(|image| sum(image, image, |x, _| x)).sum::<f64>() / count;
            let squares = |image: &[T]| sum(image, image, |x, _| (x - mean) * (x - mean));
            (mean, self.images(x, field).map(squares).sum::<f64>() / count)
        };
        (0..self.fields).into_par_iter().map(of_field).collect()
    }

    /// Fills an output of the input's size by `write`(field, range of the entries, those entries of the output).
    fn fill<T: WithDType>(&self, write: impl Fn(usize, std::ops::Range<usize>, &mut [T]) + Sync) -> Vec<T> {
        let mut out = vec![T::zero(); self.batch * self.fields * self.field];
        out.par_chunks_mut(self.field).enumerate().for_each(|(chunk, out)| {
            write(chunk % self.fields, chunk * self.field..(chunk + 1) * self.field, out);
        });
        out
    }
}

/// Σ f(a, b) over pairs of entries, in eight interleaved sums so that it vectorises; the order depends on the length alone.
fn sum<T: WithDType>(a: &[T], b: &[T], f: impl Fn(f64, f64) -> f64) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0; LANES];
    let (a_lanes, b_lanes) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a_lanes.remainder().iter().zip(b_lanes.remainder());
    let rest: f64 = rest.map(|(a, b)| f(a.to_f64(), b.to_f64())).sum();
    for (a, b) in a_lanes.zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += f(a[lane].to_f64(), b[lane].to_f64());
        }
    }
    sums.iter().sum::<f64>() + rest
}

struct Normalise {
    layout: Fields,
    mean: Vec<f64>,
    /// 1/√(variance + ε)
    scale: Vec<f64>,
}

impl Normalise {
    fn forward<T: WithDType>(&self, x: &[T], gamma: &[T], beta: &[T]) -> Vec<T> {
        self.layout.fill(|field, range, out| {
            let scale = gamma[field].to_f64() * self.scale[field];
            let (slope, offset) = (T::from_f64(scale), T::from_f64(beta[field].to_f64() - scale * self.mean[field]));
            out.iter_mut().zip(&x[range]).for_each(|(out, x)| *out = *x * slope + offset);
        })
    }

    /// Gradients of x, γ and β. With x̂ = (x − mean)/σ and the bar the mean over a field:
    /// dx = γ/σ·(g − ḡ − x̂·mean(g·x̂)), dγ = Σ g·x̂, dβ = Σ g.
    fn backward<T: WithDType>(&self, x: &[T], gamma: &[T], g: &[T]) -> [Vec<T>; 3] {
        let Self { layout, mean, scale } = self;
        let sums = |field: usize| {
            let pairs = || layout.images(g, field).zip(layout.images(x, field));
            let total: f64 = pairs().map(|(g, x)| sum(g, x, |g, _| g)).sum();
            let along: f64 = pairs().map(|(g, x)| sum(g, x, |g, x| g * (x - mean[field]))).sum();
            (total, along * scale[field])
        };
        let sums: Vec<(f64, f64)> = (0..layout.fields).into_par_iter().map(sums).collect();
        let count = (layout.batch * layout.field) as f64;
        let dx = layout.fill(|field, range, out| {
            let (total, along) = sums[field];
            let factor = gamma[field].to_f64() * scale[field];
            // factor·(g − total/n − (x − mean)·scale·along/n) as slope_g·g + slope_x·x + offset
            let slope_x = -factor * scale[field] * along / count;
            let offset = T::from_f64(-factor * total / count - slope_x * mean[field]);
            let (slope_g, slope_x) = (T::from_f64(factor), T::from_f64(slope_x));
            let pairs = g[range.clone()].iter().zip(&x[range]);
            out.iter_mut().zip(pairs).for_each(|(out, (g, x))| *out = *g * slope_g + *x * slope_x + offset);
        });
        let list = |part: fn(&(f64, f64)) -> f64| sums.iter().map(|s| T::from_f64(part(s))).collect();
        [dx, list(|s| s.1), list(|s| s.0)]
    }

    fn backward_tensors<T: WithDType>(&self, x: &Tensor, gamma: &Tensor, g: &Tensor) -> Result<[Tensor; 3]> {
        let gradients = with_entries::<T, _>(x, |x_entries| {
            with_entries::<T, _>(gamma, |gamma| with_entries::<T, _>(g, |g| Ok(self.backward(x_entries, gamma, g))))
        })?;
        let [dx, dgamma, dbeta] = gradients;
        Ok([
            Tensor::from_vec(dx, x.shape(), x.device())?,
            Tensor::from_vec(dgamma, gamma.shape(), x.device())?,
            Tensor::from_vec(dbeta, gamma.shape(), x.device())?,
        ])
    }
}

impl CustomOp3 for Normalise {
    fn name(&self) -> &'static str {
        "batch-norm"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let shape = l1.shape().clone();
        match s1.dtype() {
            DType::F32 => Ok(output(self.forward::<f32>(entries(s1, l1)?, entries(s2, l2)?, entries(s3, l3)?), shape)),
            DType::F64 => Ok(output(self.forward::<f64>(entries(s1, l1)?, entries(s2, l2)?, entries(s3, l3)?), shape)),
            other => unsupported(self.name(), other),
        }
    }

    fn bwd(
        &self,
        input: &Tensor,
        gamma: &Tensor,
        _: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let [dx, dgamma, dbeta] = match input.dtype() {
            DType::F32 => self.backward_tensors::<f32>(input, gamma, gradient)?,
            DType::F64 => self.backward_tensors::<f64>(input, gamma, gradient)?,
            other => unsupported(self.name(), other)?,
        };
        Ok((Some(dx), Some(dgamma), Some(dbeta)))
    }
}
