//! Maps of which single pixels are set to 0, as dropout does.

use std::sync::Arc;

use bytemuck::{cast_slice, cast_slice_mut};
use pulp::{Simd, WithSimd};

use super::maps::{Cost, LaneShape, Lanes};
use super::simd::{LEAST_LANES, dispatch, lane_count, parts};
use super::sums::Watch;

/// Which pixels are kept, alike in all maps of a field, as a bit for every image of a group.
pub struct Mask {
    /// (groups, height · width, fields)
    images: Vec<u16>,
    fields: usize,
    /// What the pixels that are kept are multiplied by.
    scale: f32,
}

impl Mask {
    /// A mask of maps of `shape`; `keeps` says image by image, field by field and pixel by pixel whether one is kept.
    pub fn new(shape: LaneShape, fields: usize, scale: f32, mut keeps: impl FnMut() -> bool) -> Self {
        let (lanes, pixels) = (lane_count(), shape.pixels());
        debug_assert!(lanes <= u16::BITS as usize);
        let mut images = vec![0; shape.groups() * pixels * fields];
        for image in 0..shape.batch {
            let group = &mut images[image / lanes * pixels * fields..][..pixels * fields];
            for field in 0..fields {
                for of_pixel in group[field..].iter_mut().step_by(fields) {
                    *of_pixel |= u16::from(keeps()) << (image % lanes);
                }
            }
        }
        Self { images, fields, scale }
    }

    /// The maps with these pixels alone.
    pub fn apply(self: Arc<Self>, maps: Lanes) -> Lanes {
        let (workspace, shape) = (maps.workspace().clone(), maps.shape());
        Lanes::defer(&workspace, shape, Cost::Light, move |group, to| self.write(shape, group, &maps.group(group), to))
    }

    /// The gradient of the maps that the mask was applied to, given that of what came out; shown to `watch`.
    pub fn backward(&self, gradient: &Lanes, watch: Option<Watch>) -> Lanes {
        let shape = gradient.shape();
        Lanes::build(gradient.workspace(), shape, watch, |group, to| {
            self.write(shape, group, &gradient.group(group), to);
        })
    }

    fn write(&self, shape: LaneShape, group: usize, from: &[f32], to: &mut [f32]) {
        let length = shape.pixels() * self.fields;
        let images = &self.images[group * length..][..length];
        let maps = shape.maps / self.fields;
        dispatch(Multiply { images, maps, scale: self.scale, from, to });
    }
}

struct Multiply<'a> {
    images: &'a [u16],
    /// Maps per field.
    maps: usize,
    scale: f32,
    from: &'a [f32],
    to: &'a mut [f32],
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let by_field = self.maps * lane_count();
        let mut factors = [simd.splat_f32s(0.0); LEAST_LANES];
        let factors = &mut factors[..parts::<S>()];
        let fields = self.from.chunks_exact(by_field).zip(self.to.chunks_exact_mut(by_field));
        for (images, (from, to)) in self.images.iter().zip(fields) {
            for (lane, factor) in cast_slice_mut::<_, f32>(factors).iter_mut().enumerate() {
                // As a product, so that what isn't a number stays none.
                *factor = if images >> lane & 1 == 1 { self.scale } else { 0.0 };
            }
            let (from, to) = (cast_slice::<_, S::f32s>(from), cast_slice_mut::<_, S::f32s>(to));
            for (from, to) in from.chunks_exact(factors.len()).zip(to.chunks_exact_mut(factors.len())) {
                for ((to, from), factor) in to.iter_mut().zip(from).zip(&*factors) {
                    *to = simd.mul_f32s(*from, *factor);
                }
            }
        }
    }
}
