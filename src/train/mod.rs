//! Training: a protocol, the loop, and checkpoints.

mod batches;
mod checkpoint;
mod config;
mod device;
mod epoch;
mod loss;
mod maker;
mod optimiser;
mod protocol;
mod schedule;
mod statistics;
mod trainer;

pub use batches::{Batch, Batches, Drawn, EpochDraw};
pub use checkpoint::{Checkpoint, Past};
pub(crate) use config::MOST_IMAGES;
pub use config::TrainingConfig;
pub use device::{DeviceChoice, DeviceKind};
pub use epoch::{EpochEnd, EpochMetrics, EpochProgress, EpochSums};
pub use loss::cross_entropy;
pub use maker::Maker;
pub use optimiser::{DecayOn, Method, Optimiser, OptimiserConfig};
pub use protocol::Protocol;
pub use schedule::Schedule;
pub use statistics::{Moments, Normalisation, PixelStatistics};
pub(crate) use trainer::predicted_classes;
pub use trainer::{EVALUATION_BATCH, Evaluation, Trainer};
