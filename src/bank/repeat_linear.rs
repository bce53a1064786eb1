//! Plain repetition.

use candle_core::Tensor;

use super::{Bank, Parameter, Rescale, checked};
use crate::error::Result;

/// The base tiled to the larger layer, nothing else learned.
#[derive(Clone, Debug)]
pub struct RepeatLinearBank {
    rescale: Rescale,
}

impl RepeatLinearBank {
    /// # Errors
    /// When a size is 0.
    pub fn new(rescale: Rescale) -> Result<Self> {
        rescale.check("repeat-linear")?;
        Ok(Self { rescale })
    }
}

impl Bank for RepeatLinearBank {
    fn filter_shape(&self) -> [usize; 4] {
        self.rescale.filter_shape()
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![self.rescale.base_parameter()]
    }

    fn filters(&self, values: &[Tensor]) -> Result<Tensor> {
        let [base] = checked(self, values)?;
        self.rescale.tile(base)
    }
}
