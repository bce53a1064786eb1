//! MNIST's IDX files, plain or gzip-compressed. Which of the two is seen by their content, not by their name.
//!
//! An image file is four big-endian 32-bit numbers (magic 2051, images, rows, columns) and one byte per pixel; a label file
//! is two (magic 2049, labels) and one byte per label (LeCun, Cortes, Burges, "The MNIST database").

use std::io::{BufRead, Read, Write};
use std::path::{Path, PathBuf};

use super::pixels::{MAX_VALUES, check_fits, classes, classes_seen};
use super::stream::{self, Stream};
use super::{Dataset, Images, Label, Shape, folder, hash, pixels};
use crate::error::{Error, Result};

const IMAGES_MAGIC: u32 = 2051;
const LABELS_MAGIC: u32 = 2049;

/// SHA-256 of the four decompressed files of a published set, in the order of [`FILES`].
struct Published {
    name: &'static str,
    sha256: [&'static str; 4],
}

/// Names of the four files of a set: training images and labels, then test images and labels.
pub const FILES: [&str; 4] =
    ["train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];

/// Lengths in bytes of the decompressed files of MNIST, in the same order, and of the sets that were made in its likeness.
#[cfg(feature = "fetch")]
pub(super) const PUBLISHED_LENGTHS: [u64; 4] = [47_040_016, 60_008, 7_840_016, 10_008];

/// MNIST's published hashes.
pub(super) const MNIST_SHA256: [&str; 4] = [
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
];

/// Fashion-MNIST's hashes, those of Debian's package `dataset-fashion-mnist`.
pub(super) const FASHION_MNIST_SHA256: [&str; 4] = [
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
];

const PUBLISHED: [Published; 2] = [
    Published { name: "MNIST", sha256: MNIST_SHA256 },
    Published { name: "Fashion-MNIST", sha256: FASHION_MNIST_SHA256 },
];

/// The most bytes of a published file whose content has this length: what can't be compressed is hardly longer in gzip's
/// format.
#[cfg(feature = "fetch")]
pub(super) fn most_compressed(length: u64) -> u64 {
    length + length / 100 + 4096
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
    /// One class per image.
    pub labels: Vec<Label>,
    /// SHA-256 of the decompressed file.
    pub sha256: String,
}

/// Reads an IDX image file.
///
/// # Errors
/// A wrong magic number, sizes that are zero or absurd, or a length that doesn't fit the sizes.
pub fn read_images(path: &Path) -> Result<ImageFile> {
    let (count, shape, body) = open_images(path)?;
    let (bytes, sha256) = body.read()?;
    Ok(ImageFile { count, height: shape.height, width: shape.width, bytes, sha256 })
}

/// Reads an IDX label file.
///
/// # Errors
/// A wrong magic number, or a length that doesn't fit the number of labels.
pub fn read_labels(path: &Path) -> Result<LabelFile> {
    let (bytes, sha256) = open_labels(path)?.1.read()?;
    Ok(LabelFile { labels: widened(&bytes), sha256 })
}

/// What follows a file's header.
struct Body<'a> {
    path: &'a Path,
    header: Vec<u8>,
    reader: Box<dyn BufRead>,
    length: u64,
    /// What the header says, in words.
    declared: String,
}

fn open_images(path: &Path) -> Result<(usize, Shape, Body<'_>)> {
    let (header, stream) = open(path, 16, IMAGES_MAGIC, "an image file")?;
    let [count, height, width] = [1, 2, 3].map(|word| u64::from(big_endian(&header, word)));
    let shape = pixels::shape(count, [1, height, width]).map_err(|wrong| Error::content(path, wrong))?;
    let declared = format!("{count} images of {height}×{width} pixels");
    Ok((count as usize, shape, Body::new(path, header, stream, count * height * width, declared)?))
}

fn open_labels(path: &Path) -> Result<(usize, Body<'_>)> {
    let (header, stream) = open(path, 8, LABELS_MAGIC, "a label file")?;
    let count = u64::from(big_endian(&header, 1));
    if count == 0 || count > MAX_VALUES {
        return Err(Error::content(path, format!("declares {count} labels; expected 1 to {MAX_VALUES}")));
    }
    Ok((count as usize, Body::new(path, header, stream, count, format!("{count} labels"))?))
}

/// Opens a file and reads its header, of `length` bytes.
fn open(path: &Path, length: usize, magic: u32, what: &str) -> Result<(Vec<u8>, Stream)> {
    let mut stream = stream::open(path)?;
    let mut header = vec![0; length];
    stream.reader.read_exact(&mut header).map_err(|e| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            Error::content(path, format!("too short: {what} starts with {length} bytes of header"))
        }
        _ => Error::io(path, e),
    })?;
    let found = big_endian(&header, 0);
    if found != magic {
        return Err(Error::content(path, format!("magic number {found}, but {what} starts with {magic}")));
    }
    Ok((header, stream))
}

