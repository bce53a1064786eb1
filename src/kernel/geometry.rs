//! The sizes of convolutions and pools, which all kernels share.

use std::ops::Range;

use crate::error::{Error, Result};

/// Where a square window lies on the image: step and padding, in pixels, the same in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Pixels from one position to the next; at least 1.
    pub stride: usize,
    /// Zeros added on every side; to a maximum they don't count.
    pub padding: usize,
}

impl Default for Window {
    fn default() -> Self {
        Self { stride: 1, padding: 0 }
    }
}

impl Window {
    /// Windows of `size`×`size` pixels that lie side by side on the image, without padding.
    pub fn side_by_side(size: usize) -> Self {
        Self { stride: size, padding: 0 }
    }

    /// Positions of a window of `kernel` pixels along an axis of `size` pixels; `None` where it doesn't fit.
    pub fn positions(&self, size: usize, kernel: usize) -> Option<usize> {
        let room = self.padding.checked_mul(2)?.checked_add(size)?.checked_sub(kernel)?;
        (self.stride > 0 && kernel > 0).then(|| room / self.stride + 1)
    }

    /// Refuses what no image can be pooled with. With at most half of the size as padding, every window has a pixel.
    ///
    /// # Errors
    /// When the size or the stride is 0, or the padding more than half of the size.
    pub(crate) fn check_pool(&self, size: usize) -> Result<()> {
        let Self { stride, padding } = *self;
        if size == 0 || stride == 0 {
            return Err(Error::invalid(format!(
                "a pool of {size} pixels with stride {stride}; size and stride must be at least 1"
            )));
        }
        if padding > size / 2 {
            return Err(Error::invalid(format!(
                "a pool of {size}×{size} pixels with padding {padding}; its padding must be at most half of its size, {}",
                size / 2
            )));
        }
        Ok(())
    }
}

/// The windows of a pool on one map.
#[derive(Clone, Copy, Debug)]
pub(super) struct PoolWindows {
    /// Height and width of a window.
    pub size: usize,
    pub window: Window,
    /// Height and width of the input.
    pub in_size: [usize; 2],
    /// Height and width of the output.
    pub out_size: [usize; 2],
}

impl PoolWindows {
    /// Windows of `size`×`size` pixels on maps of the size `in_size`.
    ///
    /// # Errors
    /// When there are no such windows, or none that fits.
    pub fn new(in_size: [usize; 2], size: usize, window: Window) -> Result<Self> {
        window.check_pool(size)?;
        let positions = in_size.map(|pixels| window.positions(pixels, size).filter(|_| pixels > 0));
        let [Some(out_height), Some(out_width)] = positions else {
            let [height, width] = in_size;
            return Err(Error::invalid(format!(
                "a pool of {size}×{size} pixels with padding {} doesn't fit {height}×{width} pixels",
                window.padding
            )));
        };
        Ok(Self { size, window, in_size, out_size: [out_height, out_width] })
    }

    /// The pixels along an axis that the windows at position `position` of it have, padding left out; at least one.
    pub fn pixels(&self, axis: usize, position: usize) -> Range<usize> {
        let (padding, start) = (self.window.padding, position * self.window.stride);
        start.saturating_sub(padding)..(start + (self.size - padding)).min(self.in_size[axis])
    }

    /// Whether no pixel is in two windows, and none is padding.
    pub fn are_side_by_side(&self) -> bool {
        self.window == Window::side_by_side(self.size)
    }

    /// Whether there may be pixels in several windows.
    pub fn overlap(&self) -> bool {
        self.window.stride < self.size
    }
}

/// The sizes of a convolution of one image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Geometry {
    pub in_maps: usize,
    pub out_maps: usize,
    /// Height and width of the filters.
    pub kernel: [usize; 2],
    pub window: Window,
    /// Height and width of the input.
    pub in_size: [usize; 2],
    /// Height and width of the output.
    pub out_size: [usize; 2],
}

impl Geometry {
    /// Of `in_maps` maps of the size `in_size` with filters of the shape `filters`; `None` where these don't fit.
    pub fn new(in_maps: usize, in_size: [usize; 2], filters: [usize; 4], window: Window) -> Option<Self> {
        let [out_maps, filter_maps, height, width] = filters;
        let out_size = [window.positions(in_size[0], height)?, window.positions(in_size[1], width)?];
        let fits = filter_maps == in_maps && in_maps > 0 && out_maps > 0;
        fits.then_some(Self { in_maps, out_maps, kernel: [height, width], window, in_size, out_size })
    }

    /// Height and width of the padded input.
    pub fn padded(&self) -> [usize; 2] {
        self.in_size.map(|pixels| pixels + 2 * self.window.padding)
    }

    /// Entries of a filter for one in map.
    pub fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    /// Pixels of an out map.
    pub fn out_pixels(&self) -> usize {
        self.out_size[0] * self.out_size[1]
    }
}
