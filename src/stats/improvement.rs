//! Probability of improvement, as in rliable.

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::Interval;
use super::bootstrap::quantile;
use crate::rng::Stream;

/// How likely a run of one arm is to err less than a run of another.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Improvement {
    /// See [`probability_of_improvement`].
    pub probability: f64,
    /// Percentile interval of the bootstrap; `None` where it would say nothing, see [`improvement_interval`].
    pub ci95: Option<Interval>,
}

/// P(error of `to` < error of `from`) over all pairs of a run of one and a run of the other, ties counted half: the
/// Mann-Whitney U statistic over the number of pairs (Agarwal et al., "Deep reinforcement learning at the edge of the
/// statistical precipice", NeurIPS 2021; one task). Seeds aren't paired. `None` where an arm has no run.
pub fn probability_of_improvement(from: &[f64], to: &[f64]) -> Option<f64> {
    let pairs = from.iter().flat_map(|from| to.iter().map(move |to| win(*from, *to)));
    let count = from.len() * to.len();
    (count > 0).then(|| pairs.sum::<f64>() / count as f64)
}

/// 95 % percentile interval of [`probability_of_improvement`]. Stratified as in rliable: each replicate draws the runs of
/// each arm, with replacement, on their own.
///
/// `None` of no replicates or fewer than two runs in an arm, and where every run of one arm errs less than every run of the
/// other: no replicate can then differ, and an interval of width 0 would claim a certainty that few seeds don't give.
pub fn improvement_interval(from: &[f64], to: &[f64], replicates: usize, stream: &mut Stream) -> Option<Interval> {
    let seen = probability_of_improvement(from, to)?;
    if from.len() < 2 || to.len() < 2 || seen == 0.0 || seen == 1.0 {
        return None;
    }
    let mut draw =
        |runs: &[f64]| -> Vec<f64> { runs.iter().map(|_| runs[stream.random_range(0..runs.len())]).collect() };
    let mut values: Vec<f64> =
        (0..replicates).filter_map(|_| probability_of_improvement(&draw(from), &draw(to))).collect();
    values.sort_unstable_by(f64::total_cmp);
    Some([quantile(&values, 0.025)?, quantile(&values, 0.975)?])
}

fn win(from: f64, to: f64) -> f64 {
    if to < from {
        1.0
    } else if to == from {
        0.5
    } else {
        0.0
    }
}
