//! Labelled images in memory.

use std::borrow::Cow;
use std::ops::Range;

use super::Pixels;
use crate::error::{Error, Result};

/// Fewest classes that a set is taken to have: the digits, or Fashion-MNIST's ten kinds of clothing.
pub const CLASSES: usize = 10;

/// The class of an image.
pub type Label = u16;

/// Most classes: labels have 16 bits.
pub const MAX_CLASSES: usize = 1 << Label::BITS;

/// What an image of a set is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Self { channels, height, width } = self;
        match channels {
            1 => write!(f, "{height}×{width} pixels"),
            _ => write!(f, "{height}×{width} pixels and {channels} channels"),
        }
    }
}

/// Labelled images of one size.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    /// Channels of an image.
    pub channels: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Pixels in [0, 1], shape (images, channels, height, width), row by row.
    pub pixels: Pixels,
    /// One class per image.
    pub labels: Vec<Label>,
}

impl Images {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// What an image is like.
    pub fn shape(&self) -> Shape {
        Shape { channels: self.channels, height: self.height, width: self.width }
    }

    /// Number of values of one image: channels · height · width.
    pub fn image_len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// The values of image `i`, shape (channels, height, width).
    ///
    /// # Panics
    /// If there is no image `i`, as indexing a slice does.
    pub fn image(&self, i: usize) -> Cow<'_, [f32]> {
        self.pixels.floats(self.range(i))
    }

    /// Where image `i` is among the pixels.
    pub(super) fn range(&self, i: usize) -> Range<usize> {
        let size = self.image_len();
        i * size..(i + 1) * size
    }

    /// Keeps the first `n` images; does nothing where there are no more than `n`.
    pub fn truncate(&mut self, n: usize) {
        self.labels.truncate(n);
        self.pixels.truncate(self.labels.len() * self.image_len());
    }

    /// Several stacks of images of the same shape in one; there's at least one.
    #[cfg(feature = "study")]
    pub(super) fn joined(mut parts: Vec<Self>) -> Self {
        if parts.len() == 1
            && let Some(only) = parts.pop()
        {
            return only;
        }
        let pixels = Pixels::gather(parts.iter().map(|part| (&part.pixels, 0..part.pixels.len())));
        let labels = parts.iter().flat_map(|part| part.labels.clone()).collect();
        Self { pixels, labels, ..parts[0] }
    }

    /// A copy of the first `n` images; of all where there are no more than `n`.
    pub fn first(&self, n: usize) -> Self {
        let n = n.min(self.len());
        let pixels = Pixels::gather([(&self.pixels, 0..n * self.image_len())].into_iter());
        Self { pixels, labels: self.labels[..n].to_vec(), ..*self }
    }

    /// A copy of the images at `places`, in that order.
    ///
    /// # Panics
    /// If there's no image at a place, as indexing a slice does.
    pub fn pick(&self, places: &[usize]) -> Self {
        Self {
            pixels: Pixels::gather(places.iter().map(|&place| (&self.pixels, self.range(place)))),
            labels: places.iter().map(|&place| self.labels[place]).collect(),
            ..*self
        }
    }

    /// How often each class occurs, for classes 0 to `classes` − 1.
    pub fn histogram(&self, classes: usize) -> Vec<usize> {
        histogram(&self.labels, classes)
    }
}

pub(super) fn histogram(labels: &[Label], classes: usize) -> Vec<usize> {
    (0..classes).map(|class| labels.iter().filter(|&&label| usize::from(label) == class).count()).collect()
}

/// A training set and a test set of the same kind of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// What it is, for tables and figures.
    pub name: String,
    /// SHA-256 (hexadecimal) over the hashes of the input files and the recipe, sizes and seed included.
    pub fingerprint: String,
    /// Number of classes; labels are below it.
    pub classes: usize,
    /// Images to learn from.
    pub train: Images,
    /// Images to be judged by.
    pub test: Images,
}

/// The number of images that `data.<key>` asks for; all where it doesn't.
pub(super) fn wanted(key: &'static str, wanted: Option<usize>, available: usize) -> Result<usize> {
    match wanted.unwrap_or(available) {
        0 => Err(Error::key("data", key, format!("must be at least 1 (there are {available} images)"))),
        n if n > available => Err(Error::key("data", key, format!("= {n}, but there are only {available} images"))),
        n => Ok(n),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_out_of_reach_name_the_key_and_what_there_is() {
        let message = |key, n| wanted(key, Some(n), 500).unwrap_err().to_string();
        assert!(message("train", 501).contains("data.train = 501"));
        assert!(message("test", 501).contains("500"));
        assert!(message("test", 0).contains("data.test"));
        assert_eq!(wanted("train", None, 500).unwrap(), 500);
    }
}
