//! The tables of a study file beside its arms.

use serde::Deserialize;
use toml::Spanned;

use crate::bank::Initialisation;
use crate::data::Augmentation;
use crate::number;
use crate::train::{DecayOn, Method, Normalisation, Protocol, Schedule, TrainingConfig};

/// Seeds by number or by name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "seeds are a number (5 means 0 to 4) or a list ([0, 1, 7])")]
pub enum Seeds {
    /// 0 to n − 1.
    Count(u64),
    /// These.
    List(Vec<u64>),
}

/// The `[model]` table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct ModelFile {
    /// A skeleton of the program, of a `[skeleton.NAME]` table, or of a file; default: `cohen2016`.
    pub skeleton: Option<Spanned<String>>,
    /// How the filters of all arms start; default: `fan-in`.
    #[serde(default)]
    pub initialisation: Initialisation,
}

/// The `[budget]` table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct BudgetFile {
    /// Largest relative difference of an arm's real parameters from the target's; the study refuses to run beyond it.
    #[serde(default, deserialize_with = "number::told")]
    pub parameters_within: Option<Spanned<f64>>,
    /// The same for multiply-adds.
    #[serde(default, deserialize_with = "number::told")]
    pub multiply_adds_within: Option<Spanned<f64>>,
}

/// The `[training]` table: a protocol and what differs from it. The keys are those of [`TrainingConfig`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
#[allow(missing_docs)]
pub struct TrainingFile {
    pub protocol: Option<Protocol>,
    #[serde(default, deserialize_with = "number::told")]
    pub epochs: Option<usize>,
    #[serde(default, deserialize_with = "number::told")]
    pub images_per_epoch: Option<usize>,
    #[serde(default, deserialize_with = "number::told")]
    pub batch: Option<usize>,
    #[serde(default, deserialize_with = "number::told")]
    pub learning_rate: Option<f64>,
    #[serde(default, deserialize_with = "number::told")]
    pub weight_decay: Option<f64>,
    #[serde(default, deserialize_with = "number::told")]
    pub decay: Option<f64>,
    #[serde(default, deserialize_with = "number::told")]
    pub decay_from: Option<usize>,
    pub augmentation: Option<Augmentation>,
    pub test_every_epoch: Option<bool>,
    pub normalise: Option<Normalisation>,
    pub optimiser: Option<Method>,
    #[serde(default, deserialize_with = "number::told")]
    pub momentum: Option<f64>,
    pub nesterov: Option<bool>,
    #[serde(default, deserialize_with = "number::told")]
    pub l1: Option<f64>,
    pub decay_on: Option<DecayOn>,
    #[serde(default, deserialize_with = "number::told")]
    pub clip_norm: Option<f64>,
    #[serde(default, deserialize_with = "number::told")]
    pub label_smoothing: Option<f64>,
    pub schedule: Option<Schedule>,
    #[serde(default, deserialize_with = "number::told")]
    pub milestones: Option<Vec<usize>>,
    #[serde(default, deserialize_with = "number::told")]
    pub warmup: Option<usize>,
}

impl TrainingFile {
    /// The protocol with the overrides; where none is named, `base` with them. An optimiser or a schedule that is named begins with
    /// keys of its own as they are by default, and not with those of the protocol's.
    pub fn resolve(&self, base: &TrainingConfig) -> TrainingConfig {
        let plain = TrainingConfig::default();
        let mut base = self.protocol.map_or_else(|| base.clone(), Protocol::config);
        if self.optimiser.is_some_and(|optimiser| optimiser != base.optimiser) {
            base = TrainingConfig { momentum: plain.momentum, nesterov: plain.nesterov, ..base };
        }
        if let Some(schedule) = self.schedule.filter(|schedule| *schedule != base.schedule) {
            let decay = if schedule == Schedule::Multistep { DECAY_AT_MILESTONES } else { plain.decay };
            base = TrainingConfig { decay, decay_from: plain.decay_from, milestones: plain.milestones, ..base };
        }
        TrainingConfig {
            epochs: self.epochs.unwrap_or(base.epochs),
            images_per_epoch: self.images_per_epoch.or(base.images_per_epoch),
            batch: self.batch.unwrap_or(base.batch),
            learning_rate: self.learning_rate.unwrap_or(base.learning_rate),
            weight_decay: self.weight_decay.unwrap_or(base.weight_decay),
            decay: self.decay.unwrap_or(base.decay),
            decay_from: self.decay_from.unwrap_or(base.decay_from),
            augmentation: self.augmentation.clone().unwrap_or(base.augmentation),
            test_every_epoch: self.test_every_epoch.unwrap_or(base.test_every_epoch),
            normalise: self.normalise.unwrap_or(base.normalise),
            optimiser: self.optimiser.unwrap_or(base.optimiser),
            momentum: self.momentum.unwrap_or(base.momentum),
            nesterov: self.nesterov.unwrap_or(base.nesterov),
            l1: self.l1.unwrap_or(base.l1),
            decay_on: self.decay_on.unwrap_or(base.decay_on),
            // 0 takes away what a protocol has.
            clip_norm: self.clip_norm.or(base.clip_norm).filter(|norm| *norm != 0.0),
            label_smoothing: self.label_smoothing.unwrap_or(base.label_smoothing),
            schedule: self.schedule.unwrap_or(base.schedule),
            milestones: self.milestones.clone().unwrap_or(base.milestones),
            warmup: self.warmup.unwrap_or(base.warmup),
        }
    }
}

/// What the rate is multiplied with at milestones where a study doesn't say, as PyTorch's `MultiStepLR`.
const DECAY_AT_MILESTONES: f64 = 0.1;

/// The `[tuning]` table. Lists are crossed; what isn't given stays as `[training]` says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct TuningFile {
    /// Learning rates to try.
    #[serde(default, deserialize_with = "number::told")]
    pub learning_rate: Vec<f64>,
    /// Weight decays to try.
    #[serde(default, deserialize_with = "number::told")]
    pub weight_decay: Vec<f64>,
    /// Batch sizes to try.
    #[serde(default, deserialize_with = "number::told")]
    pub batch: Vec<usize>,
    /// Dropouts to try.
    #[serde(default, deserialize_with = "number::told")]
    pub dropout: Vec<f64>,
    /// Fraction of an arm's training images that is held out; default: 1/6, which is 2,000 of 12,000.
    #[serde(default, deserialize_with = "number::told")]
    pub validation: Option<Spanned<f64>>,
    /// Runs of every trial; default: 1.
    #[serde(default, deserialize_with = "number::told")]
    pub seeds: Option<Spanned<usize>>,
}

/// The `[equivariance]` table; it's there where every run is to be measured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct EquivarianceFile {
    /// How many of the first test images are turned; default: 2,000.
    #[serde(default, deserialize_with = "number::told")]
    pub images: Option<Spanned<usize>>,
    /// Degrees between the angles, a divisor of 90; default: 15.
    #[serde(default, deserialize_with = "number::told")]
    pub step: Option<Spanned<u32>>,
}
