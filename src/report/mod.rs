//! Results as people read them, one file a format.

pub mod batch;
pub mod bench;
pub mod budgets;
mod cell;
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
pub mod skeleton;
pub mod table;

pub use cell::CellResults;
pub use export::{CellTables, Csv, Export, Latex, Markdown, TableFormat, Tables, tidy};
pub use sheet::{Sheet, notes, sheets};