fn big_endian(header: &[u8], word: usize) -> u32 {
    header[4 * word..4 * word + 4].iter().fold(0, |number, &byte| number << 8 | u32::from(byte))
}

impl<'a> Body<'a> {
    /// Refuses a header that declares more than the file can hold.
    fn new(path: &'a Path, header: Vec<u8>, stream: Stream, length: u64, declared: String) -> Result<Self> {
        let body = Self { path, header, reader: stream.reader, length, declared };
        let most = stream.most.saturating_sub(body.header.len() as u64);
        if most < length { Err(body.wrong(&format!("only {most}"))) } else { Ok(body) }
    }

    /// Reads exactly the declared bytes to the end of the file, and hashes them together with the header.
    fn read(mut self) -> Result<(Vec<u8>, String)> {
        let mut bytes = Vec::with_capacity(self.length as usize);
        self.copy(&mut bytes)?;
        let hashed = hash::of_reader(self.header.as_slice().chain(bytes.as_slice()));
        Ok((bytes, hashed.map_err(|e| Error::io(self.path, e))?))
    }

    /// Writes exactly the declared bytes, to the end of the file, to `out`.
    fn copy(&mut self, out: &mut impl Write) -> Result<()> {
        let mut limited = (&mut self.reader).take(self.length + 1);
        match std::io::copy(&mut limited, out).map_err(|e| Error::io(self.path, e))? {
            found if found > self.length => Err(self.wrong("more")),
            found if found < self.length => Err(self.wrong(&format!("only {found}"))),
            _ => Ok(()),
        }
    }

    fn wrong(&self, amount: &str) -> Error {
        let Self { declared, length, .. } = self;
        let message = format!("declares {declared}, {length} bytes after the header, but holds {amount}");
        Error::content(self.path, message)
    }
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

    /// Number of classes of both parts together.
    pub fn classes(&self) -> usize {
        classes([&self.train.labels, &self.test.labels])
    }

    /// The same with rows and columns exchanged, as EMNIST's files need it. Other files would give the same images.
    #[must_use]
    pub fn transposed(self) -> Self {
        let [train, test] = [self.train, self.test].map(|images| {
            let Images { height, width, .. } = images;
            let pixels = images.pixels.permuted(height * width, |n| n % height * width + n / height);
            Images { height: width, width: height, pixels, ..images }
        });
        let sha256 = self.sha256.map(|sha256| format!("{sha256}, transposed"));
        Self { train, test, sha256 }
    }

    /// The set as it is, upright.
    pub fn into_dataset(self) -> Dataset {
        let name = self.published_name().unwrap_or("IDX images (no published set)").to_owned();
        let fingerprint = hash::fingerprint(self.sha256.iter().map(String::as_str).chain(["IDX, pixel / 255"]));
        Dataset { name, fingerprint, classes: self.classes(), train: self.train, test: self.test }
    }
}

/// Reads the four files of a set from a folder, under their usual names ([`FILES`]; also with `.idx` for `-idx`, also with
/// `.gz` at the end). Where the folder doesn't have them they may lie in one below it, or each in a folder of its own name.
///
/// # Errors
/// A file is missing or malformed, several folders have a set, images and labels differ in number, or training and test
/// images in size.
pub fn read_folder(folder: &Path) -> Result<Folder> {
    read_files(find(folder)?)
}

/// The same of these files, in the order of [`FILES`].
///
/// # Errors
/// As [`read_folder`].
pub(super) fn read_files([train_images, train_labels, test_images, test_labels]: [PathBuf; 4]) -> Result<Folder> {
    let [train, test] = [open_pair(&train_images, &train_labels)?, open_pair(&test_images, &test_labels)?];
    same_shape(&test_images, test.shape, train.shape)?;
    let ((train, [a, b]), (test, [c, d])) = (train.read()?, test.read()?);
    Ok(Folder { train, test, sha256: [a, b, c, d] })
}

