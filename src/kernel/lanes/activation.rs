//! Pointwise non-linearities.

use pulp::Simd;
use serde::{Deserialize, Serialize};

/// What follows a norm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// Nothing.
    #[default]
    #[serde(rename = "none")]
    Identity,
    /// max(0, x); NaN stays NaN, so that a run that went wrong is noticed.
    Relu,
    /// x where that's positive, else 0.01·x (Maas et al. 2013).
    LeakyRelu,
    /// x where that's positive, else eˣ − 1 (Clevert et al. 2016).
    Elu,
    /// x / (1 + e⁻ˣ) (Ramachandran et al. 2017).
    Swish,
}

/// What is left of a negative entry by [`Activation::LeakyRelu`].
pub(in crate::kernel) const LEAK: f64 = 0.01;

impl Activation {
    /// Whether it costs so much that its values are kept rather than computed again.
    pub(super) fn is_costly(self) -> bool {
        matches!(self, Self::Elu | Self::Swish)
    }

    /// The value at z.
    #[inline(always)]
    pub(super) fn value<S: Simd>(self, simd: S, z: S::f32s) -> S::f32s {
        let zero = simd.splat_f32s(0.0);
        match self {
            Self::Identity => z,
            Self::Relu => simd.select_f32s(simd.less_than_f32s(z, zero), zero, z),
            Self::LeakyRelu => {
                simd.select_f32s(simd.less_than_f32s(z, zero), simd.mul_f32s(z, simd.splat_f32s(LEAK as f32)), z)
            }
            Self::Elu => simd.select_f32s(simd.less_than_f32s(z, zero), each::<S>(z, exp_m1), z),
            Self::Swish => each::<S>(z, |z| z * sigmoid(z)),
        }
    }

    /// `gradient` times the derivative at z.
    #[inline(always)]
    pub(super) fn gradient<S: Simd>(self, simd: S, z: S::f32s, gradient: S::f32s) -> S::f32s {
        let zero = simd.splat_f32s(0.0);
        match self {
            Self::Identity => gradient,
            Self::Relu => simd.select_f32s(simd.less_than_or_equal_f32s(z, zero), zero, gradient),
            Self::LeakyRelu => {
                let leak = simd.mul_f32s(gradient, simd.splat_f32s(LEAK as f32));
                simd.select_f32s(simd.less_than_or_equal_f32s(z, zero), leak, gradient)
            }
            Self::Swish => simd.mul_f32s(gradient, each::<S>(z, swish_slope)),
            Self::Elu => {
                let slope = simd.add_f32s(each::<S>(z, exp_m1), simd.splat_f32s(1.0));
                simd.select_f32s(simd.less_than_f32s(z, zero), simd.mul_f32s(slope, gradient), gradient)
            }
        }
    }
}

/// The derivative of x·σ(x): σ(x)·(1 + x·(1 − σ(x))).
#[inline(always)]
fn swish_slope(z: f32) -> f32 {
    let sigmoid = sigmoid(z);
    sigmoid * (1.0 + z * (1.0 - sigmoid))
}

/// σ(x) = 1 / (1 + e⁻ˣ).
#[inline(always)]
fn sigmoid(z: f32) -> f32 {
    1.0 / (2.0 + exp_m1(-z))
}

/// eˣ − 1 to 2 units in the last place or so, without branches and calls, so that the compiler makes vectors of it: the library's, entry
/// by entry, took two thirds of the step of a network with ELUs.
///
/// x = n·ln 2 + r with |r| ≤ ½ ln 2 (Cody & Waite 1980), then eˣ − 1 = 2ⁿ·(eʳ − 1) + (2ⁿ − 1), where eʳ − 1 is Taylor's sum. There's no
/// fused arithmetic in it: all vectors give the same bits.
#[inline(always)]
fn exp_m1(x: f32) -> f32 {
    /// ln 2 as a number with few digits, whose products with n are exact, and the rest.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    /// Added to a number, it leaves the nearest whole one in the last bits.
    const ROUND: f32 = 12_582_912.0;
    /// Where eˣ is normal and finite. NaN fails both comparisons and stays.
    const RANGE: [f32; 2] = [-87.0, 88.0];
    let x = if x < RANGE[0] { RANGE[0] } else { x };
    let x = if x > RANGE[1] { RANGE[1] } else { x };
    let rounded = x * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = (x - n * LN_2[0]) - n * LN_2[1];
    let tail = 1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0 + r * (1.0 / 5040.0))));
    let small = r + r * r * (0.5 + r * tail);
    let power = f32::from_bits(rounded.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(127) << 23);
    power * small + (power - 1.0)
}

/// Entry by entry, in vectors where `value` has neither branches nor calls.
#[inline(always)]
fn each<S: Simd>(z: S::f32s, value: impl Fn(f32) -> f32) -> S::f32s {
    let mut values = z;
    let entries: &mut [f32] = bytemuck::cast_slice_mut(std::slice::from_mut(&mut values));
    entries.iter_mut().for_each(|entry| *entry = value(*entry));
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exponential_is_that_of_f64_to_a_few_units_in_the_last_place() {
        let entries = (-8700..=8800).map(|n| n as f32 / 100.0);
        let tiny = (-40..40).flat_map(|n| [1.0, -1.0].map(|sign| sign * 0.7 * 2f32.powi(n / 2 - 20)));
        for x in entries.chain(tiny) {
            let (found, expected) = (f64::from(exp_m1(x)), f64::from(x).exp_m1());
            assert!((found - expected).abs() <= 3e-7 * expected.abs(), "{x}: {found}, not {expected}");
        }
        assert_eq!((exp_m1(0.0), exp_m1(f32::NEG_INFINITY), exp_m1(-1e30)), (0.0, -1.0, -1.0));
        assert!(exp_m1(f32::NAN).is_nan() && exp_m1(f32::INFINITY) > 1e38);
        assert!(sigmoid(f32::NAN).is_nan() && sigmoid(-1e30) < 1e-37 && sigmoid(1e30) == 1.0);
    }
}
