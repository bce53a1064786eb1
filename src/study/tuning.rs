//! Tuning: every arm tries the same settings with the same effort, and is judged by held-out training images.
//!
//! Nothing here can see the test set: a choice is made from [`ValidationError`]s, and those come from a [`Split`] of the
//! training images alone.
//!
//! [`Split`]: super::Split

use serde::{Deserialize, Serialize};

use super::limits::MOST_RUNS;
use super::{Purpose, ValidationError};
use crate::error::{Error, Result};
use crate::train::{Protocol, TrainingConfig};

/// Seed of the first run of every trial; beyond the seeds that studies use, so that no final run repeats a trial's draws.
pub(super) const FIRST_SEED: u64 = 1_000_000_000;

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Learning rate.
    pub learning_rate: Option<f64>,
    /// Weight decay.
    pub weight_decay: Option<f64>,
    /// Images per step.
    pub batch: Option<usize>,
    /// Dropout of the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
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

impl Setting {
    /// Refuses values that no run can be made with.
    ///
    /// # Errors
    /// As [`TrainingConfig::check`].
    pub(super) fn check(&self) -> Result<()> {
        if let Some(dropout) = self.dropout.filter(|dropout| !(0.0..1.0).contains(dropout)) {
            return Err(Error::key("training", "dropout", format!("= {dropout}, but it's a probability below 1")));
        }
        self.of(&Protocol::default().config()).check()
    }

    /// Its name, as its trials' folder in the store is called: `learning_rate-0.003.dropout-0.3`.
    pub fn label(&self) -> String {
        // Numbers in full have hundreds of digits where they are extreme.
        let plain = |value: f64| value == 0.0 || (1e-9..1e9).contains(&value.abs());
        let number = |key: &str, value: Option<f64>| {
            value.map(|value| if plain(value) { format!("{key}-{value}") } else { format!("{key}-{value:e}") })
        };
        let keys = [
            number("learning_rate", self.learning_rate),
            number("weight_decay", self.weight_decay),
            number("batch", self.batch.map(|images| images as f64)),
            number("dropout", self.dropout),
        ];
        keys.into_iter().flatten().collect::<Vec<_>>().join(".")
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
        let axes: [Axis; 4] = [
            ("learning rate", |setting| setting.learning_rate),
            ("weight decay", |setting| setting.weight_decay),
            ("batch", |setting| setting.batch.map(|images| images as f64)),
            ("dropout", |setting| setting.dropout),
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

impl TuningRecord {
    /// How many of the settings that weren't chosen lie within two standard errors of the one that was, and might be better; and of
    /// how many.
    ///
    /// Each error is one of a binomial number of held-out images. All settings are judged by the same images, which share their
    /// difficulty, so that this standard error, of independent ones, is rather too large.
    pub fn undecided(&self) -> (usize, usize) {
        let judged = |trial: &Trial| Some((trial.mean_error()?, self.validation * trial.validation_errors.len()));
        let variance = |(error, images): (f64, usize)| error * (1.0 - error) / images as f64;
        let others = self.trials.iter().enumerate().filter(|(place, _)| *place != self.chosen).map(|(_, trial)| trial);
        let Some(chosen) = self.trials.get(self.chosen).and_then(judged) else { return (0, 0) };
        let is_near = |other: &(f64, usize)| other.0 - chosen.0 <= 2.0 * (variance(chosen) + variance(*other)).sqrt();
        (others.clone().filter_map(judged).filter(is_near).count(), others.count())
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

/// Why a study can't have so many runs, if it can't.
pub(super) fn runs_fault(arms: usize, seeds: usize, tuning: Option<&Tuning>) -> Option<String> {
    let trials = tuning.map_or(0, |tuning| tuning.settings.len().saturating_mul(tuning.seeds));
    let runs = seeds.saturating_add(trials).saturating_mul(arms);
    (runs > MOST_RUNS).then(|| {
        let tuned = if trials > 0 { format!(" and {trials} trials each") } else { String::new() };
        format!("{arms} arms × {seeds} seeds{tuned} are {runs} runs, but a study can have {MOST_RUNS}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(of: [[f64; 2]; 4], chosen: usize) -> Vec<String> {
        let trial = |[rate, decay]: [f64; 2]| Trial {
            setting: Setting { learning_rate: Some(rate), weight_decay: Some(decay), ..Default::default() },
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
