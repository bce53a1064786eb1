//! The study file as it's written.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;
use toml::de::{DeTable, Deserializer};

use super::grid::{self, Level, LevelledTable};
use super::{
    ArmFile, BudgetFile, EquivarianceFile, ModelFile, Override, Seeds, Skeletons, StudyText, TrainingFile, TuningFile,
};
use crate::data::DataConfig;
use crate::error::Result;
use crate::model::steps::Steps;

/// A study file (TOML). Unknown keys are refused, errors say the line and what would be right.
#[derive(Debug)]
pub struct StudyFile {
    /// What it says, but for the arms.
    pub content: StudyContent,
    /// The arms, at every level of the grid.
    pub arms: Vec<GridArm>,
    /// The skeletons that aren't the program's.
    pub skeletons: Skeletons,
    /// Its text, and where that was read from.
    pub text: StudyText,
}

/// An arm in one cell of the grid.
#[derive(Debug)]
pub struct GridArm {
    /// Its cell: a level of every factor; none where there's no grid.
    pub levels: Vec<Level>,
    /// The arm.
    pub arm: ArmFile,
}

/// The keys of a study file; `[[arm]]` and `[grid]` are read before the others.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
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
    /// Skeletons, see [`Steps`].
    #[serde(default)]
    pub skeleton: BTreeMap<String, Steps>,
    #[serde(rename = "arm")]
    _arm: Option<IgnoredAny>,
    #[serde(rename = "grid")]
    _grid: Option<IgnoredAny>,
}

impl StudyFile {
    /// Reads a study file.
    ///
    /// # Errors
    /// When it can't be read, isn't TOML, or has keys or values that aren't a study's.
    pub fn read(path: &Path) -> Result<Self> {
        Self::read_with(path, &[])
    }

    /// The same with some keys given otherwise.
    ///
    /// # Errors
    /// As [`StudyFile::read`]; also when a key can't be in a study.
    pub fn read_with(path: &Path, overrides: &[Override]) -> Result<Self> {
        Self::parse(StudyText::read(path)?.with(overrides)?)
    }

    /// The same of a text that was read.
    ///
    /// # Errors
    /// When it isn't TOML, or has keys or values that aren't a study's.
    pub fn parse(text: StudyText) -> Result<Self> {
        let fail = |e: toml::de::Error| text.parse_error(&e);
        let mut table = DeTable::parse(text.as_str()).map_err(fail)?;
        let expanded = grid::expand(table.get_mut());
        let content = StudyContent::deserialize(Deserializer::from(table)).map_err(fail)?;
        let expanded = expanded.map_err(|(place, message)| text.at(place, &message))?;
        let arm = |(levels, table): LevelledTable| Ok(GridArm { levels, arm: ArmFile::read(table, &text)? });
        let arms = expanded.into_iter().map(arm).collect::<Result<Vec<_>>>()?;
        let named = arms.iter().map(|cell| cell.arm.skeleton.as_ref()).chain([content.model.skeleton.as_ref()]);
        let skeletons = Skeletons::read(&text, &content.skeleton, named.flatten())?;
        Ok(Self { content, arms, skeletons, text })
    }
}
