//! The images of a study: one set for all its seeds, or one for each.
//!
//! With `[data] draw = "per-seed"` seeds stand for new data sets. Seed s of a study has the images that `[data] seed` + s makes
//! ([`Source::Builtin`] draws new digits, [`Source::MnistRot`] draws images and angles anew from MNIST's 70,000), so that
//! `equisplit data make --seed` gives any of them to other programs. A source without a seed, or a file made by `data make`, is
//! split anew: all its training and test images are shuffled together, and the first of them become the training images. Either way
//! the draws of two seeds share images where the source has no more of them: they are draws from the source, and say nothing of
//! images beyond it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::load::{load_upright, located};
use super::padded::{fingerprint, padded};
use super::turned::turned;
use super::{DataConfig, Dataset, Draw, Images, Pixels, Source, hash, idx, load, mnist_rot};
use crate::error::{Error, Result};
use crate::rng;

/// Draws that are kept for whoever asks next: jobs side by side are at the same seed or at two that follow each other.
const KEPT: usize = 2;

/// A source that the images of every seed are drawn from, of so many images: enough to tell which of them a seed is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FiniteSource {
    /// Its images, training and test images together.
    pub images: usize,
    /// Whether they're split anew; if not, drawn by the source's own recipe.
    pub split: bool,
}

impl FiniteSource {
    /// Most images of a source whose draws are followed.
    pub const MOST_IMAGES: usize = 1 << 24;

    /// The places in the source of the test images of `seed`, in their order; `train` and `test` are the numbers of images of a draw,
    /// `own` is `[data] seed`. `None` where there aren't as many.
    pub fn test_images(&self, own: u64, [train, test]: [usize; 2], seed: u64) -> Option<Vec<u32>> {
        if self.images > Self::MOST_IMAGES || train.checked_add(test)? > self.images {
            return None;
        }
        let places = match self.split {
            true => order(self.images, seed)[train..train + test].to_vec(),
            false => mnist_rot::orders(self.images, [train, test], own.wrapping_add(seed))[1].clone(),
        };
        Some(places.into_iter().map(|place| place as u32).collect())
    }
}

/// All places in a random order.
fn order(images: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..images).collect();
    order.shuffle(&mut rng::stream(seed, "data/split"));
    order
}

/// The images of a study, from which every seed has its own or all have the same.
#[derive(Debug)]
pub struct Draws {
    /// How the draws are made; `None` where there's one for all seeds.
    recipe: Option<Recipe>,
    source: Option<FiniteSource>,
    /// The images of `[data] seed` itself.
    first: Arc<Dataset>,
    kept: Mutex<Vec<(u64, Arc<Dataset>)>>,
}

/// How a draw is made.
#[derive(Debug)]
enum Recipe {
    /// By the source's own recipe with another seed.
    Seeded(DataConfig, Option<PathBuf>),
    /// By splitting anew all that the source has, and then turning and padding images as this says.
    Split { all: Dataset, turned: DataConfig },
}

impl From<Dataset> for Draws {
    fn from(dataset: Dataset) -> Self {
        Self { recipe: None, source: None, first: Arc::new(dataset), kept: Mutex::default() }
    }
}

impl Draws {
    /// Loads the images that `config` asks for; `dir` as in [`load`].
    ///
    /// # Errors
    /// As [`load`].
    pub fn load(config: &DataConfig, dir: Option<&Path>) -> Result<Self> {
        let (config, dir) = located(config, dir);
        let config = config.as_ref();
        let draws = Self::from(load(config, dir)?);
        if config.draw == Draw::Fixed {
            return Ok(draws);
        }
        let drawn_anew = config.source.has_seed() && !dir.is_some_and(Path::is_file);
        let (recipe, source) = if drawn_anew {
            let images = match (config.source, dir) {
                (Source::MnistRot, Some(folder)) => Some(idx::count(folder)?),
                _ => None,
            };
            let source = images.map(|images| FiniteSource { images, split: false });
            (Recipe::Seeded(config.clone(), dir.map(Path::to_owned)), source)
        } else {
            let all = DataConfig { train: None, test: None, ..config.clone() };
            // A file of `data make` has its images turned already.
            let is_file = dir.is_some_and(Path::is_file);
            let turned = match is_file {
                true => DataConfig { pad: config.pad, ..DataConfig::new(config.source) },
                false => config.clone(),
            };
            let all = match is_file {
                true => load(&DataConfig { pad: None, ..all }, dir)?,
                false => load_upright(&all, dir)?,
            };
            let source = FiniteSource { images: all.train.len() + all.test.len(), split: true };
            (Recipe::Split { all, turned }, Some(source))
        };
        let source = source.filter(|source| source.images <= FiniteSource::MOST_IMAGES);
        Ok(Self { recipe: Some(recipe), source, ..draws })
    }

