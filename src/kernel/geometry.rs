//! The sizes of a convolution, which all kernels share.

/// Where a square window lies on the image: step and zero padding, in pixels, the same in both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Pixels from one position to the next; at least 1.
    pub stride: usize,
    /// Zeros added on every side.
    pub padding: usize,
}

impl Default for Window {
    fn default() -> Self {
        Self { stride: 1, padding: 0 }
    }
}

impl Window {
    /// Positions of a window of `kernel` pixels along an axis of `size` pixels; `None` where it doesn't fit.
    pub fn positions(&self, size: usize, kernel: usize) -> Option<usize> {
        let room = self.padding.checked_mul(2)?.checked_add(size)?.checked_sub(kernel)?;
        (self.stride > 0 && kernel > 0).then(|| room / self.stride + 1)
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
