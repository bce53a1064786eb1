//! Tables in the formats that papers, notebooks and repositories take, one file a format.

mod csv;
mod format;
mod latex;
mod markdown;
mod tables;
pub mod tidy;

pub use csv::Csv;
pub use format::Export;
pub use latex::Latex;
pub use markdown::Markdown;
pub(super) use tables::further;
pub use tables::{CellTables, Tables};

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
