//! Operators on feature maps of shape (batch, maps, height, width), with no idea of groups.
//!
//! Layers call the methods of [`FeatureMap`], which knows how its maps are stored: f32 maps on the CPU in vector
//! lanes, which is decided in [`FeatureMap::from_images`] alone, all others as tensors.
//!
//! The functions here are the operators on tensors, which candle differentiates. Each chooses between an operator of our own
//! (CPU, f32 and f64: the reference that lanes are tested with) and candle's (CUDA). All run on rayon's current pool and give
//! identical bits for any number of threads: what is summed, is summed in an order that depends on shapes alone.

mod branches;
mod conv;
mod copies;
mod feature_map;
mod geometry;
pub(crate) mod lanes;
mod matmul;
mod norm;
mod operators;
mod pool;
mod slices;

pub use conv::conv2d;
pub use copies::rearranged_copies;
pub use feature_map::{FeatureMap, Output};
pub use geometry::Window;
pub use lanes::{Activation, Workspace, check_override, instructions};
#[cfg(feature = "study")]
pub(crate) use matmul::square_products;
pub use norm::{Moments, field_moments, normalise_batch};
pub use pool::{max_over_axis, max_pool2d, mean_pool2d};
#[cfg(feature = "study")]
pub(crate) use slices::entries;
