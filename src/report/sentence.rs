//! The answer of a study in a sentence that claims no more than the study shows.

use super::numbers::{brackets, over_seeds, percent, undone_by_correction, why_none};
use crate::bank::{Portrait, family};
use crate::stats::attribution::{Attribution, Gain, Ratio, Share};

/// More arms than this aren't listed in a sentence.
const MOST_LISTED: usize = 4;

/// The question that a study asks.
pub fn question(attribution: &Attribution) -> String {
    let Attribution { baseline, target, .. } = attribution;
    format!(
        "How much of the accuracy that {target} gains over {baseline} comes from equivariance, and how much only from repeating \
         the same weights in a larger network?"
    )
}

/// The answer: the share of the gain that each control matches, with its interval, or why there is none.
///
/// The controls on the ladder come first, then those that repeat weights without equivariance, then the others. A share
/// whose interval holds 0 isn't established, and is called so; one whose interval holds 1 may be the whole gain.
pub fn answer(attribution: &Attribution) -> String {
    with_minus_signs(&told(attribution))
}

fn told(attribution: &Attribution) -> String {
    let Attribution { baseline, target, reason, gain, .. } = attribution;
    let Some(gain) = gain.as_ref().filter(|_| reason.is_none()) else {
        let reason = reason.as_deref().unwrap_or("there is none");
        let because = reason.strip_prefix("gain not established: ").unwrap_or(reason);
        return format!("Whether there is a gain of {target} over {baseline} is not established: {because}.");
    };
    let size = format!("{:.2} {} percentage points", 100.0 * gain.value, brackets(gain.ci95, 2));
    let whole = format!("the gain of {target} over {baseline} ({size} of test error)");
    let covers = attribution.covers.in_words();
    let intervals =
        format!("In brackets: 95 % intervals, each by itself, {}; they {covers}.", seeds(attribution, gain));
    let shares = ranked(attribution);
    let known: Vec<&Share> = shares.iter().copied().filter(|share| share.ratio.share.is_some()).collect();
    let Some(first) = known.first() else {
        let why = match shares.first() {
            None => "the study has no controls".to_owned(),
            Some(Share { control, ratio, .. }) => {
                let seeds = over_seeds(ratio.seeds_used.as_deref());
                let others = if shares.len() > 1 { " and the other arms" } else { "" };
                format!("no share can be told for {control}{others}{seeds}{}", why_none(ratio))
            }
        };
        return format!("The gain of {target} over {baseline} is {size} of test error; {why}. {intervals}");
    };
    let mut clauses = vec![clause(attribution, first, &format!("of {whole} is matched by"))];
    clauses.extend(known.iter().skip(1).take(MOST_LISTED - 1).map(|share| clause(attribution, share, "by")));
    let more = known.len().saturating_sub(MOST_LISTED);
    clauses.extend((more > 0).then(|| format!("{more} more are in the table")));
    let untold: Vec<&str> = shares.iter().filter(|s| s.ratio.share.is_none()).map(|s| s.control.as_str()).collect();
    clauses.extend(match untold.len() {
        0 => None,
        1..=MOST_LISTED => Some(format!("no share can be told for {}", untold.join(", "))),
        many => Some(format!("for {many} of the {} other arms no share can be told", shares.len())),
    });
    format!("{}. {intervals}", clauses.join("; "))
}

/// The seeds that the gain rests on, in words.
fn seeds(attribution: &Attribution, gain: &Gain) -> String {
    let of = |name: &str| -> Vec<u64> {
        let arm = attribution.arms.iter().filter(|arm| arm.name == name);
        arm.flat_map(|arm| &arm.seeds).map(|run| run.seed).collect()
    };
    let target = of(&attribution.target);
    let both = of(&attribution.baseline).into_iter().filter(|seed| target.contains(seed));
    format!("n = {} seeds", gain.seeds_used.as_ref().map_or(both.count(), Vec::len))
}

/// The shares in the order that they are told in.
fn ranked(attribution: &Attribution) -> Vec<&Share> {
    let on_ladder = |share: &Share| attribution.ladder.iter().any(|step| step.to == share.control);
    let rank = |share: &Share| match bank(attribution, &share.control) {
        _ if on_ladder(share) => 0,
        Some(bank) if bank.repeats_only => 1,
        _ => 2,
    };
    let mut shares: Vec<&Share> = attribution.shares.iter().collect();
    shares.sort_by_key(|share| rank(share));
    shares
}

fn clause(attribution: &Attribution, share: &Share, matched: &str) -> String {
    let Share { control, ratio, .. } = share;
    let seeds = over_other_seeds(attribution, ratio);
    let corrected = undone_by_correction(attribution, share).map(|(p, controls)| {
        format!(", which by itself differs from 0, but not after Holm's correction over the {controls} controls (p = {p:.3})")
    });
    let claim = match ratio.ci95 {
        _ if corrected.is_some() => corrected.as_deref().unwrap_or_default(),
        Some([low, high]) if low <= 0.0 && high >= 1.0 => {
            ", which is not established to differ from 0, nor from all of it"
        }
        Some([low, high]) if low <= 0.0 && high >= 0.0 => ", which is not established to differ from 0",
        Some([low, high]) if low <= 1.0 && high >= 1.0 => ", which is not established to differ from all of it",
        Some([_, high]) if high < 0.0 => ": it is worse than the baseline",
        Some([low, _]) if low > 1.0 => ": it is better than the target",
        _ => "",
    };
    let (value, interval) = (percent(ratio.share), brackets(ratio.ci95, 1));
    format!("{value} {interval} {matched} {}{seeds}{claim}", in_words(attribution, control))
}

/// The seeds that a share rests on, where they aren't those of the gain.
pub(super) fn over_other_seeds(attribution: &Attribution, ratio: &Ratio) -> String {
    let of_gain = attribution.gain.as_ref().and_then(|gain| gain.seeds_used.as_ref());
    if ratio.seeds_used.as_ref() == of_gain { String::new() } else { over_seeds(ratio.seeds_used.as_deref()) }
}

fn bank(attribution: &Attribution, control: &str) -> Option<Portrait> {
    let arm = attribution.arms.iter().find(|arm| arm.name == control)?;
    Some(family(&arm.bank)?.portrait())
}

/// What a control does, by its bank.
fn in_words(attribution: &Attribution, control: &str) -> String {
    match bank(attribution, control).and_then(|bank| bank.in_words) {
        Some(words) => format!("{words} ({control})"),
        None => control.to_owned(),
    }
}

/// Text with minus signs for the hyphens that stand for them, before numbers, but not for those in names.
pub(super) fn with_minus_signs(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let is_sign = |n: usize| {
        let before = n.checked_sub(1).and_then(|n| chars.get(n));
        before.is_none_or(|c| matches!(c, ' ' | '[' | '(')) && chars.get(n + 1).is_some_and(char::is_ascii_digit)
    };
    let sign = |(n, &c): (usize, &char)| if c == '-' && is_sign(n) { '−' } else { c };
    chars.iter().enumerate().map(sign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minus_signs_are_told_from_hyphens() {
        let text = "-3.0 % [-12.8, -3.0] by p4-without-pooling (-1), repeat-2 - 1, z2-10";
        assert_eq!(with_minus_signs(text), "−3.0 % [−12.8, −3.0] by p4-without-pooling (−1), repeat-2 - 1, z2-10");
    }
}
