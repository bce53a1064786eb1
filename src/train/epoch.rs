//! An epoch of training: what is summed up on its way, how far it is, and what it gave.

use serde::{Deserialize, Serialize};

/// What has been summed up of an epoch that has begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochSums {
    /// Batches done.
    pub batches: usize,
    /// Images done.
    pub images: usize,
    /// Sum of their cross-entropies.
    pub loss: f64,
    /// How many of them were classified wrongly.
    pub wrong: usize,
}

impl EpochSums {
    /// Adds a batch of `images` images with this mean loss.
    pub(super) fn add(&mut self, loss: f64, wrong: usize, images: usize) {
        self.batches += 1;
        self.images += images;
        self.loss += loss * images as f64;
        self.wrong += wrong;
    }

    /// How far the epoch is, of `batches` batches.
    pub(super) fn progress(self, epoch: usize, batches: usize) -> EpochProgress {
        let images = self.images.max(1) as f64;
        let (loss, error) = (self.loss / images, self.wrong as f64 / images);
        EpochProgress { epoch, batch: self.batches, batches, images: self.images, loss, error }
    }
}

/// How far an epoch is.
#[derive(Clone, Copy, Debug)]
pub struct EpochProgress {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Batches done of it.
    pub batch: usize,
    /// Batches that it has.
    pub batches: usize,
    /// Images done of it.
    pub images: usize,
    /// Mean loss over them.
    pub loss: f64,
    /// Fraction of them that was classified wrongly.
    pub error: f64,
}

/// What an epoch of training gave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochMetrics {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Rate of the optimiser in the epoch's last step.
    pub learning_rate: f64,
    /// Mean cross-entropy over the training images, each at the step that used it.
    pub train_loss: f64,
    /// Fraction of them that was classified wrongly then.
    pub train_error: f64,
    /// Error on the test set after the epoch, where the configuration asks for it.
    pub test_error: Option<f64>,
    /// Wall-clock time; differs between otherwise identical runs.
    pub seconds: f64,
}

impl EpochMetrics {
    /// What of it no epoch gives, if there's such a thing.
    pub fn fault(&self) -> Option<String> {
        let errors = std::iter::once(self.train_error).chain(self.test_error);
        let wrong = errors.into_iter().find(|error| !(0.0..=1.0).contains(error));
        match wrong {
            Some(error) => Some(format!("epoch {}: an error of {error} is no fraction of the images", self.epoch)),
            None if self.seconds < 0.0 => Some(format!("epoch {}: it took less than no time", self.epoch)),
            None => None,
        }
    }
}

/// How training an epoch ended.
#[derive(Clone, Debug)]
pub enum EpochEnd {
    /// All its images were used.
    Done(EpochProgress),
    /// It was asked to stop after a step; the next call goes on from there.
    Paused,
    /// The loss or a weight was not a finite number any more; why, in words. The network is of no use.
    Diverged(String),
}
