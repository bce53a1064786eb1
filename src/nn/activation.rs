//! Pointwise non-linearities, which commute with any permutation of maps and pixels.

use super::{FieldType, Layer, Mode};
use crate::error::Result;
use crate::kernel::FeatureMap;

pub use crate::kernel::Activation;

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
    fn apply(&self, input: FeatureMap, _: &mut Mode) -> Result<FeatureMap> {
        Ok(input.activate(Activation::Relu)?)
    }

    fn input(&self) -> &FieldType {
        &self.fields
    }

    fn output(&self) -> &FieldType {
        &self.fields
    }
}
