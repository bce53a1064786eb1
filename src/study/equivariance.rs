//! What is recorded of how equivariant a run became.

use serde::{Deserialize, Serialize};

use crate::lab::{AngleInvariance, LayerErrors, LearnedEquivariance, LearnedLayer, LocalError, Turning};

/// `equivariance.json`: how equivariant a finished run became.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EquivarianceRecord {
    /// Version of the store's files.
    pub schema_version: u32,
    /// [`super::RunConfig::hash`] of what determines the run.
    pub config: String,
    /// What was asked for.
    pub turning: Turning,
    /// What was found.
    #[serde(flatten)]
    pub learned: LearnedEquivariance,
}

impl EquivarianceRecord {
    /// What of it nobody measures, if there's such a thing.
    pub(super) fn fault(&self) -> Option<String> {
        let LearnedEquivariance { angles, layers, local, .. } = &self.learned;
        let is_fraction = |value: f64| (0.0..=1.0).contains(&value);
        let wrong = |at: &AngleInvariance| !is_fraction(at.changed) || !is_fraction(at.error) || at.scores < 0.0;
        if let Some(AngleInvariance { angle, .. }) = angles.iter().find(|at| wrong(at)) {
            return Some(format!("at {angle}°: fractions are 0 to 1, and changes of scores not negative"));
        }
        if !angles.is_sorted_by(|a, b| a.angle < b.angle) {
            return Some("its angles aren't in their order".to_owned());
        }
        let errors = |of: &LayerErrors| [of.norm_error, of.image_error].into_iter().flatten();
        let negative =
            |layer: &&LearnedLayer| errors(&layer.new).chain(errors(&layer.trained)).any(|error| error < 0.0);
        let wrong = layers.iter().find(negative).map(|layer| layer.layer.as_str());
        let of_local = local.iter().flat_map(|local| [&local.rotation, &local.translation]);
        let negative = |error: &&LocalError| {
            error.mean_square < 0.0
                || [error.norm_error, error.image_error].into_iter().flatten().any(|error| error < 0.0)
        };
        let wrong = wrong.or_else(|| of_local.clone().find(negative).map(|_| "the Lie derivative"));
        wrong.map(|what| format!("an error of {what} is negative"))
    }
}
