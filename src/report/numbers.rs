//! How tables and sentences write numbers: errors and shares in percent, intervals in brackets, the seeds behind them.

use crate::stats::Interval;
use crate::stats::attribution::{ArmSummary, Attribution, LadderStep, Ratio, Share};
use crate::stats::comparison::Comparison;
use crate::stats::seeds::SeedsNeeded;

/// What stands for a number that there is none of.
pub(super) const NONE: &str = "–";

/// A number, or what stands for none.
pub(super) fn or_none<T>(number: Option<T>, text: impl FnOnce(T) -> String) -> String {
    number.map_or_else(|| NONE.to_owned(), text)
}

/// Mean test error of an arm and its standard deviation over the seeds, in percent; `None` of no finished run.
pub(super) fn mean_and_sd(arm: &ArmSummary) -> Option<String> {
    let mean = 100.0 * arm.mean_error?;
    Some(arm.sd_error.map_or_else(|| format!("{mean:.2}"), |sd| format!("{mean:.2} ± {:.2}", 100.0 * sd)))
}

pub(super) fn percent(share: Option<f64>) -> String {
    or_none(share, |share| format!("{:.1} %", 100.0 * share))
}

/// An interval of fractions, in percent.
pub(super) fn brackets(interval: Option<Interval>, decimals: usize) -> String {
    match interval {
        Some([low, high]) => format!("[{:.decimals$}, {:.decimals$}]", 100.0 * low, 100.0 * high),
        None => "[no interval]".to_owned(),
    }
}

pub(super) fn p_value(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".to_owned() } else { format!("{p:.4}") }
}

/// A whole number with a comma at every third digit.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Says which seeds were compared where they are fewer than the study has.
pub(super) fn over_seeds(seeds: Option<&[u64]>) -> String {
    match seeds {
        None => String::new(),
        Some([]) => ": no seed finished in all arms compared".to_owned(),
        Some([seed]) => format!(", over seed {seed} alone"),
        Some(seeds) => format!(", over seeds {} alone", listed(seeds)),
    }
}

/// Numbers in their order, three or more in a row as "0 to 9".
fn listed(numbers: &[u64]) -> String {
    let rows = numbers.chunk_by(|a, b| a.checked_add(1) == Some(*b)).map(|row| match row {
        [first, .., last] if row.len() > 2 => format!("{first} to {last}"),
        row => row.iter().map(u64::to_string).collect::<Vec<_>>().join(", "),
    });
    rows.collect::<Vec<_>>().join(", ")
}

/// Whether there are intervals for other test images too.
pub(super) fn counts_images(attribution: &Attribution) -> bool {
    let Attribution { covers, shares, ladder, .. } = attribution;
    let mut ratios = shares.iter().map(|share| &share.ratio).chain(ladder.iter().map(|step| &step.ratio));
    !covers.test_images || ratios.any(|ratio| ratio.interval_over_images.is_some())
}

/// Which interval is the one to quote.
pub(super) fn to_quote(attribution: &Attribution) -> &'static str {
    match attribution.shares.len() > 1 {
        true => "the 95 % interval for a control chosen beforehand, all together for controls that are compared",
        false => "the 95 % interval",
    }
}

/// The p after Holm's correction of the difference between a control and the baseline, where its share's interval excludes 0 and
/// that test doesn't; and the number of controls that it's corrected for.
pub(super) fn undone_by_correction(attribution: &Attribution, share: &Share) -> Option<(f64, usize)> {
    let [low, high] = share.ratio.ci95?;
    let Attribution { baseline, target, comparisons, .. } = attribution;
    let family =
        || comparisons.iter().filter(|pair| pair.from == *baseline && pair.to != *target && pair.test.is_some());
    // Of other seeds the two say nothing of each other.
    let is_same = |pair: &&Comparison| pair.to == share.control && pair.seeds_used == share.ratio.seeds_used;
    let p = family().find(is_same)?.p_holm?;
    ((low > 0.0 || high < 0.0) && p > 0.05).then(|| (p, family().count()))
}

/// Sentences: shares whose intervals exclude 0, but whose corrected tests don't.
pub(super) fn undone(attribution: &Attribution) -> Vec<String> {
    let sentence = |share: &Share| {
        let (p, controls) = undone_by_correction(attribution, share)?;
        let control = &share.control;
        Some(format!(
            "{control}'s share differs from 0 by itself, but not after Holm's correction over the {controls} controls (p = {p:.3})."
        ))
    };
    attribution.shares.iter().filter_map(sentence).collect()
}

/// Why there's no share over the seeds that [`over_seeds`] names.
pub(super) fn why_none(ratio: &Ratio) -> String {
    match (&ratio.reason, &ratio.seeds_used) {
        // That was the reason.
        (_, Some(seeds)) if seeds.is_empty() => String::new(),
        (Some(reason), _) => format!(": the gain isn't established there, {reason}"),
        (None, _) => String::new(),
    }
}

/// What the steps come to, in the title of their table: the whole gain, where all are over the same seeds.
pub(super) fn together(steps: &[LadderStep]) -> &'static str {
    let is_other = |step: &LadderStep| step.ratio.share.is_none() || step.ratio.seeds_used != steps[0].ratio.seeds_used;
    if steps.iter().any(is_other) { "each over its own seeds" } else { "100 % together" }
}

/// A sentence: what narrower intervals would take.
pub(super) fn seeds_needed(attribution: &Attribution) -> Option<String> {
    let one = |name: &str, needed: SeedsNeeded| format!("{name} {} ({})", needed.seeds, needed.cautious);
    let shares = attribution.shares.iter().filter_map(|share| Some(one(&share.control, share.ratio.seeds_needed?)));
    let all: Vec<String> = shares.collect();
    (!all.is_empty()).then(|| {
        format!(
            "Seeds for ± 10 points of share, by the variance seen (to be safe, by its upper limit): {}.",
            all.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_in_a_row_are_told_by_their_ends() {
        let told = |seeds: &[u64]| over_seeds(Some(seeds));
        assert_eq!(told(&[0, 1, 2, 3, 9]), ", over seeds 0 to 3, 9 alone");
        assert_eq!(told(&[4, 5, 7, u64::MAX]), format!(", over seeds 4, 5, 7, {} alone", u64::MAX));
        assert_eq!(told(&[1, 2]), ", over seeds 1, 2 alone");
    }

    #[test]
    fn digits_are_grouped_from_the_right() {
        let all = [(0, "0"), (999, "999"), (5_540, "5,540"), (1_932_352, "1,932,352"), (100_000, "100,000")];
        for (number, text) in all {
            assert_eq!(grouped(number), text);
        }
    }
}
