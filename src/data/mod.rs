//! Images and labels: sources, rotation, augmentation.
//!
//! [`load`] is the way in: it turns a [`DataConfig`] and a folder into a [`Dataset`]. Everything a set is made from enters
//! its fingerprint, so that results can be tied to the exact data behind them.

pub mod amat;
pub mod augment;
pub mod builtin;
pub mod cache;
pub mod fetch;
pub mod idx;
pub mod info;
pub mod mnist_rot;
pub mod npz;
pub mod rotate;

pub(crate) mod hash;
mod pixels;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

pub use augment::Augmentation;

/// Number of classes of every source: the digits, or Fashion-MNIST's ten kinds of clothing.
pub const CLASSES: usize = 10;

/// Labelled images of one size.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    /// Channels of an image.
    pub channels: usize,
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Pixels in [0, 1], shape (images, channels, height, width), row by row.
    pub pixels: Vec<f32>,
    /// One class per image.
    pub labels: Vec<u8>,
}

impl Images {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Number of values of one image: channels · height · width.
    pub fn image_len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// The values of image `i`, shape (channels, height, width).
    ///
    /// # Panics
    /// If there is no image `i`, as indexing a slice does.
    pub fn image(&self, i: usize) -> &[f32] {
        let size = self.image_len();
        &self.pixels[i * size..(i + 1) * size]
    }

    /// Keeps the first `n` images; does nothing where there are no more than `n`.
    pub fn truncate(&mut self, n: usize) {
        self.labels.truncate(n);
        self.pixels.truncate(self.labels.len() * self.image_len());
    }

    /// A copy of the first `n` images; of all where there are no more than `n`.
    pub fn first(&self, n: usize) -> Self {
        let n = n.min(self.len());
        let (pixels, labels) = (self.pixels[..n * self.image_len()].to_vec(), self.labels[..n].to_vec());
        Self { pixels, labels, ..*self }
    }

    /// How often each class occurs, for classes 0 to `classes` − 1.
    pub fn histogram(&self, classes: usize) -> Vec<usize> {
        histogram(&self.labels, classes)
    }
}

fn histogram(labels: &[u8], classes: usize) -> Vec<usize> {
    (0..classes).map(|class| labels.iter().filter(|&&label| usize::from(label) == class).count()).collect()
}

/// A training set and a test set of the same kind of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    /// What it is, for tables and figures.
    pub name: String,
    /// SHA-256 (hexadecimal) over the hashes of the input files and the recipe, sizes and seed included.
    pub fingerprint: String,
    /// Number of classes; labels are below it.
    pub classes: usize,
    /// Images to learn from.
    pub train: Images,
    /// Images to be judged by.
    pub test: Images,
}

impl Dataset {
    /// Keeps the first `train` and `test` images (all where `None`), which changes the fingerprint if anything is cut.
    fn first(mut self, train: Option<usize>, test: Option<usize>) -> Result<Self> {
        let train = wanted("train", train, self.train.len())?;
        let test = wanted("test", test, self.test.len())?;
        if (train, test) != (self.train.len(), self.test.len()) {
            let cut = format!("first {train} of train, first {test} of test");
            self.fingerprint = hash::fingerprint([self.fingerprint.as_str(), &cut]);
            self.train.truncate(train);
            self.test.truncate(test);
        }
        Ok(self)
    }
}

/// The number of images that `data.<key>` asks for; all where it doesn't.
fn wanted(key: &'static str, wanted: Option<usize>, available: usize) -> Result<usize> {
    match wanted.unwrap_or(available) {
        0 => Err(Error::key("data", key, format!("must be at least 1 (there are {available} images)"))),
        n if n > available => Err(Error::key("data", key, format!("= {n}, but there are only {available} images"))),
        n => Ok(n),
    }
}

/// Where images come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Digits drawn by the program itself ([`builtin`]); needs no files.
    Builtin,
    /// MNIST, or another set in its IDX format, upright ([`idx`]).
    Mnist,
    /// Rotated digits made from MNIST's IDX files by our own recipe ([`mnist_rot`]).
    MnistRot,
    /// The original rot-MNIST text files ([`amat`]).
    Amat,
    /// rot-MNIST as NumPy archives ([`npz`]).
    Npz,
}

