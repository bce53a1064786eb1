//! The operators of layers on feature maps, however these are stored.

use std::sync::Arc;

use candle_core::backprop::GradStore;
use candle_core::{Result, Tensor};

use super::feature_map::{FeatureMap, Storage, Tape, of_parameters};
use super::geometry::PoolWindows;
use super::lanes::norm::{Affine, InputGradient};
use super::lanes::pool::{Pooling, Reduce};
use super::lanes::{
    Activation, Convolution, GradientSums, GradientsWatch, LEAK, LaneShape, Lanes, Mask, Wanted, Watch, Workspace,
    norm, permute, permute_back,
};
use super::slices::with_entries;
use super::{Moments, Window, conv2d, field_moments, max_over_axis, max_pool2d, mean_pool2d, normalise_batch};

impl FeatureMap {
    /// Convolves with filters (out maps, in maps, k, k).
    ///
    /// # Errors
    /// When the filters don't fit the maps.
    pub fn conv2d(self, filters: &Tensor, window: Window) -> Result<Self> {
        let (lanes, tape) = match self.0 {
            Storage::Tensor(tensor) => return Ok(Self(Storage::Tensor(conv2d(&tensor, filters, window)?))),
            Storage::Lanes(lanes, tape) => (lanes, tape),
        };
        let shape: [usize; 4] = filters.dims4()?.into();
        let entries = with_entries::<f32, _>(filters, |entries| Ok(lanes.workspace().copy(entries)))?;
        let input = lanes.shape();
        let Some(convolution) = Convolution::new(input, entries, shape, window) else {
            candle_core::bail!("conv2d: filters {shape:?} don't fit {input:?} with {window:?}")
        };
        let Some(tape) = tape else {
            return Ok(Self(Storage::Lanes(convolution.forward_when_read(lanes), None)));
        };
        let watch = norm::moments_watch(lanes.workspace(), convolution.output());
        let output = convolution.forward(&lanes, Some(Watch::Moments(&watch)));
        let filters = filters.clone();
        let pullback = move |gradient: Lanes, of_input: bool| {
            let wanted = if of_input { Wanted::Both } else { Wanted::Filters };
            let (of_maps, of_filters) = convolution.backward(&lanes, &gradient, wanted);
            Ok((of_maps, of_parameters([(&filters, of_filters.unwrap_or_default())])?))
        };
        Ok(Self(Storage::Lanes(output, Some(tape.with(pullback)))))
    }

    /// Adds a number to every field: `bias` has the shape (fields).
    ///
    /// # Errors
    /// When the maps don't divide into the fields.
    pub fn add_bias(self, bias: &Tensor) -> Result<Self> {
        let fields = bias.dims1()?;
        let [batch, maps, height, width] = self.divided_into(fields)?;
        let (lanes, tape) = match self.0 {
            Storage::Tensor(tensor) => {
                let by_field = tensor.reshape((batch, fields, maps / fields * height * width))?;
                let sum = by_field.broadcast_add(&bias.reshape((1, fields, 1))?)?;
                return Ok(Self(Storage::Tensor(sum.reshape((batch, maps, height, width))?)));
            }
            Storage::Lanes(lanes, tape) => (lanes, tape),
        };
        let affine = Affine { slope: vec![1.0; fields], offset: numbers(bias)?, activation: Activation::Identity };
        let output = norm::apply(&lanes, &affine);
        let bias = bias.clone();
        let pullback = move |gradient: Lanes, _: bool| {
            let gradient = gradient.stored();
            let watch = norm::gradients_watch(&gradient, &affine, &vec![0.0; fields]);
            let sums = norm::gradient_sums(&gradient, &watch);
            let of_bias = sums.iter().map(|sums| sums.plain as f32).collect();
            Ok((Some(gradient), of_parameters([(&bias, of_bias)])?))
        };
        Ok(Self(Storage::Lanes(output, tape.map(|tape| tape.with(pullback)))))
    }

