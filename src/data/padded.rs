//! Images in a frame of zeros, `[data] pad`.
//!
//! The last thing that is done to a set. Where the frame can't be as wide on all sides, the odd row and column are below and to the right: 28×28
//! pixels in 29×29 have zeros there alone, as in e2cnn's rot-MNIST.

use super::pixels::check_room;
use super::{DataConfig, Dataset, ImageSize, Images, Pixels, Shape, hash};
use crate::error::{Error, Result};

/// The shape that padded images have.
///
/// # Errors
/// When they're larger than that.
pub(super) fn padded_shape(shape: Shape, config: &DataConfig) -> Result<Shape> {
    let Some([height, width]) = config.pad.map(ImageSize::size) else { return Ok(shape) };
    if height < shape.height || width < shape.width {
        let message = format!("to {height}×{width}, but the images have {shape}");
        return Err(Error::key("data", "pad", message));
    }
    Ok(Shape { height, width, ..shape })
}

/// The set with its images in a frame of zeros, where `config` says so.
///
/// # Errors
/// As [`padded_shape`].
pub(super) fn padded(set: Dataset, config: &DataConfig) -> Result<Dataset> {
    let (from, to) = (set.train.shape(), padded_shape(set.train.shape(), config)?);
    if from == to {
        return Ok(set);
    }
    check_room(&set, to).map_err(|e| Error::key("data", "pad", format!("= {to} {e}")))?;
    let part = |images: &Images| {
        let pixels = match &images.pixels {
            Pixels::Bytes(bytes) => framed(bytes, from, to).into(),
            Pixels::Floats(floats) => framed(floats, from, to).into(),
        };
        Images { channels: to.channels, height: to.height, width: to.width, pixels, labels: images.labels.clone() }
    };
    let (train, test) = (part(&set.train), part(&set.test));
    let fingerprint = fingerprint(&set.fingerprint, from, config);
    let name = format!("{} in {}×{} pixels", set.name, to.height, to.width);
    Ok(Dataset { name, fingerprint, train, test, ..set })
}

/// That of a set with this fingerprint and images of this shape, once it's padded.
pub(super) fn fingerprint(of: &str, from: Shape, config: &DataConfig) -> String {
    match config.pad.map(ImageSize::size) {
        Some([height, width]) if [height, width] != [from.height, from.width] => {
            hash::fingerprint([of, &format!("padded to {height}×{width}, recipe 1")])
        }
        _ => of.to_owned(),
    }
}

fn framed<T: Copy + Default>(values: &[T], from: Shape, to: Shape) -> Vec<T> {
    let planes = values.len() / (from.height * from.width);
    let [top, left] = [(to.height - from.height) / 2, (to.width - from.width) / 2];
    let mut out = vec![T::default(); planes * to.height * to.width];
    for (n, row) in values.chunks_exact(from.width).enumerate() {
        let (plane, row_of_plane) = (n / from.height, n % from.height);
        let start = (plane * to.height + top + row_of_plane) * to.width + left;
        out[start..start + from.width].copy_from_slice(row);
    }
    out
}
