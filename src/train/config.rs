//! How a network is trained.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::{DecayOn, EpochDraw, Method, Normalisation, OptimiserConfig, Schedule};
use crate::data::Augmentation;
use crate::error::{Error, Result};

/// How a network is trained. The defaults are those of [`Protocol::Cohen2016`](super::Protocol::Cohen2016).
///
/// Records leave out what younger keys say by default, so that records of before have the same hash.
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
    /// The optimiser's rate, which the schedule goes on from.
    pub learning_rate: f64,
    /// Decay of the parameters, see [`Method`].
    pub weight_decay: f64,
    /// Factor on the rate, see [`Schedule`].
    pub decay: f64,
    /// The first epoch, counted from 1, whose rate is decayed; of [`Schedule::Exponential`].
    pub decay_from: usize,
    /// Online augmentation of the training images.
    pub augmentation: Augmentation,
    /// Whether the test error is also recorded after every epoch, not only the last (nothing is ever selected by it).
    pub test_every_epoch: bool,
    /// What images are shifted and scaled by.
    #[serde(default, skip_serializing_if = "is_default")]
    pub normalise: Normalisation,
    /// How gradients move parameters.
    #[serde(default, skip_serializing_if = "is_default")]
    pub optimiser: Method,
    /// Momentum; of [`Method::Sgd`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub momentum: f64,
    /// Whether momentum looks ahead (Nesterov); of [`Method::Sgd`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub nesterov: bool,
    /// λ of a penalty λ·|x| of the parameters.
    #[serde(default, skip_serializing_if = "is_default")]
    pub l1: f64,
    /// Which parameters decay and are penalised.
    #[serde(default, skip_serializing_if = "is_default")]
    pub decay_on: DecayOn,
    /// The largest Euclidean norm of all gradients together; a larger one is scaled down to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// How much of a label all classes share.
    #[serde(default, skip_serializing_if = "is_default")]
    pub label_smoothing: f64,
    /// How the rate goes on from epoch to epoch.
    #[serde(default, skip_serializing_if = "is_default")]
    pub schedule: Schedule,
    /// Epochs, counted from 1, after which the rate is decayed; of [`Schedule::Multistep`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub milestones: Vec<usize>,
    /// First epochs in which the rate rises to where the schedule begins.
    #[serde(default, skip_serializing_if = "is_default")]
    pub warmup: usize,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            epochs: 20,
            images_per_epoch: None,
            batch: 128,
            learning_rate: 1e-3,
            weight_decay: 0.0,
            decay: 1.0,
            decay_from: 1,
            augmentation: Augmentation::default(),
            test_every_epoch: false,
            normalise: Normalisation::default(),
            optimiser: Method::default(),
            momentum: 0.0,
            nesterov: false,
            l1: 0.0,
            decay_on: DecayOn::default(),
            clip_norm: None,
            label_smoothing: 0.0,
            schedule: Schedule::default(),
            milestones: Vec::new(),
            warmup: 0,
        }
    }
}

/// Most images of a batch or an epoch; more is a slip of the pen, and would exhaust the memory before anyone sees it.
pub(crate) const MOST_IMAGES: usize = 100_000_000;

impl TrainingConfig {
    /// What the optimiser is to do.
    pub fn optimiser(&self) -> OptimiserConfig {
        OptimiserConfig {
            method: self.optimiser,
            momentum: self.momentum,
            nesterov: self.nesterov,
            weight_decay: self.weight_decay,
            l1: self.l1,
            decay_on: self.decay_on,
            clip_norm: self.clip_norm,
        }
    }

    /// What determines the images of `epoch`, counted from 1, of a run with this seed.
    pub fn draw(&self, seed: u64, epoch: usize) -> EpochDraw {
        EpochDraw { seed, epoch, images: self.images_per_epoch, augmentation: self.augmentation.clone() }
    }

    /// The rate in `epoch`, counted from 1, after any warm-up in it.
    pub fn learning_rate_in(&self, epoch: usize) -> f64 {
        let decayed = |times: usize| self.learning_rate * self.decay.powi(i32::try_from(times).unwrap_or(i32::MAX));
        match self.schedule {
            Schedule::Exponential => decayed((epoch + 1).saturating_sub(self.decay_from.max(1))),
            Schedule::Multistep => decayed(self.milestones.iter().filter(|&&milestone| milestone < epoch).count()),
            Schedule::Cosine => {
                let epochs = self.epochs.saturating_sub(self.warmup).max(1);
                let done = epoch.saturating_sub(self.warmup + 1).min(epochs);
                self.learning_rate * 0.5 * (1.0 + (PI * done as f64 / epochs as f64).cos())
            }
        }
    }

    /// The rate of step `step` of `steps`, counted from 0, in `epoch`, counted from 1: in the epochs of the warm-up it rises by the
    /// same amount with every step, to all of it in the last one (Goyal et al. 2017).
    pub fn learning_rate_at(&self, epoch: usize, step: usize, steps: usize) -> f64 {
        let rate = self.learning_rate_in(epoch);
        if epoch > self.warmup {
            return rate;
        }
        let done = (epoch - 1) as f64 + (step + 1) as f64 / steps.max(1) as f64;
        rate * done / self.warmup as f64
    }

