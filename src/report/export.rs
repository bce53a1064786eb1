//! Tables in the formats that papers, notebooks and repositories take.

use super::csv::Csv;
use super::latex::Latex;
use super::markdown::Markdown;
use super::sheet::Sheet;
use crate::error::Result;
use crate::stats::attribution::Attribution;

/// A format of tables.
pub trait Export {
    /// The tables of a study, of every cell of its grid where it has one, and then `more` of them, as of what tuning chose;
    /// ends with a newline.
    ///
    /// # Errors
    /// When they can't be written in this format.
    fn export(&self, attributions: &[Attribution], more: &[Sheet]) -> Result<String>;
}

/// The formats by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum TableFormat {
    /// For repositories and issues.
    Markdown,
    /// Unrounded, one row a number, for notebooks.
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
