//! What the published archives hold, and whether files are that.

use std::path::Path;

use rayon::prelude::*;

use super::super::cifar::Cifar;
use super::super::{CLASSES, Shape, amat, idx};
use super::unpack::Wanted;
use crate::error::{Error, Result};

/// Files of rot-MNIST with their numbers of images.
const ROT_MNIST: [(&str, usize); 2] = [(amat::TRAIN_FILE, 12_000), (amat::TEST_FILE, 50_000)];

/// The sets of EMNIST with their numbers of training and test images.
const EMNIST: [(&str, [usize; 2]); 6] = [
    ("balanced", [112_800, 18_800]),
    ("byclass", [697_932, 116_323]),
    ("bymerge", [697_932, 116_323]),
    ("digits", [240_000, 40_000]),
    ("letters", [124_800, 20_800]),
    ("mnist", [60_000, 10_000]),
];

/// What EMNIST's images are like.
const EMNIST_SHAPE: Shape = Shape { channels: 1, height: 28, width: 28 };

/// What an archive holds.
#[derive(Clone, Copy)]
pub(super) enum Holds {
    /// rot-MNIST's two texts.
    RotMnist,
    /// The four IDX files of each of EMNIST's sets, compressed.
    Emnist,
    /// A CIFAR set in its binary form.
    Cifar(&'static Cifar),
}

impl Holds {
    /// The files.
    pub(super) fn files(self) -> Vec<Wanted> {
        match self {
            Self::RotMnist => {
                ROT_MNIST.iter().map(|&(name, _)| Wanted { name: name.to_owned(), most: amat::MAX_TEXT }).collect()
            }
            Self::Emnist => emnist_parts(&EMNIST).into_iter().flat_map(Part::files).collect(),
            Self::Cifar(set) => {
                set.published().map(|(name, _, length)| Wanted { name: name.to_owned(), most: length }).collect()
            }
        }
    }

