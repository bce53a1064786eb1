//! Which images a run learns from, and which ones judge it.

use std::borrow::Cow;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use crate::data::{Dataset, Images, Label};
use crate::error::{Error, Result};
use crate::rng;
use crate::train::Trainer;

/// What a run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "judged_by", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Purpose {
    /// A result: the test set judges it.
    TestSet {
        /// Training images.
        train: usize,
    },
    /// A trial of tuning: training images that it doesn't learn from judge it.
    HeldOut {
        /// Training images.
        train: usize,
        /// Images held out.
        validation: usize,
    },
}

/// Fraction of held-out training images that is classified wrongly. Only a [`Split`] gives one, so that what is chosen by it
/// isn't chosen by the test set.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ValidationError(f64);

impl ValidationError {
    /// The fraction.
    pub fn value(self) -> f64 {
        self.0
    }
}

/// Training images in two parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    learn: Images,
    held_out: Images,
}

impl Purpose {
    /// A trial on `train` images in all, a fraction of which is held out.
    ///
    /// # Errors
    /// When that leaves one part without images.
    pub fn trial(train: usize, fraction: f64) -> Result<Self> {
        let validation = (train as f64 * fraction).round() as usize;
        if validation == 0 || validation >= train {
            let message = format!("= {fraction} of {train} training images leaves a part without any");
            return Err(Error::key("tuning", "validation", message));
        }
        Ok(Self::HeldOut { train: train - validation, validation })
    }

    /// Whether the run judges the study, and isn't a trial.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::TestSet { .. })
    }

    /// Numbers of images that the run learns from and is judged by, of a test set of `test` images.
    pub fn images(&self, test: usize) -> (usize, usize) {
        match *self {
            Self::TestSet { train } => (train, test),
            Self::HeldOut { train, validation } => (train, validation),
        }
    }
}

/// The `count` training images of a run: drawn at random for every seed, the smaller sets within the larger ones; all of
/// them in their own order.
pub fn training_images(dataset: &Dataset, count: usize, seed: u64) -> Cow<'_, Images> {
    if count >= dataset.train.len() {
        return Cow::Borrowed(&dataset.train);
    }
    Cow::Owned(dataset.train.pick(&order(dataset.train.len(), seed, "subset")[..count]))
}

/// Their labels alone.
pub(super) fn training_labels(dataset: &Dataset, count: usize, seed: u64) -> Vec<Label> {
    let labels = &dataset.train.labels;
    if count >= labels.len() {
        return labels.clone();
    }
    order(labels.len(), seed, "subset")[..count].iter().map(|&place| labels[place]).collect()
}

impl Split {
    /// Splits the images that a run with this seed would learn from.
    pub fn new(dataset: &Dataset, train: usize, validation: usize, seed: u64) -> Self {
        let images = training_images(dataset, train + validation, seed);
        let order = order(images.len(), seed, "split");
        let (learn, held_out) = order.split_at(train.min(order.len()));
        Self { learn: images.pick(learn), held_out: images.pick(held_out) }
    }

    /// The images to learn from.
    pub fn learn(&self) -> &Images {
        &self.learn
    }

    /// The network's error on the held-out images; `None` if `stop` said so.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn judge(&self, trainer: &Trainer, stop: &mut dyn FnMut() -> bool) -> Result<Option<ValidationError>> {
        Ok(trainer.evaluate(&self.held_out, stop)?.map(|evaluation| ValidationError(evaluation.error)))
    }
}

fn order(count: usize, seed: u64, name: &str) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(&mut rng::stream(seed, name));
    order
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::data::{self, DataConfig, Source};

    fn digits() -> Dataset {
        let config = DataConfig { train: Some(60), test: Some(1), ..DataConfig::new(Source::Builtin) };
        data::load(&config, None).unwrap()
    }

    fn set(images: &Images) -> BTreeSet<Vec<u32>> {
        (0..images.len()).map(|i| images.image(i).iter().map(|pixel| pixel.to_bits()).collect()).collect()
    }

    #[test]
    fn small_training_sets_lie_in_larger_ones_and_differ_between_seeds() {
        let dataset = digits();
        let drawn = |count, seed| set(&training_images(&dataset, count, seed));
        assert!(drawn(20, 1).is_subset(&drawn(40, 1)) && drawn(20, 1).len() == 20);
        assert_ne!(drawn(20, 1), drawn(20, 2));
        assert_eq!(*training_images(&dataset, 60, 1), dataset.train);
        for count in [20, 60] {
            assert_eq!(training_labels(&dataset, count, 1), training_images(&dataset, count, 1).labels);
        }
    }

    #[test]
    fn a_split_shares_no_image_and_stays_within_the_arms_own() {
        let dataset = digits();
        let split = Split::new(&dataset, 40, 8, 3);
        let (learn, held_out) = (set(&split.learn), set(&split.held_out));
        assert_eq!((split.learn.len(), split.held_out.len()), (40, 8));
        assert!(learn.is_disjoint(&held_out));
        let own = set(&training_images(&dataset, 48, 3));
        assert!(learn.is_subset(&own) && held_out.is_subset(&own));
        let labels = |images: &Images| images.labels.len() == images.len() && images.image_len() == 784;
        assert!(labels(&split.learn) && labels(&split.held_out));
        assert_eq!(Purpose::trial(12_000, 1.0 / 6.0).unwrap(), Purpose::HeldOut { train: 10_000, validation: 2_000 });
        assert!(Purpose::trial(3, 0.1).is_err());
    }
}
