//! How much of a group-equivariant CNN's gain is equivariance, and how much only repeated weights?
//!
//! A G-CNN (Cohen & Welling, ICML 2016) differs from a plain CNN with the same number of parameters in three things: it
//! repeats its weights in a larger network, it repeats them in a fixed pattern, and that pattern is a group action.
//! Chavan et al. ("Rescaling CNN through Learnable Repetition of Network Parameters", ICIP 2021, arXiv 2101.05650) say that
//! up to 40 % of the relative gain reported for rotation equivariance on rot-MNIST could be due to learned repetition alone.
//! This crate varies one of the three at a time and holds the rest equal, the rule for initial values included
//! ([`bank::Initialisation`]).
//!
//! # The one axis of variation
//!
//! Every convolution is planar, with filters W of shape (out maps, in maps, k, k); arms of a study differ only in how W
//! comes from the learned parameters θ. That map is a [`bank`]:
//!
//! | bank | θ of a layer | W | equivariant |
//! | --- | --- | --- | --- |
//! | `free` | (O, I, k, k) | θ itself | to shifts only |
//! | `p4`, `p4m`, lifting | (O, I, k, k) | a transformed copy per group element: W\[o·\|H\| + g, i\] = g·θ\[o, i\] | yes |
//! | `p4`, `p4m`, regular | (O, I, \|H\|, k, k) | W\[o·\|H\| + g, i·\|H\| + h\] = g·θ\[o, i, g⁻¹h\] | yes |
//! | `scrambled` | as the group bank it mimics | as many copies, by fixed random bijections of a filter's entries that aren't a group action; copy 0 is θ | no |
//! | `repeat-linear` | base (o, i, k, k) | the base tiled to (O, I, k, k) | no |
//! | `repeat-swish` | base; α, β per tile | tile (a, b) is α\[a,b\]·w / (1 + exp(β\[a,b\]·w)) | no |
//! | `repeat-mask` | base; a learned sign per entry of W | the tiled base times the signs | no |
//! | `repeat-drop` | base | the tiled base times a fixed Bernoulli mask | no |
//! | `random-mask` | base; a learned sign per entry of W | the base's kernels first, frozen random ones after them, times the signs | no |
//!
//! P4CNN against `scrambled` is equivariance and nothing else: same parameters, maps, multiply-adds and tying pattern.
//!
//! # Conventions
//!
//! - Tensors are (batch, maps, height, width). A group axis follows its channel: map c·|H| + h.
//! - In C4 the element r turns by r counter-clockwise quarter turns (numpy's `rot90`); in D4 the element 4m + r then flips
//!   the rows (`flipud`) if m = 1. Filters are GrouPy's arrays to the bit.
//! - Norms, biases and dropout act per field: they are shared by the maps of a group axis.
//! - Every random number comes from a stream named after its use ([`rng`]): the same study, seed and machine give the same
//!   bits, for any number of jobs and threads.
//!
//! # Layers on their own
//!
//! Everything in [`nn`] works without the rest, in any candle network: see there, `examples/digits.rs`, and what
//! [`prelude`] brings in.
//!
//! # Where things are
//!
//! Data flows one way; no module uses one above it.
//!
//! | module | what |
//! | --- | --- |
//! | [`report`] | tables, figures, pages, exports |
//! | [`study`] | a study file → runs → the store of their results |
//! | [`prelude`] | what networks of group convolutions are made with |
//! | [`lab`] | whether networks are equivariant, and where they stop being so |
//! | [`mod@bench`] | how fast networks and convolutions run on this machine |
//! | [`stats`] | Student, Fieller, bootstrap, tests, attribution: numbers in, numbers out |
//! | [`train`] | protocols, the loop, checkpoints |
//! | [`model`] | skeletons, built over any bank |
//! | [`nn`] | layers |
//! | [`bank`] | parameters → filters |
//! | [`kernel`] | CPU operators behind candle's tensors, with no idea of groups |
//! | [`group`] | point and plane groups and their actions, with no idea of tensors |
//! | [`data`] | sources, rotation, augmentation |
//! | [`error`], [`files`], [`memory`], [`npy`], [`number`], [`rng`], [`text`] | what all of them use |
//!
//! # Features
//!
//! By itself the crate has [`group`], [`kernel`], [`bank`], [`nn`], [`model`], images in memory and the equivariance assertions.
//! `study` adds files, training, statistics and the study engine; `report` tables, figures and pages; `print` PNG and PDF; `cli` the
//! program; `fetch`, `tensorboard` and `parquet` what their names say; `cuda` training on NVIDIA GPUs. All but the last two are the
//! default.

#![warn(missing_docs)]

pub mod bank;
#[cfg(feature = "study")]
pub mod bench;
pub mod data;
pub mod error;
#[cfg(feature = "study")]
pub mod files;
pub mod group;
pub mod kernel;
pub mod lab;
#[cfg(feature = "study")]
pub mod memory;
pub mod model;
pub mod nn;
#[cfg(feature = "study")]
pub mod npy;
pub mod number;
pub mod prelude;
#[cfg(feature = "report")]
pub mod report;
pub mod rng;
#[cfg(feature = "study")]
pub mod stats;
#[cfg(feature = "study")]
pub mod study;
pub mod text;
#[cfg(feature = "study")]
pub mod train;

pub use candle_core;
pub use candle_nn;
pub use error::{Error, Result};
