//! What the store keeps of a study and of a run.

use serde::{Deserialize, Serialize};

use super::{Arm, Purpose, Setting, Study, ValidationError, tuning};
use crate::data::{Dataset, hash};
use crate::error::{Error, Result};
use crate::model::NetConfig;
use crate::train::{DeviceKind, Maker, Past, TrainingConfig};

/// Version of the store's files.
pub const SCHEMA_VERSION: u32 = 3;

/// `study.json`: the study as it was last run, and the labels that predictions are judged by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of the store's files.
    pub schema_version: u32,
    /// What ran it last.
    pub maker: Maker,
    /// The study.
    pub study: Study,
    /// The images.
    pub data: DataRecord,
    /// Where it runs: processors round differently.
    pub device: DeviceKind,
    /// The class of every test image.
    pub test_labels: Vec<u8>,
}

/// Which images a run was made with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataRecord {
    /// What they are.
    pub name: String,
    /// SHA-256 over the inputs and the recipe.
    pub fingerprint: String,
    /// Number of training images.
    pub train: usize,
    /// Number of test images.
    pub test: usize,
}

/// `config.json`: all that determines a run, resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunConfig {
    /// Version of the store's files.
    pub schema_version: u32,
    /// The images.
    pub data: DataRecord,
    /// Which of them it learns from, and which ones judge it.
    pub purpose: Purpose,
    /// Where it's trained: processors round differently.
    pub device: DeviceKind,
    /// The network.
    pub net: NetConfig,
    /// How it's trained, after tuning.
    pub training: TrainingConfig,
    /// Seed of weights, training images, order, augmentation and dropout.
    pub seed: u64,
}

/// `result.json`: how a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// Version of the store's files.
    pub schema_version: u32,
    /// The arm, see [`Arm::id`].
    pub arm: String,
    /// The seed.
    pub seed: u64,
    /// [`RunConfig::hash`] of what determines the run.
    pub config: String,
    /// Epochs that were trained.
    pub epochs: usize,
    /// How the run was made; differs between otherwise identical runs.
    pub provenance: Provenance,
    /// What came out.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// How a run was made, which is no part of what it gave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Its sittings.
    #[serde(flatten)]
    pub past: Past,
    /// The most memory that the process had taken by its end, all its jobs together, in bytes.
    pub peak_memory: Option<u64>,
}

/// What came out of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "kebab-case")]
pub enum Outcome {
    /// All epochs were trained.
    Finished {
        /// Fraction of the test images that is classified wrongly.
        test_error: f64,
        /// The predicted class of every test image.
        predictions: Vec<u8>,
    },
    /// All epochs of a trial of tuning were trained.
    Validated {
        /// Fraction of the held-out training images that is classified wrongly.
        validation_error: ValidationError,
    },
    /// Training had to stop; the last good checkpoint is kept.
    Failed {
        /// Why.
        reason: String,
    },
}

impl Outcome {
    /// Error on the images that judge the run, if it ended well.
    pub fn error(&self) -> Option<f64> {
        match self {
            Self::Finished { test_error, .. } => Some(*test_error),
            Self::Validated { validation_error } => Some(validation_error.value()),
            Self::Failed { .. } => None,
        }
    }
}

impl DataRecord {
    /// The record of `dataset`.
    pub fn of(dataset: &Dataset) -> Self {
        Self {
            name: dataset.name.clone(),
            fingerprint: dataset.fingerprint.clone(),
            train: dataset.train.len(),
            test: dataset.test.len(),
        }
    }
}

impl Record {
    /// The configuration of a run of the study, with what tuning chose.
    pub fn run_config(&self, arm: &Arm, chosen: Option<&Setting>, seed: u64) -> RunConfig {
        let training = chosen.map_or_else(|| arm.training.clone(), |setting| setting.of(&arm.training));
        self.config(arm, Purpose::TestSet { train: self.train(arm) }, training, seed)
    }

    /// The configuration of the trial of `setting` that is made with the `run`-th seed, counted from 0.
    ///
    /// # Errors
    /// When there are too few training images to hold some out.
    pub fn trial_config(&self, arm: &Arm, setting: &Setting, validation: f64, run: usize) -> Result<RunConfig> {
        let training = TrainingConfig { test_every_epoch: false, ..setting.of(&arm.training) };
        let purpose = Purpose::trial(self.train(arm), validation)?;
        Ok(self.config(arm, purpose, training, tuning::FIRST_SEED + run as u64))
    }

    /// Number of the arm's training images.
    fn train(&self, arm: &Arm) -> usize {
        arm.train.unwrap_or(self.data.train)
    }

    fn config(&self, arm: &Arm, purpose: Purpose, training: TrainingConfig, seed: u64) -> RunConfig {
        RunConfig {
            schema_version: SCHEMA_VERSION,
            data: self.data.clone(),
            purpose,
            device: self.device,
            net: NetConfig { scramble_seed: arm.scramble_seed.unwrap_or(seed), ..arm.net.clone() },
            training,
            seed,
        }
    }
}

impl RunConfig {
    /// SHA-256 of the configuration, in hexadecimal.
    ///
    /// # Errors
    /// When the configuration can't be serialised.
    pub fn hash(&self) -> Result<String> {
        let json = serde_json::to_vec(self).map_err(|e| Error::invalid(format!("run configuration: {e}")))?;
        Ok(hash::of_bytes(&json))
    }

    /// The first key in which `other` differs, as "key: here → there".
    pub fn difference(&self, other: &Self) -> Option<String> {
        let json = |config: &Self| serde_json::to_value(config).unwrap_or_default();
        difference("", &json(self), &json(other))
    }
}

fn difference(path: &str, here: &serde_json::Value, there: &serde_json::Value) -> Option<String> {
    use serde_json::Value::Object;
    match (here, there) {
        _ if here == there => None,
        (Object(a), Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            let null = serde_json::Value::Null;
            keys.into_iter().find_map(|key| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                difference(&path, a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null))
            })
        }
        _ => Some(format!("{path}: {here} → {there}")),
    }
}
