//! Tuning: every arm tries the same settings with the same effort, and is judged by held-out training images.
//!
//! Nothing here can see the test set: a choice is made from [`ValidationError`]s, and those come from a [`Split`] of the
//! training images alone.
//!
//! [`Split`]: super::Split

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::limits::MOST_SETTINGS;
use super::{Purpose, StudyText, TrainingFile, ValidationError};
use crate::error::{Error, Result};
use crate::number;
use crate::train::{Protocol, TrainingConfig};

/// Seed of the first run of every trial; beyond the seeds that studies use, so that no final run repeats a trial's draws.
pub(super) const FIRST_SEED: u64 = 1_000_000_000;

/// The `[tuning]` table. Lists are crossed; what isn't given stays as `[training]` says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct TuningFile {
    /// Rates of Adam to try.
    #[serde(default, deserialize_with = "number::told")]
    pub learning_rate: Vec<f64>,
    /// Weight decays to try.
    #[serde(default, deserialize_with = "number::told")]
    pub weight_decay: Vec<f64>,
    /// Batch sizes to try.
    #[serde(default, deserialize_with = "number::told")]
    pub batch: Vec<usize>,
    /// Fraction of an arm's training images that is held out; default: 1/6, which is 2,000 of 12,000.
    #[serde(default, deserialize_with = "number::told")]
    pub validation: Option<Spanned<f64>>,
    /// Runs of every trial; default: 1.
    #[serde(default, deserialize_with = "number::told")]
    pub seeds: Option<Spanned<usize>>,
}

/// The settings that every arm tries, and how they're judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuning {
    /// The grid. Where two are equally good, the earlier one is chosen.
    pub settings: Vec<Setting>,
    /// Fraction of an arm's training images that is held out.
    pub validation: f64,
    /// Runs of every trial.
    pub seeds: usize,
}

/// What tuning sets.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Rate of Adam.
    pub learning_rate: Option<f64>,
    /// Weight decay.
    pub weight_decay: Option<f64>,
    /// Images per step.
    pub batch: Option<usize>,
}

/// `tuning.json`: what an arm tried and chose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuningRecord {
    /// Version of the store's files.
    pub schema_version: u32,
    /// Training images of a trial.
    pub train: usize,
    /// Images held out of the arm's training images, by which trials are judged.
    pub validation: usize,
    /// All trials, in the grid's order.
    pub trials: Vec<Trial>,
    /// Which of them was chosen, counted from 0.
    pub chosen: usize,
}

/// A setting and how it did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// The setting.
    pub setting: Setting,
    /// Error on the held-out images, one a run; `None` of a run that diverged.
    pub validation_errors: Vec<Option<ValidationError>>,
}

impl Tuning {
    /// Runs of every arm.
    pub(super) fn trials(&self) -> usize {
        self.settings.len().saturating_mul(self.seeds)
    }
}

impl TuningFile {
    /// A key of `training` that tuning would override.
    pub(super) fn overridden(&self, training: &TrainingFile) -> Option<&'static str> {
        let keys = [
            ("learning_rate", self.learning_rate.is_empty(), training.learning_rate.is_some()),
            ("weight_decay", self.weight_decay.is_empty(), training.weight_decay.is_some()),
            ("batch", self.batch.is_empty(), training.batch.is_some()),
        ];
        keys.into_iter().find(|(_, untuned, given)| !untuned && *given).map(|(key, ..)| key)
    }

    /// The grid, checked.
    pub(super) fn resolve(&self, file: &StudyText, training: &TrainingConfig) -> Result<Tuning> {
        fn axis<T: Copy>(values: &[T]) -> Vec<Option<T>> {
            if values.is_empty() { vec![None] } else { values.iter().copied().map(Some).collect() }
        }
        let lists = [self.learning_rate.len(), self.weight_decay.len(), self.batch.len()];
        let count = lists.iter().fold(1, |count: usize, list| count.saturating_mul(*list.max(&1)));
        if count > MOST_SETTINGS {
            let message = format!("[tuning] has {count} settings to try, but at most {MOST_SETTINGS} are possible");
            return Err(file.error_at("tuning", "learning_rate", &message));
        }
        let mut settings = Vec::new();
        for learning_rate in axis(&self.learning_rate) {
            for weight_decay in axis(&self.weight_decay) {
                for batch in axis(&self.batch) {
                    settings.push(Setting { learning_rate, weight_decay, batch });
                }
            }
        }
        for setting in &settings {
            let tuned = |e| match e {
                Error::Key { key, message, .. } => Error::key("tuning", key, message),
                other => other,
            };
            setting.of(training).check().map_err(|e| file.locate(tuned(e)))?;
        }
        let validation = self.validation.as_ref().map_or(1.0 / 6.0, |fraction| *fraction.as_ref());
        if let Some(spanned) = self.validation.as_ref().filter(|_| !(validation > 0.0 && validation < 1.0)) {
            return Err(
                file.error(spanned, format!("tuning.validation = {validation}, but it's a fraction between 0 and 1"))
            );
        }
        let seeds = self.seeds.as_ref().map_or(1, |seeds| *seeds.as_ref());
        if let Some(spanned) = self.seeds.as_ref().filter(|_| !(1..=MOST_SETTINGS).contains(&seeds)) {
            return Err(file.error(spanned, format!("tuning.seeds = {seeds}, but it must be 1 to {MOST_SETTINGS}")));
        }
        if self.learning_rate.is_empty() && self.weight_decay.is_empty() && self.batch.is_empty() {
            let message = "[tuning] has nothing to try: give it a list of learning_rate, weight_decay or batch";
            return Err(file.error_at("tuning", "learning_rate", message));
        }
        Ok(Tuning { settings, validation, seeds })
    }
}

