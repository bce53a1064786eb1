//! Operators on f32 feature maps on the CPU, vectorised across the images of a batch.

mod buffer;
mod conv;
mod direct;
mod maps;
mod micro;
mod winograd;

pub use buffer::Workspace;
pub use conv::Convolution;
pub use maps::{LaneShape, Lanes};
