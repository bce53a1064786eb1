//! Repetition with a learned sign per repeated weight.

use candle_core::Tensor;

use super::repeat::{sign_scores, straight_through_sign};
use super::{Bank, Parameter, Rescale, checked};
use crate::error::Result;

/// The tiled base times a learned sign for every entry of W (Chavan et al. 2021).
#[derive(Clone, Debug)]
pub struct RepeatMaskBank {
    rescale: Rescale,
}

impl RepeatMaskBank {
    /// # Errors
    /// When a size is 0.
    pub fn new(rescale: Rescale) -> Result<Self> {
        rescale.check("repeat-mask")?;
        Ok(Self { rescale })
    }
}

impl Bank for RepeatMaskBank {
    fn filter_shape(&self) -> [usize; 4] {
        self.rescale.filter_shape()
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![self.rescale.base_parameter(), sign_scores(self.filter_shape())]
    }

    fn filters(&self, values: &[Tensor]) -> Result<Tensor> {
        let [base, scores] = checked(self, values)?;
        Ok((self.rescale.tile(base)? * straight_through_sign(scores)?)?)
    }
}
