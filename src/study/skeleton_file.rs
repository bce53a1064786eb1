//! A skeleton in a file of its own.

use std::path::Path;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::StudyText;
use crate::bank::BankConfig;
use crate::error::Result;
use crate::model::InputShape;
use crate::model::steps::{StepCost, Steps};

/// A skeleton file (TOML). Unknown keys are refused, errors say the line and what would be right.
#[derive(Debug)]
pub struct SkeletonFile {
    /// What it says.
    pub content: Steps,
    text: StudyText,
    /// Where each of its steps begins, in bytes.
    places: Vec<usize>,
}

/// The steps' places alone.
#[derive(Deserialize)]
struct Places {
    #[serde(default)]
    steps: Vec<Spanned<IgnoredAny>>,
}

impl SkeletonFile {
    /// Reads a skeleton file.
    ///
    /// # Errors
    /// When it can't be read, isn't TOML, or has keys or values that aren't a skeleton's.
    pub fn read(path: &Path) -> Result<Self> {
        let text = StudyText::read(path)?;
        let fail = |e: toml::de::Error| text.parse_error(&e);
        let content = toml::from_str(text.as_str()).map_err(fail)?;
        let Places { steps } = toml::from_str(text.as_str()).map_err(fail)?;
        let places = steps.iter().map(|step| step.span().start).collect();
        Ok(Self { content, places, text })
    }

    /// [`Steps::costs`], whose errors say the line of the step.
    ///
    /// # Errors
    /// As there.
    pub fn costs(&self, bank: &BankConfig, base: Option<f64>, input: InputShape) -> Result<Vec<StepCost>> {
        self.content.costs(bank, base, input).map_err(|error| {
            let step = self.content.faulty_step(bank, base, input);
            match step.and_then(|step| self.places.get(step)) {
                Some(&place) => self.text.at(place, &error.to_string()),
                None => self.text.error_at("steps", "", &error.to_string()),
            }
        })
    }
}
