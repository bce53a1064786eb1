//! Dropout by field.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::Tensor;
use rand::RngExt;

use super::{FieldType, Layer, Mode};
use crate::error::{Error, Result};
use crate::kernel::FeatureMap;
use crate::rng::Stream;

/// Dropout (Srivastava et al. 2014) of single pixels of a field; the maps of a field lose the same pixels.
#[derive(Clone, Debug)]
pub struct FieldDropout {
    fields: FieldType,
    rate: f64,
    /// Of its own, for where no mode brings one.
    stream: Option<Arc<Mutex<Stream>>>,
}

impl FieldDropout {
    /// Drops entries with probability `rate` during training, and scales the others up to keep the mean.
    ///
    /// # Errors
    /// When `rate` isn't in [0, 1).
    pub fn new(fields: FieldType, rate: f64) -> Result<Self> {
        Self::check(rate)?;
        Ok(Self { fields, rate, stream: None })
    }

    /// Refuses what isn't a rate.
    pub(crate) fn check(rate: f64) -> Result<()> {
        match (0.0..1.0).contains(&rate) {
            true => Ok(()),
            false => Err(Error::invalid(format!("dropout = {rate}, but it's a probability in [0, 1)"))),
        }
    }

    /// With random numbers of its own, for its use as a module of candle: [`Mode::Training`] brings others. Every call takes the
    /// next ones, and clones take them from the same stream; each layer of a network should have a stream of another name
    /// ([`rng::stream`](crate::rng::stream)), so that they don't drop the same.
    #[must_use]
    pub fn with_stream(self, stream: Stream) -> Self {
        Self { stream: Some(Arc::new(Mutex::new(stream))), ..self }
    }

    pub(super) fn stream(&self) -> Option<MutexGuard<'_, Stream>> {
        // Any state of a stream is as good as another.
        Some(self.stream.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Layer for FieldDropout {
    fn apply(&self, input: FeatureMap, mode: &mut Mode) -> Result<FeatureMap> {
        let [batch, maps, height, width] = input.dims()?;
        self.fields.check(&[batch, maps, height, width])?;
        let Mode::Training(stream) = mode else { return Ok(input) };
        let (fields, size) = (self.fields.fields, self.fields.field_size());
        let scale = 1.0 / (1.0 - self.rate) as f32;
        let kept = (0..batch * fields * height * width)
            .map(|_| if stream.random::<f64>() < self.rate { 0.0 } else { scale })
            .collect::<Vec<f32>>();
        let dropped = input.through(|input| {
            let mask = Tensor::from_vec(kept, (batch, fields, 1, height * width), input.device())?;
            let by_field = input.reshape((batch, fields, size, height * width))?;
            by_field.broadcast_mul(&mask.to_dtype(input.dtype())?)?.reshape(input.shape())
        });
        Ok(dropped?)
    }

    fn input(&self) -> &FieldType {
        &self.fields
    }

    fn output(&self) -> &FieldType {
        &self.fields
    }
}