    /// γ·(x − mean)/√(variance + ε) + β per field with the moments of these maps, then `activation`; returns the moments
    /// too. γ and β have the shape (fields).
    ///
    /// # Errors
    /// When the maps don't divide into the fields.
    pub fn normalise(
        self,
        [gamma, beta]: [&Tensor; 2],
        epsilon: f64,
        activation: Activation,
    ) -> Result<(Self, Moments)> {
        let fields = gamma.dims1()?;
        self.divided_into(fields)?;
        let (lanes, tape) = match self.0 {
            Storage::Tensor(tensor) => {
                let moments = field_moments(&tensor, fields)?;
                let normalised = normalise_batch(&tensor, gamma, beta, &moments, epsilon)?;
                return Ok((Self(Storage::Tensor(activate(&normalised, activation)?)), moments));
            }
            Storage::Lanes(lanes, tape) => (lanes.stored(), tape),
        };
        let moments = norm::field_moments(&lanes, fields);
        let deviation: Vec<f64> = moments.variance.iter().map(|variance| (variance + epsilon).sqrt()).collect();
        let slope: Vec<f64> = numbers(gamma)?.iter().zip(&deviation).map(|(gamma, sigma)| gamma / sigma).collect();
        let means = slope.iter().zip(&moments.mean);
        let offset = numbers(beta)?.iter().zip(means).map(|(beta, (slope, mean))| beta - slope * mean).collect();
        let affine = Affine { slope, offset, activation };
        let watch: Arc<GradientsWatch> = Arc::new(norm::gradients_watch(&lanes, &affine, &moments.mean));
        let output = norm::apply(&lanes, &affine).with_gradients_watch(tape.is_some().then(|| Arc::clone(&watch)));
        let (gamma, beta, kept) = (gamma.clone(), beta.clone(), moments.clone());
        let pullback = move |gradient: Lanes, of_input: bool| {
            let gradient = gradient.stored();
            let sums = norm::gradient_sums(&gradient, &*watch);
            let of_gamma = sums.iter().zip(&deviation).map(|(sums, sigma)| (sums.along / sigma) as f32).collect();
            let of_beta = sums.iter().map(|sums| sums.plain as f32).collect();
            let factors = norm_gradient(&affine.slope, &kept, &deviation, &sums);
            let of_maps = of_input.then(|| norm::input_gradient(&lanes, &gradient, &affine, &factors));
            Ok((of_maps, of_parameters([(&gamma, of_gamma), (&beta, of_beta)])?))
        };
        Ok((Self(Storage::Lanes(output, tape.map(|tape| tape.with(pullback)))), moments))
    }

    /// `activation`(slope·x + offset) with a slope and an offset per field, which aren't learned.
    ///
    /// # Errors
    /// When the maps don't divide into the fields.
    pub fn scale(self, slope: Vec<f64>, offset: Vec<f64>, activation: Activation) -> Result<Self> {
        let fields = slope.len();
        let [batch, maps, height, width] = self.divided_into(fields)?;
        let (lanes, tape) = match self.0 {
            Storage::Tensor(tensor) => {
                let per_field =
                    |list: Vec<f64>| Tensor::from_vec(list, (1, fields, 1), tensor.device())?.to_dtype(tensor.dtype());
                let by_field = tensor.reshape((batch, fields, maps / fields * height * width))?;
                let scaled = by_field.broadcast_mul(&per_field(slope)?)?.broadcast_add(&per_field(offset)?)?;
                let scaled = scaled.reshape((batch, maps, height, width))?;
                return Ok(Self(Storage::Tensor(activate(&scaled, activation)?)));
            }
            Storage::Lanes(lanes, tape) => (lanes, tape),
        };
        if tape.is_some() {
            candle_core::bail!("norms with fixed statistics are for inference")
        }
        Ok(Self(Storage::Lanes(norm::apply(&lanes, &Affine { slope, offset, activation }), None)))
    }

    /// Maxima over windows of `size`×`size` pixels, one for every [position](Window::positions) of `window`; what no window
    /// reaches at the right and bottom is dropped. Padding is never the maximum.
    ///
    /// # Errors
    /// When no window fits the padded image, size or stride is 0, or the padding more than half of the size.
    pub fn max_pool2d(self, size: usize, window: Window) -> Result<Self> {
        match self.0 {
            Storage::Tensor(tensor) => Ok(Self(Storage::Tensor(max_pool2d(&tensor, size, window)?))),
            Storage::Lanes(lanes, tape) => pool_windows(lanes, tape, size, window, Reduce::Max),
        }
    }

    /// Means over the windows of [`FeatureMap::max_pool2d`]. Padding counts as zeros: every sum is divided by size².
    ///
    /// # Errors
    /// As [`FeatureMap::max_pool2d`].
    pub fn mean_pool2d(self, size: usize, window: Window) -> Result<Self> {
        match self.0 {
            Storage::Tensor(tensor) => Ok(Self(Storage::Tensor(mean_pool2d(&tensor, size, window)?))),
            Storage::Lanes(lanes, tape) => pool_windows(lanes, tape, size, window, Reduce::Mean),
        }
    }

