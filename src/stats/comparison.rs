//! Every arm against the baseline, and every control against the target.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::improvement::{Improvement, improvement_interval, probability_of_improvement};
use super::results::{ArmResults, SeedResult};
use super::significance::{PairedT, holm, paired_t};
use super::{Interval, student};
use crate::rng;

/// Does `to` err less than `from`?
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// The arm compared with.
    pub from: String,
    /// The arm in question.
    pub to: String,
    /// e(from) − e(to), a fraction, over the seeds that both finished; `None` if there are none.
    pub difference: Option<f64>,
    /// Student's interval of the difference, by itself; `None` of fewer than two seeds.
    #[serde(default)]
    pub ci95: Option<Interval>,
    /// The seeds compared, where they are fewer than those that any arm finished.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds_used: Option<Vec<u64>>,
    /// The paired t test of that difference; `None` of fewer than two seeds, or if it's the same in all.
    pub test: Option<PairedT>,
    /// The test's p by Holm's correction. The controls against the baseline are one family, the controls against the target
    /// another; target against baseline is tested on its own, as there are shares only where that gain is established.
    pub p_holm: Option<f64>,
    /// P(a run of `to` errs less than a run of `from`), over the runs of both with these seeds.
    pub improvement: Option<Improvement>,
}

/// Target against baseline, then the controls against the baseline, then the target against the controls. The bootstrap of
/// each probability of improvement draws `replicates` replicates from a stream of `seed`.
pub fn comparisons(
    arms: &[ArmResults],
    baseline: &ArmResults,
    target: &ArmResults,
    replicates: usize,
    seed: u64,
) -> Vec<Comparison> {
    let controls: Vec<_> = arms.iter().filter(|arm| ![&baseline.name, &target.name].contains(&&arm.name)).collect();
    let all_seeds: BTreeSet<u64> = arms.iter().flat_map(|arm| &arm.seeds).map(|run| run.seed).collect();
    let family = |pairs: Vec<(&ArmResults, &ArmResults)>| {
        let compared = pairs.into_iter().map(|(from, to)| {
            let seeds_used = shared_seeds(from, to);
            let seeds_used = (seeds_used.len() < all_seeds.len()).then_some(seeds_used);
            Comparison { seeds_used, ..compare(from, to, replicates, seed) }
        });
        corrected(compared.collect())
    };
    let mut all = family(vec![(baseline, target)]);
    all.extend(family(controls.iter().map(|&control| (baseline, control)).collect()));
    all.extend(family(controls.iter().map(|&control| (control, target)).collect()));
    all
}

/// The errors of two arms over the seeds that both finished.
pub(super) fn paired_errors(from: &ArmResults, to: &ArmResults) -> Vec<(f64, f64)> {
    let partner = |run: &SeedResult| to.seeds.iter().find(|other| other.seed == run.seed);
    let pairs = from.seeds.iter().filter_map(|run| partner(run).map(|other| (run.test_error(), other.test_error())));
    pairs.collect()
}

/// The seeds that both arms finished, in order.
fn shared_seeds(from: &ArmResults, to: &ArmResults) -> Vec<u64> {
    let seeds = |arm: &ArmResults| arm.seeds.iter().map(|run| run.seed).collect::<BTreeSet<u64>>();
    seeds(from).intersection(&seeds(to)).copied().collect()
}

fn compare(from: &ArmResults, to: &ArmResults, replicates: usize, seed: u64) -> Comparison {
    let (of_from, of_to): (Vec<f64>, Vec<f64>) = paired_errors(from, to).into_iter().unzip();
    let differences: Vec<f64> = of_from.iter().zip(&of_to).map(|(from, to)| from - to).collect();
    let mut stream = rng::stream(seed, &format!("improvement/{}/{}", from.name, to.name));
    let improvement = probability_of_improvement(&of_from, &of_to).map(|probability| Improvement {
        probability,
        ci95: improvement_interval(&of_from, &of_to, replicates, &mut stream),
    });
    Comparison {
        from: from.name.clone(),
        to: to.name.clone(),
        difference: student::mean(&differences),
        ci95: student::mean_interval(&differences),
        seeds_used: None,
        test: paired_t(&differences),
        p_holm: None,
        improvement,
    }
}

/// Corrects the tests of one family; comparisons without a test aren't part of it.
fn corrected(mut family: Vec<Comparison>) -> Vec<Comparison> {
    let p: Vec<f64> = family.iter().filter_map(|comparison| comparison.test).map(|test| test.p).collect();
    for (comparison, p) in family.iter_mut().filter(|comparison| comparison.test.is_some()).zip(holm(&p)) {
        comparison.p_holm = Some(p);
    }
    family
}
