//! What a reader should know before trusting an attribution.

use super::comparison::paired_errors;
use super::outlier::grubbs;
use super::results::{ArmResults, SeedResult};
use super::seeds::seeds_for_mean;
use super::share::{Gain, Share};
use super::student::{is_constant, mean};

/// Shares whose interval is wider than this, as a fraction of the gain, can't be told from nothing or all of it.
const WIDEST: f64 = 1.0;
/// Arms within this of the target's parameters have the same number of them.
const MATCHED: f64 = 0.02;
/// Level of Grubbs' test, shared out over the arms: a false alarm in about one study of a hundred, where errors are normal.
const OUTLIER_LEVEL: f64 = 0.01;
/// Fewer seeds show no outlier: of three, two that happen to agree make one of the third, whatever it is.
const LEAST_SEEDS: usize = 6;
/// An outlier is further from the mean than this many binomial standard errors of a test error. Errors are whole numbers of
/// images, so that several seeds can agree and another one lies apart by an image.
///
/// Simulated studies of four arms with 1,000 test images, binomial errors of 5 or 45 % and no or normal noise over seeds: of
/// 500 each, none is warned of with 3 to 5 seeds and 0.2 to 2.2 % with 6, 10 or 30, most where errors are few and therefore
/// skewed (tests/statistics/coverage.rs).
const LEAST_DISTANCE: f64 = 2.0;

/// The warnings of a study, in sentences.
pub(super) fn warnings(
    arms: &[ArmResults],
    baseline: &ArmResults,
    target: &ArmResults,
    gain: Option<&Gain>,
    shares: &[Share],
) -> Vec<String> {
    let pairs = paired_errors(baseline, target);
    let differences: Vec<f64> = pairs.iter().map(|(baseline, target)| baseline - target).collect();
    let mut all: Vec<String> = few_seeds(differences.len()).into_iter().collect();
    if differences.len() > 1 && is_constant(&differences) {
        all.push(format!(
            "the gain of {} over {} is the same in all {} seeds, so its interval has no width. That isn't certainty: there \
             are too few seeds or test images to see how seeds differ, or the runs are copies of each other",
            target.name,
            baseline.name,
            differences.len()
        ));
    }
    all.extend(unmatched(arms, target));
    all.extend(gain.and_then(|gain| seeds_for_the_gain(gain, [&baseline.name, &target.name], &differences)));
    all.extend(shares.iter().filter_map(|share| of_share(share, differences.len())));
    all.extend(arms.iter().filter_map(|arm| of_noise(arm, OUTLIER_LEVEL / arms.len() as f64)));
    all
}

/// Arms whose real parameters aren't the target's: what they match of the gain isn't matched "at the same parameter count".
fn unmatched(arms: &[ArmResults], target: &ArmResults) -> Option<String> {
    let wanted = target.budget.parameters as f64;
    let off = |arm: &&ArmResults| (arm.budget.parameters as f64 - wanted).abs() > MATCHED * wanted;
    let arms: Vec<String> =
        arms.iter().filter(off).map(|arm| format!("{} ({})", arm.name, arm.budget.parameters)).collect();
    (!arms.is_empty()).then(|| {
        format!("not the parameters of {} ({}) within 2 %: {}", target.name, target.budget.parameters, arms.join(", "))
    })
}

/// What so many seeds can't show, in a sentence; `None` where there are enough.
pub fn few_seeds(seeds: usize) -> Option<String> {
    match seeds {
        1 => Some("one seed says nothing of how seeds differ: there is no interval and no test".to_owned()),
        2 => Some(
            "two seeds say next to nothing of how seeds differ: intervals are 12.7 standard errors to each side (4.3 with \
             three seeds, 2.8 with five), and one odd seed can't be noticed"
                .to_owned(),
        ),
        3 | 4 => Some(format!(
            "{seeds} seeds: intervals hold 95 % only if the noise over seeds is near normal, which {seeds} seeds can't show"
        )),
        _ => None,
    }
}

/// How many seeds would establish a gain that isn't.
fn seeds_for_the_gain(gain: &Gain, [baseline, target]: [&str; 2], differences: &[f64]) -> Option<String> {
    let [low, high] = gain.ci95?;
    if low > 0.0 || high < 0.0 {
        return None;
    }
    let needed = seeds_for_mean(differences, gain.value.abs())?;
    let sign = if gain.value < 0.0 { "worse" } else { "better" };
    Some(format!(
        "if {target} is {sign} than {baseline} by the {:.2} percentage points seen, an interval that excludes 0 takes \
         about {} seeds by the variance seen (to be safe {})",
        100.0 * gain.value.abs(),
        needed.seeds,
        needed.cautious
    ))
}

fn of_share(share: &Share, seeds_of_gain: usize) -> Option<String> {
    let [low, high] = share.ratio.ci95?;
    let control = &share.control;
    if high - low > WIDEST {
        return Some(format!(
            "the interval of {control}'s share is {:.0} points wide: too few seeds to say anything of it",
            100.0 * (high - low)
        ));
    }
    let fewer = share.ratio.seeds_used.as_ref().map(Vec::len).filter(|seeds| *seeds < seeds_of_gain.min(5));
    if let Some(seeds) = fewer {
        return Some(format!("{control}'s share rests on {seeds} seeds"));
    }
    (high - low <= 1e-12).then(|| {
        format!("{control}'s share is the same in all seeds, so its interval has no width; that isn't certainty")
    })
}

/// A seed that lies apart, as one whose training collapsed does.
fn of_noise(arm: &ArmResults, level: f64) -> Option<String> {
    let errors: Vec<f64> = arm.seeds.iter().map(SeedResult::test_error).collect();
    let run = &arm.seeds[grubbs(&errors, level).filter(|_| errors.len() >= LEAST_SEEDS)?];
    let error = mean(&errors)?;
    let binomial = (error * (1.0 - error) / run.wrong.len() as f64).sqrt();
    if (run.test_error() - error).abs() <= LEAST_DISTANCE * binomial {
        return None;
    }
    Some(format!(
        "seed {} of {} lies apart with a test error of {:.2} % (Grubbs' test): noise like this isn't normal, intervals hold \
         less than they say, and more seeds are needed to see how often it happens",
        run.seed,
        arm.name,
        100.0 * run.test_error()
    ))
}
