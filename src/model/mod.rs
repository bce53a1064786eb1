//! Networks: skeletons say which layers follow each other, a bank family how each convolution gets its filters.

mod config;
mod network;
mod record;
mod skeleton;
pub mod steps;
mod widths;

pub use config::{GroupPooling, NetConfig, presets};
#[cfg(feature = "study")]
pub(crate) use network::MAX_MAPS;
pub use network::{Budget, InputShape, Network};
pub use skeleton::{Skeleton, Stage};
pub use widths::{Cost, MATCH_TOLERANCE, match_maps, match_widths};