    /// Reads all the files in `folder` to their ends, and counts their images.
    pub(super) fn check(self, folder: &Path) -> Result<()> {
        match self {
            Self::RotMnist => all(&ROT_MNIST, |&(name, images)| check_amat(&folder.join(name), images)),
            Self::Emnist => check_emnist(folder, &EMNIST),
            Self::Cifar(set) => {
                let files: Vec<_> = set.published().collect();
                all(&files, |&(name, images, _)| check_cifar(set, &folder.join(name), images))
            }
        }
    }
}

/// Checks many at once; of several that are wrong the first one is told.
fn all<T: Sync>(files: &[T], check: impl Fn(&T) -> Result<()> + Send + Sync) -> Result<()> {
    files.par_iter().map(check).collect::<Vec<_>>().into_iter().collect()
}

fn check_count(path: &Path, found: usize, wanted: usize) -> Result<()> {
    match found == wanted {
        true => Ok(()),
        false => Err(Error::content(path, format!("{found} images, but as published it has {wanted}"))),
    }
}

fn check_amat(path: &Path, wanted: usize) -> Result<()> {
    let images = amat::read(path, false)?;
    check_count(path, images.len(), wanted)?;
    match images.labels.iter().find(|&&label| usize::from(label) >= CLASSES) {
        Some(label) => Err(Error::content(path, format!("label {label}, but rot-MNIST's are digits"))),
        None => Ok(()),
    }
}

fn check_cifar(set: &Cifar, path: &Path, wanted: usize) -> Result<()> {
    check_count(path, set.read_file(path)?.len(), wanted)
}

/// Training or test images of a set of EMNIST.
struct Part {
    images: String,
    labels: String,
    count: usize,
}

impl Part {
    fn files(self) -> [Wanted; 2] {
        let count = self.count as u64;
        let pixels = count * (EMNIST_SHAPE.height * EMNIST_SHAPE.width) as u64;
        [(self.images, pixels), (self.labels, count)]
            .map(|(name, length)| Wanted { name, most: idx::most_compressed(length) })
    }
}

fn emnist_parts(sets: &[(&str, [usize; 2])]) -> Vec<Part> {
    let parts = |&(set, [train, test]): &(&str, [usize; 2])| {
        [("train", train), ("test", test)].map(|(part, count)| {
            let [images, labels] =
                ["images-idx3", "labels-idx1"].map(|kind| format!("emnist-{set}-{part}-{kind}-ubyte.gz"));
            Part { images, labels, count }
        })
    };
    sets.iter().flat_map(parts).collect()
}

fn check_emnist(folder: &Path, sets: &[(&str, [usize; 2])]) -> Result<()> {
    all(&emnist_parts(sets), |part| {
        let images = folder.join(&part.images);
        let (count, shape) = idx::check(&images, &folder.join(&part.labels))?;
        if shape != EMNIST_SHAPE {
            return Err(Error::content(images, format!("images of {shape}, but EMNIST's have {EMNIST_SHAPE}")));
        }
        check_count(&images, count, part.count)
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write;

    use super::super::super::cifar::{CIFAR10, CIFAR100};
    use super::*;

    fn refuses(checked: Result<()>, parts: &[&str]) {
        let message = checked.unwrap_err().to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
    }

    /// A file of zeros, which are images of the first class.
    fn zeros(path: &Path, length: u64) {
        File::create(path).unwrap().set_len(length).unwrap();
    }

    #[test]
    fn cifar_must_have_its_numbers_of_images_and_its_labels() {
        let folder = tempfile::tempdir().unwrap();
        let names: Vec<String> = Holds::Cifar(&CIFAR10).files().into_iter().map(|file| file.name).collect();
        assert_eq!((names.len(), names[4].as_str(), names[5].as_str()), (6, "data_batch_5.bin", "test_batch.bin"));
        let wanted = Holds::Cifar(&CIFAR100).files();
        let (train, test) = (folder.path().join("train.bin"), folder.path().join("test.bin"));
        assert_eq!([wanted[0].most, wanted[1].most], [50_000 * 3074, 10_000 * 3074]);
        zeros(&train, 50_000 * 3074);
        zeros(&test, 10_000 * 3074);
        Holds::Cifar(&CIFAR100).check(folder.path()).unwrap();
        let check = || check_cifar(&CIFAR100, &test, 10_000);
        zeros(&test, 9_999 * 3074);
        refuses(check(), &["test.bin", "9999 images", "10000"]);
        zeros(&test, 10_000 * 3074 - 1);
        refuses(check(), &["test.bin", "30739999 bytes"]);
        std::fs::write(&test, vec![100; 3074]).unwrap();
        refuses(check(), &["test.bin", "label 100"]);
        std::fs::remove_file(&test).unwrap();
        refuses(Holds::Cifar(&CIFAR100).check(folder.path()), &["test.bin"]);
    }

    #[test]
    fn emnist_has_four_files_a_set() {
        let files = Holds::Emnist.files();
        assert_eq!(files.len(), 24);
        let most = |name: &str| files.iter().find(|file| file.name == name).unwrap().most;
        // What they have as published, compressed, is less.
        assert!(most("emnist-byclass-train-images-idx3-ubyte.gz") > 697_932 * 784);
        assert!((20_800..30_000).contains(&most("emnist-letters-test-labels-idx1-ubyte.gz")));
    }

    #[test]
    fn emnist_must_have_its_numbers_of_images_and_as_many_labels() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, header: &[u32], length: usize| {
            let file = File::create(folder.path().join(name)).unwrap();
            let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
            header.iter().for_each(|word| gzip.write_all(&word.to_be_bytes()).unwrap());
            gzip.write_all(&vec![0; length]).unwrap();
            gzip.finish().unwrap();
        };
        for (part, count) in [("train", 3), ("test", 2)] {
            write(&format!("emnist-x-{part}-images-idx3-ubyte.gz"), &[2051, count, 28, 28], count as usize * 784);
            write(&format!("emnist-x-{part}-labels-idx1-ubyte.gz"), &[2049, count], count as usize);
        }
        let check = |counts| check_emnist(folder.path(), &[("x", counts)]);
        check([3, 2]).unwrap();
        refuses(check([3, 3]), &["emnist-x-test-images", "2 images", "3"]);
        refuses(check_emnist(folder.path(), &[("y", [3, 2])]), &["emnist-y-train-images"]);
        write("emnist-x-test-labels-idx1-ubyte.gz", &[2049, 3], 3);
        refuses(check([3, 2]), &["emnist-x-test-labels", "3 labels"]);
        write("emnist-x-test-labels-idx1-ubyte.gz", &[2049, 2], 3);
        refuses(check([3, 2]), &["emnist-x-test-labels", "more"]);
        write("emnist-x-test-labels-idx1-ubyte.gz", &[2049, 2], 2);
        write("emnist-x-test-images-idx3-ubyte.gz", &[2051, 2, 28, 28], 2 * 784 - 1);
        refuses(check([3, 2]), &["emnist-x-test-images", "only 1567"]);
        write("emnist-x-test-images-idx3-ubyte.gz", &[2051, 2, 28, 14], 2 * 392);
        refuses(check([3, 2]), &["emnist-x-test-images", "28×14"]);
    }
}
