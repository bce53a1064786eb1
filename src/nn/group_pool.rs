//! Pooling over the group axis.

use serde::{Deserialize, Serialize};

use super::{FieldType, Layer, Mode};
use crate::error::Result;
use crate::group::Representation;
use crate::kernel::FeatureMap;

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
/// (Cohen & Welling 2016, section 6.3). Fields of one map pass unchanged.
#[derive(Clone, Debug)]
pub struct GroupPool {
    input: FieldType,
    output: FieldType,
    reduction: Reduction,
}

impl GroupPool {
    /// Pools maps of the type `input`.
    pub fn new(input: FieldType, reduction: Reduction) -> Self {
        let representation = match input.representation {
            Representation::Sign => Representation::Sign,
            _ => Representation::Trivial,
        };
        let output = FieldType { representation, ..input.clone() };
        Self { input, output, reduction }
    }
}

impl Layer for GroupPool {
    fn apply(&self, input: FeatureMap, _: &mut Mode) -> Result<FeatureMap> {
        self.input.check(&input.dims()?)?;
        match self.reduction {
            Reduction::Max => Ok(input.max_over_fields(self.input.fields)?),
            Reduction::Mean => Ok(input.mean_over_fields(self.input.fields)?),
        }
    }

    fn input(&self) -> &FieldType {
        &self.input
    }

    fn output(&self) -> &FieldType {
        &self.output
    }
}
