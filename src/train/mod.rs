//! Training: a protocol, the loop, and checkpoints.

mod batches;
mod checkpoint;
mod device;
mod epoch;
mod maker;
mod memory;
mod optimiser;
mod protocol;
mod trainer;

pub use batches::{Batch, Batches, EpochDraw, PixelStatistics};
pub use checkpoint::{Checkpoint, Past};
pub use device::{DeviceChoice, DeviceKind};
pub use epoch::{EpochEnd, EpochMetrics, EpochProgress, EpochSums};
pub use maker::Maker;
pub use memory::{check_memory, free_memory, peak_memory, resident_memory};
pub use optimiser::{Method, Optimiser, OptimiserConfig};
pub(crate) use protocol::MOST_IMAGES;
pub use protocol::{Protocol, TrainingConfig};
pub(crate) use trainer::predicted_classes;
pub use trainer::{EVALUATION_BATCH, Evaluation, Trainer};
