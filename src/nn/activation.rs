//! Pointwise non-linearities, which commute with any permutation of maps and pixels.

use super::{FieldType, Layer, Mode};
use crate::error::Result;
use crate::kernel::FeatureMap;

pub use crate::kernel::Activation;

/// A non-linearity by itself; behind a norm it's computed with that ([`FieldNormConfig`](super::FieldNormConfig)).
#[derive(Clone, Debug)]
pub struct Activate {
    fields: FieldType,
    activation: Activation,
}

impl Activate {
    /// Acts on maps of the type `fields`.
    pub fn new(fields: FieldType, activation: Activation) -> Self {
        Self { fields, activation }
    }
}

impl Layer for Activate {
    fn apply(&self, input: FeatureMap, _: &mut Mode) -> Result<FeatureMap> {
        Ok(input.activate(self.activation)?)
    }

    fn input(&self) -> &FieldType {
        &self.fields
    }

    fn output(&self) -> &FieldType {
        &self.fields
    }
}
