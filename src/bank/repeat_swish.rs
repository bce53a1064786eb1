//! Repetition with a learned non-linear transformation per tile.

use candle_core::Tensor;

use super::{Bank, Fan, Initial, Initialisation, Kind, Parameter, Rescale, checked};
use crate::error::Result;

/// Tile (a, b) is `α[a,b]·w / (1 + exp(β[a,b]·w))`, a swish of the base weights w (Chavan et al. 2021).
#[derive(Clone, Debug)]
pub struct RepeatSwishBank {
    rescale: Rescale,
}

impl RepeatSwishBank {
    /// # Errors
    /// When a size is 0.
    pub fn new(rescale: Rescale) -> Result<Self> {
        rescale.check("repeat-swish")?;
        Ok(Self { rescale })
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
            |name| Parameter { name, shape: tiles.to_vec(), kind: Kind::Real, initial: Initial::Own(xavier) };
        vec![self.rescale.base_parameter(), per_tile("alpha"), per_tile("beta")]
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
