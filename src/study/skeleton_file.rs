//! Skeletons that aren't the program's: in files of their own, and in study files.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Spanned;

use super::StudyText;
use crate::error::{Error, Result};
use crate::model::Skeleton;
use crate::model::steps::{Fault, Steps, builtin, builtins};

/// How the name of a skeleton's file ends.
const ENDING: &str = ".toml";

/// A skeleton file (TOML). Unknown keys are refused, errors say the line and what would be right.
#[derive(Debug)]
pub struct SkeletonFile {
    /// What it says, called as the file.
    pub skeleton: Skeleton,
    text: StudyText,
}

impl SkeletonFile {
    /// Reads a skeleton file.
    ///
    /// # Errors
    /// When it can't be read, isn't TOML, or has keys or values that aren't a skeleton's.
    pub fn read(path: &Path) -> Result<Self> {
        let text = StudyText::read(path)?;
        let steps: Steps = toml::from_str(text.as_str()).map_err(|e| text.parse_error(&e))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let skeleton = Skeleton::new(&name, steps).map_err(|e| Error::content(path, e.to_string()))?;
        Ok(Self { skeleton, text })
    }

    /// What is wrong with it, with the line of the step.
    pub fn error(&self, fault: &Fault) -> Error {
        self.text.fault(&[], fault)
    }
}

/// The skeletons that a study's arms can have beside those of the program.
#[derive(Debug, Default)]
pub struct Skeletons {
    /// By the name that the study calls them.
    own: BTreeMap<String, Skeleton>,
    files: BTreeMap<String, SkeletonFile>,
}

impl Skeletons {
    /// Those of the study's tables, and the files among the `named` ones, whose paths are relative to the study file.
    ///
    /// # Errors
    /// When a table has a name of the program's, or a file can't be read.
    pub(super) fn read<'a>(
        text: &StudyText,
        tables: &BTreeMap<String, Steps>,
        named: impl Iterator<Item = &'a Spanned<String>>,
    ) -> Result<Self> {
        let own = tables.iter().map(|(name, steps)| {
            let skeleton = Skeleton::new(name, steps.clone());
            let skeleton = skeleton.map_err(|e| text.error_at("skeleton", name, &e.to_string()))?;
            Ok((name.clone(), skeleton))
        });
        let mut skeletons = Self { own: own.collect::<Result<_>>()?, files: BTreeMap::new() };
        for name in named.filter(|name| name.as_ref().ends_with(ENDING) && !tables.contains_key(name.as_ref())) {
            let path = text.beside(Path::new(name.as_ref()));
            let read = SkeletonFile::read(&path).map_err(|e| match path.exists() {
                true => e,
                false => text.error(name, format!("no skeleton file {}", path.display())),
            })?;
            skeletons.files.insert(name.as_ref().clone(), read);
        }
        Ok(skeletons)
    }

    /// The skeleton that a study calls so; the default one where it says nothing.
    ///
    /// # Errors
    /// When there's none; the message has those that there are.
    pub(super) fn find(&self, text: &StudyText, name: Option<&Spanned<String>>) -> Result<Skeleton> {
        let Some(name) = name else { return Ok(Skeleton::default()) };
        let of_file = || self.files.get(name.as_ref()).map(|file| file.skeleton.clone());
        if let Some(skeleton) = self.own.get(name.as_ref()).cloned().or_else(of_file) {
            return Ok(skeleton);
        }
        if builtin(name.as_ref()).is_some() {
            return Skeleton::named(name.as_ref());
        }
        let known: Vec<String> = self.own.keys().cloned().chain(builtins().map(str::to_owned)).collect();
        let known = known.join(", ");
        let message = format!(
            "unknown skeleton {:?}; there are {known}, [skeleton.{0}] would be one of this study, and a name that ends with \
             {ENDING} is a file",
            name.as_ref()
        );
        Err(text.error(name, message))
    }

    /// What is wrong with a skeleton, with the line where it's said; `None` of those of the program.
    pub(super) fn error(&self, text: &StudyText, skeleton: &Skeleton, fault: &Fault) -> Option<Error> {
        if self.own.get(skeleton.name()) == Some(skeleton) {
            return Some(text.fault(&["skeleton", skeleton.name()], fault));
        }
        let file = self.files.values().find(|file| file.skeleton == *skeleton)?;
        Some(file.error(fault))
    }
}
