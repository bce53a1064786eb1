//! Training: a protocol, the loop, and checkpoints.

mod adam;
mod batches;
mod checkpoint;
mod device;
mod protocol;
mod trainer;

pub use adam::{Adam, AdamConfig};
pub use batches::{Batch, Batches, PixelStatistics};
pub use checkpoint::Checkpoint;
pub use device::{DeviceChoice, DeviceKind};
pub use protocol::{Protocol, TrainingConfig};
pub use trainer::{EpochEnd, EpochMetrics, Evaluation, Progress, Trainer};