    /// The maximum over all pixels of every map: (batch, maps, 1, 1).
    ///
    /// # Errors
    /// When there are no pixels.
    pub fn max_over_pixels(self) -> Result<Self> {
        let [batch, maps, ..] = self.dims()?;
        match self.0 {
            Storage::Tensor(tensor) => {
                let maxima = max_over_axis(&tensor.flatten_from(2)?, 2)?;
                Ok(Self(Storage::Tensor(maxima.reshape((batch, maps, 1, 1))?)))
            }
            Storage::Lanes(lanes, tape) => Ok(pool(lanes, tape, Pooling::pixels, Reduce::Max)),
        }
    }

    /// The mean over all pixels of every map: (batch, maps, 1, 1).
    ///
    /// # Errors
    /// When there are no pixels.
    pub fn mean_over_pixels(self) -> Result<Self> {
        let [batch, maps, height, width] = self.dims()?;
        if height * width == 0 {
            candle_core::bail!("the mean of maps of {height}×{width} pixels")
        }
        match self.0 {
            Storage::Tensor(tensor) => {
                Ok(Self(Storage::Tensor(tensor.flatten_from(2)?.mean(2)?.reshape((batch, maps, 1, 1))?)))
            }
            Storage::Lanes(lanes, tape) => Ok(pool(lanes, tape, Pooling::pixels, Reduce::Mean)),
        }
    }

    /// The maximum over the maps of every field.
    ///
    /// # Errors
    /// When the maps don't divide into the fields.
    pub fn max_over_fields(self, fields: usize) -> Result<Self> {
        let [batch, maps, height, width] = self.divided_into(fields)?;
        match self.0 {
            Storage::Tensor(tensor) => {
                let by_field = tensor.reshape((batch, fields, maps / fields, height * width))?;
                Ok(Self(Storage::Tensor(max_over_axis(&by_field, 2)?.reshape((batch, fields, height, width))?)))
            }
            Storage::Lanes(lanes, tape) => {
                Ok(pool(lanes, tape, |workspace, shape| Pooling::fields(workspace, shape, fields), Reduce::Max))
            }
        }
    }

    /// The mean over the maps of every field.
    ///
    /// # Errors
    /// When the maps don't divide into the fields.
    pub fn mean_over_fields(self, fields: usize) -> Result<Self> {
        let [batch, maps, height, width] = self.divided_into(fields)?;
        match self.0 {
            Storage::Tensor(tensor) => {
                let by_field = tensor.reshape((batch, fields, maps / fields, height * width))?;
                Ok(Self(Storage::Tensor(by_field.mean(2)?.reshape((batch, fields, height, width))?)))
            }
            Storage::Lanes(lanes, tape) => {
                Ok(pool(lanes, tape, |workspace, shape| Pooling::fields(workspace, shape, fields), Reduce::Mean))
            }
        }
    }

    /// Keeps the pixels that `keeps` says, times `scale`, and sets the others to 0, alike in all maps of a field; it's asked image by image,
    /// field by field and pixel by pixel.
    ///
    /// # Errors
    /// When the maps don't divide into the fields.
    pub fn mask(self, fields: usize, scale: f32, mut keeps: impl FnMut() -> bool) -> Result<Self> {
        let [batch, maps, height, width] = self.divided_into(fields)?;
        let (lanes, tape) = match self.0 {
            Storage::Tensor(tensor) => {
                let entries = batch * fields * height * width;
                let mask: Vec<f32> = (0..entries).map(|_| if keeps() { scale } else { 0.0 }).collect();
                let mask = Tensor::from_vec(mask, (batch, fields, 1, height * width), tensor.device())?;
                let by_field = tensor.reshape((batch, fields, maps / fields, height * width))?;
                let masked = by_field.broadcast_mul(&mask.to_dtype(tensor.dtype())?)?;
                return Ok(Self(Storage::Tensor(masked.reshape(tensor.shape())?)));
            }
            Storage::Lanes(lanes, tape) => (lanes, tape),
        };
        let mask = Arc::new(Mask::new(lanes.shape(), fields, scale, keeps));
        let output = Arc::clone(&mask).apply(lanes.clone());
        let pullback = move |gradient: Lanes, of_input: bool| {
            Ok((of_input.then(|| mask.backward(&gradient, lanes.gradients_watch())), GradStore::default()))
        };
        Ok(Self(Storage::Lanes(output, tape.map(|tape| tape.with(pullback)))))
    }

