//! Groups, banks, kernels, layers, networks and the equivariance lab.

#[path = "../common/mod.rs"]
mod common;

mod augmentation;
mod bank;
mod build_script;
mod candle_modules;
mod evaluation;
mod group;
mod kernel;
mod kernel_support;
mod lab_faults;
mod lab_grid;
mod lab_report;
mod lanes;
mod lie;
mod model;
mod networks;
mod optimisers;
mod rescaling;
mod residual;
mod restriction;
mod simd_override;
mod steerable;
mod steerable_turns;
mod steps;
mod training_paths;
mod widths;
