//! The tables of a study as cells of text, for every format that papers and pages take.

use super::sentence::{over_other_seeds, with_minus_signs};
use super::table::{
    NONE, brackets, comparison_cells, mean_and_sd, over_seeds, percent, ratio_cells, seeds_needed, together,
};
use crate::stats::attribution::{ArmSummary, Attribution, Ratio};
use crate::study::{Trial, TuningRecord};

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// What it shows, units included.
    pub caption: String,
    /// Names of the columns.
    pub header: Vec<String>,
    /// How many columns, from the left, hold words; the others hold numbers.
    pub word_columns: usize,
    /// The cells.
    pub rows: Vec<Vec<String>>,
}

impl Sheet {
    /// With minus signs as printers set them.
    pub(super) fn with_minus_signs(mut self) -> Self {
        self.caption = with_minus_signs(&self.caption);
        for cell in self.rows.iter_mut().flat_map(|row| row.iter_mut().skip(self.word_columns)) {
            *cell = with_minus_signs(cell);
        }
        self
    }
}

/// The arms, the shares of the controls, the ladder and the comparisons, as far as there are any.
pub fn sheets(attribution: &Attribution) -> Vec<Sheet> {
    let study = &attribution.study;
    let gain = gain(attribution);
    let mut sheets = vec![arms(attribution)];
    if !attribution.shares.is_empty() {
        let rows = attribution.shares.iter().map(|share| ratio(attribution, &share.control, &share.ratio));
        sheets.push(ratios(format!("Share of {gain} that each other arm matches in {study}"), "Arm", rows));
    }
    if !attribution.ladder.is_empty() {
        let rows = attribution
            .ladder
            .iter()
            .map(|step| ratio(attribution, &format!("{} → {}", step.from, step.to), &step.ratio));
        sheets.push(ratios(format!("Steps of {gain} in {study}, {}", together(&attribution.ladder)), "Step", rows));
    }
    if !attribution.comparisons.is_empty() {
        sheets.push(comparisons(attribution));
    }
    sheets.into_iter().map(Sheet::with_minus_signs).collect()
}

/// Errors and shares of all cells of a grid under each other; `None` where there's one cell.
pub fn cells(attributions: &[&Attribution]) -> Option<Sheet> {
    let [Attribution { baseline, target, study, .. }, _, ..] = attributions else { return None };
    let named = |title: &str| title.split_once(", ").map(|(name, cell)| (name.to_owned(), cell.to_owned()));
    let (study, _) = named(study)?;
    let row = |attribution: &Attribution, arm: &ArmSummary| {
        let share = attribution.shares.iter().find(|share| share.control == arm.name);
        let [share, interval] = share.map_or_else(
            || [NONE, NONE].map(str::to_owned),
            |share| [percent(share.ratio.share), brackets(share.ratio.ci95, 1)],
        );
        let cell = named(&attribution.study).map_or_else(String::new, |(_, cell)| cell);
        let error = mean_and_sd(arm).unwrap_or_else(|| NONE.to_owned());
        vec![cell, arm.name.clone(), arm.seeds.len().to_string(), error, share, interval]
    };
    let rows = attributions.iter().copied().flat_map(|of_cell| of_cell.arms.iter().map(move |arm| row(of_cell, arm)));
    let header = ["Cell", "Arm", "Seeds", "Error (%)", "Share", "95 % interval"];
    Some(Sheet {
        caption: format!(
            "All cells of {study}: mean test error ± standard deviation, and the share of the gain of {target} over {baseline} \
             that each other arm matches, with Fieller's 95 % interval ({NONE}: none, as where the gain isn't established)"
        ),
        header: header.map(str::to_owned).to_vec(),
        word_columns: 2,
        rows: rows.collect(),
    })
}

/// What to know before trusting the numbers, and what more certain ones would take, in sentences.
pub fn notes(attribution: &Attribution) -> Vec<String> {
    let warnings = attribution.warnings.iter().map(|warning| format!("Warning: {warning}."));
    warnings.chain(seeds_needed(attribution)).map(|note| with_minus_signs(&note)).collect()
}

/// The gain in words, with its size where there's an interval of it.
fn gain(attribution: &Attribution) -> String {
    let Attribution { baseline, target, gain, .. } = attribution;
    let size = gain.as_ref().filter(|gain| gain.ci95.is_some()).map_or_else(String::new, |gain| {
        let seeds = over_seeds(gain.seeds_used.as_deref());
        format!(" ({:.2} {} percentage points{seeds})", 100.0 * gain.value, brackets(gain.ci95, 2))
    });
    format!("the gain of {target} over {baseline}{size}")
}

