//! Repetition with random entries left out.

use candle_core::Tensor;
use candle_nn::Init;
use serde::{Deserialize, Serialize};

use super::{Bank, Copies, Family, Initial, Kind, Line, Marker, Parameter, Portrait, Rescale, Site, checked};
use crate::error::{Error, Result};
use crate::number;

/// Repetition with a fixed Bernoulli mask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepeatDrop {
    /// Probability that an entry stays.
    #[serde(deserialize_with = "number::told")]
    pub keep: f64,
}

impl Default for RepeatDrop {
    fn default() -> Self {
        Self { keep: 0.5 }
    }
}

impl Family for RepeatDrop {
    const NAME: &'static str = "repeat-drop";
    const PORTRAIT: Portrait = Portrait::new([110, 47, 0], Marker::Right, Line::Dotted)
        .in_words("repetition under a fixed mask")
        .repeats_only();
    const RESCALES: bool = true;

    fn bank(&self, site: &Site) -> Result<Box<dyn Bank>> {
        Ok(Box::new(RepeatDropBank::new(site.rescale(), self.keep)?))
    }

    fn check(&self) -> Result<()> {
        match self.keep > 0.0 && self.keep <= 1.0 {
            true => Ok(()),
            false => {
                Err(Error::invalid(format!("repeat-drop: keep = {}, but it's a probability in (0, 1]", self.keep)))
            }
        }
    }

    fn rescaled_to(_: [usize; 2], parameter: &str, shape: &[usize]) -> Option<[usize; 2]> {
        match *shape {
            [out_maps, in_maps, ..] if parameter == "lot" => Some([out_maps, in_maps]),
            _ => None,
        }
    }
}

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
        RepeatDrop { keep }.check()?;
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

    fn copies(&self) -> Option<Copies> {
        Some(self.rescale.copies())
    }

    fn filters(&self, values: &[Tensor]) -> Result<Tensor> {
        let [base, lot] = checked(self, values)?;
        let mask = lot.lt(self.keep)?.to_dtype(base.dtype())?;
        Ok((self.rescale.tile(base)? * mask)?)
    }
}
