//! A study's results as tidy tables: one row a run, one row an epoch; one file a format.

mod columns;
mod csv;
mod jsonl;
#[cfg(feature = "parquet")]
mod parquet;
mod runs;

use std::path::Path;

use crate::error::Result;
use crate::files;

pub use columns::{Column, Values};
pub use runs::{epochs, runs};

/// A format of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header (RFC 4180); missing values are empty. Text that a spreadsheet would take for a
    /// formula has an apostrophe in front.
    Csv,
    /// One JSON object a line; missing values are null.
    Jsonl,
    /// Apache Parquet, one row group.
    Parquet,
}

impl Format {
    /// How names of such files end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
        }
    }

    /// The table as the bytes of a file. All columns have the same length.
    ///
    /// # Errors
    /// When a value can't be written in the format.
    pub fn bytes(self, columns: &[Column]) -> Result<Vec<u8>> {
        match self {
            Self::Csv => csv::bytes(columns),
            Self::Jsonl => jsonl::bytes(columns),
            #[cfg(feature = "parquet")]
            Self::Parquet => parquet::bytes(columns),
            #[cfg(not(feature = "parquet"))]
            Self::Parquet => {
                let message =
                    "this program is built without Parquet; `cargo install --features parquet` builds one with it";
                Err(crate::error::Error::invalid(message))
            }
        }
    }

    /// Writes the table whole.
    ///
    /// # Errors
    /// As [`Format::bytes`], and when the file can't be written.
    pub fn write(self, path: &Path, columns: &[Column]) -> Result<()> {
        let bytes = self.bytes(columns)?;
        files::write_own(path, |out| out.write_all(&bytes))
    }
}
