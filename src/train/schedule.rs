//! The learning rate from step to step.

use std::f64::consts::PI;

use serde::{Deserialize, Serialize};

use super::TrainingConfig;

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

impl TrainingConfig {
    /// The rate in `epoch`, counted from 1, after any warm-up in it.
    pub fn learning_rate_in(&self, epoch: usize) -> f64 {
        let decayed = |times: usize| self.learning_rate * self.decay.powi(i32::try_from(times).unwrap_or(i32::MAX));
        match self.schedule {
            Schedule::Exponential => decayed((epoch + 1).saturating_sub(self.decay_from.max(1))),
            Schedule::Multistep => decayed(self.milestones.iter().filter(|&&milestone| milestone < epoch).count()),
            Schedule::Cosine => {
                let epochs = self.epochs.saturating_sub(self.warmup).max(1);
                let done = epoch.saturating_sub(self.warmup + 1).min(epochs);
                self.learning_rate * 0.5 * (1.0 + (PI * done as f64 / epochs as f64).cos())
            }
        }
    }

    /// The rate of step `step` of `steps`, counted from 0, in `epoch`, counted from 1: in the epochs of the warm-up it rises by the
    /// same amount with every step, to all of it in the last one (Goyal et al. 2017).
    pub fn learning_rate_at(&self, epoch: usize, step: usize, steps: usize) -> f64 {
        let rate = self.learning_rate_in(epoch);
        if epoch > self.warmup {
            return rate;
        }
        let done = (epoch - 1) as f64 + (step + 1) as f64 / steps.max(1) as f64;
        rate * done / self.warmup as f64
    }
}
