//! Pooling over pixels.

use super::group_pool::Reduction;
use super::{FieldType, Layer, Mode, SlidingWindow};
use crate::error::{Error, Result};
use crate::kernel::FeatureMap;

/// Maximum or mean over square windows that lie side by side.
///
/// Equivariant where the window divides the size; else what is left over at the right and bottom is dropped.
#[derive(Clone, Debug)]
pub struct SpatialPool {
    fields: FieldType,
    reduction: Reduction,
    size: usize,
}

impl SpatialPool {
    /// Pools `size`×`size` pixels into one.
    ///
    /// # Errors
    /// When `size` is 0.
    pub fn new(fields: FieldType, reduction: Reduction, size: usize) -> Result<Self> {
        if size == 0 {
            return Err(Error::invalid("a spatial pool of 0 pixels; its size must be at least 1"));
        }
        Ok(Self { fields, reduction, size })
    }
}

impl Layer for SpatialPool {
    fn apply(&self, input: FeatureMap, _: &mut Mode) -> Result<FeatureMap> {
        self.fields.check(&input.dims()?)?;
        match self.reduction {
            Reduction::Max => Ok(input.max_pool2d(self.size)?),
            Reduction::Mean => Ok(input.mean_pool2d(self.size)?),
        }
    }

    fn input(&self) -> &FieldType {
        &self.fields
    }

    fn output(&self) -> &FieldType {
        &self.fields
    }

    fn output_size(&self, size: [usize; 2]) -> Option<[usize; 2]> {
        let pooled = size.map(|pixels| pixels / self.size);
        (pooled[0] > 0 && pooled[1] > 0).then_some(pooled)
    }

    fn window(&self) -> Option<SlidingWindow> {
        Some(SlidingWindow { size: self.size, stride: self.size, padding: 0 })
    }
}

/// The maximum or mean over all pixels: maps become numbers, (batch, maps, 1, 1).
#[derive(Clone, Debug)]
pub struct GlobalPool {
    fields: FieldType,
    reduction: Reduction,
}

impl GlobalPool {
    /// Acts on maps of the type `fields`.
    pub fn new(fields: FieldType, reduction: Reduction) -> Self {
        Self { fields, reduction }
    }
}

impl Layer for GlobalPool {
    fn apply(&self, input: FeatureMap, _: &mut Mode) -> Result<FeatureMap> {
        match self.reduction {
            Reduction::Max => Ok(input.max_over_pixels()?),
            Reduction::Mean => Ok(input.mean_over_pixels()?),
        }
    }

    fn input(&self) -> &FieldType {
        &self.fields
    }

    fn output(&self) -> &FieldType {
        &self.fields
    }

    fn output_size(&self, _: [usize; 2]) -> Option<[usize; 2]> {
        Some([1, 1])
    }
}
