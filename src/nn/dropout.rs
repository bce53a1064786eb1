//! Dropout by field.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
        self.fields.check(&input.dims()?)?;
        let Mode::Training(stream) = mode else { return Ok(input) };
        let scale = 1.0 / (1.0 - self.rate) as f32;
        Ok(input.mask(self.fields.fields, scale, || stream.random::<f64>() >= self.rate)?)
    }

    fn input(&self) -> &FieldType {
        &self.fields
    }

    fn output(&self) -> &FieldType {
        &self.fields
    }
}
