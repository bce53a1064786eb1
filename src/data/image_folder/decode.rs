//! One image file.

use std::io::{BufRead, BufReader, Cursor, Seek};
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};

use super::resized::resize;
use crate::data::Shape;
use crate::data::pixels::Checked;
use crate::error::{Error, Result};
use crate::files;

/// Size and channels, without the pixels.
pub(super) fn header(path: &Path) -> Result<Shape> {
    let decoder = reader(path, BufReader::new(files::open(path)?))?.into_decoder().map_err(|e| wrong(path, &e))?;
    let (width, height) = decoder.dimensions();
    let channels = if decoder.color_type().has_color() { 3 } else { 1 };
    Ok(Shape { channels, height: height as usize, width: width as usize })
}

/// In one line: some decoders' errors end one.
fn wrong(path: &Path, error: &ImageError) -> Error {
    Error::content(path, error.to_string().split_whitespace().collect::<Vec<_>>().join(" "))
}

/// What a file is, is told from its content.
fn reader<R: BufRead + Seek>(path: &Path, content: R) -> Result<ImageReader<R>> {
    ImageReader::new(content).with_guessed_format().map_err(|e| Error::io(path, e))
}

/// Writes the image to `to` in this shape: grey, or red, green and blue one after the other.
pub(super) fn decode(path: &Path, shape: Shape, to: &mut [u8]) -> Result<()> {
    let bytes = files::read(path)?;
    let reader = reader(path, Cursor::new(&bytes))?;
    if reader.format() == Some(ImageFormat::Jpeg) {
        check_end(&bytes).map_err(|wrong| Error::content(path, wrong))?;
    }
    let image = reader.decode().map_err(|e| wrong(path, &e))?;
    let size = [image.height() as usize, image.width() as usize];
    let planes = planes(image, shape.channels);
    for (plane, to) in planes.chunks_exact(size[0] * size[1]).zip(to.chunks_exact_mut(shape.height * shape.width)) {
        resize(plane, size, [shape.height, shape.width], to);
    }
    Ok(())
}

/// Refuses a JPEG file that was cut off, which the decoder fills with grey: after its last scan there's no end of image.
fn check_end(bytes: &[u8]) -> Checked<()> {
    const SCAN: [u8; 2] = [0xff, 0xda];
    const END: [u8; 2] = [0xff, 0xd9];
    let last = |marker: [u8; 2]| bytes.windows(2).rposition(|pair| pair == marker);
    match last(END) >= last(SCAN) {
        true => Ok(()),
        false => Err(format!("cut off after {} bytes, in the middle of its pixels", bytes.len())),
    }
}

/// The channels one after the other.
fn planes(image: DynamicImage, channels: usize) -> Vec<u8> {
    if channels == 1 {
        return image.into_luma8().into_raw();
    }
    let pixels = image.into_rgb8().into_raw();
    (0..channels).flat_map(|channel| pixels.iter().skip(channel).step_by(channels).copied()).collect()
}
