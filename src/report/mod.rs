//! Results as people read them, one file a format.

pub mod bench;
pub mod budgets;
pub mod check;
pub mod compare;
mod confusions;
mod differences;
mod export;
pub mod figure;
pub mod html;
mod invariance;
mod layout;
mod learned;
mod numbers;
mod pictures;
pub mod plan;
pub mod progress;
mod roles;
mod screen;
pub mod sentence;
mod sheet;
mod source;
pub mod table;

pub use export::{CellTables, Csv, Export, Latex, Markdown, TableFormat, Tables, tidy};
pub use sheet::{Sheet, notes, sheets};
pub use source::Source;
