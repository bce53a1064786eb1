//! What networks of group convolutions are made with: `use equisplit::prelude::*;`.

pub use candle_core::{Module, ModuleT};

pub use crate::assert_equivariant;
pub use crate::group::PointGroup;
pub use crate::nn::{
    Activate, Activation, Conv, ConvConfig, FieldDropout, FieldNorm, FieldNormConfig, FieldType, GlobalPool, GroupPool,
    Layer, Linear, LinearConfig, Mode, NormSharing, Reduction, SequentialT, SpatialPool, Weights, group_conv,
    lifting_conv, p4_conv, p4_lifting, p4m_conv, p4m_lifting, seq_t,
};
