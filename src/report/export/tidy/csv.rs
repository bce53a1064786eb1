//! Comma-separated values, in which no cell is a formula of a spreadsheet's (see [`text::cell`]).

use serde_json::Value;

use super::Column;
use crate::error::{Error, Result};
use crate::text;

pub(super) fn bytes(columns: &[Column]) -> Result<Vec<u8>> {
    let fail = |e: &dyn std::fmt::Display| Error::invalid(format!("as CSV: {e}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns.iter().map(|column| text::cell(&column.name).into_owned())).map_err(|e| fail(&e))?;
    for row in 0..columns.first().map_or(0, |column| column.values.len()) {
        let cells = columns.iter().map(|column| match column.values.json(row) {
            Value::Null => String::new(),
            Value::String(words) => text::cell(&words).into_owned(),
            number => number.to_string(),
        });
        writer.write_record(cells).map_err(|e| fail(&e))?;
    }
    writer.into_inner().map_err(|e| fail(&e))
}
