//! The `[data]` table of a study.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ImageSize;
use super::pixels::MAX_SIDE;
use crate::error::{Error, Result};
use crate::number;

/// Where images come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// Digits drawn by the program itself ([`builtin`](super::builtin)); needs no files.
    Builtin,
    /// MNIST, or another set in its IDX format, upright ([`idx`](super::idx)).
    Mnist,
    /// Rotated digits made from MNIST's IDX files by our own recipe ([`mnist_rot`](super::mnist_rot)).
    MnistRot,
    /// The original rot-MNIST text files ([`amat`](super::amat)).
    Amat,
    /// rot-MNIST, or another set, as NumPy archives ([`npz`](super::npz)).
    Npz,
    /// A set in MNIST's IDX format under names of its own, as KMNIST and EMNIST ([`idx`](super::idx)).
    Idx,
    /// CIFAR-10 in its binary form ([`cifar`](super::cifar)).
    Cifar10,
    /// CIFAR-100 in its binary form, by its fine labels ([`cifar`](super::cifar)).
    Cifar100,
    /// PNG and JPEG files, a folder for each class (`train/CLASS/…` and `test/CLASS/…`, TinyImageNet's layout, or `CLASS/…`).
    Images,
}

/// How the images of a set are turned, see [`DataConfig::rotate`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rotate {
    /// By any angle.
    Any,
    /// By quarter turns.
    Quarter,
}

/// Whether the seeds of a study share their images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Draw {
    /// All seeds learn from the same images and are judged by the same.
    #[default]
    Fixed,
    /// Every seed has training and test images of its own ([`Draws`](super::Draws)), the same for all arms.
    PerSeed,
}

/// The `[data]` table of a study: which images, how many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct DataConfig {
    /// Where images come from.
    pub source: Source,
    /// Training images: the first so many of the set. Default: builtin 2000, mnist-rot 12000, others all.
    #[serde(default, deserialize_with = "number::told")]
    pub train: Option<usize>,
    /// Test images: the first so many of the set. Default: builtin 2000, mnist-rot 50000, others all.
    #[serde(default, deserialize_with = "number::told")]
    pub test: Option<usize>,
    /// Seed of the random choices behind builtin, mnist-rot and images, and of `rotate` and `flip`.
    #[serde(default, deserialize_with = "number::told")]
    pub seed: u64,
    /// Whether the seeds of a study share their images.
    #[serde(default, skip_serializing_if = "Draw::is_fixed")]
    pub draw: Draw,
    /// How images are turned once, each by a draw of the seed; not at all by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate: Option<Rotate>,
    /// Whether images are mirrored once, both ways, each with probability 1/2.
    #[serde(default, skip_serializing_if = "is_false")]
    pub flip: bool,
    /// The size that images are given, before they're turned; as they are by default. Not for the sources that make digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resize: Option<ImageSize>,
    /// The size that images are given by zeros around them, after everything else; they aren't padded by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pad: Option<ImageSize>,
    /// amat and idx only: the files hold each image column by column.
    #[serde(default)]
    pub transpose: bool,
    /// amat, idx and npz only: the training file's name in the folder, where it isn't the usual one.
    pub train_file: Option<String>,
    /// amat, idx and npz only: the test file's name in the folder, where it isn't the usual one.
    pub test_file: Option<String>,
    /// npz only: the name of the images' array, where it isn't a usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images_key: Option<String>,
    /// npz only: the name of the labels' array, where it isn't a usual one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels_key: Option<String>,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl Draw {
    fn is_fixed(&self) -> bool {
        *self == Self::Fixed
    }
}

impl Source {
    /// Its name in study files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::Mnist => "mnist",
            Self::MnistRot => "mnist-rot",
            Self::Amat => "amat",
            Self::Npz => "npz",
            Self::Idx => "idx",
            Self::Cifar10 => "cifar10",
            Self::Cifar100 => "cifar100",
            Self::Images => "images",
        }
    }

    /// Whether the seed has a say in its images.
    pub(super) fn has_seed(self) -> bool {
        matches!(self, Self::Builtin | Self::MnistRot)
    }
}

