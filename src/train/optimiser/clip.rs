//! Clipping of gradients by their norm.

use candle_core::{DType, Tensor};

use crate::error::Result;

/// Added to the norm that is divided by, as in PyTorch's `clip_grad_norm_`.
const EPSILON: f64 = 1e-6;

/// The factor that brings the Euclidean norm of all `gradients` together to `most`, 1 where it's smaller already.
pub(super) fn scale<'a>(gradients: impl Iterator<Item = &'a Tensor>, most: f64) -> Result<f64> {
    let squares = gradients.map(|gradient| Ok(gradient.to_dtype(DType::F64)?.sqr()?.sum_all()?.to_scalar::<f64>()?));
    let norm = squares.sum::<Result<f64>>()?.sqrt();
    Ok((most / (norm + EPSILON)).min(1.0))
}
