//! Operators on feature maps of shape (batch, maps, height, width), with no idea of groups.
//!
//! Each public function is the one place where the choice between our CPU operators and candle's own (CUDA) is made. The
//! CPU operators work on f32 and f64, run on rayon's current pool, and give identical bits for any number of threads:
//! what is summed, is summed in an order that depends on shapes alone.

mod conv;
mod feature_map;
pub mod lanes;
mod matmul;
mod norm;
mod operators;
mod pool;
mod slices;

pub use conv::{Window, conv2d};
pub use feature_map::{FeatureMap, Output};
pub use lanes::{Activation, Workspace};
pub(crate) use matmul::square_products;
pub use norm::{Moments, field_moments, normalise_batch};
pub use pool::{max_over_axis, max_pool2d, mean_pool2d};
