//! Published training protocols.

use serde::{Deserialize, Serialize};

use crate::data::Augmentation;
use crate::error::{Error, Result};

/// A protocol of a paper; every field of it can be overridden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Cohen & Welling (2016): Adam at 0.001, batches of 128, no augmentation. The rate stays as it is, and 20 epochs are
    /// our choice.
    #[default]
    Cohen2016,
    /// Chavan et al. (2021): Adam at 0.001 with weight decay 1e-7, the rate × 0.8 per epoch from the tenth on, online
    /// rotations and flips. 40 epochs are our choice.
    Repeatnet2021,
}

/// How a network is trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingConfig {
    /// Epochs; one is a pass over the training images, or `images_per_epoch` of them.
    pub epochs: usize,
    /// Images of an epoch, where it isn't one pass: as many passes as that takes, each in an order of its own, so that small
    /// training sets get as many steps as large ones.
    pub images_per_epoch: Option<usize>,
    /// Images per step; the last batch of an epoch may be smaller.
    pub batch: usize,
    /// Adam's rate in the first epoch.
    pub learning_rate: f64,
    /// Added to the gradient as `weight_decay`·θ (L2, as in PyTorch's Adam).
    pub weight_decay: f64,
    /// Factor on the rate in every epoch from `decay_from` on.
    pub decay: f64,
    /// The first epoch, counted from 1, whose rate is decayed.
    pub decay_from: usize,
    /// Online augmentation of the training images.
    pub augmentation: Augmentation,
    /// Whether the test error is also recorded after every epoch, not only the last (nothing is ever selected by it).
    pub test_every_epoch: bool,
}

impl Protocol {
    /// The protocol's values.
    pub fn config(self) -> TrainingConfig {
        let plain = TrainingConfig {
            epochs: 20,
            images_per_epoch: None,
            batch: 128,
            learning_rate: 1e-3,
            weight_decay: 0.0,
            decay: 1.0,
            decay_from: 1,
            augmentation: Augmentation::default(),
            test_every_epoch: false,
        };
        match self {
            Self::Cohen2016 => plain,
            Self::Repeatnet2021 => TrainingConfig {
                epochs: 40,
                weight_decay: 1e-7,
                decay: 0.8,
                decay_from: 10,
                augmentation: Augmentation { rotate: true, flip: true },
                ..plain
            },
        }
    }
}

/// Most images of a batch or an epoch; more is a slip of the pen, and would exhaust the memory before anyone sees it.
pub(crate) const MOST_IMAGES: usize = 100_000_000;

impl TrainingConfig {
    /// Adam's rate in `epoch`, counted from 1.
    pub fn learning_rate_in(&self, epoch: usize) -> f64 {
        let decays = (epoch + 1).saturating_sub(self.decay_from.max(1));
        self.learning_rate * self.decay.powi(i32::try_from(decays).unwrap_or(i32::MAX))
    }

    /// Refuses values that no run can be made with.
    ///
    /// # Errors
    /// [`Error::Key`] when a count is 0, or a rate negative or not finite.
    pub fn check(&self) -> Result<()> {
        let counts = [
            ("epochs", self.epochs),
            ("images_per_epoch", self.images_per_epoch.unwrap_or(1)),
            ("batch", self.batch),
            ("decay_from", self.decay_from),
        ];
        if let Some((key, _)) = counts.iter().find(|(_, count)| *count == 0) {
            return Err(Error::key("training", key, "= 0, but it must be at least 1"));
        }
        let most =
            [("batch", self.batch, MOST_IMAGES), ("images_per_epoch", self.images_per_epoch.unwrap_or(1), MOST_IMAGES)];
        if let Some((key, count, most)) = most.iter().find(|(_, count, most)| count > most) {
            return Err(Error::key("training", key, format!("= {count}, but at most {most} are possible")));
        }
        let rates = [("learning_rate", self.learning_rate), ("weight_decay", self.weight_decay), ("decay", self.decay)];
        match rates.iter().find(|(_, rate)| !rate.is_finite() || *rate < 0.0) {
            Some((key, rate)) => {
                Err(Error::key("training", key, format!("= {rate}, but it must be a finite number, at least 0")))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_falls_from_the_tenth_epoch_on() {
        let config = Protocol::Repeatnet2021.config();
        assert_eq!(config.learning_rate_in(1), 1e-3);
        assert_eq!(config.learning_rate_in(9), 1e-3);
        assert!((config.learning_rate_in(10) - 8e-4).abs() < 1e-12);
        assert!((config.learning_rate_in(12) - 5.12e-4).abs() < 1e-12);
        assert_eq!(Protocol::Cohen2016.config().learning_rate_in(500), 1e-3);
    }

    #[test]
    fn values_out_of_range_name_their_key() {
        let plain = Protocol::Cohen2016.config();
        let message = |config: TrainingConfig| config.check().unwrap_err().to_string();
        assert!(message(TrainingConfig { epochs: 0, ..plain.clone() }).contains("training.epochs"));
        assert!(message(TrainingConfig { batch: 0, ..plain.clone() }).contains("training.batch"));
        assert!(message(TrainingConfig { learning_rate: f64::NAN, ..plain.clone() }).contains("learning_rate"));
        assert!(message(TrainingConfig { decay: -0.5, ..plain.clone() }).contains("training.decay"));
        plain.check().unwrap();
    }
}
