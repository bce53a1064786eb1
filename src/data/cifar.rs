//! CIFAR-10 and CIFAR-100 in their binary form (Krizhevsky 2009): one record an image, its label (of CIFAR-100 the coarse one before
//! it) in a byte, then 1,024 bytes each of red, green and blue, row by row.

use std::path::{Path, PathBuf};

use super::pixels::{Checked, check_fits};
use super::{Dataset, Images, Label, Shape, folder, hash};
use crate::error::{Error, Result};
use crate::files;

const SIDE: usize = 32;
const CHANNELS: usize = 3;
const VALUES: usize = CHANNELS * SIDE * SIDE;

/// What an image of both sets is like.
const SHAPE: Shape = Shape { channels: CHANNELS, height: SIDE, width: SIDE };

/// One of the two sets.
pub struct Cifar {
    name: &'static str,
    classes: usize,
    /// Bytes of labels before an image, the last of which counts.
    labels: usize,
    train: &'static [&'static str],
    test: &'static str,
    /// What its files unpack to.
    folder: &'static str,
}

/// CIFAR-10.
pub static CIFAR10: Cifar = Cifar {
    name: "CIFAR-10",
    classes: 10,
    labels: 1,
    train: &["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"],
    test: "test_batch.bin",
    folder: "cifar-10-batches-bin",
};

/// CIFAR-100, by its fine labels.
pub static CIFAR100: Cifar = Cifar {
    name: "CIFAR-100",
    classes: 100,
    labels: 2,
    train: &["train.bin"],
    test: "test.bin",
    folder: "cifar-100-binary",
};

/// Training images of either set, over all its files, and test images.
#[cfg(feature = "fetch")]
const PUBLISHED: [usize; 2] = [50_000, 10_000];

/// Records of a file, of which the length has been checked.
struct Records {
    path: PathBuf,
    count: usize,
}

impl Cifar {
    /// The set that a file is of, by its name.
    pub(super) fn of_file(path: &Path) -> Option<&'static Self> {
        let name = path.file_name()?.to_str()?;
        [&CIFAR10, &CIFAR100].into_iter().find(|set| set.train.contains(&name) || set.test == name)
    }

    /// Number of classes.
    pub(super) fn classes(&self) -> usize {
        self.classes
    }

    /// The published files: names, numbers of images, and lengths in bytes.
    #[cfg(feature = "fetch")]
    pub(super) fn published(&self) -> impl Iterator<Item = (&'static str, usize, u64)> {
        let [train, test] = PUBLISHED;
        let files = self.train.iter().map(move |&name| (name, train / self.train.len()));
        files.chain([(self.test, test)]).map(|(name, images)| (name, images, (images * (self.labels + VALUES)) as u64))
    }

    /// The images of one file.
    ///
    /// # Errors
    /// As [`Cifar::load`].
    pub(super) fn read_file(&self, path: &Path) -> Result<Images> {
        let length = std::fs::metadata(path).map_err(|e| Error::io(path, e))?.len();
        let count = self.records(length).map_err(|wrong| Error::content(path, wrong))?;
        Ok(self.read(&[Records { path: path.to_owned(), count }])?.0)
    }

    /// Reads the files of `folder`, or of the folder that the set's archive unpacks to in it.
    ///
    /// # Errors
    /// A file is missing, isn't a whole number of records long, or has labels that the set doesn't.
    pub fn load(&self, folder: &Path) -> Result<Dataset> {
        let (train, test) = self.open(folder)?;
        let (train, mut hashes) = self.read(&train)?;
        let (test, more) = self.read(&[test])?;
        hashes.extend(more);
        let fingerprint = hash::fingerprint(std::iter::once(self.name).chain(hashes.iter().map(String::as_str)));
        Ok(Dataset { name: self.name.to_owned(), fingerprint, classes: self.classes, train, test })
    }

    /// The shape of the images and the number of classes, once the files are there and of the right lengths.
    ///
    /// # Errors
    /// A file is missing, or isn't a whole number of records long.
    pub(super) fn shape(&self, folder: &Path) -> Result<(Shape, usize)> {
        self.open(folder)?;
        Ok((SHAPE, self.classes))
    }

    fn open(&self, folder: &Path) -> Result<(Vec<Records>, Records)> {
        let own = folder.join(self.folder);
        let places = [folder, own.as_path()];
        let folder = places.into_iter().find(|place| folder::file(place, [self.test]).is_some()).unwrap_or(folder);
        let records = |name: &&str| {
            let path = folder::file(folder, [*name]).ok_or_else(|| {
                let files = [self.train, &[self.test]].concat().join(", ");
                Error::content(folder, format!("no {name}; {} in binary form is {files}", self.name))
            })?;
            let length = std::fs::metadata(&path).map_err(|e| Error::io(&path, e))?.len();
            let count = self.records(length).map_err(|wrong| Error::content(&path, wrong))?;
            Ok(Records { path, count })
        };
        Ok((self.train.iter().map(records).collect::<Result<_>>()?, records(&self.test)?))
    }

    fn records(&self, length: u64) -> Checked<usize> {
        let record = (self.labels + VALUES) as u64;
        match (length.is_multiple_of(record), length / record) {
            (true, count @ 1..) => usize::try_from(count).map_err(|e| e.to_string()),
            _ => Err(format!("{length} bytes, which isn't a number of images of {record} bytes, as {} has", self.name)),
        }
    }

    /// The images of some files, and the SHA-256 of each.
    fn read(&self, files: &[Records]) -> Result<(Images, Vec<String>)> {
        let count: usize = files.iter().map(|file| file.count).sum();
        let (mut pixels, mut labels, mut hashes) = (Vec::new(), Vec::with_capacity(count), Vec::new());
        check_fits(&files[0].path, (count * VALUES) as u64)?;
        pixels.reserve_exact(count * VALUES);
        for Records { path, .. } in files {
            let bytes = files::read(path)?;
            // The file may have changed since.
            self.records(bytes.len() as u64).map_err(|wrong| Error::content(path, wrong))?;
            hashes.push(hash::of_bytes(&bytes));
            for (n, record) in bytes.chunks_exact(self.labels + VALUES).enumerate() {
                let (label, image) = record.split_at(self.labels);
                let label = Label::from(label[self.labels - 1]);
                if usize::from(label) >= self.classes {
                    let message = format!(
                        "image {n}: label {label}, but {} has labels from 0 to {}",
                        self.name,
                        self.classes - 1
                    );
                    return Err(Error::content(path, message));
                }
                labels.push(label);
                pixels.extend_from_slice(image);
            }
        }
        let Shape { channels, height, width } = SHAPE;
        Ok((Images { channels, height, width, pixels: pixels.into(), labels }, hashes))
    }
}
