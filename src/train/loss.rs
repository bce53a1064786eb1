//! What training makes small.

use candle_core::{D, Result, Tensor};
use candle_nn::ops::log_softmax;

/// Mean cross-entropy of scores (batch, classes) and labels (batch). With smoothing s the labels count for 1 − s, and all classes
/// share the rest (Szegedy et al. 2016), as PyTorch's `CrossEntropyLoss(label_smoothing)`.
///
/// # Errors
/// When the shapes don't fit.
pub fn cross_entropy(scores: &Tensor, labels: &Tensor, smoothing: f64) -> Result<Tensor> {
    let plain = candle_nn::loss::cross_entropy(scores, labels)?;
    if smoothing == 0.0 {
        return Ok(plain);
    }
    let uniform = log_softmax(scores, D::Minus1)?.mean_all()?.neg()?;
    (plain * (1.0 - smoothing))? + (uniform * smoothing)?
}
