//! Layers: planar convolution over any filter bank, and what goes between convolutions.
//!
//! Feature maps are (batch, maps, height, width); the maps of a field follow each other. Every layer
//! knows the [`FieldType`] of its input and output, so that anyone can check that it commutes with the group.
//!
//! There are two ways to use them. A [`Layer`] is applied in a [`Mode`], which brings the random numbers of training with it, to
//! maps that are stored in whatever way is the fastest; that is how [`Network`](crate::model::Network)s train. And every layer
//! here is a module of candle, [`Module`](candle_core::Module) or [`ModuleT`](candle_core::ModuleT): its operators are part of
//! candle's graph, it joins candle's layers in [`seq_t`], takes its tensors from any
//! [`VarBuilder`](candle_nn::VarBuilder) and learns by any optimiser. What isn't learned, running statistics and frozen
//! values, has no gradient, so that an optimiser leaves it alone even where a [`VarMap`](candle_nn::VarMap) lists it among its
//! variables.
//!
//! ```
//! use candle_core::{DType, Device, Tensor};
//! use candle_nn::{AdamW, Optimizer, VarBuilder, VarMap};
//! use equisplit::prelude::*;
//!
//! # fn main() -> equisplit::Result<()> {
//! let variables = VarMap::new();
//! let vb = VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu);
//! let config = ConvConfig::default().with_padding(1);
//! let lifting = p4_lifting(1, 4, 3, config, vb.pp("lifting"))?;
//! let norm = FieldNorm::new(lifting.output().clone(), FieldNormConfig::default(), vb.pp("norm"))?;
//! let conv = p4_conv(4, 2, 3, config.with_bias(true), vb.pp("conv"))?;
//! let pool = GroupPool::new(conv.output().clone(), Reduction::Max);
//! let network = seq_t().add(lifting).add(norm).add_fn(Tensor::relu).add(conv).add(pool);
//!
//! let images = Tensor::rand(0f32, 1.0, (8, 1, 9, 9), &Device::Cpu)?;
//! let loss = network.forward_t(&images, true)?.sqr()?.mean_all()?;
//! AdamW::new_lr(variables.all_vars(), 1e-3)?.backward_step(&loss)?;
//! # Ok(())
//! # }
//! ```

mod activation;
mod conv;
mod dropout;
mod field;
mod filters;
mod group_conv;
mod group_pool;
mod linear;
mod module;
mod norm;
mod residual;
mod restrict;
mod sequential;
mod spatial_pool;
mod weights;

use candle_core::Tensor;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::kernel::FeatureMap;
use crate::rng::Stream;

pub use activation::{Activate, Activation};
pub use conv::{Conv, ConvConfig};
pub use dropout::FieldDropout;
pub use field::FieldType;
pub use filters::Filters;
pub use group_conv::{group_conv, lifting_conv, p4_conv, p4_lifting, p4m_conv, p4m_lifting};
pub use group_pool::{GroupPool, Reduction};
pub use linear::{Linear, LinearConfig};
pub use norm::{FieldNorm, FieldNormConfig, NormSharing};
pub use residual::Residual;
pub use restrict::Restrict;
pub use sequential::{SequentialT, seq_t};
pub use spatial_pool::{GlobalPool, SpatialPool};
pub use weights::Weights;

/// A part of a network.
pub trait Layer: Send + Sync {
    /// Maps (batch, in maps, height, width) to (batch, out maps, height', width'), however they are stored.
    ///
    /// # Errors
    /// When the input's shape isn't one that the layer takes.
    fn apply(&self, input: FeatureMap, mode: &mut Mode) -> Result<FeatureMap>;

    /// The same on a tensor, as part of candle's graph.
    ///
    /// # Errors
    /// As [`Layer::apply`].
    fn forward_in(&self, input: &Tensor, mode: &mut Mode) -> Result<Tensor> {
        Ok(self.apply(FeatureMap::from_tensor(input), mode)?.into_tensor()?)
    }

    /// How the input's maps transform.
    fn input(&self) -> &FieldType;

    /// How the output's maps transform, if the layer is equivariant.
    fn output(&self) -> &FieldType;

    /// Height and width that an input of this height and width leads to; `None` where it's too small.
    fn output_size(&self, size: [usize; 2]) -> Option<[usize; 2]> {
        Some(size)
    }

    /// The window that it moves over the pixels; `None` where every pixel is worked on alone, or all of them together.
    fn window(&self) -> Option<SlidingWindow> {
        None
    }

    /// Whether it has a weight for every pixel, so that turning the image changes what it gives wherever there are several.
    fn weighs_pixels(&self) -> bool {
        false
    }

    /// Multiply-adds of one image of this height and width: those of the convolutions and matrix products.
    fn multiply_adds(&self, _size: [usize; 2]) -> u64 {
        0
    }

    /// Shape of its filters (out maps, in maps, height, width), if it's a convolution.
    fn filter_shape(&self) -> Option<[usize; 4]> {
        None
    }

    /// Its filters as they are now, (out maps, in maps, height, width), if it's a convolution.
    ///
    /// # Errors
    /// When a tensor operation fails.
    fn filters(&self) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// Which of its filters are copies of one another, if any are.
    fn copies(&self) -> Option<crate::bank::Copies> {
        None
    }

    /// The branches that it's made of, by name, if it's made of other layers.
    fn inner(&self) -> Vec<(&'static str, &[NamedLayer])> {
        Vec::new()
    }

    /// Learned parameters.
    fn parameters(&self) -> crate::bank::ParameterCount {
        crate::bank::ParameterCount::default()
    }
}

/// A layer and its name, as in checkpoints.
pub struct NamedLayer {
    /// The name.
    pub name: String,
    /// The layer.
    pub layer: Box<dyn Layer>,
}

impl NamedLayer {
    /// The layer applied; errors name it.
    ///
    /// # Errors
    /// As [`Layer::apply`].
    pub fn apply(&self, input: FeatureMap, mode: &mut Mode) -> Result<FeatureMap> {
        let Self { name, layer } = self;
        layer.apply(input, mode).map_err(|e| Error::invalid(format!("layer {name}: {e}")))
    }
}

/// A square window that slides over the pixels, alike in both directions; all in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SlidingWindow {
    /// Its height and width.
    pub size: usize,
    /// From one position to the next; at least 1.
    pub stride: usize,
    /// Zeros added on every side.
    pub padding: usize,
}

/// Whether a network is being trained, which changes norms and dropout.
pub enum Mode<'a> {
    /// Running statistics, no dropout.
    Inference,
    /// The same for several batches while no weight changes: filters are computed once.
    Evaluation(&'a mut Filters),
    /// Statistics of the batch, dropout drawn from the stream.
    Training(&'a mut Stream),
}
