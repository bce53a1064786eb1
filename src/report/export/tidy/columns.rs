//! Tables by column.

use serde_json::Value;

/// A named column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Values,
}

/// Values of one type; `None` where a row has none.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// Words.
    Text(Vec<Option<String>>),
    /// Whole numbers.
    Integer(Vec<Option<u64>>),
    /// Numbers.
    Real(Vec<Option<f64>>),
}

impl Values {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(values) => values.len(),
            Self::Integer(values) => values.len(),
            Self::Real(values) => values.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value in a row, as JSON; null where there's none.
    pub(super) fn json(&self, row: usize) -> Value {
        match self {
            Self::Text(values) => values.get(row).cloned().flatten().map_or(Value::Null, Value::from),
            Self::Integer(values) => values.get(row).copied().flatten().map_or(Value::Null, Value::from),
            Self::Real(values) => values.get(row).copied().flatten().map_or(Value::Null, Value::from),
        }
    }
}
