//! Comparisons of arms over the seeds they share.

use std::collections::BTreeSet;

use super::bootstrap::{Replicates, STUDY_SEED};
use super::fieller::{self, Means};
use super::results::ArmResults;
use super::seeds::{seeds_for_mean, seeds_for_ratio};
use super::share::{Gain, Method, Ratio};
use super::source::{self, Drawn};
use super::{Design, Interval, crossed, student};
use crate::Result;

/// Half width of intervals that seeds are counted for: of a share, and of the gain as a fraction of the gain.
const WANTED_HALF_WIDTH: f64 = 0.1;

/// Two arms whose difference of mean errors, first minus second, is meant.
#[derive(Clone, Copy)]
pub(super) struct Difference<'a> {
    pub from: &'a str,
    pub to: &'a str,
}

/// The errors of all arms that finished a set of seeds, over just that set.
pub(super) struct Paired<'a> {
    arms: Vec<Runs<'a>>,
    /// Whether every seed has test images of its own.
    per_seed: bool,
    /// Where these come from, if it's known.
    drawn: Option<Drawn<'a>>,
    /// `None` of fewer than two seeds, as resampling one shows nothing of how seeds differ, and if none were asked for.
    replicates: Option<Replicates>,
    /// The set of seeds, if it lacks any that some arm of the study finished.
    seeds_used: Option<Vec<u64>>,
}

/// The runs of an arm with the seeds of a pairing.
struct Runs<'a> {
    name: &'a str,
    errors: Vec<f64>,
    /// Test images that each got wrong.
    wrong: Vec<&'a [bool]>,
}

impl<'a> Paired<'a> {
    /// Pairs the arms over `seeds`.
    pub fn new(seeds: &[u64], arms: &'a [ArmResults], replicates: usize, design: &'a Design<'a>) -> Result<Self> {
        let per_seed = design.covers.test_images;
        let drawn = design.source.as_ref().filter(|_| per_seed).and_then(|source| source.of(seeds));
        let mut all = Vec::new();
        for arm in arms {
            let runs: Vec<_> = seeds.iter().filter_map(|seed| arm.seeds.iter().find(|run| run.seed == *seed)).collect();
            if runs.len() == seeds.len() {
                let errors = runs.iter().map(|run| run.test_error()).collect();
                all.push(Runs {
                    name: &arm.name,
                    errors,
                    wrong: runs.iter().map(|run| run.wrong.as_slice()).collect(),
                });
            }
        }
        let replicates = match seeds.len() > 1 && replicates > 0 {
            false => None,
            true if per_seed => {
                let errors: Vec<&[f64]> = all.iter().map(|runs: &Runs| runs.errors.as_slice()).collect();
                Some(Replicates::draw_seeds(&errors, replicates, STUDY_SEED)?)
            }
            true => {
                let wrong: Vec<Vec<&[bool]>> = all.iter().map(|runs| runs.wrong.clone()).collect();
                Some(Replicates::draw(&wrong, replicates, STUDY_SEED)?)
            }
        };
        let finished: BTreeSet<u64> = arms.iter().flat_map(|arm| &arm.seeds).map(|run| run.seed).collect();
        let seeds_used = (seeds.len() < finished.len()).then(|| seeds.to_vec());
        Ok(Self { arms: all, per_seed, drawn, replicates, seeds_used })
    }

    /// Mean difference with Student's interval; `None` if no seed is shared.
    pub fn gain(&self, of: Difference) -> Option<Gain> {
        let differences = self.differences(of)?;
        let value = student::mean(&differences)?;
        let ci95 = student::mean_interval(&differences);
        Some(Gain {
            value,
            ci95,
            interval_over_images: self.mean_over_images(of).and_then(|images| hull(ci95, images)),
            bootstrap95: self.replicates.as_ref().and_then(|r| r.interval(|errors| self.mean_difference(errors, of))),
            seeds_used: self.seeds_used.clone(),
            seeds_needed: seeds_for_mean(&differences, WANTED_HALF_WIDTH * value.abs()),
        })
    }