    /// The maps of every field in another order: its map n is what map `table`\[n\] was, fields having as many maps as the table.
    ///
    /// # Errors
    /// When the maps don't divide into such fields, or the table isn't a permutation.
    pub fn permute_fields(self, table: &Arc<[usize]>) -> Result<Self> {
        let [_, maps, ..] = self.dims()?;
        let mut sorted = table.to_vec();
        sorted.sort_unstable();
        if table.is_empty() || maps % table.len() != 0 || sorted.iter().enumerate().any(|(n, &map)| n != map) {
            candle_core::bail!("{table:?} isn't a permutation of the maps of fields, of which {maps} consist")
        }
        if table.is_sorted() {
            return Ok(self);
        }
        let (lanes, tape) = match self.0 {
            Storage::Tensor(tensor) => {
                let index = (0..maps).map(|map| (map - map % table.len() + table[map % table.len()]) as u32);
                let index = Tensor::from_iter(index, tensor.device())?;
                return Ok(Self(Storage::Tensor(tensor.index_select(&index, 1)?)));
            }
            Storage::Lanes(lanes, tape) => (lanes, tape),
        };
        let output = permute(lanes.clone(), Arc::clone(table));
        let table = Arc::clone(table);
        let pullback = move |gradient: Lanes, of_input: bool| {
            let of_maps = of_input.then(|| permute_back(&gradient, &table, lanes.gradients_watch()));
            Ok((of_maps, GradStore::default()))
        };
        Ok(Self(Storage::Lanes(output, tape.map(|tape| tape.with(pullback)))))
    }

    fn divided_into(&self, fields: usize) -> Result<[usize; 4]> {
        let dims = self.dims()?;
        if fields == 0 || dims[1] % fields != 0 || dims.contains(&0) {
            candle_core::bail!("{dims:?} don't divide into {fields} fields")
        }
        Ok(dims)
    }
}

fn pool_windows(lanes: Lanes, tape: Option<Tape>, size: usize, window: Window, reduce: Reduce) -> Result<FeatureMap> {
    let windows = PoolWindows::new(lanes.shape().size, size, window)?;
    Ok(pool(lanes, tape, |workspace, shape| Pooling::windows(workspace, shape, &windows), reduce))
}

fn pool(
    lanes: Lanes,
    tape: Option<Tape>,
    pooling: impl FnOnce(&Workspace, LaneShape) -> Pooling,
    reduce: Reduce,
) -> FeatureMap {
    let pooling = pooling(lanes.workspace(), lanes.shape());
    let output = pooling.forward(&lanes, reduce);
    let pullback = move |gradient: Lanes, of_input: bool| {
        Ok((of_input.then(|| pooling.backward(&lanes, &gradient, reduce)), GradStore::default()))
    };
    FeatureMap(Storage::Lanes(output, tape.map(|tape| tape.with(pullback))))
}

/// max(0, x) with the gradient 0 at 0, as in lanes; candle's has 1 there, and makes NaN 0.
fn relu(tensor: &Tensor) -> Result<Tensor> {
    let zeros = tensor.zeros_like()?;
    tensor.le(&zeros)?.where_cond(&zeros, tensor)
}

pub(super) fn activate(tensor: &Tensor, activation: Activation) -> Result<Tensor> {
    match activation {
        Activation::Identity => Ok(tensor.clone()),
        Activation::Relu => relu(tensor),
        Activation::LeakyRelu => tensor.gt(&tensor.zeros_like()?)?.where_cond(tensor, &(tensor * LEAK)?),
        Activation::Elu => tensor.elu(1.0),
        Activation::Swish => tensor.silu(),
    }
}

/// The entries in f64.
fn numbers(list: &Tensor) -> Result<Vec<f64>> {
    list.to_dtype(candle_core::DType::F64)?.to_vec1()
}

/// The gradient of x in γ·(x − mean)/σ + β, where mean and σ move with x: with the bar the mean over a field,
/// γ/σ·(g − ḡ − (x − mean)/σ²·mean(g·(x − mean))).
fn norm_gradient(slope: &[f64], moments: &Moments, deviation: &[f64], sums: &[GradientSums]) -> InputGradient {
    let count = moments.count as f64;
    let of_input: Vec<f64> =
        (0..slope.len()).map(|n| -slope[n] * sums[n].along / (count * deviation[n] * deviation[n])).collect();
    let constant = |n: usize| -slope[n] * sums[n].plain / count - of_input[n] * moments.mean[n];
    let constant = (0..slope.len()).map(constant).collect();
    InputGradient { of_gradient: slope.to_vec(), of_input, constant }
}
