//! Repetition with a learned non-linear transformation per tile.

use candle_core::Tensor;
use candle_nn::Init;
use serde::{Deserialize, Serialize};

use super::{
    Bank, Copies, Family, Fan, Initial, Initialisation, Kind, Line, Marker, Parameter, Portrait, Rescale, Site, checked,
};
use crate::error::Result;

/// Repetition through a learned swish per tile.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepeatSwish {
    /// Where its parameters start.
    #[serde(default)]
    pub start: Start,
}

/// At which scale the filters of a [`RepeatSwish`] start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// As in the authors' code: the base is drawn as the small layer that it is, α Xavier-uniform, so that filters which double
    /// their maps start at 0.3 to 0.6 of the scale of a free layer's.
    #[default]
    Published,
    /// At the scale of a free layer's: the base is drawn by the rule for a layer of the filters' size, and α so wide that α/2,
    /// by which the swish multiplies small weights, is 1 in mean square. A step of the base then moves the filters as far as it
    /// moves a free layer's, too.
    Matched,
}

impl Family for RepeatSwish {
    const NAME: &'static str = "repeat-swish";
    const PORTRAIT: Portrait = Portrait::new([213, 94, 0], Marker::Triangle, Line::Long)
        .in_words("learned repetition alone")
        .repeats_only()
        .in_question();
    const RESCALES: bool = true;

    fn bank(&self, site: &Site) -> Result<Box<dyn Bank>> {
        Ok(Box::new(RepeatSwishBank { start: self.start, ..RepeatSwishBank::new(site.rescale())? }))
    }

    fn rescaled_to([out_maps, in_maps]: [usize; 2], parameter: &str, shape: &[usize]) -> Option<[usize; 2]> {
        match *shape {
            [rows, columns] if parameter == "alpha" => {
                Some([rows.saturating_mul(out_maps), columns.saturating_mul(in_maps)])
            }
            _ => None,
        }
    }
}

/// Tile (a, b) is `α[a,b]·w / (1 + exp(β[a,b]·w))`, a swish of the base weights w (Chavan et al. 2021).
#[derive(Clone, Debug)]
pub struct RepeatSwishBank {
    rescale: Rescale,
    start: Start,
}

impl RepeatSwishBank {
    /// A bank that starts as published.
    ///
    /// # Errors
    /// When a size is 0.
    pub fn new(rescale: Rescale) -> Result<Self> {
        rescale.check("repeat-swish")?;
        Ok(Self { rescale, start: Start::Published })
    }
}

impl Bank for RepeatSwishBank {
    fn filter_shape(&self) -> [usize; 4] {
        self.rescale.filter_shape()
    }

    fn parameters(&self) -> Vec<Parameter> {
        let tiles = self.rescale.tiles();
        // As in the authors' code, where they are one row.
        let xavier = Initialisation::Xavier.distribution(Fan { inputs: tiles[0] * tiles[1], outputs: 1 });
        let per_tile =
            |name, init| Parameter { name, shape: tiles.to_vec(), kind: Kind::Real, initial: Initial::Own(init) };
        let (base, alpha) = match self.start {
            Start::Published => (self.rescale.base_parameter(), xavier),
            // The mean square of what is uniform within ±√12 is 4.
            Start::Matched => {
                (self.rescale.base_of_filters(), Init::Uniform { lo: -f64::sqrt(12.0), up: f64::sqrt(12.0) })
            }
        };
        vec![base, per_tile("alpha", alpha), per_tile("beta", xavier)]
    }

    fn copies(&self) -> Option<Copies> {
        Some(self.rescale.copies())
    }

    fn filters(&self, values: &[Tensor]) -> Result<Tensor> {
        let [base, alpha, beta] = checked(self, values)?;
        let weight = self.rescale.tile(base)?;
        // 1 / (1 + exp(x)) as (1 - tanh(x/2)) / 2: its gradient stays finite where exp(x) overflows.
        let half = (self.rescale.spread(beta)?.broadcast_mul(&weight)? * 0.5)?;
        let gate = half.tanh()?.affine(-0.5, 0.5)?;
        Ok((self.rescale.spread(alpha)?.broadcast_mul(&weight)? * gate)?)
    }
}
