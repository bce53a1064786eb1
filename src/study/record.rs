//! What the store keeps of a study and of a run.

use serde::{Deserialize, Serialize};

use super::{Arm, Purpose, Setting, Study, ValidationError, spaced, tuning};
use crate::data::{Draws, FiniteSource, Label, MAX_CLASSES, hash};
use crate::error::{Error, Result};
use crate::model::{InputShape, NetConfig};
use crate::train::{DeviceKind, Maker, Past, TrainingConfig};

/// Version of the store's files.
pub const SCHEMA_VERSION: u32 = 4;

/// `study.json`: the study as it was last run, and the labels that mistakes are told by.
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
    /// What networks are fed with; `None` in stores of programs that didn't take it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<InputShape>,
    /// What the images of every seed are drawn from, if they are and it has an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<FiniteSource>,
    /// Where it runs: processors round differently.
    pub device: DeviceKind,
    /// The class of every test image; none where every seed has test images of its own.
    #[serde(with = "spaced")]
    pub test_labels: Vec<Label>,
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
        /// What it's classified as.
        mistakes: Mistakes,
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

/// The test images that a run classifies wrongly; its predictions of all others are their labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mistakes {
    /// Number of all test images.
    pub tested: usize,
    /// Places in the test set, ascending from 0.
    #[serde(with = "spaced")]
    pub images: Vec<usize>,
    /// The classes that these were taken for.
    #[serde(with = "spaced")]
    pub classes: Vec<Label>,
    /// The classes that they are, where the study's record can't tell, since every seed has test images of its own.
    #[serde(with = "spaced", default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
}

/// The test images that mistakes are made on, as far as a study's record knows them.
#[derive(Clone, Copy, Debug)]
pub struct TestSet<'a> {
    /// How many there are.
    pub images: usize,
    /// Number of classes.
    pub classes: usize,
    /// The class of each; `None` where every seed has test images of its own, and mistakes tell their labels.
    pub labels: Option<&'a [Label]>,
}

/// A test image that is taken for what it isn't.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Its place in the test set.
    pub image: usize,
    /// What it is.
    pub label: Label,
    /// What it's taken for.
    pub class: Label,
}

impl Mistakes {
    /// The predictions that aren't the labels. Both have the same length.
    pub fn of(predictions: &[Label], labels: &[Label]) -> Self {
        let images = (0..labels.len()).filter(|&image| predictions[image] != labels[image]).collect::<Vec<_>>();
        let classes = images.iter().map(|&image| predictions[image]).collect();
        Self { tested: labels.len(), images, classes, labels: Vec::new() }
    }

    /// The same, with the classes that the images are.
    pub fn labelled(self, labels: &[Label]) -> Self {
        Self { labels: self.images.iter().map(|&image| labels[image]).collect(), ..self }
    }

    /// Every mistake on a test set.
    ///
    /// # Errors
    /// When they aren't mistakes on that set; how so.
    pub fn each(&self, set: &TestSet) -> std::result::Result<Vec<Mistake>, String> {
        let Self { tested, images, classes, labels } = self;
        if *tested != set.images {
            return Err(format!("{tested} images were tested, but the store has {}", set.images));
        }
        let own = set.labels.is_none();
        if images.len() != classes.len() || own && labels.len() != images.len() || !images.is_sorted_by(|a, b| a < b) {
            return Err("its mistakes aren't images in their order with a class each".to_owned());
        }
        let is_class = |class: Label| usize::from(class) < set.classes;
        let mistake = |(place, (&image, &class)): (usize, (&usize, &Label))| {
            let label = set.labels.map_or_else(|| labels.get(place), |labels| labels.get(image));
            match label {
                Some(&label) if label != class && image < *tested && is_class(label) && is_class(class) => {
                    Ok(Mistake { image, label, class })
                }
                _ => Err(format!("image {image} taken for {class} is no mistake")),
            }
        };
        images.iter().zip(classes).enumerate().map(mistake).collect()
    }

    /// Whether each image of a test set is wrong.
    ///
    /// # Errors
    /// As [`Mistakes::each`].
    pub fn wrong(&self, set: &TestSet) -> std::result::Result<Vec<bool>, String> {
        let mistakes = self.each(set)?;
        let mut wrong = vec![false; set.images];
        for Mistake { image, .. } in mistakes {
            wrong[image] = true;
        }
        Ok(wrong)
    }

