//! Whether something commutes with a group.

use candle_core::{DType, Tensor};

use super::FieldType;
use crate::error::{Error, Result};

/// The largest relative violation of f(g·x) = g·f(x) over all elements g of the point group:
/// max |f(g·x) − g·f(x)| / max |f(x)|.
///
/// `f` maps (batch, input.maps(), n, n) to (batch, output.maps(), m, m).
///
/// # Errors
/// When `f` fails, or its output isn't of the type `output`.
pub fn equivariance_error(
    x: &Tensor,
    input: &FieldType,
    output: &FieldType,
    f: impl Fn(&Tensor) -> Result<Tensor>,
) -> Result<f64> {
    if input.group != output.group {
        return Err(Error::invalid(format!(
            "the input transforms under {}, but the output under {}",
            input.group.name(),
            output.group.name()
        )));
    }
    let largest = |t: &Tensor| -> Result<f64> { Ok(t.abs()?.max_all()?.to_dtype(DType::F64)?.to_scalar()?) };
    let reference = f(x)?;
    let scale = largest(&reference)?.max(f64::MIN_POSITIVE);
    let mut worst = 0.0f64;
    for g in input.group.elements() {
        let difference = (f(&input.act(g, x)?)? - output.act(g, &reference)?)?;
        worst = worst.max(largest(&difference)? / scale);
    }
    Ok(worst)
}
