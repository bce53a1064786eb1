//! The bank of an ordinary convolution.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::{Bank, Family, Fan, Initial, Kind, Line, Marker, Parameter, Portrait, Site, check_sizes, checked};
use crate::error::Result;

/// Ordinary convolutions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Free {}

impl Family for Free {
    const NAME: &'static str = "free";
    const PORTRAIT: Portrait = Portrait::new([0, 0, 0], Marker::Square, Line::Medium);

    fn bank(&self, site: &Site) -> Result<Box<dyn Bank>> {
        let [out_maps, in_maps, kernel] = site.sizes();
        Ok(Box::new(FreeBank::new(out_maps, in_maps, kernel)?))
    }
}

/// Every filter entry is a parameter of its own: W = θ.
#[derive(Clone, Debug)]
pub struct FreeBank {
    shape: [usize; 4],
}

impl FreeBank {
    /// Filters of shape (out maps, in maps, kernel, kernel).
    ///
    /// # Errors
    /// When a size is 0.
    pub fn new(out_maps: usize, in_maps: usize, kernel: usize) -> Result<Self> {
        check_sizes("free", &[("out maps", out_maps), ("in maps", in_maps), ("kernel", kernel)])?;
        Ok(Self { shape: [out_maps, in_maps, kernel, kernel] })
    }
}

impl Bank for FreeBank {
    fn filter_shape(&self) -> [usize; 4] {
        self.shape
    }

    fn parameters(&self) -> Vec<Parameter> {
        let [outputs, inputs, k, _] = self.shape;
        vec![Parameter {
            name: "weight",
            shape: self.shape.to_vec(),
            kind: Kind::Real,
            initial: Initial::Weight(Fan { inputs: inputs * k * k, outputs: outputs * k * k }),
        }]
    }

    fn filters(&self, values: &[Tensor]) -> Result<Tensor> {
        let [weight] = checked(self, values)?;
        Ok(weight.clone())
    }
}
