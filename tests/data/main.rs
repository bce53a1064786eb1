//! Images: sources, formats, commands.

#[path = "../common/mod.rs"]
mod common;

mod cli;
mod data_support;
mod draws;
mod fetch;
mod formats;
#[cfg(feature = "images")]
mod images;
mod sets;
mod sources;
