//! Images: sources, formats, commands.

#[path = "../common/mod.rs"]
mod common;

mod cli;
mod data_support;
mod draws;
mod fetch;
mod formats;
mod sets;
mod sources;
