//! The original rot-MNIST text files (Larochelle et al., ICML 2007): one image per line, 784 pixels in [0, 1] and a label,
//! separated by white space. Blank lines at the end and a byte order mark do no harm; gzip's content is decompressed.

use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};

use super::pixels::{Checked, MAX_VALUES, classes};
use super::{DataConfig, Dataset, Images, Label, Pixels, Shape, cache, folder, hash, pixels, stream};
use crate::error::{Error, Result};

/// Usual name of the training file; also with `.gz` at the end.
pub const TRAIN_FILE: &str = "mnist_all_rotation_normalized_float_train_valid.amat";
/// Usual name of the test file; also with `.gz` at the end.
pub const TEST_FILE: &str = "mnist_all_rotation_normalized_float_test.amat";

const SIDE: usize = 28;
const PIXELS: usize = SIDE * SIDE;

/// Characters of what is no number that a message has.
const LONGEST_NUMBER: usize = 40;

/// Longest line that is taken for an image: 785 numbers of up to 40 characters, and some.
const MAX_LINE: u64 = 1 << 15;

/// Largest text that is read, in bytes: 50,000 lines of 785 numbers of 20 characters are 785 MB.
pub(super) const MAX_TEXT: u64 = 1 << 30;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads both files of `folder`, or takes what they hold from the folder's cache.
///
/// # Errors
/// A file is missing or malformed; the message has the line's number.
pub fn load(folder: &Path, config: &DataConfig) -> Result<Dataset> {
    let [train, test] = files(folder, config);
    let order = if config.transpose { "column by column" } else { "row by row" };
    let hashes = [stream::sha256(&train, MAX_TEXT)?, stream::sha256(&test, MAX_TEXT)?];
    let fingerprint = hash::fingerprint(["amat", order, &hashes[0], &hashes[1]]);
    cache::cached(folder, &fingerprint, || {
        let (train, test) = (read(&train, config.transpose)?, read(&test, config.transpose)?);
        Ok(Dataset {
            name: "rot-MNIST (amat)".to_owned(),
            fingerprint: fingerprint.clone(),
            classes: classes([&train.labels, &test.labels]),
            train,
            test,
        })
    })
}

/// The shape of a folder's images and the number of classes, without the pixels.
pub(super) fn shape(folder: &Path, config: &DataConfig) -> Result<(Shape, usize)> {
    let labels = |path: &PathBuf| -> Result<Vec<Label>> {
        let mut labels = Vec::new();
        for_each_line(path, |line| {
            labels.push(pixels::label(number(line.split_ascii_whitespace().next_back().unwrap_or_default())?)?);
            Ok(())
        })?;
        Ok(labels)
    };
    let [train, test] = files(folder, config);
    let classes = classes([labels(&train)?, labels(&test)?]);
    Ok((Shape { channels: 1, height: SIDE, width: SIDE }, classes))
}

fn files(folder: &Path, config: &DataConfig) -> [PathBuf; 2] {
    let usual = |name: &str| folder::file(folder, [name, &format!("{name}.gz")]).unwrap_or_else(|| folder.join(name));
    [(&config.train_file, TRAIN_FILE), (&config.test_file, TEST_FILE)]
        .map(|(given, name)| given.as_ref().map_or_else(|| usual(name), |given| folder.join(given)))
}

/// Reads one file. With `transpose`, lines hold their image column by column.
///
/// # Errors
/// A line that doesn't have 785 numbers, pixels outside [0, 1], labels that aren't whole numbers from 0 to 255, no lines, or
/// more of them than any such set has.
pub fn read(path: &Path, transpose: bool) -> Result<Images> {
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for_each_line(path, |line| {
        if (pixels.len() + PIXELS) as u64 > MAX_VALUES {
            return Err(format!("more than {} images", MAX_VALUES as usize / PIXELS));
        }
        labels.push(parse_line(line, &mut pixels)?);
        Ok(())
    })?;
    if labels.is_empty() {
        return Err(Error::content(path, format!("empty; expected lines of {PIXELS} pixels and a label")));
    }
    let pixels = Pixels::from(pixels);
    let pixels = if transpose { pixels.permuted(PIXELS, |n| n % SIDE * SIDE + n / SIDE) } else { pixels };
    Ok(Images { channels: 1, height: SIDE, width: SIDE, pixels, labels })
}

/// Gives every line but blank ones at the end to `take`; what is wrong with one is told with its number.
fn for_each_line(path: &Path, mut take: impl FnMut(&str) -> Checked<()>) -> Result<()> {
    let mut reader = stream::open(path)?.reader.take(MAX_TEXT);
    let mut line = Vec::new();
    let mut blank = None;
    for number in 1usize.. {
        line.clear();
        if (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line).map_err(|e| Error::io(path, e))? == 0 {
            break;
        }
        let text = if number == 1 { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line) } else { &line };
        let wrong = |number, wrong: String| Error::content(path, format!("line {number}: {wrong}"));
        if text.trim_ascii().is_empty() {
            blank.get_or_insert(number);
            continue;
        }
        if let Some(number) = blank {
            return Err(wrong(number, format!("0 numbers, but expected {}: {PIXELS} pixels and a label", PIXELS + 1)));
        }
        if text.len() as u64 >= MAX_LINE {
            return Err(wrong(number, format!("too long; expected {PIXELS} pixels and a label")));
        }
        let text = std::str::from_utf8(text).map_err(|_| wrong(number, "not a text".to_owned()))?;
        take(text).map_err(|e| wrong(number, e))?;
    }
    if reader.limit() == 0 {
        return Err(Error::content(path, format!("larger than {MAX_TEXT} bytes")));
    }
    Ok(())
}

/// Appends a line's pixels to `out` and returns its label.
fn parse_line(line: &str, out: &mut Vec<f32>) -> Checked<Label> {
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
    field.parse().map_err(|_| match field.char_indices().nth(LONGEST_NUMBER) {
        None => format!("{field:?} is no number"),
        Some((end, _)) => format!("{:?}… is no number; white space must separate them", &field[..end]),
    })
}
