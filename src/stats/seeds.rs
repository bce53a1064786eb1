//! How many seeds an interval of a wanted width takes.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::fieller::Means;
use super::student::{is_constant, sd, t_quantile};

/// More seeds than anybody trains; beyond it no number is given.
const MOST: usize = 1_000_000;

/// The seeds with which a 95 % interval is expected to have a wanted half width.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SeedsNeeded {
    /// The wanted half width, in the unit of the estimate.
    pub half_width: f64,
    /// Seeds by the variance seen: by its median-unbiased estimate, so that the number is as likely too small as too large. (The
    /// variance of few seeds is more often too small than too large; that of five in 59 % of studies.)
    pub seeds: usize,
    /// Seeds, if the variance is at its 80 % upper confidence limit: with few seeds the variance seen is itself uncertain.
    pub cautious: usize,
}

/// Seeds for Student's interval of a mean of `values`, one a seed: the least n with t·s/√n at most `half_width`, t the
/// 97.5 % quantile at n − 1 degrees of freedom and s² the variance, see [`SeedsNeeded`].
///
/// `None` where nothing can be said: of fewer than two values or values that are all the same, of a `half_width` that isn't
/// positive, and of more than a million seeds.
pub fn seeds_for_mean(values: &[f64], half_width: f64) -> Option<SeedsNeeded> {
    if is_constant(values) {
        return None;
    }
    let spread = sd(values)?;
    let needed = |confidence| seeds_for_spread(spread * variance_limit(values.len(), confidence)?.sqrt(), half_width);
    Some(SeedsNeeded { half_width, seeds: needed(0.5)?, cautious: needed(0.8)? })
}

/// Seeds for Fieller's interval of a ratio of means of paired values (N, D): the least n whose interval, with the means, variances
/// and covariances seen, is at most twice the `half_width` wide; `None` as in [`seeds_for_mean`].
///
/// A barely established gain widens Fieller's interval beyond the ratio's own standard error, which this counts. The correlation
/// of N and D is the one seen: a chance one of few seeds makes the number too small (or too large) as a chance variance does.
pub fn seeds_for_ratio(pairs: &[(f64, f64)], half_width: f64) -> Option<SeedsNeeded> {
    let means = Means::of(pairs)?;
    let residuals: Vec<f64> = pairs.iter().map(|(n, d)| (n - means.ratio * d) / means.d).collect();
    if is_constant(&residuals) {
        return None;
    }
    let of_one = means.spread_by(pairs.len() as f64);
    let needed = |confidence: f64| {
        let factor = variance_limit(pairs.len(), confidence)?;
        least_seeds(|n| {
            let interval = of_one.spread_by(factor / n as f64).interval(t_quantile(n)?)?;
            Some(0.5 * (interval[1] - interval[0]) <= half_width)
        })
    };
    Some(SeedsNeeded { half_width, seeds: needed(0.5)?, cautious: needed(0.8)? })
}

/// How many times the variance seen of `n` normal values its upper limit at a `confidence` is.
fn variance_limit(n: usize, confidence: f64) -> Option<f64> {
    let freedom = (n - 1) as f64;
    Some(freedom / ChiSquared::new(freedom).ok()?.inverse_cdf(1.0 - confidence))
}

/// The least n ≥ 2 with t·`spread`/√n ≤ `half_width`.
fn seeds_for_spread(spread: f64, half_width: f64) -> Option<usize> {
    least_seeds(|n| Some(t_quantile(n)? * spread / (n as f64).sqrt() <= half_width))
}

/// The least n ≥ 2 that is enough. Widths fall with n, so that halving finds it.
fn least_seeds(is_enough: impl Fn(usize) -> Option<bool>) -> Option<usize> {
    let enough = |n: usize| is_enough(n).unwrap_or(false);
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
