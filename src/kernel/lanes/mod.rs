//! Operators on f32 feature maps on the CPU, vectorised across the images of a batch.

mod activation;
mod buffer;
mod conv;
mod direct;
mod maps;
mod mask;
mod micro;
pub(super) mod norm;
mod permute;
pub(super) mod pool;
mod simd;
mod sum;
mod sums;
mod winograd;

pub use activation::Activation;
pub(super) use activation::LEAK;
pub use buffer::Workspace;
pub use conv::{Convolution, Wanted};
pub use maps::{LaneShape, Lanes};
pub use mask::Mask;
pub use permute::{permute, permute_back};
pub use simd::{check_override, instructions};
pub use sum::{add, add_when_read};
pub use sums::{GradientSums, GradientsWatch, Watch};
