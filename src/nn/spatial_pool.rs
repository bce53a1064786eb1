//! Pooling over pixels.

use super::group_pool::Reduction;
use super::{FieldType, Layer, Mode, SlidingWindow};
use crate::error::{Error, Result};
use crate::kernel::{FeatureMap, Window};

/// Maximum or mean over square windows of pixels.
///
/// Equivariant where the last window ends with the padded image; else what is left over at the right and bottom is dropped.
#[derive(Clone, Debug)]
pub struct SpatialPool {
    fields: FieldType,
    reduction: Reduction,
    size: usize,
    window: Window,
}

impl SpatialPool {
    /// Pools `size`×`size` pixels into one, in windows that lie side by side.
    ///
    /// # Errors
    /// When `size` is 0.
    pub fn new(fields: FieldType, reduction: Reduction, size: usize) -> Result<Self> {
        if size == 0 {
            return Err(Error::invalid("a spatial pool of 0 pixels; its size must be at least 1"));
        }
        Ok(Self { fields, reduction, size, window: Window::side_by_side(size) })
    }

    /// With this stride and padding: windows overlap where the stride is smaller than their size. Padding is never the maximum;
    /// in means it counts as zeros.
    ///
    /// # Errors
    /// When the stride is 0, or the padding more than half of the size.
    #[must_use = "the pool itself stays as it is"]
    pub fn with_window(self, window: Window) -> Result<Self> {
        window.check_pool(self.size)?;
        Ok(Self { window, ..self })
    }
}

impl Layer for SpatialPool {
    fn apply(&self, input: FeatureMap, _: &mut Mode) -> Result<FeatureMap> {
        self.fields.check(&input.dims()?)?;
        match self.reduction {
            Reduction::Max => Ok(input.max_pool2d(self.size, self.window)?),
            Reduction::Mean => Ok(input.mean_pool2d(self.size, self.window)?),
        }
    }

    fn input(&self) -> &FieldType {
        &self.fields
    }

    fn output(&self) -> &FieldType {
        &self.fields
    }

    fn output_size(&self, size: [usize; 2]) -> Option<[usize; 2]> {
        let [height, width] = size.map(|pixels| self.window.positions(pixels, self.size));
        Some([height?, width?])
    }

    fn window(&self) -> Option<SlidingWindow> {
        let Window { stride, padding } = self.window;
        Some(SlidingWindow { size: self.size, stride, padding })
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
