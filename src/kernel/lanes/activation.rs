//! Pointwise non-linearities.

use pulp::Simd;

/// What follows a norm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    #[default]
    Identity,
    /// max(0, x); NaN stays NaN, so that a run that went wrong is noticed.
    Relu,
    /// x where that's positive, else eˣ − 1 (Clevert et al. 2016).
    Elu,
}

impl Activation {
    /// The value at z.
    #[inline(always)]
    pub(super) fn value<S: Simd>(self, simd: S, z: S::f32s) -> S::f32s {
        let zero = simd.splat_f32s(0.0);
        match self {
            Self::Identity => z,
            Self::Relu => simd.select_f32s(simd.less_than_f32s(z, zero), zero, z),
            Self::Elu => simd.select_f32s(simd.less_than_f32s(z, zero), exp_minus_1::<S>(z), z),
        }
    }

    /// `gradient` times the derivative at z.
    #[inline(always)]
    pub(super) fn gradient<S: Simd>(self, simd: S, z: S::f32s, gradient: S::f32s) -> S::f32s {
        let zero = simd.splat_f32s(0.0);
        match self {
            Self::Identity => gradient,
            Self::Relu => simd.select_f32s(simd.less_than_or_equal_f32s(z, zero), zero, gradient),
            Self::Elu => {
                let slope = simd.add_f32s(exp_minus_1::<S>(z), simd.splat_f32s(1.0));
                simd.select_f32s(simd.less_than_f32s(z, zero), simd.mul_f32s(slope, gradient), gradient)
            }
        }
    }
}

/// Entry by entry: there's no vector exponential to build on.
#[inline(always)]
fn exp_minus_1<S: Simd>(z: S::f32s) -> S::f32s {
    let mut values = z;
    let entries: &mut [f32] = bytemuck::cast_slice_mut(std::slice::from_mut(&mut values));
    entries.iter_mut().for_each(|value| *value = value.exp_m1());
    values
}
