//! Learned signs without repetition.

use candle_core::Tensor;
use serde::{Deserialize, Serialize};

use super::repeat::{sign_scores, straight_through_sign};
use super::{Bank, Family, Kind, Line, Marker, Parameter, Portrait, RepeatMask, Rescale, Site, checked};
use crate::error::{Error, Result};

/// Learned signs on frozen random kernels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RandomMask {}

impl Family for RandomMask {
    const NAME: &'static str = "random-mask";
    const PORTRAIT: Portrait = Portrait::new([204, 121, 167], Marker::Cross, Line::Dotted)
        .in_words("learned signs on random filters")
        .in_question();
    const RESCALES: bool = true;

    /// A layer that borrows a base of its own size, or of a larger one, has no room for random kernels: it's that base under signs.
    fn bank(&self, site: &Site) -> Result<Box<dyn Bank>> {
        let rescale = site.rescale();
        if site.is_borrowed && frozen_kernels(&rescale) == 0 {
            return RepeatMask {}.bank(site);
        }
        Ok(Box::new(RandomMaskBank::new(rescale)?))
    }

    fn rescaled_to(_: [usize; 2], parameter: &str, shape: &[usize]) -> Option<[usize; 2]> {
        match *shape {
            [out_maps, in_maps, ..] if parameter == "sign" => Some([out_maps, in_maps]),
            _ => None,
        }
    }
}

/// The o·i learned kernels fill the first kernels of W in row order, frozen random ones the rest; all of W is multiplied
/// by learned signs as in [`RepeatMaskBank`](super::RepeatMaskBank). The pair tells what the signs do and what the
/// repetition does.
#[derive(Clone, Debug)]
pub struct RandomMaskBank {
    rescale: Rescale,
}

impl RandomMaskBank {
    /// # Errors
    /// When a size is 0, or the base isn't smaller than the layer.
    pub fn new(rescale: Rescale) -> Result<Self> {
        rescale.check("random-mask")?;
        let bank = Self { rescale };
        if bank.frozen_kernels() == 0 {
            return Err(Error::invalid(format!(
                "random-mask: a base of {:?} maps leaves nothing to fill in {:?}; use a smaller base",
                rescale.base, rescale.scaled
            )));
        }
        Ok(bank)
    }

    fn frozen_kernels(&self) -> usize {
        frozen_kernels(&self.rescale)
    }
}

fn frozen_kernels(Rescale { base, scaled, .. }: &Rescale) -> usize {
    (scaled[0] * scaled[1]).saturating_sub(base[0] * base[1])
}

impl Bank for RandomMaskBank {
    fn filter_shape(&self) -> [usize; 4] {
        self.rescale.filter_shape()
    }

    fn parameters(&self) -> Vec<Parameter> {
        let kernel = self.rescale.kernel;
        let base = self.rescale.base_parameter();
        // Drawn as the kernels beside them: they differ in nothing but that they are never learned.
        let frozen = Parameter {
            name: "kernels",
            shape: vec![self.frozen_kernels(), kernel, kernel],
            kind: Kind::Frozen,
            initial: base.initial,
        };
        vec![base, frozen, sign_scores(self.filter_shape())]
    }

    fn filters(&self, values: &[Tensor]) -> Result<Tensor> {
        let [base, frozen, scores] = checked(self, values)?;
        let kernels = Tensor::cat(&[&base.flatten(0, 1)?, frozen], 0)?;
        Ok((kernels.reshape(&self.filter_shape())? * straight_through_sign(scores)?)?)
    }
}