    /// Ratio of two mean differences with Fieller's interval; its value and interval are absent where undefined.
    pub fn ratio(&self, of: Difference, to: Difference) -> Ratio {
        let pairs: Vec<(f64, f64)> = match (self.differences(of), self.differences(to)) {
            (Some(numerators), Some(denominators)) => numerators.into_iter().zip(denominators).collect(),
            _ => Vec::new(),
        };
        let sums = pairs.iter().fold((0.0, 0.0), |sums, pair| (sums.0 + pair.0, sums.1 + pair.1));
        let resampled = |errors: &[f64]| Some(self.mean_difference(errors, of)? / self.mean_difference(errors, to)?);
        let ci95 = fieller::ratio_interval(&pairs);
        // No interval means that the gain is not established over these seeds, and then there is no share of it.
        let established = ci95.is_some();
        let replicates = self.replicates.as_ref().filter(|_| established);
        let gains: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
        let gain = (!gains.is_empty()).then(|| student::mean_interval(&gains));
        let reason = if established { None } else { not_established(gain, to) };
        Ratio {
            share: Some(sums.0 / sums.1).filter(|share| established && share.is_finite()),
            ci95,
            interval_over_images: self
                .ratio_over_images(of, to)
                .filter(|_| established)
                .and_then(|images| hull(ci95, images)),
            method: Method::Fieller,
            bootstrap95: replicates.and_then(|replicates| replicates.interval(resampled)),
            seeds_used: self.seeds_used.clone(),
            reason,
            seeds_needed: if established { seeds_for_ratio(&pairs, WANTED_HALF_WIDTH) } else { None },
        }
    }

    /// Fieller's interval of a ratio that holds with a probability of `level`.
    pub fn interval(&self, of: Difference, to: Difference, level: f64) -> Option<Interval> {
        let pairs: Vec<(f64, f64)> = self.differences(of)?.into_iter().zip(self.differences(to)?).collect();
        Means::of(&pairs)?.interval(student::t_value((pairs.len() - 1) as f64, level)?)
    }

    /// Differences of the two arms' errors, one a seed.
    fn differences(&self, of: Difference) -> Option<Vec<f64>> {
        let (from, to) = (&self.arms[self.position(of.from)?].errors, &self.arms[self.position(of.to)?].errors);
        Some(from.iter().zip(to).map(|(from, to)| from - to).collect())
    }

    fn mean_over_images(&self, of: Difference) -> Option<Interval> {
        let mistakes = self.mistakes(of)?;
        match &self.drawn {
            Some(drawn) => source::mean_interval(&mistakes, drawn),
            None if self.per_seed => None,
            None => crossed::mean_interval(&mistakes),
        }
    }

    fn ratio_over_images(&self, of: Difference, to: Difference) -> Option<Interval> {
        let (part, whole) = (self.mistakes(of)?, self.mistakes(to)?);
        match &self.drawn {
            Some(drawn) => source::ratio_interval(&part, &whole, drawn),
            None if self.per_seed => None,
            None => crossed::ratio_interval(&part, &whole),
        }
    }

    /// The mistakes behind a difference.
    fn mistakes(&self, of: Difference) -> Option<crossed::Mistakes<'a>> {
        let [from, to] = [of.from, of.to].map(|name| Some(self.arms[self.position(name)?].wrong.clone()));
        Some(crossed::Mistakes { from: from?, to: to? })
    }

    /// The difference in one replicate of the bootstrap, from the mean errors of the arms.
    fn mean_difference(&self, errors: &[f64], of: Difference) -> Option<f64> {
        Some(errors[self.position(of.from)?] - errors[self.position(of.to)?])
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.arms.iter().position(|runs| runs.name == name)
    }
}

/// The interval over images, and that over seeds within it: with few seeds the degrees of freedom that images add can make the first
/// the narrower one, but to count more sources of chance makes no number more certain.
fn hull(seeds: Option<Interval>, images: Interval) -> Option<Interval> {
    let [low, high] = seeds?;
    Some([low.min(images[0]), high.max(images[1])])
}

/// Why a gain isn't established by its interval, if it isn't; `None` for the interval of a gain that no seed tells of.
pub(super) fn not_established(gain: Option<Option<Interval>>, whole: Difference) -> Option<String> {
    let Difference { from: baseline, to: target } = whole;
    let Some(ci95) = gain else { return Some(format!("no seed finished in both {baseline} and {target}")) };
    let Some([low, high]) = ci95 else { return Some("one seed gives no interval".to_owned()) };
    let interval = format!("its 95 % interval [{:.2}, {:.2}] percentage points", 100.0 * low, 100.0 * high);
    if low > 0.0 {
        None
    } else if high < 0.0 {
        Some(format!("{target} is worse than {baseline}, {interval} lies below 0"))
    } else {
        Some(format!("{interval} contains 0"))
    }
}
