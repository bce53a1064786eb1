//! What networks of group convolutions are made with: `use equisplit::prelude::*;`.

pub use candle_core::{Module, ModuleT};

pub use crate::assert_equivariant;
pub use crate::group::PointGroup;
pub use crate::nn::{
    Activation, Conv, ConvConfig, FieldDropout, FieldNorm, FieldNormConfig, FieldType, GlobalPool, GroupPool, Layer,
    Linear, Mode, NormSharing, Reduction, Relu, SequentialT, SpatialPool, Weights, group_conv, lifting_conv, p4_conv,
    p4_lifting, p4m_conv, p4m_lifting, seq_t,
};
