//! One image file.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageError, ImageReader};

use super::resized::resize;
use crate::data::Shape;
use crate::data::pixels::Checked;
use crate::files;

/// Size and channels, without the pixels.
pub(super) fn header(path: &Path) -> Checked<Shape> {
    let decoder = reader(path)?.into_decoder().map_err(told)?;
    let (width, height) = decoder.dimensions();
    let channels = if decoder.color_type().has_color() { 3 } else { 1 };
    Ok(Shape { channels, height: height as usize, width: width as usize })
}

/// In one line: some decoders' errors end one.
fn told(error: ImageError) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a file is, is told from its content.
fn reader(path: &Path) -> Checked<ImageReader<BufReader<File>>> {
    let file = files::open(path).map_err(|e| e.to_string())?;
    ImageReader::new(BufReader::new(file)).with_guessed_format().map_err(|e| e.to_string())
}

/// Writes the image to `to` in this shape: grey, or red, green and blue one after the other.
pub(super) fn decode(path: &Path, shape: Shape, to: &mut [u8]) -> Checked<()> {
    let image = reader(path)?.decode().map_err(told)?;
    let size = [image.height() as usize, image.width() as usize];
    let planes = planes(image, shape.channels);
    for (plane, to) in planes.chunks_exact(size[0] * size[1]).zip(to.chunks_exact_mut(shape.height * shape.width)) {
        resize(plane, size, [shape.height, shape.width], to);
    }
    Ok(())
}

/// The channels one after the other.
fn planes(image: DynamicImage, channels: usize) -> Vec<u8> {
    if channels == 1 {
        return image.into_luma8().into_raw();
    }
    let pixels = image.into_rgb8().into_raw();
    (0..channels).flat_map(|channel| pixels.iter().skip(channel).step_by(channels).copied()).collect()
}