    /// Whether two runs predict the same of the same images.
    pub fn predict_as(&self, other: &Self) -> bool {
        (self.tested, &self.images, &self.classes) == (other.tested, &other.images, &other.classes)
    }
}

impl RunResult {
    /// What of it can't be of a run of `config`, if anything can't.
    pub(super) fn fault(&self, config: &RunConfig) -> Option<String> {
        let (seed, epochs) = (config.seed, config.training.epochs);
        let has_ended = !matches!(self.outcome, Outcome::Failed { .. });
        let Past { seconds, epoch_seconds, .. } = self.provenance.past;
        match () {
            () if self.seed != seed => Some(format!("says seed {}, but the run's is {seed}", self.seed)),
            () if has_ended && self.epochs != epochs => {
                Some(format!("says {} epochs, but the run has {epochs}", self.epochs))
            }
            () if self.outcome.error().is_some_and(|error| !(0.0..=1.0).contains(&error)) => {
                Some("its error is no fraction of the images".to_owned())
            }
            () if seconds < 0.0 || epoch_seconds < 0.0 => Some("it took less than no time".to_owned()),
            () => None,
        }
    }
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
    /// Name, numbers of images and the start of the fingerprint, where two sets are told apart.
    pub fn described(&self) -> String {
        let start: String = self.fingerprint.chars().take(12).collect();
        format!("{} ({}/{} images, {start})", self.name, self.train, self.test)
    }

    /// The record of a study's images.
    pub fn of(draws: &Draws) -> Self {
        let first = draws.first();
        Self { name: draws.name(), fingerprint: draws.fingerprint(), train: first.train.len(), test: first.test.len() }
    }
}

impl Record {
    /// The study's test images.
    pub fn test_set(&self) -> TestSet<'_> {
        TestSet {
            images: self.data.test,
            classes: self.input.map_or(MAX_CLASSES, |input| input.classes),
            labels: (!self.test_labels.is_empty()).then_some(&self.test_labels),
        }
    }

    /// The configuration of a run of the study, with what tuning chose.
    pub fn run_config(&self, arm: &Arm, chosen: Option<&Setting>, seed: u64) -> RunConfig {
        let setting = chosen.copied().unwrap_or_default();
        self.config(arm, Purpose::TestSet { train: self.train(arm) }, &setting, setting.of(&arm.training), seed)
    }

    /// The configuration of the trial of `setting` that is made with the `run`-th seed, counted from 0.
    ///
    /// # Errors
    /// When there are too few training images to hold some out.
    pub fn trial_config(&self, arm: &Arm, setting: &Setting, validation: f64, run: usize) -> Result<RunConfig> {
        let training = TrainingConfig { test_every_epoch: false, ..setting.of(&arm.training) };
        let of_arm = |e| match e {
            Error::Key { table, key, message } => Error::key(table, key, format!("{message} (arm {})", arm.id())),
            other => other,
        };
        let purpose = Purpose::trial(self.train(arm), validation).map_err(of_arm)?;
        Ok(self.config(arm, purpose, setting, training, tuning::FIRST_SEED + run as u64))
    }

    /// Number of the arm's training images.
    fn train(&self, arm: &Arm) -> usize {
        arm.train.unwrap_or(self.data.train)
    }

    fn config(&self, arm: &Arm, purpose: Purpose, setting: &Setting, training: TrainingConfig, seed: u64) -> RunConfig {
        let scramble_seed = arm.scramble_seed.unwrap_or(seed);
        let dropout = setting.dropout.unwrap_or(arm.net.dropout);
        RunConfig {
            schema_version: SCHEMA_VERSION,
            data: self.data.clone(),
            purpose,
            device: self.device,
            net: NetConfig { scramble_seed, dropout, ..arm.net.clone() },
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

    /// The keys in which `other` differs, as "key: here → there".
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let json = |config: &Self| serde_json::to_value(config).unwrap_or_default();
        differences("", &json(self), &json(other))
    }
}

fn differences(path: &str, here: &serde_json::Value, there: &serde_json::Value) -> Vec<String> {
    use serde_json::Value::Object;
    match (here, there) {
        _ if here == there => Vec::new(),
        (Object(a), Object(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            let null = serde_json::Value::Null;
            let of_key = |key: &String| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                differences(&path, a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null))
            };
            keys.flat_map(of_key).collect()
        }
        _ => vec![format!("{path}: {here} → {there}")],
    }
}
