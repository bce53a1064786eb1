//! `[grid]`: every arm at every combination of some factors.

use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::limits::MOST_ARMS;

/// A factor of the grid and its value in one cell.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Level {
    /// The arm's key that it sets, as "train" or "training.learning_rate".
    pub key: String,
    /// The value in TOML, written the same way however the study file writes it.
    pub value: String,
}

impl Level {
    /// As a part of a folder's name: `train-500`.
    pub fn label(&self) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.') { c } else { '-' };
        let value: String = self.value.trim_matches('"').chars().map(plain).collect();
        let key = self.key.rsplit('.').next().unwrap_or_default();
        format!("{key}-{value}")
    }
}

/// What is wrong with a grid, and where in the text.
pub(super) type Complaint = (usize, String);

/// An arm's table, and the levels that the grid has put into it.
pub(super) type LevelledTable<'t> = (Vec<Level>, Spanned<DeValue<'t>>);

/// The tables of all arms, each with the levels that the grid gives it: cell by cell, the last factor changing fastest.
/// `arm` and `grid` are taken out of `file`.
pub(super) fn expand<'t>(file: &mut DeTable<'t>) -> Result<Vec<LevelledTable<'t>>, Complaint> {
    let grid = file.remove("grid");
    let arms = match file.remove("arm").map(Spanned::into_inner) {
        Some(DeValue::Array(arms)) => arms,
        Some(_) => return Err((0, "arms are written as [[arm]] tables".to_owned())),
        None => return Err((0, "missing [[arm]] tables: a study compares two arms or more".to_owned())),
    };
    let place = grid.as_ref().map_or(0, |grid| grid.span().start);
    let factors = grid.map(factors).transpose()?.unwrap_or_default();
    let count = factors.iter().fold(arms.len(), |count, factor| count.saturating_mul(factor.len()));
    if count > MOST_ARMS {
        return Err((place, format!("{count} arms in all cells of the grid, but at most {MOST_ARMS} are possible")));
    }
    let mut cells: Vec<Vec<FactorValue>> = vec![Vec::new()];
    for factor in factors {
        let with = |cell: &Vec<FactorValue<'t>>, value: &FactorValue<'t>| {
            cell.iter().chain([value]).cloned().collect::<Vec<_>>()
        };
        cells = cells.iter().flat_map(|cell| factor.iter().map(|value| with(cell, value))).collect();
    }
    let mut expanded = Vec::new();
    for cell in &cells {
        for arm in &arms {
            let mut arm = arm.clone();
            for value in cell {
                value.set(&mut arm)?;
            }
            expanded.push((cell.iter().map(|value| value.level.clone()).collect(), arm));
        }
    }
    Ok(expanded)
}

/// One value of a factor.
#[derive(Clone)]
struct FactorValue<'t> {
    level: Level,
    /// The keys that lead to it in an arm's table: one, or `training` and one.
    path: Vec<Spanned<std::borrow::Cow<'t, str>>>,
    value: Spanned<DeValue<'t>>,
}

/// The values of every factor.
fn factors<'t>(grid: Spanned<DeValue<'t>>) -> Result<Vec<Vec<FactorValue<'t>>>, Complaint> {
    let start = grid.span().start;
    let DeValue::Table(grid) = grid.into_inner() else {
        return Err((start, "grid is a table of lists, as in train = [500, 1000]".to_owned()));
    };
    let mut factors = Vec::new();
    for (key, value) in grid {
        match value.get_ref() {
            DeValue::Table(inner) if key.get_ref() == "training" => {
                for (inner_key, value) in inner {
                    factors.push(factor(vec![key.clone(), inner_key.clone()], value)?);
                }
            }
            _ => factors.push(factor(vec![key], &value)?),
        }
    }
    Ok(factors)
}

fn factor<'t>(
    path: Vec<Spanned<std::borrow::Cow<'t, str>>>,
    values: &Spanned<DeValue<'t>>,
) -> Result<Vec<FactorValue<'t>>, Complaint> {
    let key = path.iter().map(|key| key.get_ref().as_ref()).collect::<Vec<_>>().join(".");
    let list = values.get_ref().as_array().filter(|list| !list.is_empty());
    let Some(list) = list else {
        return Err((values.span().start, format!("grid.{key} must be a list of values, as in {key} = [1, 2]")));
    };
    if matches!(key.as_str(), "name" | "preset" | "match" | "match_multiply_adds") {
        return Err((values.span().start, format!("{key} tells arms apart, so it can't be a factor of the grid")));
    }
    let value = |value: &Spanned<DeValue<'t>>| {
        let own = toml::Value::deserialize(ValueDeserializer::from(value.clone()));
        let own = own.map_err(|e| (value.span().start, format!("grid.{key}: {}", e.message())))?;
        let level = Level { key: key.clone(), value: own.to_string() };
        Ok(FactorValue { level, path: path.clone(), value: value.clone() })
    };
    list.iter().map(value).collect()
}

impl<'t> FactorValue<'t> {
    /// Puts the value into an arm's table.
    fn set(&self, arm: &mut Spanned<DeValue<'t>>) -> Result<(), Complaint> {
        let mut place = arm;
        for (depth, key) in self.path.iter().enumerate() {
            let start = place.span().start;
            let DeValue::Table(table) = place.get_mut() else {
                return Err((start, format!("a table is wanted here, for grid.{}", self.level.key)));
            };
            if depth + 1 == self.path.len() {
                if let Some((own, _)) = table.get_key_value(key.get_ref().as_ref()) {
                    let message = format!("{} is a factor of the grid, so no arm can set it", self.level.key);
                    return Err((own.span().start, message));
                }
                table.insert(key.clone(), self.value.clone());
                return Ok(());
            }
            let empty = || Spanned::new(key.span(), DeValue::Table(DeTable::new()));
            place = table.entry(key.clone()).or_insert_with(empty);
        }
        Ok(())
    }
}