    /// Whether every seed has images of its own.
    pub fn are_per_seed(&self) -> bool {
        self.recipe.is_some()
    }

    /// What the seeds' images are drawn from; `None` where they aren't, or it has no end, as digits that are drawn anew.
    pub fn source(&self) -> Option<FiniteSource> {
        self.source
    }

    /// The images of `[data] seed` itself: what they are like, and how many, is the same of all draws.
    pub fn first(&self) -> &Dataset {
        &self.first
    }

    /// What they are, for tables and figures.
    pub fn name(&self) -> String {
        match &self.recipe {
            None => self.first.name.clone(),
            Some(Recipe::Seeded(..)) => format!("{}, drawn anew for every seed", self.first.name),
            Some(Recipe::Split { .. }) => format!("{}, split anew for every seed", self.first.name),
        }
    }

    /// SHA-256 (hexadecimal) over the inputs and the recipe of all draws.
    pub fn fingerprint(&self) -> String {
        let first = self.first.fingerprint.as_str();
        match &self.recipe {
            None => first.to_owned(),
            Some(Recipe::Seeded(..)) => hash::fingerprint([first, "drawn anew for every seed, recipe 1"]),
            Some(Recipe::Split { .. }) => hash::fingerprint([first, "split anew for every seed, recipe 1"]),
        }
    }

    /// The images of a seed.
    ///
    /// # Errors
    /// When the source's files can't be read any more, or aren't what they were.
    pub fn of(&self, seed: u64) -> Result<Arc<Dataset>> {
        let Some(recipe) = &self.recipe else { return Ok(self.first.clone()) };
        // Held while a draw is made: the other jobs want the same one.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, dataset)) = kept.iter().find(|(of, _)| *of == seed) {
            return Ok(dataset.clone());
        }
        let dataset = Arc::new(match recipe {
            Recipe::Split { all, turned: how } => {
                let set = split(all, [self.first.train.len(), self.first.test.len()], seed);
                padded(turned(set, how, how.seed.wrapping_add(seed))?, how)?
            }
            Recipe::Seeded(config, dir) => seeded(config, dir.as_deref(), &self.first, seed)?,
        });
        kept.truncate(KEPT - 1);
        kept.insert(0, (seed, dataset.clone()));
        Ok(dataset)
    }
}

/// The images that the source's recipe makes with the study's seed added to its own.
fn seeded(config: &DataConfig, dir: Option<&Path>, first: &Dataset, seed: u64) -> Result<Dataset> {
    let drawn = DataConfig { seed: config.seed.wrapping_add(seed), ..config.clone() };
    // Not through the folder's cache: there would be a file for every seed.
    let (Source::MnistRot, Some(folder)) = (config.source, dir) else { return load(&drawn, dir) };
    let (train, test) = (first.train.len(), first.test.len());
    let upright = idx::read_folder(folder)?;
    let begun = mnist_rot::fingerprint(&upright, config.seed, train, test);
    if fingerprint(&begun, upright.train.shape(), config) != first.fingerprint {
        return Err(Error::content(folder, "its images aren't those any more that the study began with"));
    }
    padded(mnist_rot::make(&upright, drawn.seed, train, test)?, config)
}

/// So many training and test images of all those of a set.
fn split(set: &Dataset, [train, test]: [usize; 2], seed: u64) -> Dataset {
    let first_test = set.train.len();
    let order = order(first_test + set.test.len(), seed);
    let image = |place: usize| match place.checked_sub(first_test) {
        None => (&set.train, place),
        Some(place) => (&set.test, place),
    };
    let part = |places: &[usize]| Images {
        pixels: Pixels::gather(places.iter().map(|&place| image(place)).map(|(set, at)| (&set.pixels, set.range(at)))),
        labels: places.iter().map(|&place| image(place)).map(|(set, at)| set.labels[at]).collect(),
        ..set.train
    };
    let (train, test) = (part(&order[..train]), part(&order[train..train + test]));
    let sizes = format!("{} train and {} test images by seed {seed}", train.len(), test.len());
    let fingerprint = hash::fingerprint([set.fingerprint.as_str(), "split anew", &sizes]);
    Dataset { name: format!("{}, split anew by seed {seed}", set.name), fingerprint, train, test, ..*set }
}
