//! MNIST's IDX files, plain or gzip-compressed.
//!
//! An image file is four big-endian 32-bit numbers (magic 2051, images, rows, columns) and one byte per pixel; a label file
//! is two (magic 2049, labels) and one byte per label (LeCun, Cortes, Burges, "The MNIST database").

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::pixels::MAX_VALUES;
use super::{CLASSES, Dataset, Images, hash, pixels};
use crate::error::{Error, Result};

const IMAGES_MAGIC: u32 = 2051;
const LABELS_MAGIC: u32 = 2049;

/// Largest number of rows or columns that is taken for an image.
const MAX_SIDE: u32 = 1024;

/// SHA-256 of the four decompressed files of a published set, in the order of [`FILES`].
struct Published {
    name: &'static str,
    sha256: [&'static str; 4],
}

/// Names of the four files of a set: training images and labels, then test images and labels.
pub const FILES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// MNIST's hashes are the published ones, Fashion-MNIST's those of Debian's package `dataset-fashion-mnist`.
const PUBLISHED: [Published; 2] = [
    Published {
        name: "MNIST",
        sha256: [
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ],
    },
    Published {
        name: "Fashion-MNIST",
        sha256: [
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ],
    },
];

/// The published hash of file `name` (one of [`FILES`]) of the set called `set` ("MNIST", "Fashion-MNIST").
pub(super) fn published_sha256(set: &str, name: &str) -> Option<&'static str> {
    let file = FILES.iter().position(|&file| file == name)?;
    PUBLISHED.iter().find(|published| published.name == set).map(|published| published.sha256[file])
}

/// The published set and file that a hash of decompressed content belongs to.
pub(super) fn published_as(sha256: &str) -> Option<(&'static str, &'static str)> {
    PUBLISHED.iter().find_map(|set| {
        let file = set.sha256.iter().position(|&known| known == sha256)?;
        Some((set.name, FILES[file]))
    })
}

/// Images of one IDX file, as bytes.
pub struct ImageFile {
    /// Number of images.
    pub count: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Pixels from 0 to 255, shape (images, height, width).
    pub bytes: Vec<u8>,
    /// SHA-256 of the decompressed file.
    pub sha256: String,
}

/// Labels of one IDX file.
pub struct LabelFile {
    /// One class per image, each below [`CLASSES`].
    pub labels: Vec<u8>,
    /// SHA-256 of the decompressed file.
    pub sha256: String,
}

/// Reads an IDX image file (gzip-compressed if its name ends in `.gz`).
///
/// # Errors
/// A wrong magic number, sizes that are zero or absurd, or a length that doesn't fit the sizes.
pub fn read_images(path: &Path) -> Result<ImageFile> {
    let mut header = [0; 16];
    let mut reader = open(path)?;
    read_header(path, &mut reader, &mut header, IMAGES_MAGIC, "an image file")?;
    let [count, height, width] = [1, 2, 3].map(|i| big_endian(&header, i));
    let side = 1..=MAX_SIDE;
    let size = u64::from(height) * u64::from(width);
    if count == 0 || !side.contains(&height) || !side.contains(&width) || u64::from(count) * size > MAX_VALUES {
        let right = format!("expected at least one image of 1 to {MAX_SIDE} rows and columns");
        return Err(Error::content(path, format!("declares {count} images of {height}×{width} pixels; {right}")));
    }
    let what = format!("{count} images of {height}×{width} pixels");
    let (bytes, sha256) = read_body(path, reader, &header, u64::from(count) * size, &what)?;
    Ok(ImageFile { count: count as usize, height: height as usize, width: width as usize, bytes, sha256 })
}

/// Reads an IDX label file (gzip-compressed if its name ends in `.gz`).
///
/// # Errors
/// A wrong magic number, a length that doesn't fit the number of labels, or labels of 10 and above.
pub fn read_labels(path: &Path) -> Result<LabelFile> {
    let mut header = [0; 8];
    let mut reader = open(path)?;
    read_header(path, &mut reader, &mut header, LABELS_MAGIC, "a label file")?;
    let count = u64::from(big_endian(&header, 1));
    if count == 0 || count > MAX_VALUES {
        return Err(Error::content(path, format!("declares {count} labels; expected 1 to {MAX_VALUES}")));
    }
    let (labels, sha256) = read_body(path, reader, &header, count, &format!("{count} labels"))?;
    for (i, &label) in labels.iter().enumerate() {
        pixels::label(f64::from(label)).map_err(|wrong| Error::content(path, format!("image {i}: {wrong}")))?;
    }
    Ok(LabelFile { labels, sha256 })
}

