//! Tables, figures and pages.

#[path = "../common/mod.rs"]
mod common;

mod batches;
mod cli;
mod figure_support;
mod formats;
mod pages;
mod sizes;
mod tables;
mod viewers;
