//! How the learning rate goes on.

use serde::{Deserialize, Serialize};

/// How the learning rate goes on from epoch to epoch. Within an epoch it stays, but for the warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// × `decay` in every epoch from `decay_from` on; constant where `decay` is 1.
    #[default]
    Exponential,
    /// × `decay` after each epoch of `milestones`, as PyTorch's `MultiStepLR`.
    Multistep,
    /// From the rate down towards 0 along half a cosine, as PyTorch's `CosineAnnealingLR` over all epochs after the warm-up
    /// (Loshchilov & Hutter 2017).
    Cosine,
}

impl Schedule {
    /// Its name in study files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exponential => "exponential",
            Self::Multistep => "multistep",
            Self::Cosine => "cosine",
        }
    }
}