impl Setting {
    /// Refuses values that no run can be made with.
    ///
    /// # Errors
    /// As [`TrainingConfig::check`].
    pub(super) fn check(&self) -> Result<()> {
        self.of(&Protocol::default().config()).check()
    }

    /// `training` with what the setting sets.
    pub fn of(&self, training: &TrainingConfig) -> TrainingConfig {
        TrainingConfig {
            learning_rate: self.learning_rate.unwrap_or(training.learning_rate),
            weight_decay: self.weight_decay.unwrap_or(training.weight_decay),
            batch: self.batch.unwrap_or(training.batch),
            ..training.clone()
        }
    }
}

impl TuningRecord {
    /// Whether it's of these trials on an arm's `train` images.
    pub(super) fn is_of(&self, tuning: &Tuning, train: usize) -> bool {
        let settings = self.trials.iter().map(|trial| &trial.setting).eq(&tuning.settings);
        let runs = self.trials.iter().all(|trial| trial.validation_errors.len() == tuning.seeds);
        let purpose = Purpose::HeldOut { train: self.train, validation: self.validation };
        settings && runs && Purpose::trial(train, tuning.validation).is_ok_and(|wanted| wanted == purpose)
    }
}

impl TuningRecord {
    /// Where the choice lies at an end of what was tried, so that a better one may lie beyond: "learning rate 0.001, the least".
    pub fn at_ends(&self) -> Vec<String> {
        type Axis = (&'static str, fn(&Setting) -> Option<f64>);
        let axes: [Axis; 3] = [
            ("learning rate", |setting| setting.learning_rate),
            ("weight decay", |setting| setting.weight_decay),
            ("batch", |setting| setting.batch.map(|images| images as f64)),
        ];
        let at_end = |(name, value): Axis| {
            let chosen = value(&self.trials.get(self.chosen)?.setting)?;
            let tried = || self.trials.iter().filter_map(|trial| value(&trial.setting));
            let is_least = tried().all(|other| other >= chosen);
            let is_greatest = tried().all(|other| other <= chosen);
            match (is_least, is_greatest) {
                // Nothing lies below 0.
                (true, false) if chosen > 0.0 => Some(format!("{name} {chosen:?}, the least")),
                (false, true) => Some(format!("{name} {chosen:?}, the greatest")),
                _ => None,
            }
        };
        axes.into_iter().filter_map(at_end).collect()
    }
}

impl Trial {
    /// Mean validation error; `None` if a run diverged.
    pub fn mean_error(&self) -> Option<f64> {
        let errors: Option<Vec<f64>> = self.validation_errors.iter().map(|error| error.map(|e| e.value())).collect();
        errors.and_then(|errors| crate::stats::student::mean(&errors))
    }
}

/// The trial with the smallest mean validation error; the earlier of equal ones, `None` if all diverged.
pub fn choose(trials: &[Trial]) -> Option<usize> {
    let means = trials.iter().enumerate().filter_map(|(place, trial)| Some((place, trial.mean_error()?)));
    means.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(of: [[f64; 2]; 4], chosen: usize) -> Vec<String> {
        let trial = |[rate, decay]: [f64; 2]| Trial {
            setting: Setting { learning_rate: Some(rate), weight_decay: Some(decay), batch: None },
            validation_errors: vec![None],
        };
        let trials = of.map(trial).to_vec();
        TuningRecord { schema_version: 0, train: 0, validation: 0, trials, chosen }.at_ends()
    }

    #[test]
    fn ends_of_what_was_tried_are_told_and_nothing_lies_below_0() {
        let grid = [[0.01, 0.0], [0.01, 0.1], [0.03, 0.0], [0.1, 0.0]];
        assert_eq!(chosen(grid, 0), ["learning rate 0.01, the least"]);
        assert_eq!(chosen(grid, 1), ["learning rate 0.01, the least", "weight decay 0.1, the greatest"]);
        assert!(chosen(grid, 2).is_empty());
        assert_eq!(chosen(grid, 3), ["learning rate 0.1, the greatest"]);
        let one = [[0.01, 0.0]; 4];
        assert!(chosen(one, 0).is_empty(), "what wasn't varied has no ends");
    }
}
