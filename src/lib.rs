//! `equisplit`: how much of a group-equivariant CNN's gain is equivariance, and how much only repeated weights?

#![warn(missing_docs)]

pub mod bank;
pub mod data;
pub mod error;
pub mod files;
pub mod group;
pub mod kernel;
pub mod model;
pub mod nn;
pub mod npy;
pub mod report;
pub mod rng;
pub mod stats;
pub mod study;
pub mod train;

pub use error::{Error, Result};
