//! Sets as folders of PNG and JPEG files, a folder for each class.
//!
//! `train/CLASS/…` with `test/CLASS/…`, `val/CLASS/…` or both (validation images are training images then); TinyImageNet's layout
//! (`train/CLASS/images/…`, and `val/images/…` with the classes in `val/val_annotations.txt`); or `CLASS/…` alone, of which one image
//! in six, drawn by the seed, is a test image. Classes are counted from 0 in the order of their names, images are in an order drawn by
//! the seed: the first so many are some of every class. Images have eight bits a channel, three channels where any of them is
//! coloured, and no transparency.

mod decode;
mod layout;
mod resized;

use std::path::Path;

use rayon::prelude::*;

use self::layout::{Labelled, Layout};
pub(super) use self::resized::resized;
use crate::data::images::{histogram, wanted};
use crate::data::pixels::{self, check_fits};
use crate::data::{DataConfig, Dataset, Images, Label, Shape, hash};
use crate::error::{Error, Result};

/// Reads the images of a folder.
///
/// # Errors
/// A class without images, a file that is no image, or images of several sizes where `config` doesn't give one.
pub(super) fn load(folder: &Path, config: &DataConfig) -> Result<Dataset> {
    let Layout { classes, mut train, mut test } = Layout::find(folder, config.seed)?;
    // Of all images, so that those of another seed, or more of them, have the same.
    let shape = shape_of(train.iter().chain(&test), config)?;
    train.truncate(wanted("train", config.train, train.len())?);
    test.truncate(wanted("test", config.test, test.len())?);
    check_fits(folder, (train.len() + test.len()) as u64 * values(shape) as u64)?;
    let (train, hashes) = read(&train, shape)?;
    let (test, more) = read(&test, shape)?;
    let parts = [("training images", &hashes), ("test images", &more)];
    let parts =
        parts.into_iter().flat_map(|(what, hashes)| std::iter::once(what).chain(hashes.iter().map(String::as_str)));
    let fingerprint = hash::fingerprint(parts);
    Ok(Dataset { name: name(folder)?, fingerprint, classes: classes.len(), train, test })
}

/// The shape of the images and the number of classes, from the beginnings of all files.
///
/// # Errors
/// As [`load`], but for damage beyond a file's header.
pub(super) fn shape(folder: &Path, config: &DataConfig) -> Result<(Shape, usize)> {
    let Layout { classes, train, test } = Layout::find(folder, config.seed)?;
    Ok((shape_of(train.iter().chain(&test), config)?, classes.len()))
}

/// What a part of a folder has.
pub(super) struct Part {
    /// "train" or "test".
    pub name: &'static str,
    /// Number of images.
    pub count: usize,
    /// Three, or one where none is coloured.
    pub channels: usize,
    /// Rows and columns; `None` where they differ.
    pub size: Option<[usize; 2]>,
    /// How many each class has.
    pub labels: Vec<usize>,
}

/// The names of the classes and the parts of a folder; its images aren't decoded.
///
/// # Errors
/// As [`shape`]; images of several sizes are none.
pub(super) fn info(folder: &Path) -> Result<(Vec<String>, Vec<Part>)> {
    let Layout { classes, train, test } = Layout::find(folder, 0)?;
    let part = |name, images: &[Labelled]| -> Result<Part> {
        let sizes = headers(images.iter())?;
        let same = sizes.iter().all(|(_, shape)| same_size(shape, &sizes[0].1));
        let labels: Vec<Label> = images.iter().map(|image| image.class).collect();
        let size = same.then(|| [sizes[0].1.height, sizes[0].1.width]);
        let labels = histogram(&labels, classes.len());
        Ok(Part { name, count: images.len(), channels: channels(&sizes), size, labels })
    };
    let parts = vec![part("train", &train)?, part("test", &test)?];
    Ok((classes, parts))
}

fn name(folder: &Path) -> Result<String> {
    let path = folder.canonicalize().map_err(|e| Error::io(folder, e))?;
    // A folder may be called anything, and names are printed.
    let name: String = path.file_name().unwrap_or_default().to_string_lossy().escape_debug().collect();
    Ok(format!("{name} (images)"))
}

fn values(Shape { channels, height, width }: Shape) -> usize {
    channels * height * width
}

fn same_size(one: &Shape, other: &Shape) -> bool {
    (one.height, one.width) == (other.height, other.width)
}

/// Three where any image is coloured.
fn channels(headers: &[(&Labelled, Shape)]) -> usize {
    headers.iter().map(|(_, shape)| shape.channels).max().unwrap_or(1)
}

fn headers<'a>(images: impl Iterator<Item = &'a Labelled>) -> Result<Vec<(&'a Labelled, Shape)>> {
    let images: Vec<&Labelled> = images.collect();
    let header = |image: &&'a Labelled| Ok((*image, decode::header(&image.path)?));
    images.par_iter().map(header).collect()
}

/// The shape that all images have, or are given.
fn shape_of<'a>(images: impl Iterator<Item = &'a Labelled>, config: &DataConfig) -> Result<Shape> {
    let headers = headers(images)?;
    // A folder has images of every class, so there is a first.
    let Some((first, shape)) = headers.first() else { return Err(Error::invalid("there are no images")) };
    let channels = channels(&headers);
    if let Some([height, width]) = config.resize.map(|resize| resize.size()) {
        return Ok(Shape { channels, height, width });
    }
    if let Some((other, found)) = headers.iter().find(|(_, found)| !same_size(found, shape)) {
        let [found, shape] = [found, shape].map(|shape| Shape { channels: 1, ..*shape });
        let message =
            format!("{found}, but {} has {shape}; `resize` in [data] gives all images one size", first.path.display());
        return Err(Error::content(&other.path, message));
    }
    let count = headers.len() as u64;
    let sides = [channels, shape.height, shape.width].map(|side| side as u64);
    pixels::shape(count, sides).map_err(|wrong| Error::content(&first.path, wrong))
}

/// The images in their order, and a hash of each with its class.
fn read(files: &[Labelled], shape: Shape) -> Result<(Images, Vec<String>)> {
    let mut pixels = vec![0; files.len() * values(shape)];
    let hashes = pixels.par_chunks_exact_mut(values(shape)).zip(files).map(|(to, image)| {
        decode::decode(&image.path, shape, to)?;
        Ok(hash::fingerprint([image.class.to_string().as_str(), &hash::of_bytes(to)]))
    });
    let hashes = hashes.collect::<Result<_>>()?;
    let Shape { channels, height, width } = shape;
    let labels = files.iter().map(|image| image.class).collect();
    Ok((Images { channels, height, width, pixels: pixels.into(), labels }, hashes))
}
