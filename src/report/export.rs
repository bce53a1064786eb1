//! Tables in the formats that papers, notebooks and repositories take.

use super::csv::Csv;
use super::latex::Latex;
use super::markdown::Markdown;
use super::sheet::{Sheet, choices};
use super::{confusions, invariance};
use crate::error::Result;
use crate::stats::attribution::Attribution;
use crate::study::{Level, Record, Run, Store};

/// What there is to tell of a study in tables.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Every cell of its grid; one where it has none.
    pub cells: Vec<CellTables>,
    /// What tuning chose, if there was tuning.
    pub tuning: Option<Sheet>,
}

/// What there is to tell of a cell.
#[derive(Clone, Debug)]
pub struct CellTables {
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
        let cell = |(cell, attribution): (&[Level], Attribution)| {
            Ok(CellTables { attribution, further: further(&record, cell, &runs)? })
        };
        Ok(Self { cells: cells.map(cell).collect::<Result<_>>()?, tuning: choices(&store.choices(&record)?) })
    }

    /// The outcomes of all cells.
    pub fn attributions(&self) -> Vec<&Attribution> {
        self.cells.iter().map(|cell| &cell.attribution).collect()
    }
}

/// The tables of a cell beside its attribution's: what is confused, and how equivariant its runs became.
///
/// # Errors
/// When a record can't be read.
pub(super) fn further(record: &Record, cell: &[Level], runs: &[Run]) -> Result<Vec<Sheet>> {
    let learned = invariance::of_cell(record, cell, runs)?;
    Ok(confusions::of_cell(record, cell, runs).into_iter().chain(learned).collect())
}

/// A format of tables.
pub trait Export {
    /// The tables as text that ends with a newline.
    ///
    /// # Errors
    /// When they can't be written in this format.
    fn export(&self, tables: &Tables) -> Result<String>;
}

/// The formats by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    /// For repositories and issues.
    Markdown,
    /// Unrounded, one row a number, for notebooks: of the attribution alone. Text that a spreadsheet would take for a formula
    /// has an apostrophe in front.
    Csv,
    /// For papers; needs \usepackage{booktabs}.
    Latex,
}

impl TableFormat {
    /// What writes the format.
    pub fn exporter(self) -> &'static dyn Export {
        match self {
            Self::Markdown => &Markdown,
            Self::Csv => &Csv,
            Self::Latex => &Latex,
        }
    }
}
