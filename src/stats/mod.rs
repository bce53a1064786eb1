//! Statistics: numbers in, numbers out.

pub mod attribution;
pub mod bootstrap;
pub mod fieller;
mod paired;
pub mod student;

/// The two ends of an interval, lower end first.
pub type Interval = [f64; 2];
