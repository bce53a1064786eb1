//! How much of a gain in test error each control matches.
//!
//! With e(arm) the mean test error over seeds, the share of the gain of the target over the baseline that a control c
//! matches is
//!
//! ```text
//! share(c) = (e(baseline) − e(c)) / (e(baseline) − e(target))
//! ```
//!
//! Seeds are paired across arms: every comparison uses the seeds that all its arms finished. The gain has Student's interval
//! of the paired differences, a share Fieller's; the paired hierarchical bootstrap stands beside both. Student's and Fieller's
//! intervals are over seeds, whatever those stand for ([`Covers`]). Where all seeds are judged by the same test images, they are for these
//! images, and `interval_over_images` and the bootstrap are for other test images of the same kind too; where every seed draws its own
//! from a source, `interval_over_images` is for images beyond that.

use std::collections::btree_map::{BTreeMap, Entry};

use serde::{Deserialize, Serialize};

use super::bootstrap::STUDY_SEED;
use super::checks::{check_names, check_runs};
use super::comparison::{Comparison, comparisons};
use super::paired::{Difference, Paired, not_established};
pub use super::results::{ArmResults, SeedResult};
pub use super::share::{Gain, LadderStep, Method, Ratio, Share};
use super::warnings::warnings;
use super::{Covers, Design, student};
use crate::Result;
use crate::model::Budget;

/// Replicates of the bootstraps that are reported beside the headline intervals.
pub const REPLICATES: usize = 10_000;

/// The outcome of a study. Errors, gain and intervals are fractions, shares fractions of the gain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attribution {
    /// Name of the study.
    pub study: String,
    /// The arm that shares start from.
    pub baseline: String,
    /// The arm whose gain is shared out.
    pub target: String,
    /// What its intervals over seeds are for.
    #[serde(default)]
    pub covers: Covers,
    /// All arms, in the order given.
    pub arms: Vec<ArmSummary>,
    /// Gain of target over baseline; `None` if no seed finished in both.
    pub gain: Option<Gain>,
    /// Share of every arm but baseline and target; empty if the gain is not established.
    pub shares: Vec<Share>,
    /// The gain in steps that sum to 1; empty if none were asked for or the gain is not established.
    pub ladder: Vec<LadderStep>,
    /// Why the gain is not established, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Paired tests and probabilities of improvement: target against baseline, then every control against the baseline,
    /// then the target against every control.
    #[serde(default)]
    pub comparisons: Vec<Comparison>,
    /// What to know before trusting the numbers, in sentences.
    #[serde(default)]
    pub warnings: Vec<String>,
}

/// Budget and errors of one arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ArmSummary {
    /// Name in the study file.
    pub name: String,
    /// Filter bank.
    pub bank: String,
    /// What its network costs.
    #[serde(flatten)]
    pub budget: Budget,
    /// Error of each finished run.
    pub seeds: Vec<SeedError>,
    /// Mean over the finished runs; `None` of none.
    pub mean_error: Option<f64>,
    /// Sample standard deviation over the finished runs; `None` of fewer than two.
    pub sd_error: Option<f64>,
}

/// Test error of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedError {
    /// The run's seed.
    pub seed: u64,
    /// Fraction of the test examples it got wrong.
    pub test_error: f64,
}

/// Attributes the gain of the target over the baseline to the other arms.
///
/// # Errors
/// [`Error::Invalid`](crate::Error::Invalid) for names that no arm or two arms have, a ladder that does not lead from baseline to target, a seed
/// given twice, and runs that differ in their number of test examples.
pub fn attribute(design: &Design, arms: &[ArmResults]) -> Result<Attribution> {
    attribute_resampled(design, arms, REPLICATES)
}

