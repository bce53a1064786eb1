//! From the errors of arms to figures of their differences, seed by seed and pair by pair.

use std::collections::BTreeMap;

use super::figure::{Arm, Estimate, Figure, Pair, PairedFigure, PairedRow, PairsFigure};
use crate::stats::attribution::{ArmSummary, Attribution};

/// Fewer arms have one pair, whose difference is the gain.
const LEAST_ARMS: usize = 3;

/// Differences to the baseline by seed, and those of all pairs of arms, as far as these have seeds in common.
pub(super) fn figures(attribution: &Attribution, arms: &[&Arm]) -> Vec<Box<dyn Figure>> {
    let summary = |name: &str| attribution.arms.iter().find(|arm| arm.name == name);
    let mut figures: Vec<Box<dyn Figure>> = Vec::new();
    let row = |arm: &&&Arm| {
        let differences = paired(summary(&attribution.baseline)?, summary(&arm.name)?);
        Some(PairedRow { arm: (**arm).clone(), differences }).filter(|row| !row.differences.is_empty())
    };
    let rows: Vec<PairedRow> =
        arms.iter().filter(|arm| arm.name != attribution.baseline).filter_map(|arm| row(&arm)).collect();
    if !rows.is_empty() {
        figures.push(Box::new(PairedFigure { baseline: attribution.baseline.clone(), rows }));
    }
    let finished = arms.iter().filter(|arm| summary(&arm.name).is_some_and(|summary| !summary.seeds.is_empty()));
    let finished: Vec<Arm> = finished.map(|arm| (*arm).clone()).collect();
    if finished.len() < LEAST_ARMS {
        return figures;
    }
    let pairs = PairsFigure::new(finished, |from, to| {
        let differences: Vec<f64> =
            paired(summary(&from.name)?, summary(&to.name)?).into_iter().map(|(_, difference)| difference).collect();
        Some(Pair {
            from: from.clone(),
            to: to.clone(),
            difference: Estimate::mean(&differences)?,
            seeds: differences.len(),
        })
    });
    if !pairs.pairs().is_empty() {
        figures.push(Box::new(pairs));
    }
    figures
}

/// The seeds that two arms finished, each with the first's test error minus the second's.
pub(super) fn paired(from: &ArmSummary, to: &ArmSummary) -> Vec<(u64, f64)> {
    let errors: BTreeMap<u64, f64> = to.seeds.iter().map(|run| (run.seed, run.test_error)).collect();
    let pairs = from.seeds.iter().filter_map(|run| Some((run.seed, run.test_error - errors.get(&run.seed)?)));
    pairs.collect()
}
