//! Maps added to maps.

use pulp::{Simd, WithSimd};

use super::maps::{Cost, Lanes};
use super::simd::dispatch;
use super::sums::Watch;

/// The sum of two stacks of maps of the same shape, shown to `watch`.
///
/// # Panics
/// If their shapes differ.
pub fn add(first: &Lanes, second: &Lanes, watch: Option<Watch>) -> Lanes {
    let shape = first.shape();
    assert_eq!(shape, second.shape(), "maps that are added");
    Lanes::build(first.workspace(), shape, watch, |group, to| {
        dispatch(Add { first: &first.group(group), second: &second.group(group), to });
    })
}

/// The same where it's read once and not asked for its gradient: computed then, so that what follows finds it near.
///
/// # Panics
/// If their shapes differ.
pub fn add_when_read(first: Lanes, second: Lanes) -> Lanes {
    let shape = first.shape();
    assert_eq!(shape, second.shape(), "maps that are added");
    Lanes::defer(&first.workspace().clone(), shape, Cost::Heavy, move |group, to| {
        dispatch(Add { first: &first.group(group), second: &second.group(group), to });
    })
}

struct Add<'a> {
    first: &'a [f32],
    second: &'a [f32],
    to: &'a mut [f32],
}

impl WithSimd for Add<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let [first, second] = [self.first, self.second].map(bytemuck::cast_slice::<_, S::f32s>);
        let to = bytemuck::cast_slice_mut::<_, S::f32s>(self.to);
        for ((to, first), second) in to.iter_mut().zip(first).zip(second) {
            *to = simd.add_f32s(*first, *second);
        }
    }
}
