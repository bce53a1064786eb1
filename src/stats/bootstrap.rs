//! Paired hierarchical bootstrap: seeds jointly over the arms, then test examples jointly over arms and seeds.
//!
//! One replicate draws S of the S seeds and N of the N test examples, each with replacement, and applies both draws to every
//! arm (Efron & Tibshirani, "An introduction to the bootstrap", 1993, chapters 8 and 13). So what the arms share, the same
//! data order and the same hard examples, cancels in their differences as it does in the study.
//!
//! Only the M examples that some run got wrong move any error. Of N draws K ~ Binomial(N, M/N) hit one of them, and given
//! K they are K uniform draws among the M: the same distribution for the price of the wrong answers alone.

use rand::RngExt;
use rand_distr::{Binomial, Distribution};
use rayon::prelude::*;

use super::Interval;
use crate::rng::{self, Stream};
use crate::{Error, Result};

/// Seed of the streams behind a study's intervals: fixed, so that the same runs always give the same intervals.
pub(super) const STUDY_SEED: u64 = 0;

/// Mean errors of all arms in every replicate of a bootstrap.
#[derive(Debug, Clone, PartialEq)]
pub struct Replicates {
    errors: Vec<Vec<f64>>,
}

impl Replicates {
    /// As [`Replicates::draw`], for runs whose test examples are those of their seed: seeds alone are drawn, whose errors differ by their
    /// examples too. `errors[arm][s]` is the arm's error with the s-th seed.
    ///
    /// # Errors
    /// [`Error::Invalid`] where arms differ in their number of seeds, or it's 0.
    pub fn draw_seeds(errors: &[&[f64]], replicates: usize, seed: u64) -> Result<Self> {
        let seeds = errors.first().map_or(0, |arm| arm.len());
        if seeds == 0 || errors.iter().any(|arm| arm.len() != seeds) {
            return Err(Error::invalid("a bootstrap needs at least one arm, and the same seeds in every arm"));
        }
        Ok(Self::of(replicates, seed, |stream| {
            let drawn: Vec<usize> = (0..seeds).map(|_| stream.random_range(0..seeds)).collect();
            errors.iter().map(|arm| drawn.iter().map(|&n| arm[n]).sum::<f64>() / seeds as f64).collect()
        }))
    }

    fn of(replicates: usize, seed: u64, replicate: impl Fn(&mut Stream) -> Vec<f64> + Sync) -> Self {
        let one = |n| replicate(&mut rng::stream(seed, &format!("bootstrap/replicate-{n}")));
        Self { errors: (0..replicates).into_par_iter().map(one).collect() }
    }

    /// Draws `replicates` replicates from the named streams of `seed`; `wrong[arm][s]` says for each test example whether
    /// the arm's run with the s-th seed got it wrong. Bits don't depend on the number of threads.
    ///
    /// # Errors
    /// [`Error::Invalid`] where arms differ in their number of seeds, runs differ in their number of examples, or either
    /// number is 0.
    pub fn draw(wrong: &[Vec<&[bool]>], replicates: usize, seed: u64) -> Result<Self> {
        let runs = Runs::new(wrong)?;
        Ok(Self::of(replicates, seed, |stream| runs.replicate(stream)))
    }

    /// Percentile 95 % interval of a statistic of the arms' mean errors (fractions, in the order of the arms given).
    ///
    /// Replicates in which the statistic is undefined (`None` or not finite, as a share is where no arm errs) could lie
    /// anywhere, so they count as below the lower and above the upper end; `None` once that leaves an end undefined.
    pub fn interval(&self, statistic: impl Fn(&[f64]) -> Option<f64>) -> Option<Interval> {
        let values: Vec<Option<f64>> =
            self.errors.iter().map(|errors| statistic(errors).filter(|value| value.is_finite())).collect();
        let sorted = |undefined: f64| {
            let mut sorted: Vec<f64> = values.iter().map(|value| value.unwrap_or(undefined)).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            sorted
        };
        Some([quantile(&sorted(f64::NEG_INFINITY), 0.025)?, quantile(&sorted(f64::INFINITY), 0.975)?])
    }
}

/// Quantile of sorted values, linear between order statistics (type 7 of Hyndman & Fan 1996); `None` if not finite.
pub(super) fn quantile(sorted: &[f64], probability: f64) -> Option<f64> {
    let position = probability * sorted.len().checked_sub(1)? as f64;
    let below = position.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let value = sorted[below] + position.fract() * (sorted[above] - sorted[below]);
    value.is_finite().then_some(value)
}

/// The runs of a study, one cell an (arm, seed), as the lists of cells that each example was wrong in.
struct Runs {
    arms: usize,
    seeds: usize,
    examples: usize,
    /// How many of the draws of a replicate hit an example that is wrong at least once.
    hits: Binomial,
    /// Cells (arm · seeds + seed) of all examples wrong at least once, one list after the other.
    cells: Vec<u32>,
    /// Where each list starts in `cells`, and its end.
    bounds: Vec<usize>,
}

impl Runs {
    fn new(wrong: &[Vec<&[bool]>]) -> Result<Self> {
        let seeds = wrong.first().map_or(0, Vec::len);
        let examples = wrong.first().and_then(|arm| arm.first()).map_or(0, |run| run.len());
        if examples == 0 {
            return Err(Error::invalid("a bootstrap needs at least one arm, one seed and one test example"));
        }
        if wrong.iter().any(|arm| arm.len() != seeds || arm.iter().any(|run| run.len() != examples)) {
            return Err(Error::invalid(format!(
                "a bootstrap needs the same seeds and test examples in every arm, as the first arm's {seeds} seeds and \
                 {examples} examples"
            )));
        }
        let runs: Vec<(u32, &[bool])> = (0..).zip(wrong.iter().flatten().copied()).collect();
        let (mut cells, mut bounds) = (Vec::new(), vec![0]);
        for example in 0..examples {
            cells.extend(runs.iter().filter(|(_, run)| run[example]).map(|(cell, _)| cell));
            if bounds.last() != Some(&cells.len()) {
                bounds.push(cells.len());
            }
        }
        let ever_wrong = (bounds.len() - 1) as f64 / examples as f64;
        let hits = Binomial::new(examples as u64, ever_wrong).map_err(|error| Error::invalid(error.to_string()))?;
        Ok(Self { arms: wrong.len(), seeds, examples, hits, cells, bounds })
    }

    /// Mean error of each arm in one replicate.
    fn replicate(&self, stream: &mut Stream) -> Vec<f64> {
        let drawn: Vec<usize> = (0..self.seeds).map(|_| stream.random_range(0..self.seeds)).collect();
        let counts = self.resample_examples(stream);
        let total = (self.seeds * self.examples) as f64;
        counts
            .chunks_exact(self.seeds)
            .map(|arm| drawn.iter().map(|&seed| u64::from(arm[seed])).sum::<u64>() as f64 / total)
            .collect()
    }

    /// Wrong answers of each cell among N examples drawn with replacement.
    fn resample_examples(&self, stream: &mut Stream) -> Vec<u32> {
        // Walking the lists in order once the draws are counted took 2.1 s where jumping to one at each draw took 3.7.
        let mut times = vec![0; self.bounds.len() - 1];
        for _ in 0..self.hits.sample(stream) {
            times[stream.random_range(0..self.bounds.len() - 1)] += 1;
        }
        let mut counts = vec![0; self.arms * self.seeds];
        for (list, times) in self.bounds.windows(2).zip(times) {
            for &cell in &self.cells[list[0]..list[1]] {
                counts[cell as usize] += times;
            }
        }
        counts
    }
}
