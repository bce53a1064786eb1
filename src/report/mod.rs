//! Results as people read them, one file a format.

pub mod bench;
pub mod plan;
pub mod table;
