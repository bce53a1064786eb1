//! How fast this machine trains: times of whole steps, of single convolutions, and of matrix products to compare them with.

mod convolution;
mod network;
mod timing;

pub use convolution::{ConvolutionShape, ConvolutionTimes, convolution, convolutions_of};
pub use network::{NetworkTimes, network};
pub use timing::{Timing, sgemm_gflops};
