//! A gain, and what of it a control or a step of the ladder comes to.

use serde::{Deserialize, Serialize};

use super::Interval;
use super::seeds::SeedsNeeded;

/// Mean error of the baseline minus that of the target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gain {
    /// The difference.
    pub value: f64,
    /// Student's interval of the paired differences; `None` of one seed.
    pub ci95: Option<Interval>,
    /// The interval for other test images of the same kind too; `None` where every seed has its own, and the source that they're drawn
    /// from isn't known or has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_over_images: Option<Interval>,
    /// Percentile interval of the paired hierarchical bootstrap.
    pub bootstrap95: Option<Interval>,
    /// The seeds compared, where they are fewer than those that any arm finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds_used: Option<Vec<u64>>,
    /// Seeds for an interval of ± a tenth of the gain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds_needed: Option<SeedsNeeded>,
}

/// The share of the gain that one control matches.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Name of the control.
    pub control: String,
    /// Its share.
    #[serde(flatten)]
    pub ratio: Ratio,
    /// The interval that holds together with those of all other controls in 95 % of studies (Bonferroni's: each holds by itself in
    /// 1 − 5 %/K, K being the number of controls, whatever their dependence); `None` where it's unbounded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simultaneous95: Option<Interval>,
}

/// One step of the ladder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LadderStep {
    /// The arm the step starts at.
    pub from: String,
    /// The arm it ends at.
    pub to: String,
    /// (e(from) − e(to)) as a share of the gain.
    #[serde(flatten)]
    pub ratio: Ratio,
}

/// A difference of mean errors as a share of the gain, both over the same seeds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    /// The share; `None` if the gain is not established over the shared seeds.
    pub share: Option<f64>,
    /// The headline interval; `None` where there's no share.
    pub ci95: Option<Interval>,
    /// The interval for other test images of the same kind too; `None` where every seed has its own, and the source that they're drawn
    /// from isn't known or has no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_over_images: Option<Interval>,
    /// How `ci95` was found.
    pub method: Method,
    /// Percentile interval of the paired hierarchical bootstrap.
    pub bootstrap95: Option<Interval>,
    /// The seeds compared, where they are fewer than those that any arm finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds_used: Option<Vec<u64>>,
    /// Why there's no share, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Seeds for an interval of ± 10 points of share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds_needed: Option<SeedsNeeded>,
}

/// How an interval of a share was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// See [`super::fieller`].
    Fieller,
}
