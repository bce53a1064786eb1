//! Pooling over the group axis.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::{FieldType, Layer, Mode};
use crate::error::Result;
use crate::group::Representation;
use crate::kernel;

/// How pooling makes one number of many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// The largest.
    Max,
    /// The mean.
    Mean,
}

/// Pools every regular field over the group: |H| maps become one, which only moves with the plane
/// (Cohen & Welling 2016, section 6.3). Trivial fields pass unchanged.
#[derive(Clone, Debug)]
pub struct GroupPool {
    input: FieldType,
    output: FieldType,
    reduction: Reduction,
}

impl GroupPool {
    /// Pools maps of the type `input`.
    pub fn new(input: FieldType, reduction: Reduction) -> Self {
        let output = FieldType { representation: Representation::Trivial, ..input.clone() };
        Self { input, output, reduction }
    }
}

impl Layer for GroupPool {
    fn forward(&self, input: &Tensor, _: &mut Mode) -> Result<Tensor> {
        self.input.check(input)?;
        let (batch, _, height, width) = input.dims4()?;
        let by_element = input.reshape((batch, self.input.fields, self.input.field_size(), height * width))?;
        let pooled = match self.reduction {
            Reduction::Max => kernel::max_over_axis(&by_element, 2)?,
            Reduction::Mean => by_element.mean(2)?,
        };
        Ok(pooled.reshape((batch, self.output.maps(), height, width))?)
    }

    fn input(&self) -> &FieldType {
        &self.input
    }

    fn output(&self) -> &FieldType {
        &self.output
    }
}