fn arms(attribution: &Attribution) -> Sheet {
    let header = ["Arm", "Bank", "Parameters", "One-bit", "Maps", "MACs", "Seeds", "Error (%)"];
    let row = |arm: &ArmSummary| {
        let budget = arm.budget;
        let error = mean_and_sd(arm).unwrap_or_else(|| NONE.to_owned());
        vec![
            arm.name.clone(),
            arm.bank.clone(),
            grouped(budget.parameters as u64),
            grouped(budget.one_bit_parameters as u64),
            grouped(budget.maps as u64),
            format!("{:.2}", budget.multiply_adds as f64 / 1e6),
            arm.seeds.len().to_string(),
            error,
        ]
    };
    Sheet {
        caption: format!(
            "Arms of {}: budgets, and mean test error over the seeds ± standard deviation; MACs: multiply-adds per image, in millions",
            attribution.study
        ),
        header: header.map(str::to_owned).to_vec(),
        word_columns: 2,
        rows: attribution.arms.iter().map(row).collect(),
    }
}

fn comparisons(attribution: &Attribution) -> Sheet {
    let header = ["Comparison", "Difference", "p (Holm)", "P(better)", "95 % interval"];
    Sheet {
        caption: format!(
            "Pairs of arms of {}: difference of their test errors in percentage points, p of the paired t test after Holm's \
             correction over the controls, and how likely a run of the second arm errs less than one of the first, with its \
             bootstrap interval ({NONE}: there is none, as of one seed, or where every run of one errs less than every run of \
             the other)",
            attribution.study
        ),
        header: header.map(str::to_owned).to_vec(),
        word_columns: 1,
        rows: attribution.comparisons.iter().map(comparison_cells).collect(),
    }
}

/// What tuning chose for every arm, by name; `None` where there was no tuning.
pub fn choices(choices: &[(String, TuningRecord)]) -> Option<Sheet> {
    choices.first()?;
    let row = |(arm, tuned): &(String, TuningRecord)| {
        let chosen = tuned.trials.get(tuned.chosen);
        let setting = |of: fn(&Trial) -> Option<String>| chosen.and_then(of).unwrap_or_else(|| NONE.to_owned());
        vec![
            arm.clone(),
            setting(|trial| trial.setting.learning_rate.map(|rate| format!("{rate:?}"))),
            setting(|trial| trial.setting.weight_decay.map(|decay| format!("{decay:?}"))),
            setting(|trial| trial.setting.batch.map(|batch| batch.to_string())),
            tuned.trials.len().to_string(),
            grouped(tuned.train as u64),
            grouped(tuned.validation as u64),
            setting(|trial| trial.mean_error().map(|error| format!("{:.2}", 100.0 * error))),
        ]
    };
    let header = ["Arm", "Learning rate", "Weight decay", "Batch", "Trials", "Trained on", "Held out", "Error (%)"];
    Some(Sheet {
        caption: format!(
            "What tuning chose for each arm ({NONE}: not tuned), and its error on the training images that were held out"
        ),
        header: header.map(str::to_owned).to_vec(),
        word_columns: 1,
        rows: choices.iter().map(row).collect(),
    })
}

fn ratios(what: String, first: &str, rows: impl Iterator<Item = Vec<String>>) -> Sheet {
    Sheet {
        caption: format!(
            "{what}; Fieller's 95 % interval, the one to quote, for each by itself, and that of the paired hierarchical bootstrap"
        ),
        header: [first, "Share", "95 % interval", "Bootstrap"].map(str::to_owned).to_vec(),
        word_columns: 1,
        rows: rows.collect(),
    }
}

fn ratio(attribution: &Attribution, name: &str, ratio: &Ratio) -> Vec<String> {
    ratio_cells(format!("{name}{}", over_other_seeds(attribution, ratio)), ratio)
}

/// A whole number with a comma at every third digit.
fn grouped(number: u64) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_from_the_right() {
        let all = [(0, "0"), (999, "999"), (5_540, "5,540"), (1_932_352, "1,932,352"), (100_000, "100,000")];
        for (number, text) in all {
            assert_eq!(grouped(number), text);
        }
    }
}
