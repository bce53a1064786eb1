//! What the store keeps of a study and of a run.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Arm, Study};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::model::NetConfig;
use crate::train::{DeviceKind, TrainingConfig};

/// Version of the store's files.
pub const SCHEMA_VERSION: u32 = 2;

/// `study.json`: the study as it was last run, and the labels that predictions are judged by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of the store's files.
    pub schema_version: u32,
    /// The version of this crate.
    pub crate_version: String,
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
    /// Where it's trained: processors round differently.
    pub device: DeviceKind,
    /// The network.
    pub net: NetConfig,
    /// How it's trained.
    pub training: TrainingConfig,
    /// Seed of weights, order, augmentation and dropout.
    pub seed: u64,
}

/// `result.json`: how a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// Version of the store's files.
    pub schema_version: u32,
    /// The version of this crate.
    pub crate_version: String,
    /// The arm.
    pub arm: String,
    /// The seed.
    pub seed: u64,
    /// Epochs that were trained.
    pub epochs: usize,
    /// Wall-clock time of the training, in seconds; differs between otherwise identical runs.
    pub seconds: f64,
    /// What came out.
    #[serde(flatten)]
    pub outcome: Outcome,
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
    /// Training had to stop; the last good checkpoint is kept.
    Failed {
        /// Why.
        reason: String,
    },
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
    /// The configuration of a run of the study.
    pub fn run_config(&self, arm: &Arm, seed: u64) -> RunConfig {
        RunConfig {
            schema_version: SCHEMA_VERSION,
            data: self.data.clone(),
            device: self.device,
            net: arm.net.clone(),
            training: self.study.training.clone(),
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
        Ok(Sha256::digest(&json).iter().map(|byte| format!("{byte:02x}")).collect())
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
