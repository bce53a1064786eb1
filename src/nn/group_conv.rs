//! Group convolutions in one call, as candle makes its layers: sizes, a configuration, a builder.

use std::sync::Arc;

use candle_nn::VarBuilder;

use super::{Conv, ConvConfig};
use crate::bank::CopiesBank;
use crate::error::Result;
use crate::group::{PointGroup, Representation};

/// A convolution from `in_maps` plain maps, as images have them, to `out_fields` regular fields of `group`, with `kernel`×`kernel`
/// pixels; its weight has the shape (`out_fields`, `in_maps`, `kernel`, `kernel`).
///
/// # Errors
/// When a size is 0, or the builder has tensors of other shapes.
pub fn lifting_conv(
    group: &Arc<PointGroup>,
    in_maps: usize,
    out_fields: usize,
    kernel: usize,
    config: ConvConfig,
    vb: VarBuilder,
) -> Result<Conv> {
    let bank = CopiesBank::group(group, Representation::Trivial, [out_fields, in_maps, kernel])?;
    Conv::new(Box::new(bank), group, config, vb)
}

/// A convolution between regular fields of `group`, each as many maps as the group has elements, with `kernel`×`kernel` pixels;
/// its weight has the shape (`out_fields`, `in_fields`, elements, `kernel`, `kernel`).
///
/// # Errors
/// As [`lifting_conv`].
pub fn group_conv(
    group: &Arc<PointGroup>,
    in_fields: usize,
    out_fields: usize,
    kernel: usize,
    config: ConvConfig,
    vb: VarBuilder,
) -> Result<Conv> {
    let bank = CopiesBank::group(group, Representation::Regular, [out_fields, in_fields, kernel])?;
    Conv::new(Box::new(bank), group, config, vb)
}

/// [`lifting_conv`] to fields over the four quarter turns.
///
/// # Errors
/// As there.
pub fn p4_lifting(
    in_maps: usize,
    out_fields: usize,
    kernel: usize,
    config: ConvConfig,
    vb: VarBuilder,
) -> Result<Conv> {
    lifting_conv(&Arc::new(PointGroup::c4()), in_maps, out_fields, kernel, config, vb)
}

/// [`group_conv`] between fields over the four quarter turns.
///
/// # Errors
/// As there.
pub fn p4_conv(in_fields: usize, out_fields: usize, kernel: usize, config: ConvConfig, vb: VarBuilder) -> Result<Conv> {
    group_conv(&Arc::new(PointGroup::c4()), in_fields, out_fields, kernel, config, vb)
}

/// [`lifting_conv`] to fields over the quarter turns and mirrors.
///
/// # Errors
/// As there.
pub fn p4m_lifting(
    in_maps: usize,
    out_fields: usize,
    kernel: usize,
    config: ConvConfig,
    vb: VarBuilder,
) -> Result<Conv> {
    lifting_conv(&Arc::new(PointGroup::d4()), in_maps, out_fields, kernel, config, vb)
}

/// [`group_conv`] between fields over the quarter turns and mirrors.
///
/// # Errors
/// As there.
pub fn p4m_conv(
    in_fields: usize,
    out_fields: usize,
    kernel: usize,
    config: ConvConfig,
    vb: VarBuilder,
) -> Result<Conv> {
    group_conv(&Arc::new(PointGroup::d4()), in_fields, out_fields, kernel, config, vb)
}
