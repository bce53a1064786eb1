//! The study file as it's written.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use toml::de::{DeTable, Deserializer, ValueDeserializer};

use super::grid::{self, Level};
use super::{ArmFile, EquivarianceFile, TuningFile};
use crate::bank::Initialisation;
use crate::data::{Augmentation, DataConfig};
use crate::error::{Error, Result};
use crate::files;
use crate::model::Skeleton;
use crate::train::{Protocol, TrainingConfig};

/// A study file (TOML). Unknown keys are refused, errors say the line and what would be right.
#[derive(Debug)]
pub struct StudyFile {
    /// What it says, but for the arms.
    pub content: StudyContent,
    /// The arms, at every level of the grid.
    pub arms: Vec<GridArm>,
    path: PathBuf,
    text: String,
}

/// An arm in one cell of the grid.
#[derive(Debug)]
pub struct GridArm {
    /// Its cell: a level of every factor; none where there's no grid.
    pub levels: Vec<Level>,
    /// The arm.
    pub arm: ArmFile,
}

/// The keys of a study file, without `[[arm]]` and `[grid]`.
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
    /// How every arm is tuned, if at all.
    pub tuning: Option<TuningFile>,
    /// How the equivariance of every run is measured, if at all.
    pub equivariance: Option<EquivarianceFile>,
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
    /// The same for multiply-adds.
    pub multiply_adds_within: Option<Spanned<f64>>,
}

/// The `[training]` table: a protocol and what differs from it. The keys are those of [`TrainingConfig`].
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)]
pub struct TrainingFile {
    pub protocol: Option<Protocol>,
    pub epochs: Option<usize>,
    pub images_per_epoch: Option<usize>,
    pub batch: Option<usize>,
    pub learning_rate: Option<f64>,
    pub weight_decay: Option<f64>,
    pub decay: Option<f64>,
    pub decay_from: Option<usize>,
    pub augmentation: Option<Augmentation>,
    pub test_every_epoch: Option<bool>,
}

impl TrainingFile {
    /// The protocol with the overrides; where none is named, `base` with them.
    pub fn resolve(&self, base: &TrainingConfig) -> TrainingConfig {
        let base = self.protocol.map_or_else(|| base.clone(), Protocol::config);
        TrainingConfig {
            epochs: self.epochs.unwrap_or(base.epochs),
            images_per_epoch: self.images_per_epoch.or(base.images_per_epoch),
            batch: self.batch.unwrap_or(base.batch),
            learning_rate: self.learning_rate.unwrap_or(base.learning_rate),
            weight_decay: self.weight_decay.unwrap_or(base.weight_decay),
            decay: self.decay.unwrap_or(base.decay),
            decay_from: self.decay_from.unwrap_or(base.decay_from),
            augmentation: self.augmentation.unwrap_or(base.augmentation),
            test_every_epoch: self.test_every_epoch.unwrap_or(base.test_every_epoch),
        }
    }
}

impl StudyFile {
    /// Reads a study file.
    ///
    /// # Errors
    /// When it can't be read, isn't TOML, or has keys or values that aren't a study's.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = files::read_record(path)?;
        let text = String::from_utf8(bytes).map_err(|_| Error::content(path, "not a text file (UTF-8)"))?;
        let fail = |e: toml::de::Error| match e.span() {
            Some(span) if !text.is_empty() => at(path, &text, span.start, &in_words(e.message())),
            _ => Error::content(path, in_words(e.message())),
        };
        let mut table = DeTable::parse(&text).map_err(fail)?;
        let expanded = grid::expand(table.get_mut());
        let content = StudyContent::deserialize(Deserializer::from(table)).map_err(fail)?;
        let expanded = expanded.map_err(|(place, message)| at(path, &text, place, &message))?;
        let arm = |(levels, table)| {
            let arm = ArmFile::deserialize(ValueDeserializer::from(table)).map_err(fail)?;
            Ok(GridArm { levels, arm })
        };
        let arms = expanded.into_iter().map(arm).collect::<Result<_>>()?;
        Ok(Self { content, arms, path: path.to_owned(), text })
    }

    /// The file's own text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// An error about the place of `value` in the file.
    pub(super) fn error<T>(&self, value: &Spanned<T>, message: impl Into<String>) -> Error {
        at(&self.path, &self.text, value.span().start, &message.into())
    }

    /// An error about a key, told with the file and the key's line; others as they are.
    pub fn locate(&self, error: Error) -> Error {
        match error {
            Error::Key { table, key, .. } => self.error_at(table, key, &error.to_string()),
            other => other,
        }
    }

    /// An error about `key` of `table`, also where the file doesn't have them.
    pub(super) fn error_at(&self, table: &str, key: &str, message: &str) -> Error {
        match self.place_of(table, key) {
            Some(place) => at(&self.path, &self.text, place, message),
            None => Error::content(&self.path, message),
        }
    }

    /// Where the file has the key, or at least the table.
    fn place_of(&self, table: &str, key: &str) -> Option<usize> {
        let file = DeTable::parse(&self.text).ok()?;
        let (name, value) = file.get_ref().get_key_value(table)?;
        let keys = value.get_ref().as_table();
        let place = keys.and_then(|keys| keys.get_key_value(key)).map_or(name.span(), |(key, _)| key.span());
        Some(place.start)
    }
}

/// A parser's message without the names of Rust's types.
fn in_words(message: &str) -> String {
    let whole =
        ["expected usize", "expected u64", "expected u32"].map(|name| (name, "expected a whole number, at least 0"));
    let words = whole.into_iter().chain([("expected f64", "expected a number")]);
    let message = words.fold(message.to_owned(), |message, (from, to)| message.replace(from, to));
    // Two tables are read before the others.
    let message = match message.contains("unknown field") && message.contains("`baseline`") {
        true => format!("{message}, `arm`, `grid`"),
        false => message,
    };
    match message.split_once("expected struct ") {
        Some((before, _)) => format!("{before}expected a table"),
        None => message,
    }
}

/// An error about the byte `offset` of the file, as `path:line: message`.
fn at(path: &Path, text: &str, offset: usize, message: &str) -> Error {
    let before = text.as_bytes().get(..offset).unwrap_or(text.as_bytes());
    let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
    Error::Line { path: path.to_owned(), line, message: message.replace('\n', " ") }
}
