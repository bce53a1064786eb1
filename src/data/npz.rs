//! rot-MNIST as NumPy archives, as e2cnn's examples and others pass it on: arrays `data` and `labels`.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use npyz::Deserialize;
use zip::ZipArchive;

use super::pixels::{Checked, MAX_VALUES};
use super::{CLASSES, DataConfig, Dataset, Images, hash, pixels};
use crate::error::{Error, Result};
use crate::npy::Array;

/// Usual names of the training file: the first that is there is read.
pub const TRAIN_FILES: [&str; 2] = ["rotated_train_valid.npz", "rotated_train.npz"];
/// Usual name of the test file.
pub const TEST_FILE: &str = "rotated_test.npz";

const SIDE: usize = 28;

/// Largest array that is read: f64 pixels of the largest set.
const MAX_BYTES: u64 = 8 * MAX_VALUES;

/// Reads both files of `folder`.
///
/// # Errors
/// A file is missing or malformed, or training and test images differ in size.
pub fn load(folder: &Path, config: &DataConfig) -> Result<Dataset> {
    let train = match &config.train_file {
        Some(name) => folder.join(name),
        None => usual_train_file(folder),
    };
    let test = folder.join(config.test_file.as_deref().unwrap_or(TEST_FILE));
    Ok(Dataset {
        name: "rot-MNIST (npz)".to_owned(),
        fingerprint: hash::fingerprint(["npz", &hash::of_file(&train)?, &hash::of_file(&test)?]),
        classes: CLASSES,
        train: read(&train)?,
        test: read(&test)?,
    })
}

fn usual_train_file(folder: &Path) -> PathBuf {
    let [first, second] = TRAIN_FILES.map(|name| folder.join(name));
    if !first.exists() && second.exists() { second } else { first }
}

/// Reads one archive: `data` of shape (n, 784), (n, 28, 28) or (n, 1, 28, 28), either f32 or f64 in [0, 1] or u8, and
/// `labels` of shape (n) or (n, 1), whole numbers from 0 to 9 of any integer or float kind.
///
/// # Errors
/// Anything else, with what was expected.
pub fn read(path: &Path) -> Result<Images> {
    let wrong = |message: String| Error::content(path, message);
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|e| wrong(format!("no npz archive: {e}")))?;
    let pixels = read_pixels(&mut archive).map_err(|e| wrong(format!("array data: {e}")))?;
    let labels = read_labels(&mut archive).map_err(|e| wrong(format!("array labels: {e}")))?;
    let images = pixels.len() / (SIDE * SIDE);
    if labels.len() != images {
        return Err(wrong(format!("{images} images, but {} labels", labels.len())));
    }
    Ok(Images { channels: 1, height: SIDE, width: SIDE, pixels, labels })
}

fn read_pixels<R: Read + Seek>(archive: &mut ZipArchive<R>) -> Checked<Vec<f32>> {
    let array = array(archive, "data")?;
    let side = SIDE as u64;
    match array.shape() {
        &[n, size] if n > 0 && size == side * side => {}
        &[n, height, width] if n > 0 && [height, width] == [side; 2] => {}
        &[n, 1, height, width] if n > 0 && [height, width] == [side; 2] => {}
        shape => {
            return Err(format!("shape {shape:?}, but expected (n, 784), (n, 28, 28) or (n, 1, 28, 28) with n > 0"));
        }
    }
    match array.kind()? {
        ('f', 4) => checked(array.numbers::<f32>()?.into_iter().map(|v| pixels::pixel(f64::from(v)))),
        ('f', 8) => checked(array.numbers::<f64>()?.into_iter().map(pixels::pixel)),
        ('u', 1) => Ok(array.numbers::<u8>()?.into_iter().map(|v| f32::from(v) / 255.0).collect()),
        _ => Err(format!("type {}, but expected f32, f64 or u8", array.type_name())),
    }
}

fn read_labels<R: Read + Seek>(archive: &mut ZipArchive<R>) -> Checked<Vec<u8>> {
    let array = array(archive, "labels")?;
    if !matches!(array.shape(), [_] | [_, 1]) {
        return Err(format!("shape {:?}, but expected (n)", array.shape()));
    }
    match array.kind()? {
        ('i', 1) => labels::<i8>(&array, f64::from),
        ('i', 2) => labels::<i16>(&array, f64::from),
        ('i', 4) => labels::<i32>(&array, f64::from),
        ('i', 8) => labels::<i64>(&array, |v| v as f64),
        ('u', 1) => labels::<u8>(&array, f64::from),
        ('u', 2) => labels::<u16>(&array, f64::from),
        ('u', 4) => labels::<u32>(&array, f64::from),
        ('u', 8) => labels::<u64>(&array, |v| v as f64),
        ('f', 4) => labels::<f32>(&array, f64::from),
        ('f', 8) => labels::<f64>(&array, |v| v),
        _ => Err(format!("type {}, but expected integers or floats", array.type_name())),
    }
}

/// The first value that fails is told with its position.
fn checked<T>(values: impl Iterator<Item = Checked<T>>) -> Checked<Vec<T>> {
    values.enumerate().map(|(i, value)| value.map_err(|wrong| format!("entry {i}: {wrong}"))).collect()
}

fn array<R: Read + Seek>(archive: &mut ZipArchive<R>, name: &str) -> Checked<Array> {
    let entry = archive.by_name(&format!("{name}.npy")).map_err(|e| e.to_string())?;
    let mut bytes = Vec::new();
    entry.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("larger than {MAX_BYTES} bytes"));
    }
    Array::parse(bytes)
}

fn labels<T: Deserialize>(array: &Array, number: impl Fn(T) -> f64) -> Checked<Vec<u8>> {
    checked(array.numbers()?.into_iter().map(|value| pixels::label(number(value))))
}
