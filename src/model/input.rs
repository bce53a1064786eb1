//! What networks are fed with.

use serde::{Deserialize, Serialize};

use crate::data::{Images, MAX_CLASSES, Shape};
use crate::error::{Error, Result};

/// What a network is fed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputShape {
    /// Maps of an image.
    pub channels: usize,
    /// Its height and width in pixels.
    pub size: [usize; 2],
    /// Number of classes.
    pub classes: usize,
}

impl InputShape {
    /// One grey 28×28 image of ten classes, as MNIST has them.
    pub const DIGITS: Self = Self { channels: 1, size: [28, 28], classes: 10 };

    /// Most values of an image: a grey one of 4096×4096 pixels.
    pub const MOST_VALUES: usize = 1 << 24;

    /// Refuses shapes that no images have, before anything is allocated for them.
    ///
    /// # Errors
    /// For numbers that are 0, or too large; which ones, and what can be.
    pub fn check(&self) -> Result<()> {
        let Self { channels, size: [height, width], classes } = *self;
        if !(1..=MAX_CLASSES).contains(&classes) {
            let message = format!("classes = {classes}, but it must be 1 to {MAX_CLASSES}");
            return Err(Error::invalid(message));
        }
        let values = [channels, height, width].iter().try_fold(1usize, |product, &n| product.checked_mul(n));
        match values {
            Some(1..=Self::MOST_VALUES) => Ok(()),
            _ => Err(Error::invalid(format!(
                "images of {channels} channels and {height}×{width} pixels, but they have 1 to {} values",
                Self::MOST_VALUES
            ))),
        }
    }

    /// Images of a shape, whose labels are below `classes`.
    pub fn new(shape: Shape, classes: usize) -> Self {
        Self { channels: shape.channels, size: [shape.height, shape.width], classes }
    }

    /// The shape of `images`, whose labels are below `classes`.
    pub fn of(images: &Images, classes: usize) -> Self {
        Self::new(images.shape(), classes)
    }
}
