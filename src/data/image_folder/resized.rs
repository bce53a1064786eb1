//! Images of another size, `[data] resize`.
//!
//! Bilinear, over as many pixels as one of the smaller image covers, so that nothing is skipped (the triangle filter: what Pillow
//! calls bilinear, and torchvision with `antialias`). The ratio of the sides isn't kept.

use image::imageops::{self, FilterType};
use image::{ImageBuffer, Luma, Primitive};
use rayon::prelude::*;

use crate::data::pixels::check_room;
use crate::data::{Dataset, Images, Pixels, Shape, hash};
use crate::error::{Error, Result};

/// The set with its images in this size (rows, columns); as it is where they have it.
///
/// # Errors
/// When the memory isn't free for them.
pub fn resized(set: Dataset, size: [usize; 2]) -> Result<Dataset> {
    let [height, width] = size;
    if [set.train.height, set.train.width] == size {
        return Ok(set);
    }
    let to = Shape { channels: set.train.channels, height, width };
    check_room(&set, to).map_err(|e| Error::key("data", "resize", format!("= {to} {e}")))?;
    let part = |images: &Images| {
        let from = [images.height, images.width];
        let planes = images.len() * images.channels;
        let pixels = match &images.pixels {
            Pixels::Bytes(bytes) => Pixels::from(all(bytes, from, size, planes)),
            Pixels::Floats(floats) => Pixels::from(all(floats, from, size, planes)),
        };
        Images { height, width, pixels, channels: images.channels, labels: images.labels.clone() }
    };
    let (train, test) = (part(&set.train), part(&set.test));
    let recipe = format!("{height}×{width} pixels, recipe 1");
    let fingerprint = hash::fingerprint([set.fingerprint.as_str(), &recipe]);
    Ok(Dataset { name: format!("{} of {height}×{width} pixels", set.name), fingerprint, train, test, ..set })
}

/// Planes of one size in another.
fn all<T: Value>(values: &[T], from: [usize; 2], to: [usize; 2], planes: usize) -> Vec<T> {
    let mut out = vec![T::default(); planes * to[0] * to[1]];
    let pairs = values.par_chunks_exact(from[0] * from[1]).zip(out.par_chunks_exact_mut(to[0] * to[1]));
    pairs.for_each(|(plane, out)| resize(plane, from, to, out));
    out
}

/// A kind of pixel.
pub trait Value: Primitive + Default + Send + Sync + 'static {}

impl Value for u8 {}
impl Value for f32 {}

/// Writes a plane of `from` (rows, columns) to `out` in the size `to`; values stay in their range, bytes are rounded.
pub fn resize<T: Value>(plane: &[T], from: [usize; 2], to: [usize; 2], out: &mut [T]) {
    let [[height, width], [rows, columns]] = [from, to].map(|size| size.map(|side| side as u32));
    match ImageBuffer::<Luma<T>, _>::from_raw(width, height, plane) {
        Some(image) if from != to => {
            out.copy_from_slice(&imageops::resize(&image, columns, rows, FilterType::Triangle));
        }
        _ => out.copy_from_slice(plane),
    }
}
