//! Plain repetition.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::{Bank, Copies, Family, Line, Marker, Parameter, Portrait, Rescale, Site, checked};
use crate::error::Result;

/// Plain repetition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepeatLinear {}

impl Family for RepeatLinear {
    const NAME: &'static str = "repeat-linear";
    const PORTRAIT: Portrait = Portrait::new([233, 131, 58], Marker::Left, Line::Even)
        .in_words("plain repetition of the weights")
        .repeats_only();
    const RESCALES: bool = true;

    fn bank(&self, site: &Site) -> Result<Box<dyn Bank>> {
        Ok(Box::new(RepeatLinearBank::new(site.rescale())?))
    }
}

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

    fn copies(&self) -> Option<Copies> {
        Some(self.rescale.copies())
    }

    fn filters(&self, values: &[Tensor]) -> Result<Tensor> {
        let [base] = checked(self, values)?;
        self.rescale.tile(base)
    }
}
