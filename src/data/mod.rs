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

mod config;
mod folder;
pub(crate) mod hash;
mod pixels;
mod stream;

use std::path::Path;

use crate::error::{Error, Result};

pub use augment::Augmentation;
pub use config::{DataConfig, Source};

/// Fewest classes that a set is taken to have: the digits, or Fashion-MNIST's ten kinds of clothing.
pub const CLASSES: usize = 10;

/// Most classes: labels are bytes.
pub const MAX_CLASSES: usize = 256;

/// What an image of a set is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Channels.
    pub channels: usize,
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let Self { channels, height, width } = self;
        match channels {
            1 => write!(f, "{height}×{width} pixels"),
            _ => write!(f, "{height}×{width} pixels and {channels} channels"),
        }
    }
}

/// Number of classes of a set with these labels, which are those of its parts: ten, as digits have even where one is
/// missing, or as many as the labels need.
fn classes<L: AsRef<[u8]>>(parts: impl IntoIterator<Item = L>) -> usize {
    let largest = parts.into_iter().filter_map(|labels| labels.as_ref().iter().copied().max()).max();
    largest.map_or(CLASSES, |label| CLASSES.max(usize::from(label) + 1))
}

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

    /// What an image is like.
    pub fn shape(&self) -> Shape {
        Shape { channels: self.channels, height: self.height, width: self.width }
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

/// Loads the images that `config` asks for.
///
/// `dir` is the folder that holds the source's files, or a file written by [`cache::write_made`] (`equisplit data make`),
/// which stands in for the source that it was made from: its images are taken as they are, under the name and fingerprint
/// stored in it, and the default sizes are all of them. [`Source::Builtin`] needs no `dir` and doesn't look into a folder.
///
/// # Errors
/// A missing `dir`, more images asked for than there are, keys that contradict the file, or input files that are missing,
/// unreadable or malformed.
pub fn load(config: &DataConfig, dir: Option<&Path>) -> Result<Dataset> {
    config.check()?;
    match (place(dir)?, config.source) {
        (Some(DataPath::File(file)), _) => {
            let (set, recipe) = cache::read_made(file)?;
            recipe.map_or(Ok(()), |recipe| config.check_against(&recipe, file))?;
            set.first(config.train, config.test)
        }
        (_, Source::Builtin) => {
            builtin::digits(config.seed, config.train.unwrap_or(2_000), config.test.unwrap_or(2_000))
        }
        (Some(DataPath::Folder(folder)), _) => load_folder(config, folder),
        (None, _) => Err(no_folder()),
    }
}

/// The shape of the images that [`load`] would give, and the number of classes: read from headers and labels, without the
/// images.
///
/// # Errors
/// As [`load`], as far as it's seen without the images.
pub fn shape(config: &DataConfig, dir: Option<&Path>) -> Result<(Shape, usize)> {
    config.check()?;
    let folder = match (place(dir)?, config.source) {
        (Some(DataPath::File(file)), _) => {
            let (shape, classes, recipe) = cache::shape(file)?;
            recipe.map_or(Ok(()), |recipe| config.check_against(&recipe, file))?;
            return Ok((shape, classes));
        }
        (_, Source::Builtin) => return Ok((Shape { channels: 1, height: 28, width: 28 }, CLASSES)),
        (Some(DataPath::Folder(folder)), _) => folder,
        (None, _) => return Err(no_folder()),
    };
    std::fs::read_dir(folder).map_err(|e| Error::io(folder, e))?;
    match config.source {
        Source::Amat => amat::shape(folder, config),
        Source::Npz => npz::shape(folder, config),
        _ => idx::shape(folder),
    }
}

/// What `--data` names.
enum DataPath<'a> {
    File(&'a Path),
    Folder(&'a Path),
}

/// What isn't there is told as a folder that can't be read.
fn place(dir: Option<&Path>) -> Result<Option<DataPath<'_>>> {
    match dir {
        Some(path) if path.is_file() => Ok(Some(DataPath::File(path))),
        Some(path) if path.exists() && !path.is_dir() => {
            let message = "is a pipe, device or socket; expected a folder, or a file made by `equisplit data make`";
            Err(Error::content(path, message))
        }
        dir => Ok(dir.map(DataPath::Folder)),
    }
}

fn no_folder() -> Error {
    Error::invalid("this data source needs files: pass --data DIR with the folder that holds them")
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