/// The shape of the images of these files and the number of classes that labels say, without the pixels.
pub(super) fn shape([train_images, train_labels, test_images, test_labels]: [PathBuf; 4]) -> Result<(Shape, usize)> {
    let [train, test] = [open_pair(&train_images, &train_labels)?, open_pair(&test_images, &test_labels)?];
    same_shape(&test_images, test.shape, train.shape)?;
    let (shape, train, test) = (train.shape, widened(&train.labels.read()?.0), widened(&test.labels.read()?.0));
    Ok((shape, classes_seen([&train, &test])))
}

/// Reads images and their labels to the end, without keeping them: their number, and the shape of an image.
#[cfg(feature = "fetch")]
pub(super) fn check(images: &Path, labels: &Path) -> Result<(usize, Shape)> {
    let mut pair = open_pair(images, labels)?;
    pair.images.copy(&mut std::io::sink())?;
    pair.labels.copy(&mut std::io::sink())?;
    Ok((pair.labels.length as usize, pair.shape))
}

/// The number of a folder's images, training and test images together.
pub(super) fn count(folder: &Path) -> Result<usize> {
    let [train_images, train_labels, test_images, test_labels] = find(folder)?;
    let [train, test] = [open_pair(&train_images, &train_labels)?, open_pair(&test_images, &test_labels)?];
    Ok(train.labels.read()?.0.len() + test.labels.read()?.0.len())
}

/// Refuses test images of another size than the training images.
pub(super) fn same_shape(path: &Path, test: Shape, train: Shape) -> Result<()> {
    if test == train {
        return Ok(());
    }
    Err(Error::content(path, format!("images of {test}, but the training images have {train}")))
}

pub(super) fn find(folder: &Path) -> Result<[PathBuf; 4]> {
    let missing = match files_of(folder) {
        Ok(files) => return Ok(files),
        Err(name) => folder.join(name),
    };
    let sets = folder::below(folder)?.into_iter().filter_map(|below| Some((files_of(&below).ok()?, below)));
    let mut sets: Vec<_> = sets.collect();
    match (sets.pop(), sets.first()) {
        (Some((files, _)), None) => Ok(files),
        (Some((_, last)), Some((_, first))) => {
            let message = format!("has sets in {} and {}; give the folder of one", first.display(), last.display());
            Err(Error::content(folder, message))
        }
        (None, _) => {
            let message = "not there, nor with .gz at the end, nor in a folder below; \
                           `equisplit data fetch mnist` fetches MNIST";
            Err(Error::content(missing, message))
        }
    }
}

/// The four files of a folder, or the name of one that's missing.
fn files_of(folder: &Path) -> std::result::Result<[PathBuf; 4], &'static str> {
    let find = |name: &'static str| {
        let dotted = name.replace("-idx", ".idx");
        let spellings = [name.to_owned(), dotted.clone(), format!("{name}.gz"), format!("{dotted}.gz")];
        // Kaggle's archive has every file in a folder of its own name, too.
        let own = |spelling: &String| folder::file(&folder.join(spelling), &spellings);
        folder::file(folder, &spellings).or_else(|| spellings.iter().find_map(own)).ok_or(name)
    };
    let [a, b, c, d] = FILES.map(find);
    Ok([a?, b?, c?, d?])
}

/// Labels, which are bytes here.
fn widened(bytes: &[u8]) -> Vec<Label> {
    bytes.iter().map(|&byte| Label::from(byte)).collect()
}

/// Images and labels that fit each other, as far as their headers say.
struct Pair<'a> {
    shape: Shape,
    images: Body<'a>,
    labels: Body<'a>,
}

fn open_pair<'a>(images: &'a Path, labels: &'a Path) -> Result<Pair<'a>> {
    let (count, shape, image_body) = open_images(images)?;
    let (found, label_body) = open_labels(labels)?;
    if found != count {
        let message = format!("{found} labels, but {} has {count} images", images.display());
        return Err(Error::content(labels, message));
    }
    Ok(Pair { shape, images: image_body, labels: label_body })
}

impl Pair<'_> {
    /// The images, and the SHA-256 of both files.
    fn read(self) -> Result<(Images, [String; 2])> {
        let (bytes, label_hash) = self.labels.read()?;
        let labels = widened(&bytes);
        check_fits(self.images.path, self.images.length)?;
        let (bytes, image_hash) = self.images.read()?;
        let Shape { channels, height, width } = self.shape;
        Ok((Images { channels, height, width, pixels: bytes.into(), labels }, [image_hash, label_hash]))
    }
}
