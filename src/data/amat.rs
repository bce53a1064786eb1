//! The original rot-MNIST text files (Larochelle et al., ICML 2007): one image per line, 784 pixels in [0, 1] and a label,
//! separated by white space.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::pixels::{Checked, MAX_VALUES};
use super::{CLASSES, DataConfig, Dataset, Images, cache, hash, pixels};
use crate::error::{Error, Result};

/// Usual name of the training file.
pub const TRAIN_FILE: &str = "mnist_all_rotation_normalized_float_train_valid.amat";
/// Usual name of the test file.
pub const TEST_FILE: &str = "mnist_all_rotation_normalized_float_test.amat";

const SIDE: usize = 28;
const PIXELS: usize = SIDE * SIDE;

/// Longest line that is taken for an image: 785 numbers of up to 40 characters, and some.
const MAX_LINE: u64 = 1 << 15;

/// Reads both files of `folder`, or takes what they hold from the folder's cache.
///
/// # Errors
/// A file is missing or malformed; the message has the line's number.
pub fn load(folder: &Path, config: &DataConfig) -> Result<Dataset> {
    let train = folder.join(config.train_file.as_deref().unwrap_or(TRAIN_FILE));
    let test = folder.join(config.test_file.as_deref().unwrap_or(TEST_FILE));
    let order = if config.transpose { "column by column" } else { "row by row" };
    let hashes = [hash::of_file(&train)?, hash::of_file(&test)?];
    let fingerprint = hash::fingerprint(["amat", order, &hashes[0], &hashes[1]]);
    cache::cached(folder, &fingerprint, || {
        Ok(Dataset {
            name: "rot-MNIST (amat)".to_owned(),
            fingerprint: fingerprint.clone(),
            classes: CLASSES,
            train: read(&train, config.transpose)?,
            test: read(&test, config.transpose)?,
        })
    })
}

/// Reads one file. With `transpose`, lines hold their image column by column.
///
/// # Errors
/// A line that doesn't have 785 numbers, pixels outside [0, 1], labels that aren't whole numbers from 0 to 9, no lines, or
/// more of them than any such set has.
pub fn read(path: &Path, transpose: bool) -> Result<Images> {
    let mut reader = BufReader::new(File::open(path).map_err(|e| Error::io(path, e))?);
    let mut images = Images { channels: 1, height: SIDE, width: SIDE, pixels: Vec::new(), labels: Vec::new() };
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line).map_err(|e| Error::io(path, e))? == 0 {
            break;
        }
        let start = images.pixels.len();
        let label = parse_line(&line, &mut images.pixels)
            .map_err(|wrong| Error::content(path, format!("line {number}: {wrong}")))?;
        images.labels.push(label);
        if transpose {
            transpose_plane(&mut images.pixels[start..]);
        }
        if images.pixels.len() as u64 > MAX_VALUES {
            return Err(Error::content(path, format!("more than {} images", MAX_VALUES as usize / PIXELS)));
        }
    }
    if images.is_empty() {
        return Err(Error::content(path, format!("empty; expected lines of {PIXELS} pixels and a label")));
    }
    Ok(images)
}

/// Appends a line's pixels to `out` and returns its label.
fn parse_line(line: &[u8], out: &mut Vec<f32>) -> Checked<u8> {
    if line.len() as u64 == MAX_LINE {
        return Err(format!("too long; expected {PIXELS} pixels and a label"));
    }
    let line = std::str::from_utf8(line).map_err(|_| "not a text".to_owned())?;
    let mut fields = line.split_ascii_whitespace();
    let mut found = 0;
    for field in fields.by_ref().take(PIXELS) {
        out.push(pixels::pixel(number(field)?)?);
        found += 1;
    }
    let label = fields.next();
    let found = found + usize::from(label.is_some()) + fields.count();
    match label {
        Some(label) if found == PIXELS + 1 => pixels::label(number(label)?),
        _ => Err(format!("{found} numbers, but expected {}: {PIXELS} pixels and a label", PIXELS + 1)),
    }
}

fn number(field: &str) -> Checked<f64> {
    field.parse().map_err(|_| format!("{field:?} is no number"))
}

fn transpose_plane(plane: &mut [f32]) {
    for row in 0..SIDE {
        for col in 0..row {
            plane.swap(row * SIDE + col, col * SIDE + row);
        }
    }
}
