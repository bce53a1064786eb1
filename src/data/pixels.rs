//! What every format agrees on: pixels are numbers in [0, 1], labels are whole numbers of 16 bits, and a set has no
//! absurd size.

use std::path::Path;

use super::{CLASSES, Dataset, Images, Label, MAX_CLASSES, Pixels, Shape};
use crate::error::{Error, Result};
use crate::memory::check_memory;

/// A value, or what is wrong with it, to be told together with its place.
pub(super) type Checked<T> = std::result::Result<T, String>;

/// How far rounding may have carried a pixel out of [0, 1].
const TOLERANCE: f64 = 1e-3;

/// Upper bound on the number of pixel values of one set, against absurd sizes in damaged files; what fits into memory is another
/// matter.
pub(super) const MAX_VALUES: u64 = 1 << 36;

/// Largest number of channels, rows or columns that is taken for an image.
pub(super) const MAX_SIDE: u64 = 1024;

/// A pixel as f32 in [0, 1], or what is wrong with it.
pub(super) fn pixel(value: f64) -> Checked<f32> {
    if (-TOLERANCE..=1.0 + TOLERANCE).contains(&value) {
        Ok(value.clamp(0.0, 1.0) as f32)
    } else {
        Err(format!("pixel value {value}, but pixels must lie in [0, 1]"))
    }
}

/// A class, or what is wrong with it.
pub(super) fn label(value: f64) -> Checked<Label> {
    if value.fract() == 0.0 && (0.0..MAX_CLASSES as f64).contains(&value) {
        Ok(value as Label)
    } else {
        Err(format!("label {value}, but labels must be whole numbers from 0 to {}", MAX_CLASSES - 1))
    }
}

/// The shape of `count` images, as a file declares them, or what is wrong with them.
pub(super) fn shape(count: u64, [channels, height, width]: [u64; 3]) -> Checked<Shape> {
    let range = 1..=MAX_SIDE;
    let values = [count, channels, height, width].into_iter().try_fold(1u64, u64::checked_mul);
    if ![channels, height, width].iter().all(|size| range.contains(size)) {
        let right = format!("expected 1 to {MAX_SIDE} channels, rows and columns");
        return Err(format!("declares {count} images of {height}×{width} pixels and {channels} channels; {right}"));
    }
    match values {
        Some(values @ 1..) if values <= MAX_VALUES => {
            Ok(Shape { channels: channels as usize, height: height as usize, width: width as usize })
        }
        _ => Err(format!(
            "declares {count} images of {height}×{width} pixels; expected at least one image, and at most {MAX_VALUES} values"
        )),
    }
}

/// Refuses images of so many bytes where the memory isn't free, before any of them is read.
pub(super) fn check_fits(path: &Path, bytes: u64) -> Result<()> {
    check_memory(bytes).map_err(|e| Error::content(path, format!("to hold its images {e}")))
}

/// Refuses a set whose images are to have another shape where the memory isn't free for them beside the ones that they're made of.
pub(super) fn check_room(set: &Dataset, to: Shape) -> Result<()> {
    let value = |images: &Images| match images.pixels {
        Pixels::Bytes(_) => 1,
        Pixels::Floats(_) => size_of::<f32>(),
    };
    let parts = [&set.train, &set.test].map(|images| (images.len() * value(images)) as u64);
    check_memory(parts.iter().sum::<u64>().saturating_mul((to.channels * to.height * to.width) as u64))
}

/// Number of classes of a set with these labels, which are those of its parts: ten, as digits have even where one is
/// missing, or as many as the labels need.
pub(super) fn classes<L: AsRef<[Label]>>(parts: impl IntoIterator<Item = L>) -> usize {
    classes_seen(parts).max(CLASSES)
}

/// As many classes as the labels need.
pub(super) fn classes_seen<L: AsRef<[Label]>>(parts: impl IntoIterator<Item = L>) -> usize {
    let largest = parts.into_iter().filter_map(|labels| labels.as_ref().iter().copied().max()).max();
    largest.map_or(1, |label| usize::from(label) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_in_range_pass() {
        assert_eq!(pixel(1.0 + 1e-7), Ok(1.0));
        assert!(pixel(255.0).is_err() && pixel(f64::NAN).is_err() && pixel(-0.5).is_err());
        assert_eq!((label(9.0), label(65535.0)), (Ok(9), Ok(65535)));
        assert!(label(65536.0).is_err() && label(2.5).is_err() && label(-1.0).is_err() && label(f64::NAN).is_err());
    }

    #[test]
    fn only_sizes_of_images_pass() {
        assert_eq!(shape(7, [3, 32, 20]), Ok(Shape { channels: 3, height: 32, width: 20 }));
        let refused = [[0, 1, 8, 8], [1, 0, 8, 8], [1, 1, 0, 8], [1, 1, 8, 1025], [1 << 60, 3, 1024, 1024]];
        assert!(refused.into_iter().all(|[count, c, h, w]| shape(count, [c, h, w]).is_err()));
        assert!(shape(MAX_VALUES / 784, [1, 28, 28]).is_ok() && shape(MAX_VALUES / 784 + 1, [1, 28, 28]).is_err());
    }
}
