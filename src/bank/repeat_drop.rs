//! Repetition with random entries left out.

use candle_core::Tensor;
use candle_nn::Init;

use super::{Bank, Initial, Kind, Parameter, Rescale, checked};
use crate::error::{Error, Result};

/// The tiled base times a fixed Bernoulli mask: copies differ by which of their entries are missing.
#[derive(Clone, Debug)]
pub struct RepeatDropBank {
    rescale: Rescale,
    keep: f64,
}

impl RepeatDropBank {
    /// Each entry of W stays with probability `keep`.
    ///
    /// # Errors
    /// When a size is 0, or `keep` isn't in (0, 1].
    pub fn new(rescale: Rescale, keep: f64) -> Result<Self> {
        rescale.check("repeat-drop")?;
        if !(keep > 0.0 && keep <= 1.0) {
            return Err(Error::invalid(format!("repeat-drop: keep = {keep}, but it's a probability in (0, 1]")));
        }
        Ok(Self { rescale, keep })
    }
}

impl Bank for RepeatDropBank {
    fn filter_shape(&self) -> [usize; 4] {
        self.rescale.filter_shape()
    }

    fn parameters(&self) -> Vec<Parameter> {
        let lot = Parameter {
            name: "lot",
            shape: self.filter_shape().to_vec(),
            kind: Kind::Frozen,
            initial: Initial::Own(Init::Uniform { lo: 0.0, up: 1.0 }),
        };
        vec![self.rescale.base_parameter(), lot]
    }

    fn filters(&self, values: &[Tensor]) -> Result<Tensor> {
        let [base, lot] = checked(self, values)?;
        let mask = lot.lt(self.keep)?.to_dtype(base.dtype())?;
        Ok((self.rescale.tile(base)? * mask)?)
    }
}
