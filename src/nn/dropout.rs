//! Dropout by field.

use candle_core::Tensor;
use rand::RngExt;

use super::{FieldType, Layer, Mode};
use crate::error::{Error, Result};

/// Dropout (Srivastava et al. 2014) of single pixels of a field; the maps of a field lose the same pixels.
#[derive(Clone, Debug)]
pub struct FieldDropout {
    fields: FieldType,
    rate: f64,
}

impl FieldDropout {
    /// Drops entries with probability `rate` during training, and scales the others up to keep the mean.
    ///
    /// # Errors
    /// When `rate` isn't in [0, 1).
    pub fn new(fields: FieldType, rate: f64) -> Result<Self> {
        if !(0.0..1.0).contains(&rate) {
            return Err(Error::invalid(format!("dropout = {rate}, but it's a probability in [0, 1)")));
        }
        Ok(Self { fields, rate })
    }
}

impl Layer for FieldDropout {
    fn forward(&self, input: &Tensor, mode: &mut Mode) -> Result<Tensor> {
        self.fields.check(input)?;
        let Mode::Training(stream) = mode else { return Ok(input.clone()) };
        let (batch, _, height, width) = input.dims4()?;
        let (fields, size) = (self.fields.fields, self.fields.field_size());
        let scale = 1.0 / (1.0 - self.rate) as f32;
        let kept = (0..batch * fields * height * width)
            .map(|_| if stream.random::<f64>() < self.rate { 0.0 } else { scale })
            .collect::<Vec<f32>>();
        let mask = Tensor::from_vec(kept, (batch, fields, 1, height * width), input.device())?;
        let by_field = input.reshape((batch, fields, size, height * width))?;
        Ok(by_field.broadcast_mul(&mask.to_dtype(input.dtype())?)?.reshape(input.shape())?)
    }

    fn input(&self) -> &FieldType {
        &self.fields
    }

    fn output(&self) -> &FieldType {
        &self.fields
    }
}
