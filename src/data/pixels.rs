//! What every format agrees on: pixels are numbers in [0, 1], labels are whole numbers below the number of classes.

use super::CLASSES;

/// A value, or what is wrong with it, to be told together with its place.
pub(super) type Checked<T> = Result<T, String>;

/// How far rounding may have carried a pixel out of [0, 1].
const TOLERANCE: f64 = 1e-3;

/// Upper bound on the number of pixel values of one set, against absurd sizes in damaged files: five times the largest
/// set that is supported.
pub(super) const MAX_VALUES: u64 = 1 << 28;

/// A pixel as f32 in [0, 1], or what is wrong with it.
pub(super) fn pixel(value: f64) -> Checked<f32> {
    if (-TOLERANCE..=1.0 + TOLERANCE).contains(&value) {
        Ok(value.clamp(0.0, 1.0) as f32)
    } else {
        Err(format!("pixel value {value}, but pixels must lie in [0, 1]"))
    }
}

/// A class, or what is wrong with it.
pub(super) fn label(value: f64) -> Checked<u8> {
    if value.fract() == 0.0 && (0.0..CLASSES as f64).contains(&value) {
        Ok(value as u8)
    } else {
        Err(format!("label {value}, but labels must be whole numbers from 0 to {}", CLASSES - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_in_range_pass() {
        assert_eq!(pixel(1.0 + 1e-7), Ok(1.0));
        assert!(pixel(255.0).is_err() && pixel(f64::NAN).is_err() && pixel(-0.5).is_err());
        assert_eq!(label(9.0), Ok(9));
        assert!(label(10.0).is_err() && label(2.5).is_err() && label(-1.0).is_err() && label(f64::NAN).is_err());
    }
}