impl DataConfig {
    /// The default configuration of a source.
    pub fn new(source: Source) -> Self {
        Self {
            source,
            train: None,
            test: None,
            seed: 0,
            draw: Draw::Fixed,
            rotate: None,
            flip: false,
            resize: None,
            pad: None,
            transpose: false,
            train_file: None,
            test_file: None,
            images_key: None,
            labels_key: None,
        }
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
        if self.transpose && !matches!(self.source, Source::Amat | Source::Idx) {
            return Err(Error::key("data", "transpose", "is for the sources amat and idx only"));
        }
        if self.source.has_seed() {
            let turned = "is for upright sources; digits of builtin and mnist-rot are rotated as they are";
            let ignored = [
                ("flip", self.flip, turned),
                ("rotate", self.rotate.is_some(), turned),
                (
                    "resize",
                    self.resize.is_some(),
                    "is for sources of files; digits of builtin and mnist-rot have 28×28 pixels",
                ),
            ];
            if let Some((key, _, why)) = ignored.into_iter().find(|(_, given, _)| *given) {
                return Err(Error::key("data", key, why));
            }
        }
        for (key, size) in [("resize", self.resize), ("pad", self.pad)] {
            let Some([rows, columns]) = size.map(ImageSize::size) else { continue };
            if ![rows, columns].iter().all(|side| (1..=MAX_SIDE as usize).contains(side)) {
                return Err(Error::key("data", key, format!("= {rows}×{columns}, but sides must be 1 to {MAX_SIDE}")));
            }
        }
        let of_npz = matches!(self.source, Source::Npz);
        match self.names().into_iter().find(|(_, name)| name.is_some()) {
            Some((key @ ("images_key" | "labels_key"), _)) if !of_npz => {
                Err(Error::key("data", key, "is for source = \"npz\" only"))
            }
            Some((key, _)) if !of_npz && !matches!(self.source, Source::Amat | Source::Idx) => {
                Err(Error::key("data", key, "is for the sources amat, idx and npz only"))
            }
            _ => Ok(()),
        }
    }

    /// Names of files and arrays, with their keys.
    fn names(&self) -> [(&'static str, Option<&str>); 4] {
        [
            ("images_key", self.images_key.as_deref()),
            ("labels_key", self.labels_key.as_deref()),
            ("train_file", self.train_file.as_deref()),
            ("test_file", self.test_file.as_deref()),
        ]
    }

    /// Refuses keys that contradict what `file` was made by, or change images where it doesn't say. Numbers of images are another matter: a
    /// file may be used in part.
    pub(super) fn check_against(&self, recipe: Option<&Self>, file: &Path) -> Result<()> {
        let Some(recipe) = recipe else { return self.check_as_it_is(file) };
        let wrong = |key, found: String, made: String| {
            let file = file.display();
            Err(Error::key("data", key, format!("= {found}, but {file} was made with {key} = {made}")))
        };
        let quoted = |name: Option<&str>| name.map_or_else(|| "the usual one".to_owned(), |name| format!("{name:?}"));
        if self.source != recipe.source {
            return wrong("source", quoted(Some(self.source.name())), quoted(Some(recipe.source.name())));
        }
        if self.source.has_seed() && self.seed != recipe.seed {
            return wrong("seed", self.seed.to_string(), recipe.seed.to_string());
        }
        if (self.rotate, self.flip) != (recipe.rotate, recipe.flip) {
            let described = |of: &Self| format!("{:?} with flip = {}", of.rotate, of.flip).to_lowercase();
            return wrong("rotate", described(self), described(recipe));
        }
        if self.resize != recipe.resize {
            let described = |of: &Self| match of.resize.map(ImageSize::size) {
                Some([rows, columns]) => format!("{rows}×{columns}"),
                None => "the images' own size".to_owned(),
            };
            return wrong("resize", described(self), described(recipe));
        }
        if self.transpose != recipe.transpose {
            return wrong("transpose", self.transpose.to_string(), recipe.transpose.to_string());
        }
        match self.names().into_iter().zip(recipe.names()).find(|(own, made)| own != made) {
            Some(((key, own), (_, made))) => wrong(key, quoted(own), quoted(made)),
            None => Ok(()),
        }
    }

    /// Refuses what is done to images before a set is decoded.
    fn check_as_it_is(&self, file: &Path) -> Result<()> {
        let given = [("resize", self.resize.is_some()), ("rotate", self.rotate.is_some()), ("flip", self.flip)];
        match given.into_iter().find(|(_, given)| *given) {
            Some((key, _)) => {
                let message =
                    format!("can't be done to {}, a decoded set, whose images are taken as they are", file.display());
                Err(Error::key("data", key, message))
            }
            None => Ok(()),
        }
    }
}
