//! The `[tuning]` and `[equivariance]` tables as a study file has them.

use serde::Deserialize;
use toml::Spanned;

/// The `[tuning]` table. Lists are crossed; what isn't given stays as `[training]` says.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TuningFile {
    /// Rates of Adam to try.
    #[serde(default)]
    pub learning_rate: Vec<f64>,
    /// Weight decays to try.
    #[serde(default)]
    pub weight_decay: Vec<f64>,
    /// Batch sizes to try.
    #[serde(default)]
    pub batch: Vec<usize>,
    /// Fraction of an arm's training images that is held out; default: 1/6, which is 2,000 of 12,000.
    pub validation: Option<Spanned<f64>>,
    /// Runs of every trial; default: 1.
    pub seeds: Option<Spanned<usize>>,
}

/// The `[equivariance]` table; it's there where every run is to be measured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EquivarianceFile {
    /// How many of the first test images are turned; default: 2,000.
    pub images: Option<Spanned<usize>>,
    /// Degrees between the angles, a divisor of 90; default: 15.
    pub step: Option<Spanned<u32>>,
}