/// Opens a file, decompressing it if its name ends in `.gz`.
pub(super) fn open(path: &Path) -> Result<Box<dyn Read>> {
    let file = BufReader::new(File::open(path).map_err(|e| Error::io(path, e))?);
    let compressed = path.extension().is_some_and(|extension| extension == "gz");
    Ok(if compressed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

fn big_endian(header: &[u8], word: usize) -> u32 {
    header[4 * word..4 * word + 4].iter().fold(0, |number, &byte| number << 8 | u32::from(byte))
}

fn read_header(path: &Path, reader: &mut dyn Read, header: &mut [u8], magic: u32, what: &str) -> Result<()> {
    reader.read_exact(header).map_err(|e| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            Error::content(path, format!("too short: {what} starts with {} bytes of header", header.len()))
        }
        _ => Error::io(path, e),
    })?;
    let found = big_endian(header, 0);
    if found != magic {
        return Err(Error::content(path, format!("magic number {found}, but {what} starts with {magic}")));
    }
    Ok(())
}

/// Reads exactly `length` bytes to the end of the file, and hashes them together with the header. Memory grows with what
/// is really there, so that a false header can't make us ask for more.
fn read_body(path: &Path, reader: impl Read, header: &[u8], length: u64, declared: &str) -> Result<(Vec<u8>, String)> {
    let mut bytes = Vec::new();
    reader.take(length + 1).read_to_end(&mut bytes).map_err(|e| Error::io(path, e))?;
    let found = bytes.len() as u64;
    if found != length {
        let amount = if found > length { "more".to_owned() } else { format!("only {found}") };
        let message = format!("declares {declared}, {length} bytes after the header, but holds {amount}");
        return Err(Error::content(path, message));
    }
    let sha256 = hash::of_reader(header.chain(bytes.as_slice())).map_err(|e| Error::io(path, e))?;
    Ok((bytes, sha256))
}

/// The training and test sets of a folder.
pub struct Folder {
    /// Training images.
    pub train: Images,
    /// Test images.
    pub test: Images,
    /// SHA-256 of the four decompressed files, in the order of [`FILES`].
    pub sha256: [String; 4],
}

impl Folder {
    /// The name of the published set that these files are, all four of them.
    pub fn published_name(&self) -> Option<&'static str> {
        PUBLISHED.iter().find(|set| set.sha256.iter().eq(self.sha256.iter())).map(|set| set.name)
    }

    /// The set as it is, upright.
    pub fn into_dataset(self) -> Dataset {
        let name = self.published_name().unwrap_or("IDX images (no published set)").to_owned();
        let fingerprint = hash::fingerprint(self.sha256.iter().map(String::as_str).chain(["IDX, pixel / 255"]));
        Dataset { name, fingerprint, classes: CLASSES, train: self.train, test: self.test }
    }
}

/// Reads the four files of a set from a folder, under their usual names ([`FILES`]; also with `.idx` for `-idx`, also
/// compressed with `.gz` at the end).
///
/// # Errors
/// A file is missing or malformed, images and labels differ in number, or training and test images in size.
pub fn read_folder(folder: &Path) -> Result<Folder> {
    let [train_images, train_labels, test_images, test_labels] = FILES.map(|name| find(folder, name));
    let (train, train_hashes) = read_pair(&train_images?, &train_labels?)?;
    let test_path = test_images?;
    let (test, test_hashes) = read_pair(&test_path, &test_labels?)?;
    if (train.height, train.width) != (test.height, test.width) {
        let [h, w] = [train.height, train.width];
        let message = format!("images of {}×{} pixels, but the training images have {h}×{w}", test.height, test.width);
        return Err(Error::content(test_path, message));
    }
    let ([a, b], [c, d]) = (train_hashes, test_hashes);
    Ok(Folder { train, test, sha256: [a, b, c, d] })
}

fn find(folder: &Path, name: &str) -> Result<PathBuf> {
    let dotted = name.replace("-idx", ".idx");
    let candidates = [name.to_owned(), dotted.clone(), format!("{name}.gz"), format!("{dotted}.gz")];
    candidates.iter().map(|candidate| folder.join(candidate)).find(|path| path.exists()).ok_or_else(|| {
        Error::content(
            folder.join(name),
            "not there, nor with .gz at the end; `equisplit data fetch mnist` fetches MNIST",
        )
    })
}

fn read_pair(images_path: &Path, labels_path: &Path) -> Result<(Images, [String; 2])> {
    let file = read_images(images_path)?;
    let LabelFile { labels, sha256 } = read_labels(labels_path)?;
    if labels.len() != file.count {
        let message = format!("{} labels, but {} has {} images", labels.len(), images_path.display(), file.count);
        return Err(Error::content(labels_path, message));
    }
    let pixels = file.bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect();
    let images = Images { channels: 1, height: file.height, width: file.width, pixels, labels };
    Ok((images, [file.sha256, sha256]))
}
