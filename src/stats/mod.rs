//! Statistics: numbers in, numbers out.

pub mod attribution;
pub mod bootstrap;
mod checks;
pub mod comparison;
mod crossed;
mod design;
pub mod fieller;
pub mod improvement;
pub mod outlier;
mod paired;
mod results;
pub mod seeds;
mod share;
pub mod significance;
mod source;
pub mod student;
mod warnings;

pub use design::{Covers, Design};
pub use source::Source;
pub use warnings::few_seeds;

/// The two ends of an interval, lower end first.
pub type Interval = [f64; 2];
