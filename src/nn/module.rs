//! Layers as modules of candle: on tensors, as part of its graph.
//!
//! Layers that do the same in training and in inference are [`Module`]s, and with that [`ModuleT`]s; the others are [`ModuleT`]s.

use candle_core::{Module, ModuleT, Result, Tensor};

use super::{
    Activate, Conv, FieldDropout, FieldNorm, GlobalPool, GroupPool, Layer, Linear, Mode, Restrict, SpatialPool,
};
use crate::error::Error;
use crate::kernel::FeatureMap;

macro_rules! same_in_every_mode {
    ($($layer:ty),*) => {
        $(
            impl Module for $layer {
                fn forward(&self, xs: &Tensor) -> Result<Tensor> {
                    Ok(self.forward_in(xs, &mut Mode::Inference)?)
                }
            }
        )*
    };
}

same_in_every_mode!(Activate, Conv, GlobalPool, GroupPool, Linear, Restrict, SpatialPool);

impl ModuleT for FieldNorm {
    /// In training by the statistics of the batch, which the running ones follow; otherwise by these.
    fn forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        let maps = FeatureMap::from_tensor(xs);
        match train {
            true => self.by_batch(maps)?.into_tensor(),
            false => self.by_running_statistics(maps)?.into_tensor(),
        }
    }
}

impl ModuleT for FieldDropout {
    /// In training what is dropped is drawn from the stream of [`FieldDropout::with_stream`], without which it's an error.
    fn forward_t(&self, xs: &Tensor, train: bool) -> Result<Tensor> {
        if !train {
            return Ok(self.forward_in(xs, &mut Mode::Inference)?);
        }
        let missing = "dropout has no random numbers to draw from; give it some by FieldDropout::with_stream";
        let mut stream = self.stream().ok_or_else(|| Error::invalid(missing))?;
        Ok(self.forward_in(xs, &mut Mode::Training(&mut stream))?)
    }
}
