//! The tables of a study as cells of text, for every format that papers and pages take.

use super::table::{brackets, over_seeds, percent};
use crate::stats::attribution::{ArmSummary, Attribution, Ratio};

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// What it shows, units included.
    pub caption: String,
    /// Names of the columns.
    pub header: Vec<String>,
    /// How many columns, from the left, hold words; the others hold numbers.
    pub names: usize,
    /// The cells.
    pub rows: Vec<Vec<String>>,
}

/// The arms, the shares of the controls, and the ladder, as far as there are any.
pub fn sheets(attribution: &Attribution) -> Vec<Sheet> {
    let Attribution { baseline, target, .. } = attribution;
    let mut sheets = vec![arms(attribution)];
    if !attribution.shares.is_empty() {
        let rows = attribution.shares.iter().map(|share| ratio(&share.control, &share.ratio));
        sheets.push(ratios(
            format!("Share of the gain of {target} over {baseline} that each control matches"),
            "Control",
            rows,
        ));
    }
    if !attribution.ladder.is_empty() {
        let rows = attribution.ladder.iter().map(|step| ratio(&format!("{} → {}", step.from, step.to), &step.ratio));
        sheets.push(ratios(format!("Steps of the gain of {target} over {baseline}, 100 % together"), "Step", rows));
    }
    sheets
}

fn arms(attribution: &Attribution) -> Sheet {
    let header = ["Arm", "Bank", "Parameters", "One-bit", "Maps", "MACs", "Seeds", "Test error (%)"];
    let row = |arm: &ArmSummary| {
        let budget = arm.budget;
        let error = match (arm.mean_error, arm.sd_error) {
            (Some(mean), Some(sd)) => format!("{:.2} ± {:.2}", 100.0 * mean, 100.0 * sd),
            (Some(mean), None) => format!("{:.2}", 100.0 * mean),
            _ => "–".to_owned(),
        };
        vec![
            arm.name.clone(),
            arm.bank.clone(),
            grouped(budget.parameters as u64),
            grouped(budget.one_bit_parameters as u64),
            grouped(budget.maps as u64),
            grouped(budget.multiply_adds),
            arm.seeds.len().to_string(),
            error,
        ]
    };
    Sheet {
        caption: format!(
            "Arms of {}: budgets, and mean test error over the seeds ± standard deviation; MACs: multiply-adds per image",
            attribution.study
        ),
        header: header.map(str::to_owned).to_vec(),
        names: 2,
        rows: attribution.arms.iter().map(row).collect(),
    }
}

fn ratios(what: String, first: &str, rows: impl Iterator<Item = Vec<String>>) -> Sheet {
    Sheet {
        caption: format!("{what}; Fieller's 95 % interval, and that of the paired hierarchical bootstrap"),
        header: [first, "Share", "95 % interval", "Bootstrap"].map(str::to_owned).to_vec(),
        names: 1,
        rows: rows.collect(),
    }
}

fn ratio(name: &str, ratio: &Ratio) -> Vec<String> {
    vec![
        format!("{name}{}", over_seeds(ratio.seeds_used.as_deref())),
        percent(ratio.share),
        brackets(ratio.ci95, 1),
        brackets(ratio.bootstrap95, 1),
    ]
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
