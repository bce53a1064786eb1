//! Keys of a study file that are given otherwise on the command line, as `--set training.epochs=2`.

use std::fmt;
use std::str::FromStr;

use toml_edit::{DocumentMut, Item, Key, Table, TableLike, Value};

use crate::error::{Error, Result};

/// A key and what it's to be.
#[derive(Clone, Debug)]
pub struct Override {
    /// From the file's top to the key.
    path: Vec<String>,
    value: Value,
    /// As it was written.
    written: String,
}

impl FromStr for Override {
    type Err = String;

    /// From `KEY=VALUE`: the key with dots between tables, the value in TOML, or a word as it is.
    fn from_str(written: &str) -> std::result::Result<Self, String> {
        let (key, value) =
            written.split_once('=').ok_or("expected KEY=VALUE, as in training.epochs=2 or arm.p4.width=8")?;
        let path = Key::parse(key.trim()).map_err(|_| format!("{key:?} is no key, as training.epochs is"))?;
        let path = path.iter().map(|key| key.get().to_owned()).collect();
        let value = value.trim();
        let value = match value.parse::<Value>() {
            Ok(value) => value,
            Err(_) if is_word(value) => value.into(),
            Err(error) => return Err(format!("{value:?} is no value of TOML: {}", first_line(&error))),
        };
        Ok(Self { path, value, written: written.to_owned() })
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "--set {}", self.written)
    }
}

/// Whether it's a name or a path rather than a value that went wrong.
fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '.' | '/' | '_'))
        && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
}

fn first_line(error: &impl fmt::Display) -> String {
    let text = error.to_string();
    text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
}

/// The text of a study file with these keys, everything else as it was.
///
/// # Errors
/// When the text isn't TOML, a key leads through something that is no table, or an arm isn't there.
pub(super) fn apply(text: &str, overrides: &[Override]) -> Result<String> {
    let mut document: DocumentMut = text.parse().map_err(|e| Error::invalid(first_line(&e)))?;
    for given in overrides {
        given.set(document.as_table_mut()).map_err(|wrong| Error::invalid(format!("{given}: {wrong}")))?;
    }
    Ok(document.to_string())
}

impl Override {
    fn set(&self, file: &mut Table) -> std::result::Result<(), String> {
        let Some((last, tables)) = self.path.split_last() else { return Err("no key".to_owned()) };
        let table = match tables {
            [arm, name, tables @ ..] if arm == "arm" => follow(arm_of(file, name)?, tables)?,
            tables => follow(file, tables)?,
        };
        match table.get_mut(last) {
            Some(Item::Value(old)) => {
                let decor = old.decor().clone();
                *old = self.value.clone();
                *old.decor_mut() = decor;
            }
            Some(_) => return Err(format!("{last} is a table; name a key in it")),
            None => {
                table.insert(last, Item::Value(self.value.clone()));
            }
        }
        Ok(())
    }
}

/// The table that these keys lead to, made where it isn't there.
fn follow<'t>(mut table: &'t mut dyn TableLike, keys: &[String]) -> std::result::Result<&'t mut dyn TableLike, String> {
    for key in keys {
        let item = table.entry(key).or_insert_with(|| Item::Table(Table::new()));
        table = item.as_table_like_mut().ok_or_else(|| format!("{key} is no table"))?;
    }
    Ok(table)
}

/// The `[[arm]]` of this name.
fn arm_of<'t>(file: &'t mut Table, name: &str) -> std::result::Result<&'t mut Table, String> {
    let arms = file.get_mut("arm").and_then(Item::as_array_of_tables_mut).ok_or("the study has no [[arm]] tables")?;
    let names: Vec<String> =
        arms.iter().map(|arm| arm.get("name").and_then(Item::as_str).unwrap_or_default().to_owned()).collect();
    let place = names.iter().position(|known| known == name);
    place
        .and_then(|place| arms.get_mut(place))
        .ok_or_else(|| format!("no arm is called {name:?}; there are {}", names.join(", ")))
}
