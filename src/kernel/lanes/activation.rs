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
            Self::Elu => simd.select_f32s(simd.less_than_f32s(z, zero), each::<S>(z, f32::exp_m1), z),
            Self::Swish => each::<S>(z, |z| z / (1.0 + (-z).exp())),
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
                let slope = simd.add_f32s(each::<S>(z, f32::exp_m1), simd.splat_f32s(1.0));
                simd.select_f32s(simd.less_than_f32s(z, zero), simd.mul_f32s(slope, gradient), gradient)
            }
        }
    }
}

/// The derivative of x·σ(x): σ(x)·(1 + x·(1 − σ(x))).
fn swish_slope(z: f32) -> f32 {
    let sigmoid = 1.0 / (1.0 + (-z).exp());
    sigmoid * (1.0 + z * (1.0 - sigmoid))
}

/// Entry by entry: there's no vector exponential to build on.
#[inline(always)]
fn each<S: Simd>(z: S::f32s, value: impl Fn(f32) -> f32) -> S::f32s {
    let mut values = z;
    let entries: &mut [f32] = bytemuck::cast_slice_mut(std::slice::from_mut(&mut values));
    entries.iter_mut().for_each(|entry| *entry = value(*entry));
    values
}