    /// What of the schedule never happens in these epochs, if anything.
    pub fn idle(&self) -> Option<String> {
        let Self { schedule, epochs, decay, decay_from, milestones, .. } = self;
        match schedule {
            Schedule::Exponential if *decay != 1.0 && decay_from > epochs => {
                Some(format!("the rate never falls: decay_from is {decay_from}, and there are {epochs} epochs"))
            }
            Schedule::Exponential if *decay == 1.0 && *decay_from != 1 => {
                Some(format!("the rate never falls from epoch {decay_from}, decay_from, on: decay is 1"))
            }
            Schedule::Multistep if *decay == 1.0 => {
                Some("the rate never falls at its milestones: decay is 1".to_owned())
            }
            Schedule::Multistep => {
                let late = milestones.iter().filter(|milestone| *milestone >= epochs).map(usize::to_string);
                let late = late.collect::<Vec<_>>().join(" and ");
                let told =
                    || format!("the rate isn't decayed after epoch {late}, of milestones: there are {epochs} epochs");
                (!late.is_empty()).then(told)
            }
            _ => None,
        }
    }

    /// Refuses values that no run can be made with, and keys that nothing would read.
    ///
    /// # Errors
    /// [`Error::Key`] when a count is 0, a number out of range or not finite, or a key of another optimiser or schedule.
    pub fn check(&self) -> Result<()> {
        self.check_counts()?;
        self.check_numbers()?;
        self.check_augmentation()?;
        self.check_method()?;
        self.check_schedule()
    }

    fn check_counts(&self) -> Result<()> {
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
        match most.iter().find(|(_, count, most)| count > most) {
            Some((key, count, most)) => {
                Err(Error::key("training", key, format!("= {count}, but at most {most} are possible")))
            }
            None => Ok(()),
        }
    }

    fn check_numbers(&self) -> Result<()> {
        let rates = [
            ("learning_rate", self.learning_rate),
            ("weight_decay", self.weight_decay),
            ("decay", self.decay),
            ("l1", self.l1),
        ];
        if let Some((key, rate)) = rates.iter().find(|(_, rate)| !rate.is_finite() || *rate < 0.0) {
            return Err(Error::key("training", key, format!("= {rate}, but it must be a finite number, at least 0")));
        }
        let fractions = [("momentum", self.momentum), ("label_smoothing", self.label_smoothing)];
        if let Some((key, value)) = fractions.iter().find(|(_, value)| !(0.0..1.0).contains(value)) {
            return Err(Error::key("training", key, format!("= {value}, but it must be at least 0 and below 1")));
        }
        match self.clip_norm.filter(|norm| !(norm.is_finite() && *norm > 0.0)) {
            Some(norm) => Err(Error::key(
                "training",
                "clip_norm",
                format!("= {norm}, but it must be a finite number above 0, or 0 for none in a study"),
            )),
            None => Ok(()),
        }
    }

    fn check_augmentation(&self) -> Result<()> {
        match self.augmentation.fault() {
            Some(fault) => Err(Error::key("training", "augmentation", format!("can't be done: {fault}"))),
            None => Ok(()),
        }
    }

    fn check_method(&self) -> Result<()> {
        let is_sgd = self.optimiser == Method::Sgd;
        let of_sgd = [("momentum", self.momentum != 0.0), ("nesterov", self.nesterov)];
        if let Some((key, _)) = of_sgd.into_iter().find(|(_, given)| *given && !is_sgd) {
            return Err(Error::key("training", key, "is for optimiser = \"sgd\" only"));
        }
        if self.nesterov && self.momentum == 0.0 {
            return Err(Error::key("training", "nesterov", "looks ahead by momentum, which is 0"));
        }
        Ok(())
    }

    fn check_schedule(&self) -> Result<()> {
        let Self { schedule, milestones, decay, decay_from, epochs, warmup, .. } = self;
        if *warmup >= *epochs && *warmup > 0 {
            let message = format!("= {warmup}, but it must be less than the {epochs} epochs");
            return Err(Error::key("training", "warmup", message));
        }
        let multistep = *schedule == Schedule::Multistep;
        if !multistep && !milestones.is_empty() {
            return Err(Error::key("training", "milestones", "are for schedule = \"multistep\" only"));
        }
        if multistep && (milestones.is_empty() || !milestones.is_sorted_by(|a, b| a < b) || milestones[0] == 0) {
            let message = format!("= {milestones:?}, but expected epochs from 1 on in their order, as in [80, 120]");
            return Err(Error::key("training", "milestones", message));
        }
        if *schedule != Schedule::Exponential && *decay_from != 1 {
            return Err(Error::key("training", "decay_from", "is for schedule = \"exponential\" only"));
        }
        if *schedule == Schedule::Cosine && *decay != 1.0 {
            return Err(Error::key("training", "decay", "isn't used by schedule = \"cosine\", which ends near 0"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::Protocol;

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