/// The `[data]` table of a study: which images, how many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Where images come from.
    pub source: Source,
    /// Training images: the first so many of the set. Default: builtin 2000, mnist-rot 12000, others all.
    pub train: Option<usize>,
    /// Test images: the first so many of the set. Default: builtin 2000, mnist-rot 50000, others all.
    pub test: Option<usize>,
    /// Seed of the random choices behind builtin and mnist-rot.
    #[serde(default)]
    pub seed: u64,
    /// amat only: the files hold each image column by column.
    #[serde(default)]
    pub transpose: bool,
    /// amat and npz only: the training file's name in the folder, where it isn't the usual one.
    pub train_file: Option<String>,
    /// amat and npz only: the test file's name in the folder, where it isn't the usual one.
    pub test_file: Option<String>,
}

impl DataConfig {
    /// The default configuration of a source.
    pub fn new(source: Source) -> Self {
        Self { source, train: None, test: None, seed: 0, transpose: false, train_file: None, test_file: None }
    }

    /// Refuses what the source would ignore, and sizes of 0.
    ///
    /// # Errors
    /// Both, with the key.
    pub fn check(&self) -> Result<()> {
        if self.train == Some(0) || self.test == Some(0) {
            let key = if self.train == Some(0) { "train" } else { "test" };
            return Err(Error::key("data", key, "= 0, but it must be at least 1"));
        }
        if self.transpose && self.source != Source::Amat {
            return Err(Error::key("data", "transpose", "is for source = \"amat\" only"));
        }
        let files = [("train_file", &self.train_file), ("test_file", &self.test_file)];
        match files.into_iter().find(|(_, file)| file.is_some()) {
            Some((key, _)) if !matches!(self.source, Source::Amat | Source::Npz) => {
                Err(Error::key("data", key, "is for the sources amat and npz only"))
            }
            _ => Ok(()),
        }
    }
}

/// Loads the images that `config` asks for.
///
/// `dir` is the folder that holds the source's files, or a file written by [`cache::write()`] (`equisplit data make`), which
/// stands in for any source: its images are taken as they are, under the name and fingerprint stored in it, and the default
/// sizes are all of them. [`Source::Builtin`] needs no `dir` and doesn't look into a folder.
///
/// # Errors
/// A missing `dir`, more images asked for than there are, or input files that are missing, unreadable or malformed.
pub fn load(config: &DataConfig, dir: Option<&Path>) -> Result<Dataset> {
    config.check()?;
    match (dir, config.source) {
        (Some(file), _) if file.is_file() => cache::read(file)?.first(config.train, config.test),
        (_, Source::Builtin) => {
            builtin::digits(config.seed, config.train.unwrap_or(2_000), config.test.unwrap_or(2_000))
        }
        (Some(folder), _) => load_folder(config, folder),
        (None, _) => {
            Err(Error::invalid("this data source needs files: pass --data DIR with the folder that holds them"))
        }
    }
}

fn load_folder(config: &DataConfig, folder: &Path) -> Result<Dataset> {
    std::fs::read_dir(folder).map_err(|e| Error::io(folder, e))?;
    match config.source {
        Source::Mnist => idx::read_folder(folder)?.into_dataset().first(config.train, config.test),
        Source::MnistRot => {
            let (train, test) = (config.train.unwrap_or(12_000), config.test.unwrap_or(50_000));
            mnist_rot::load(folder, config.seed, train, test)
        }
        Source::Amat => amat::load(folder, config)?.first(config.train, config.test),
        Source::Npz => npz::load(folder, config)?.first(config.train, config.test),
        Source::Builtin => Err(Error::invalid("builtin digits are not read from a folder")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_out_of_reach_name_the_key_and_what_there_is() {
        let message = |key, n| wanted(key, Some(n), 500).unwrap_err().to_string();
        assert!(message("train", 501).contains("data.train = 501"));
        assert!(message("test", 501).contains("500"));
        assert!(message("test", 0).contains("data.test"));
        assert_eq!(wanted("train", None, 500).unwrap(), 500);
    }

    #[test]
    fn options_that_a_source_would_ignore_are_refused() {
        let mut config = DataConfig::new(Source::Builtin);
        config.transpose = true;
        assert!(load(&config, None).unwrap_err().to_string().contains("amat"));
        config.transpose = false;
        config.test_file = Some("a".into());
        assert!(load(&config, None).unwrap_err().to_string().contains("npz"));
    }
}
