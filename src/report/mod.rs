//! Results as people read them, one file a format.

pub mod bench;
pub mod budgets;
pub mod check;
pub mod compare;
mod confusions;
mod csv;
mod differences;
mod export;
pub mod figure;
pub mod html;
mod invariance;
mod latex;
mod learned;
mod markdown;
mod pictures;
pub mod plan;
pub mod progress;
mod roles;
pub mod sentence;
mod sheet;
mod source;
pub mod table;
pub mod tidy;

pub use csv::Csv;
pub use export::{CellTables, Export, TableFormat, Tables};
pub use latex::Latex;
pub use markdown::Markdown;
pub use sheet::{Sheet, notes, sheets};
pub use source::Source;
