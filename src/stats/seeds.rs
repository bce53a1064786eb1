//! How many seeds an interval of a wanted width takes.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::student::{is_constant, mean, sd, t_quantile};

/// More seeds than anybody trains; beyond it no number is given.
const MOST: usize = 1_000_000;

/// The seeds with which a 95 % interval is expected to have a wanted half width.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SeedsNeeded {
    /// The wanted half width, in the unit of the estimate.
    pub half_width: f64,
    /// Seeds, if the variance over seeds is the one seen.
    pub seeds: usize,
    /// Seeds, if the variance is at its 80 % upper confidence limit: with few seeds the variance seen is itself uncertain,
    /// and in about half of all studies too small.
    pub cautious: usize,
}

/// Seeds for Student's interval of a mean of `values`, one a seed: the least n with t·s/√n at most `half_width`, t the
/// 97.5 % quantile at n − 1 degrees of freedom.
///
/// `None` where nothing can be said: of fewer than two values or values that are all the same, of a `half_width` that isn't
/// positive, and of more than a million seeds.
pub fn seeds_for_mean(values: &[f64], half_width: f64) -> Option<SeedsNeeded> {
    if is_constant(values) {
        return None;
    }
    let spread = sd(values)?;
    let freedom = (values.len() - 1) as f64;
    let upper = spread * (freedom / ChiSquared::new(freedom).ok()?.inverse_cdf(0.2)).sqrt();
    let (seeds, cautious) = (seeds_for_spread(spread, half_width)?, seeds_for_spread(upper, half_width)?);
    Some(SeedsNeeded { half_width, seeds, cautious })
}

/// Seeds for the interval of a ratio of means of paired values (N, D). By the delta method the ratio r has the standard
/// error of the mean of (N − rD) / mean(D); `None` as in [`seeds_for_mean`].
///
/// Fieller's interval is wider than that where the gain is barely established, so there the number is too small.
pub fn seeds_for_ratio(pairs: &[(f64, f64)], half_width: f64) -> Option<SeedsNeeded> {
    let numerators: Vec<f64> = pairs.iter().map(|pair| pair.0).collect();
    let denominators: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
    let mean_d = mean(&denominators)?;
    let ratio = mean(&numerators)? / mean_d;
    let residuals: Vec<f64> = pairs.iter().map(|(n, d)| (n - ratio * d) / mean_d).collect();
    seeds_for_mean(&residuals, half_width)
}

/// The least n ≥ 2 with t·`spread`/√n ≤ `half_width`: the left side falls with n, so that halving finds it.
fn seeds_for_spread(spread: f64, half_width: f64) -> Option<usize> {
    let enough = |n: usize| t_quantile(n).is_some_and(|t| t * spread / (n as f64).sqrt() <= half_width);
    let (mut few, mut many) = (1, MOST);
    if !enough(many) {
        return None;
    }
    while many - few > 1 {
        let middle = few + (many - few) / 2;
        if enough(middle) { many = middle } else { few = middle }
    }
    Some(many)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_least_number_of_seeds() {
        // sd 1: by printed quantiles 2.2622/√10 = 0.715 and 2.3060/√9 = 0.769; 4.3027/√3 = 2.484, 12.7062/√2 = 8.985.
        for (half_width, seeds) in [(0.72, 10), (0.77, 9), (2.5, 3), (9.0, 2), (0.3, 46)] {
            assert_eq!(seeds_for_spread(1.0, half_width), Some(seeds), "± {half_width}");
        }
        assert_eq!(seeds_for_spread(1.0, 1e-4), None);
        assert_eq!(seeds_for_spread(1.0, 0.0), None);
        assert_eq!(seeds_for_spread(f64::NAN, 1.0), None);
    }
}
