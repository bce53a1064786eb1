//! Networks: skeletons say which layers follow each other, a bank family how each convolution gets its filters.

mod config;
mod input;
mod network;
mod plan;
mod record;
mod rescaling;
mod skeleton;
pub mod steps;
mod widths;

pub use config::{GroupPooling, NetConfig, presets};
pub use input::InputShape;
pub use network::Network;
#[cfg(feature = "study")]
pub(crate) use plan::MAX_MAPS;
pub use plan::{Budget, StepCost};
pub use rescaling::rescalings;
pub use skeleton::Skeleton;
pub use widths::{Cost, MATCH_TOLERANCE, match_maps, match_widths};
