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
        let mean = field_means(&flat)?;
        let variance = field_means(&flat.broadcast_sub(&mean)?.sqr()?)?;
        // In one piece, since the device is waited for.
        let both = Tensor::cat(&[mean, variance], 0)?.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
        let (mean, variance) = both.split_at(fields);
        mean.iter().copied().zip(variance.iter().copied()).collect()
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
    normalise_on_device(&flat, gamma, beta, epsilon)?.reshape(input.shape())
}

/// [`normalise_batch`] of (batch, fields, entries) by candle's operators.
fn normalise_on_device(flat: &Tensor, gamma: &Tensor, beta: &Tensor, epsilon: f64) -> Result<Tensor> {
    let (batch, fields, _) = flat.dims3()?;
    // The gradient of what is spread over all entries at once would be a sum over batch and entries at once.
    let spread = |per_field: &Tensor| per_field.reshape((1, fields, 1))?.broadcast_as((batch, fields, 1))?.contiguous();
    let centred = flat.broadcast_sub(&spread(&field_means(flat)?)?)?;
    let deviation = (field_means(&centred.sqr()?)? + epsilon)?.sqrt()?;
    let slope = (gamma.reshape((1, fields, 1))? / deviation)?;
    centred.broadcast_mul(&spread(&slope)?)?.broadcast_add(&spread(beta)?)
}

/// The mean of every field of (batch, fields, entries), (1, fields, 1).
///
/// In two steps: a sum over batch and entries at once keeps no more of a GPU busy than there are fields.
fn field_means(flat: &Tensor) -> Result<Tensor> {
    flat.mean_keepdim(2)?.mean_keepdim(0)
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

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Var};

    /// What a GPU computes, by candle's operators on the CPU, against the operator of our own.
    #[test]
    fn both_ways_give_the_same_norm_and_gradients() {
        let entries = |n: usize, start: f64| (0..n).map(|n| (start + 1.7 * n as f64).sin()).collect::<Vec<_>>();
        let var = |n, shape: &[usize]| Var::from_vec(entries(shape.iter().product(), n), shape, &Device::Cpu).unwrap();
        let (x, gamma, beta) = (var(0.3, &[5, 6, 3, 2]), var(1.1, &[3]), var(2.2, &[3]));
        let weights = var(5.0, &[5, 6, 3, 2]);
        let own = normalise_batch(&x, &gamma, &beta, &field_moments(&x, 3).unwrap(), 1e-5).unwrap();
        let flat = x.reshape((5, 3, 12)).unwrap();
        let candle = normalise_on_device(&flat, &gamma, &beta, 1e-5).unwrap().reshape(x.shape()).unwrap();
        let results = [own, candle].map(|output| {
            let gradients = (&output * weights.as_tensor()).unwrap().sum_all().unwrap().backward().unwrap();
            let all = [&x, &gamma, &beta].map(|var| gradients.get(var).unwrap().clone());
            let all = [&[output], &all[..]].concat();
            all.iter().flat_map(|t| t.flatten_all().unwrap().to_vec1::<f64>().unwrap()).collect::<Vec<_>>()
        });
        for (own, candle) in results[0].iter().zip(&results[1]) {
            assert!((own - candle).abs() < 1e-11, "{own} and {candle}");
        }
    }
}
