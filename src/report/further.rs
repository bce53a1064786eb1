//! The tables beside the attribution's: what a store says of its runs beyond their errors.

use super::sheet::{Sheet, choices};
use super::{confusions, invariance};
use crate::error::Result;
use crate::study::{Level, Record, Run, TuningRecord};

/// Of every cell of the grid what is confused and how equivariant its runs became, and then what tuning chose; as far as there
/// is something to tell.
///
/// # Errors
/// When a record can't be read.
pub fn further(record: &Record, runs: &[Run], tuned: &[(String, TuningRecord)]) -> Result<Vec<Sheet>> {
    let mut sheets = Vec::new();
    for cell in record.study.cells() {
        sheets.extend(of_cell(record, cell, runs)?);
    }
    sheets.extend(choices(tuned));
    Ok(sheets)
}

/// Those of a cell.
///
/// # Errors
/// When a record can't be read.
pub(super) fn of_cell(record: &Record, cell: &[Level], runs: &[Run]) -> Result<Vec<Sheet>> {
    let learned = invariance::of_cell(record, cell, runs)?;
    Ok(confusions::of_cell(record, cell, runs).into_iter().chain(learned).collect())
}
