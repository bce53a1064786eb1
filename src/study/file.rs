//! The study file as it's written.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::DeTable;

use super::ArmFile;
use crate::bank::Initialisation;
use crate::data::{Augmentation, DataConfig};
use crate::error::{Error, Result};
use crate::files;
use crate::model::Skeleton;
use crate::train::{Protocol, TrainingConfig};

/// A study file (TOML). Unknown keys are refused, errors say the line and what would be right.
#[derive(Debug)]
pub struct StudyFile {
    /// What it says.
    pub content: StudyContent,
    path: PathBuf,
    text: String,
}

/// The keys of a study file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StudyContent {
    /// Name of the study, and of its folder in the store.
    pub name: Spanned<String>,
    /// The arm that gains are measured from.
    pub baseline: Spanned<String>,
    /// The arm whose gain is attributed.
    pub target: Spanned<String>,
    /// Arms from baseline to target, for a split of the gain into steps.
    #[serde(default)]
    pub ladder: Vec<Spanned<String>>,
    /// `seeds = 5` for 0 to 4, or a list.
    pub seeds: Spanned<Seeds>,
    /// Where the images come from.
    pub data: DataConfig,
    /// How all arms are trained.
    #[serde(default)]
    pub training: TrainingFile,
    /// Which skeleton all arms have.
    #[serde(default)]
    pub model: ModelFile,
    /// What arms may cost.
    #[serde(default)]
    pub budget: BudgetFile,
    /// The arms.
    #[serde(rename = "arm")]
    pub arms: Vec<Spanned<ArmFile>>,
}

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
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelFile {
    /// Default: `cohen2016`.
    #[serde(default)]
    pub skeleton: Skeleton,
    /// How the filters of all arms start; default: `fan-in`.
    #[serde(default)]
    pub initialisation: Initialisation,
}

/// The `[budget]` table.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetFile {
    /// Largest relative difference of an arm's real parameters from the target's; the study refuses to run beyond it.
    pub parameters_within: Option<Spanned<f64>>,
}

/// The `[training]` table: a protocol and what differs from it. The keys are those of [`TrainingConfig`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct TrainingFile {
    #[serde(default)]
    pub protocol: Protocol,
    pub epochs: Option<usize>,
    pub batch: Option<usize>,
    pub learning_rate: Option<f64>,
    pub weight_decay: Option<f64>,
    pub decay: Option<f64>,
    pub decay_from: Option<usize>,
    pub augmentation: Option<Augmentation>,
    pub test_every_epoch: Option<bool>,
}

impl TrainingFile {
    /// The protocol with the overrides.
    pub fn resolve(&self) -> TrainingConfig {
        let protocol = self.protocol.config();
        TrainingConfig {
            epochs: self.epochs.unwrap_or(protocol.epochs),
            batch: self.batch.unwrap_or(protocol.batch),
            learning_rate: self.learning_rate.unwrap_or(protocol.learning_rate),
            weight_decay: self.weight_decay.unwrap_or(protocol.weight_decay),
            decay: self.decay.unwrap_or(protocol.decay),
            decay_from: self.decay_from.unwrap_or(protocol.decay_from),
            augmentation: self.augmentation.unwrap_or(protocol.augmentation),
            test_every_epoch: self.test_every_epoch.unwrap_or(protocol.test_every_epoch),
        }
    }
}

impl StudyFile {
    /// Reads a study file.
    ///
    /// # Errors
    /// When it can't be read, isn't TOML, or has keys or values that aren't a study's.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = files::read(path)?;
        let text = String::from_utf8(bytes).map_err(|_| Error::content(path, "not a text file (UTF-8)"))?;
        let content = toml::from_str(&text).map_err(|e| match e.span() {
            Some(span) if !text.is_empty() => at(path, &text, span.start, &in_words(e.message())),
            _ => Error::content(path, in_words(e.message())),
        })?;
        Ok(Self { content, path: path.to_owned(), text })
    }

    /// An error about the place of `value` in the file.
    pub(super) fn error<T>(&self, value: &Spanned<T>, message: impl Into<String>) -> Error {
        at(&self.path, &self.text, value.span().start, &message.into())
    }

    /// An error whose message begins with a key ("data.train = 0, but …"), told with the file and the key's line.
    pub fn locate(&self, error: Error) -> Error {
        let Error::Invalid(message) = &error else { return error };
        match self.place_of(message.split_whitespace().next().unwrap_or_default()) {
            Some(place) => at(&self.path, &self.text, place, message),
            None => Error::content(&self.path, message.clone()),
        }
    }

    /// Where the file has the key `table.key`, or at least the table.
    fn place_of(&self, path: &str) -> Option<usize> {
        let (table, key) = path.split_once('.')?;
        let file = DeTable::parse(&self.text).ok()?;
        let (name, value) = file.get_ref().get_key_value(table)?;
        let keys = value.get_ref().as_table();
        let place = keys.and_then(|keys| keys.get_key_value(key)).map_or(name.span(), |(key, _)| key.span());
        Some(place.start)
    }
}

/// A parser's message without the names of Rust's types.
fn in_words(message: &str) -> String {
    let words = [
        ("expected usize", "expected a whole number, at least 0"),
        ("expected u64", "expected a whole number, at least 0"),
    ];
    let words = words.into_iter().chain([("expected f64", "expected a number")]);
    words.fold(message.to_owned(), |message, (from, to)| message.replace(from, to))
}

/// An error about the byte `offset` of the file, as `path:line: message`.
fn at(path: &Path, text: &str, offset: usize, message: &str) -> Error {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
    Error::Line { path: path.to_owned(), line, message: message.replace('\n', " ") }
}
