//! What there is to tell of a study in tables.

use crate::error::Result;
use crate::report::layout::Cell;
use crate::report::sheet::{self, Sheet, choices};
use crate::report::{confusions, invariance};
use crate::stats::attribution::Attribution;
use crate::study::{Level, Record, Run, Store};

/// What there is to tell of a study in tables.
#[derive(Clone, Debug)]
pub struct Tables {
    /// The study's name.
    pub study: String,
    /// Every cell of its grid; one where it has none.
    pub cells: Vec<CellTables>,
    /// What tuning chose, if there was tuning.
    pub tuning: Option<Sheet>,
}

/// What there is to tell of a cell.
#[derive(Clone, Debug)]
pub struct CellTables {
    /// A level of every factor of the grid; none where there's no grid.
    pub levels: Vec<Level>,
    /// Its outcome.
    pub attribution: Attribution,
    /// Tables beside those of the attribution.
    pub further: Vec<Sheet>,
}

impl Tables {
    /// Of a store.
    ///
    /// # Errors
    /// When a record can't be read.
    pub fn read(store: &Store) -> Result<Self> {
        let record = store.study()?;
        let runs = store.runs(&record)?;
        let cells = record.study.cells().into_iter().zip(store.attribute_as(&record)?);
        let cell = |(levels, attribution): (&[Level], Attribution)| {
            Ok(CellTables { levels: levels.to_vec(), attribution, further: further(&record, levels, &runs)? })
        };
        Ok(Self {
            study: record.study.name.clone(),
            cells: cells.map(cell).collect::<Result<_>>()?,
            tuning: choices(&store.choices(&record)?),
        })
    }

    /// All cells under each other; `None` where there's one.
    pub(super) fn all_cells(&self) -> Option<Sheet> {
        let cells: Vec<Cell> = self.cells.iter().map(|cell| (cell.levels.as_slice(), &cell.attribution)).collect();
        sheet::cells(&self.study, &cells).map(Sheet::with_minus_signs)
    }
}

/// The tables of a cell beside its attribution's: what is confused, and how equivariant its runs became.
///
/// # Errors
/// When a record can't be read.
pub(in crate::report) fn further(record: &Record, cell: &[Level], runs: &[Run]) -> Result<Vec<Sheet>> {
    let learned = invariance::of_cell(record, cell, runs)?;
    Ok(confusions::of_cell(record, cell, runs).into_iter().chain(learned).collect())
}
