//! Pointwise non-linearities, which commute with any permutation of maps and pixels.

use candle_core::Tensor;

use super::{FieldType, Layer, Mode};
use crate::error::Result;

/// max(0, x).
#[derive(Clone, Debug)]
pub struct Relu {
    fields: FieldType,
}

impl Relu {
    /// Acts on maps of the type `fields`.
    pub fn new(fields: FieldType) -> Self {
        Self { fields }
    }
}

impl Layer for Relu {
    fn forward(&self, input: &Tensor, _: &mut Mode) -> Result<Tensor> {
        Ok(input.relu()?)
    }

    fn input(&self) -> &FieldType {
        &self.fields
    }

    fn output(&self) -> &FieldType {
        &self.fields
    }
}