/// As [`attribute`], with a given number of bootstrap replicates. With 0 the bootstraps' intervals are left out, and the
/// rest takes next to no time: for simulations.
///
/// # Errors
/// As [`attribute`].
pub fn attribute_resampled(design: &Design, arms: &[ArmResults], replicates: usize) -> Result<Attribution> {
    let &Design { study, baseline, target, ladder, covers, .. } = design;
    let (first, last) = check_names(baseline, target, ladder, arms)?;
    check_runs(arms)?;
    let whole = Difference { from: baseline, to: target };
    let mut pairings = Pairings { arms, replicates, design, by_seeds: BTreeMap::new() };
    let gain = pairings.over(&[baseline, target])?.gain(whole);
    let reason = obstacle(gain.as_ref(), whole);
    let (shares, ladder) = if reason.is_none() {
        (pairings.shares(whole)?, pairings.ladder(whole, ladder)?)
    } else {
        (Vec::new(), Vec::new())
    };
    let comparisons = comparisons(arms, first, last, replicates, STUDY_SEED);
    let warnings = warnings(arms, first, last, gain.as_ref(), &shares);
    Ok(Attribution {
        study: study.to_owned(),
        baseline: baseline.to_owned(),
        target: target.to_owned(),
        covers,
        arms: arms.iter().map(summary).collect(),
        gain,
        shares,
        ladder,
        reason,
        comparisons,
        warnings,
    })
}

/// The arms over every set of seeds that a comparison needed, so that each is resampled once.
struct Pairings<'a> {
    arms: &'a [ArmResults],
    replicates: usize,
    design: &'a Design<'a>,
    by_seeds: BTreeMap<Vec<u64>, Paired<'a>>,
}

impl<'a> Pairings<'a> {
    /// The arms over the seeds that all `names` finished.
    fn over(&mut self, names: &[&str]) -> Result<&Paired<'a>> {
        let arms: Vec<&ArmResults> = self.arms.iter().filter(|arm| names.contains(&arm.name.as_str())).collect();
        let has = |arm: &ArmResults, seed| arm.seeds.iter().any(|run| run.seed == seed);
        let mut seeds: Vec<u64> = arms.iter().take(1).flat_map(|arm| &arm.seeds).map(|run| run.seed).collect();
        seeds.retain(|&seed| arms.iter().all(|arm| has(arm, seed)));
        seeds.sort_unstable();
        Ok(match self.by_seeds.entry(seeds) {
            Entry::Occupied(paired) => paired.into_mut(),
            Entry::Vacant(slot) => {
                let paired = Paired::new(slot.key(), self.arms, self.replicates, self.design)?;
                slot.insert(paired)
            }
        })
    }

    fn shares(&mut self, whole: Difference) -> Result<Vec<Share>> {
        let controls =
            self.arms.iter().map(|arm| arm.name.as_str()).filter(|name| ![whole.from, whole.to].contains(name));
        let mut shares = Vec::new();
        for control in controls {
            let part = Difference { from: whole.from, to: control };
            let ratio = self.over(&[whole.from, whole.to, control])?.ratio(part, whole);
            shares.push(Share { control: control.to_owned(), ratio, simultaneous95: None });
        }
        let controls = shares.len();
        for share in shares.iter_mut().filter(|share| share.ratio.share.is_some()) {
            let part = Difference { from: whole.from, to: &share.control };
            let paired = self.over(&[whole.from, whole.to, &share.control])?;
            share.simultaneous95 = paired.interval(part, whole, 1.0 - 0.05 / controls as f64);
        }
        Ok(shares)
    }

    /// Every step over the seeds that both its arms finished, baseline and target too: an arm that lacks runs leaves the other
    /// steps as they are.
    fn ladder(&mut self, whole: Difference, names: &[String]) -> Result<Vec<LadderStep>> {
        let steps = names.windows(2).map(|ends| {
            let (from, to) = (ends[0].as_str(), ends[1].as_str());
            let ratio = self.over(&[whole.from, whole.to, from, to])?.ratio(Difference { from, to }, whole);
            Ok(LadderStep { from: from.to_owned(), to: to.to_owned(), ratio })
        });
        steps.collect()
    }
}

/// Why there is nothing to share out, if so.
fn obstacle(gain: Option<&Gain>, whole: Difference) -> Option<String> {
    let why = not_established(gain.map(|gain| gain.ci95), whole)?;
    Some(format!("gain not established: {why}"))
}

fn summary(arm: &ArmResults) -> ArmSummary {
    let errors: Vec<f64> = arm.seeds.iter().map(SeedResult::test_error).collect();
    ArmSummary {
        name: arm.name.clone(),
        bank: arm.bank.clone(),
        budget: arm.budget,
        seeds: arm.seeds.iter().map(|run| SeedError { seed: run.seed, test_error: run.test_error() }).collect(),
        mean_error: student::mean(&errors),
        sd_error: student::sd(&errors),
    }
}
