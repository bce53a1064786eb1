//! The answer of a study in a sentence that claims no more than the study shows.

use super::table::{brackets, over_seeds, percent};
use crate::stats::attribution::{Attribution, Share};

/// More controls than this aren't listed in a sentence.
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
/// A share whose interval holds 0 isn't established, and is called so; one whose interval holds 1 may be the whole gain.
pub fn answer(attribution: &Attribution) -> String {
    let Attribution { baseline, target, shares, .. } = attribution;
    let gain = format!("the gain of {target} over {baseline}");
    if let Some(reason) = &attribution.reason {
        let because = reason.strip_prefix("gain not established: ").unwrap_or(reason);
        return format!("Whether there is a gain of {target} over {baseline} is not established: {because}.");
    }
    let told: Vec<&Share> = shares.iter().filter(|share| share.ratio.share.is_some()).collect();
    let untold = shares.len() - told.len();
    let listed: Vec<String> = told.iter().take(MOST_LISTED).map(|share| clause(attribution, share, &gain)).collect();
    let mut sentence = match listed.is_empty() {
        true => format!("No share of {gain} is established for any control"),
        false => listed.join("; "),
    };
    if told.len() > MOST_LISTED {
        sentence += &format!("; {} more controls are in the table", told.len() - MOST_LISTED);
    }
    if untold > 0 && !listed.is_empty() {
        sentence += &format!("; for {untold} of the {} controls no share can be told", shares.len());
    }
    sentence + "."
}

fn clause(attribution: &Attribution, share: &Share, gain: &str) -> String {
    let Share { control, ratio } = share;
    let seeds = over_seeds(ratio.seeds_used.as_deref());
    let claim = match ratio.ci95 {
        Some([low, high]) if low <= 0.0 && high >= 0.0 => ", which is not established to differ from 0",
        Some([low, high]) if low <= 1.0 && high >= 1.0 => ", which is not established to differ from all of it",
        Some([_, high]) if high < 0.0 => ": it is worse than the baseline",
        _ => "",
    };
    format!(
        "{} {} of {gain} is matched by {}{seeds}{claim}",
        percent(ratio.share),
        brackets(ratio.ci95, 1),
        in_words(attribution, control)
    )
}

/// What a control does, by its bank.
fn in_words(attribution: &Attribution, control: &str) -> String {
    let bank = attribution.arms.iter().find(|arm| arm.name == control).map_or("", |arm| arm.bank.as_str());
    let what = match bank {
        "repeat-linear" => "plain repetition of the weights",
        "repeat-swish" | "repeat-mask" => "learned repetition alone",
        "repeat-drop" => "repetition under a fixed mask",
        "scrambled" => "copies that no group ties together",
        "random-mask" => "learned signs on random filters",
        _ => return control.to_owned(),
    };
    format!("{what} ({control})")
}

/// Text with minus signs for the hyphens that stand for them, at the start and in intervals, but not for those in names.
pub(super) fn with_minus_signs(text: &str) -> String {
    let text = text.replace("[-", "[−").replace(", -", ", −");
    match text.strip_prefix('-').filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit())) {
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}
