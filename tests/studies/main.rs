//! Studies from file to store, and the program that runs them.

#[path = "../common/mod.rs"]
mod common;
#[path = "../data/data_support/mod.rs"]
mod data_support;

mod architecture;
mod bench_cli;
mod damaged;
mod draws;
mod errors;
mod expand;
mod factors;
mod foreign;
mod help;
mod lab_cli;
mod lab_record;
mod lab_store;
mod own_bank;
mod protocols;
mod readme;
mod records;
mod reproducible;
mod rescaling;
mod rot_mnist;
mod sharing;
mod skeletons;
mod steerable;
mod store;
mod store_support;
