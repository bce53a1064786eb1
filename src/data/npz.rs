//! rot-MNIST as NumPy archives, as e2cnn's examples and others pass it on: arrays `data` and `labels`.

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use npyz::{DType, Deserialize, NpyFile, NpyHeader, Order};
use zip::ZipArchive;

use super::pixels::{Checked, MAX_VALUES};
use super::{CLASSES, DataConfig, Dataset, Images, hash, pixels};
use crate::error::{Error, Result};

/// Usual names of the training file: the first that is there is read.
pub const TRAIN_FILES: [&str; 2] = ["rotated_train_valid.npz", "rotated_train.npz"];
/// Usual name of the test file.
pub const TEST_FILE: &str = "rotated_test.npz";

const SIDE: usize = 28;

/// Largest array that is read: f64 pixels of the largest set.
const MAX_BYTES: u64 = 8 * MAX_VALUES;

/// Longest header of an array; NumPy's have about a hundred bytes.
const MAX_HEADER: usize = 1024;

/// Digits that a header may have in all. It bounds the product of the dimensions, which npyz doesn't check for overflow.
const MAX_HEADER_DIGITS: usize = 18;

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
    let array = Array::read(archive, "data")?;
    let side = SIDE as u64;
    match array.header.shape() {
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
        _ => Err(format!("type {}, but expected f32, f64 or u8", array.header.dtype().descr())),
    }
}

fn read_labels<R: Read + Seek>(archive: &mut ZipArchive<R>) -> Checked<Vec<u8>> {
    let array = Array::read(archive, "labels")?;
    if !matches!(array.header.shape(), [_] | [_, 1]) {
        return Err(format!("shape {:?}, but expected (n)", array.header.shape()));
    }
    match array.kind()? {
        ('i', 1) => array.labels::<i8>(f64::from),
        ('i', 2) => array.labels::<i16>(f64::from),
        ('i', 4) => array.labels::<i32>(f64::from),
        ('i', 8) => array.labels::<i64>(|v| v as f64),
        ('u', 1) => array.labels::<u8>(f64::from),
        ('u', 2) => array.labels::<u16>(f64::from),
        ('u', 4) => array.labels::<u32>(f64::from),
        ('u', 8) => array.labels::<u64>(|v| v as f64),
        ('f', 4) => array.labels::<f32>(f64::from),
        ('f', 8) => array.labels::<f64>(|v| v),
        _ => Err(format!("type {}, but expected integers or floats", array.header.dtype().descr())),
    }
}

/// The first value that fails is told with its position.
fn checked<T>(values: impl Iterator<Item = Checked<T>>) -> Checked<Vec<T>> {
    values.enumerate().map(|(i, value)| value.map_err(|wrong| format!("entry {i}: {wrong}"))).collect()
}

/// One array of an archive: its header, and the bytes behind it, whose number fits the header.
struct Array {
    header: NpyHeader,
    bytes: Vec<u8>,
}

impl Array {
    fn read<R: Read + Seek>(archive: &mut ZipArchive<R>, name: &str) -> Checked<Self> {
        let entry = archive.by_name(&format!("{name}.npy")).map_err(|e| e.to_string())?;
        let mut bytes = Vec::new();
        entry.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(format!("larger than {MAX_BYTES} bytes"));
        }
        let length = header_length(&bytes)?;
        let header = NpyHeader::from_reader(&bytes[..length]).map_err(|e| e.to_string())?;
        bytes.drain(..length);
        let size = header.dtype().num_bytes().unwrap_or(0) as u128;
        let expected = u128::from(header.len()) * size;
        if bytes.len() as u128 != expected {
            return Err(format!("{} bytes, but shape {:?} needs {expected}", bytes.len(), header.shape()));
        }
        if header.order() == Order::Fortran && header.shape().len() > 1 {
            return Err("in Fortran order, but expected C order (numpy.ascontiguousarray)".to_owned());
        }
        Ok(Self { header, bytes })
    }

    /// Kind ('i', 'u', 'f') and bytes per number.
    fn kind(&self) -> Checked<(char, usize)> {
        let descr = self.header.dtype().descr();
        let DType::Plain(plain) = self.header.dtype() else {
            return Err(format!("type {descr}, but expected plain numbers"));
        };
        let kind = descr.trim_matches('\'').chars().nth(1).unwrap_or('?');
        Ok((kind, plain.num_bytes().unwrap_or(0)))
    }

    fn numbers<T: Deserialize>(&self) -> Checked<Vec<T>> {
        NpyFile::with_header(self.header.clone(), self.bytes.as_slice()).into_vec().map_err(|e| e.to_string())
    }

    fn labels<T: Deserialize>(&self, number: impl Fn(T) -> f64) -> Checked<Vec<u8>> {
        checked(self.numbers()?.into_iter().map(|value| pixels::label(number(value))))
    }
}

/// Length of an array's header, magic number and all, once it is certain that npyz can be trusted with it.
fn header_length(bytes: &[u8]) -> Checked<usize> {
    let damaged = || "damaged header of a NumPy array".to_owned();
    let length = match bytes {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => 10 + usize::from(u16::from_le_bytes([*a, *b])),
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, 0, 0, ..] => {
            12 + usize::from(u16::from_le_bytes([*a, *b]))
        }
        _ => return Err(damaged()),
    };
    let header = bytes.get(..length).filter(|_| length <= MAX_HEADER).ok_or_else(damaged)?;
    let text = header.get(10..).unwrap_or_default();
    if text.iter().filter(|byte| byte.is_ascii_digit()).count() > MAX_HEADER_DIGITS {
        return Err(damaged());
    }
    Ok(length)
}
