//! How fast this machine trains: times of whole steps, of the images that go into them, of single convolutions, and of matrix products to compare them with.

mod convolution;
mod network;
mod pipeline;
mod timing;

pub use convolution::{ConvolutionShape, ConvolutionTimes, convolution, convolutions_of};
pub use network::{NetworkTimes, network};
pub use pipeline::pipeline;
pub use timing::{Timing, sgemm_gflops};
