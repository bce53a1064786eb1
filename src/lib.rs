//! `equisplit`: how much of a group-equivariant CNN's gain is equivariance, and how much only repeated weights?

#![warn(missing_docs)]

pub mod data;
pub mod error;
pub mod files;
pub mod report;
pub mod rng;
pub mod stats;

pub use error::{Error, Result};
