//! Places in a study file, for errors about them.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeTable;

use super::overrides::{self, Override};
use crate::error::{Error, Result};
use crate::files;
use crate::model::steps::Fault;

/// A study file's text and where it was read from.
#[derive(Clone, Debug)]
pub struct StudyText {
    path: PathBuf,
    text: String,
    /// The file's own text and what was given otherwise, where something was.
    overridden: Option<Overridden>,
}

#[derive(Clone, Debug)]
struct Overridden {
    original: String,
    by: String,
}

impl StudyText {
    /// The text of a file.
    pub fn new(path: PathBuf, text: String) -> Self {
        Self { path, text, overridden: None }
    }

    /// The same with some keys given otherwise.
    ///
    /// # Errors
    /// When it isn't TOML, or a key can't be in it.
    pub fn with(self, overrides: &[Override]) -> Result<Self> {
        if overrides.is_empty() {
            return Ok(self);
        }
        // What is wrong with the file itself is told with its line.
        DeTable::parse(&self.text).map_err(|e| self.parse_error(&e))?;
        let text = overrides::apply(&self.text, overrides)?;
        let by = overrides.iter().map(Override::to_string).collect::<Vec<_>>().join(" ");
        Ok(Self { overridden: Some(Overridden { original: self.text, by }), text, ..self })
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// When it can't be read, or isn't UTF-8.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = files::read_record(path)?;
        let text = String::from_utf8(bytes).map_err(|_| Error::content(path, "not a text file (UTF-8)"))?;
        Ok(Self::new(path.to_owned(), text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// An error about the place of `value`.
    pub fn error<T>(&self, value: &Spanned<T>, message: impl Into<String>) -> Error {
        self.at(value.span().start, &message.into())
    }

    /// A parser's error, with its line.
    pub fn parse_error(&self, error: &toml::de::Error) -> Error {
        match error.span() {
            Some(span) if !self.text.is_empty() => self.at(span.start, error.message()),
            _ => Error::content(&self.path, error.message()),
        }
    }

    /// An error about a key, told with the file and the key's line; others as they are.
    pub fn locate(&self, error: Error) -> Error {
        match error {
            Error::Key { table, key, .. } => self.error_at(table, key, &error.to_string()),
            other => other,
        }
    }

    /// An error about `key` of `table`, also where the file doesn't have them.
    pub fn error_at(&self, table: &str, key: &str, message: &str) -> Error {
        match self.place_of(table, key) {
            Some(place) => self.at(place, message),
            None => Error::content(&self.path, message),
        }
    }

    /// An error about the byte `offset`, as `path:line: message`.
    pub fn at(&self, offset: usize, message: &str) -> Error {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
        let message = message.replace('\n', " ");
        if let Some(Overridden { original, by }) = &self.overridden {
            let (text, message) = (self.text.lines().nth(line - 1), format!("{message} (with {by})"));
            let is_once = self.text.lines().filter(|line| Some(*line) == text).count() == 1;
            let mut same = original.lines().enumerate().filter(|(_, line)| Some(*line) == text);
            // What isn't told apart from other lines has no number.
            return match (same.next(), same.next()) {
                (Some((line, _)), None) if is_once => Error::Line { path: self.path.clone(), line: line + 1, message },
                _ => Error::content(&self.path, message),
            };
        }
        Error::Line { path: self.path.clone(), line, message }
    }

    /// What is wrong with a skeleton, told with the line of the step; `tables` lead to the skeleton.
    pub fn fault(&self, tables: &[&str], fault: &Fault) -> Error {
        match self.place_of_step(tables, &fault.place) {
            Some(place) => self.at(place, &fault.message),
            None => Error::content(&self.path, &fault.message),
        }
    }

    /// A path that is relative to the file's folder.
    pub fn beside(&self, path: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }

    /// Where a step begins, or the deepest of those that it's in; where there's none, the list of steps.
    fn place_of_step(&self, tables: &[&str], steps: &[usize]) -> Option<usize> {
        let file = DeTable::parse(&self.text).ok()?;
        let mut table = file.get_ref();
        for name in tables {
            table = table.get(*name)?.get_ref().as_table()?;
        }
        let mut list = table.get("steps")?;
        let mut place = list.span().start;
        for step in steps {
            let Some(found) = list.get_ref().as_array().and_then(|list| list.get(*step)) else { break };
            place = found.span().start;
            let inner = found.get_ref().as_table().and_then(|step| step.values().next());
            let Some(steps) = inner.and_then(|inner| inner.get_ref().as_table()?.get("steps")) else { break };
            list = steps;
        }
        Some(place)
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
