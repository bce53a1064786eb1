//! Paired t tests, and Holm's correction for several of them.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF, StudentsT};

use super::student::{is_constant, mean, sd};

/// Student's two-sided test of whether the mean of paired differences is 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PairedT {
    /// Mean difference over its standard error.
    pub t: f64,
    /// Degrees of freedom: pairs − 1.
    pub freedom: usize,
    /// Probability, were the mean 0 and the noise normal, of a t at least as far from 0.
    pub p: f64,
}

/// The paired t test of `differences`, fractions of error, one a seed (Student 1908, "The probable error of a mean").
///
/// `None` of fewer than two, and where they are all the same: without a spread there's no scale to judge the mean by.
pub fn paired_t(differences: &[f64]) -> Option<PairedT> {
    if is_constant(differences) {
        return None;
    }
    let n = differences.len();
    let t = mean(differences)? / (sd(differences)? / (n as f64).sqrt());
    let freedom = n - 1;
    let distribution = StudentsT::new(0.0, 1.0, freedom as f64).ok()?;
    Some(PairedT { t, freedom, p: (2.0 * distribution.sf(t.abs())).min(1.0) })
}

/// p-values adjusted by Holm's step-down procedure, in the order given: rejecting those at most α errs in no hypothesis
/// with probability at least 1 − α, whatever the tests' dependence (S. Holm, "A simple sequentially rejective multiple test
/// procedure", Scandinavian Journal of Statistics 6, 1979).
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut adjusted = vec![0.0; p.len()];
    let mut so_far = 0.0_f64;
    for (rank, index) in order.into_iter().enumerate() {
        so_far = so_far.max((p.len() - rank) as f64 * p[index]).min(1.0);
        adjusted[index] = so_far;
    }
    adjusted
}
