//! One JSON object a line.

use serde_json::{Map, Value};

use super::Column;
use crate::error::{Error, Result};

pub(super) fn bytes(columns: &[Column]) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for row in 0..columns.first().map_or(0, |column| column.values.len()) {
        let object: Map<String, Value> =
            columns.iter().map(|column| (column.name.clone(), column.values.json(row))).collect();
        serde_json::to_writer(&mut bytes, &object).map_err(|e| Error::invalid(format!("as JSON: {e}")))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}
