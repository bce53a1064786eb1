//! Results as people read them, one file a format.

pub mod bench;
pub mod compare;

pub mod plan;
pub mod progress;
pub mod table;
pub mod tidy;
