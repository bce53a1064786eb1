//! Repetition with a learned sign per repeated weight.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::repeat::{sign_scores, straight_through_sign};
use super::{Bank, Copies, Family, Line, Marker, Parameter, Portrait, Rescale, Site, checked};
use crate::error::Result;

/// Repetition with learned signs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepeatMask {}

impl Family for RepeatMask {
    const NAME: &'static str = "repeat-mask";
    const PORTRAIT: Portrait = Portrait::new([163, 68, 0], Marker::Down, Line::Medium)
        .in_words("repetition under learned signs")
        .repeats_only()
        .in_question();
    const RESCALES: bool = true;

    fn bank(&self, site: &Site) -> Result<Box<dyn Bank>> {
        Ok(Box::new(RepeatMaskBank::new(site.rescale())?))
    }

    fn rescaled_to(_: [usize; 2], parameter: &str, shape: &[usize]) -> Option<[usize; 2]> {
        match *shape {
            [out_maps, in_maps, ..] if parameter == "sign" => Some([out_maps, in_maps]),
            _ => None,
        }
    }
}

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

    fn copies(&self) -> Option<Copies> {
        Some(self.rescale.copies())
    }

    fn filters(&self, values: &[Tensor]) -> Result<Tensor> {
        let [base, scores] = checked(self, values)?;
        Ok((self.rescale.tile(base)? * straight_through_sign(scores)?)?)
    }
}
