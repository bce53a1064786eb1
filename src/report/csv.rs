//! All numbers of an attribution as one CSV table, one row a number, unrounded.

use super::export::{Export, Tables};
use crate::error::{Error, Result};
use crate::stats::Interval;
use crate::stats::attribution::{ArmSummary, Attribution, Gain, Ratio};
use crate::stats::improvement::Improvement;
use crate::stats::student;
use crate::text;

/// Comma-separated values (RFC 4180).
///
/// `kind` says what `value` is: the mean test error of an `arm`, the `gain`, the `share` of a control, a `step` of the
/// ladder, the `difference` of the errors of two arms with its t, its p and that after Holm's correction, the probability of `improvement`
/// from one to the other, or a `warning` in words; `reason` says why a gain isn't established or a share can't be told. Errors, gains and differences are fractions of the test images, shares and
/// steps fractions of the gain; `low95` and `high95` are the ends of the headline interval (Student's of an error, a difference or the gain,
/// Fieller's of shares and steps), `bootstrap_low95` and `bootstrap_high95` those of the bootstrap.
///
/// Spreadsheets take a cell that begins with `=`, `+`, `-` or `@` for a formula: where it's no number, it has an apostrophe in
/// front, as an arm called `-x` has (see [`text::cell`]).
///
/// Further tables aren't in it: `result.json`, `equivariance.json` and `tuning.json` in the store have their numbers.
pub struct Csv;

const HEADER: [&str; 20] = [
    "study",
    "kind",
    "name",
    "from",
    "to",
    "bank",
    "parameters",
    "one_bit_parameters",
    "maps",
    "multiply_adds",
    "seeds",
    "value",
    "low95",
    "high95",
    "bootstrap_low95",
    "bootstrap_high95",
    "p_holm",
    "p",
    "t",
    "reason",
];

impl Export for Csv {
    fn export(&self, tables: &Tables) -> Result<String> {
        let fail = |e: &dyn std::fmt::Display| Error::invalid(format!("table as CSV: {e}"));
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(HEADER).map_err(|e| fail(&e))?;
        for row in tables.attributions().into_iter().flat_map(rows) {
            writer.write_record(row.each_ref().map(|cell| text::cell(cell).into_owned())).map_err(|e| fail(&e))?;
        }
        let bytes = writer.into_inner().map_err(|e| fail(&e))?;
        String::from_utf8(bytes).map_err(|e| fail(&e))
    }
}

type Row = [String; HEADER.len()];

fn rows(attribution: &Attribution) -> Vec<Row> {
    let Attribution { study, baseline, target, .. } = attribution;
    let mut rows: Vec<Row> = attribution.arms.iter().map(|arm| arm_row(study, arm)).collect();
    let gain = attribution.gain.as_ref();
    let value = [gain.map(|gain| gain.value)].into_iter();
    let of_gain = |interval: fn(&Gain) -> Option<Interval>| ends(gain.and_then(interval));
    let numbers = value.chain(of_gain(|gain| gain.ci95)).chain(of_gain(|gain| gain.bootstrap95));
    let row =
        comparison([study, "gain", "", baseline, target], gain.and_then(|gain| gain.seeds_used.as_deref()), numbers);
    rows.push(with_reason(row, attribution.reason.as_deref()));
    let shares = attribution.shares.iter().map(|s| ("share", s.control.as_str(), baseline, &s.control, &s.ratio));
    let steps = attribution.ladder.iter().map(|s| ("step", "", &s.from, &s.to, &s.ratio));
    for (kind, name, from, to, ratio) in shares.chain(steps) {
        let Ratio { share, ci95, bootstrap95, seeds_used, reason, .. } = ratio;
        let numbers = [*share].into_iter().chain(ends(*ci95)).chain(ends(*bootstrap95));
        let row = comparison([study, kind, name, from, to], seeds_used.as_deref(), numbers);
        rows.push(with_reason(row, reason.as_deref()));
    }
    for pair in &attribution.comparisons {
        let names = |kind: &'static str| [study.as_str(), kind, "", &pair.from, &pair.to];
        let (p, t) = (pair.test.map(|test| test.p), pair.test.map(|test| test.t));
        let [low, high] = ends(pair.ci95);
        let difference = [pair.difference, low, high, None, None, pair.p_holm, p, t];
        rows.push(comparison(names("difference"), pair.seeds_used.as_deref(), difference.into_iter()));
        if let Some(Improvement { probability, ci95 }) = pair.improvement {
            let numbers = [Some(probability), None, None].into_iter().chain(ends(ci95));
            rows.push(comparison(names("improvement"), pair.seeds_used.as_deref(), numbers));
        }
    }
    for warning in &attribution.warnings {
        rows.push(comparison([study, "warning", warning, "", ""], None, std::iter::empty()));
    }
    rows
}

fn arm_row(study: &str, arm: &ArmSummary) -> Row {
    let errors: Vec<f64> = arm.seeds.iter().map(|run| run.test_error).collect();
    let [low, high] = ends(student::mean_interval(&errors)).map(as_text);
    let budget = arm.budget;
    [
        study.to_owned(),
        "arm".to_owned(),
        arm.name.clone(),
        String::new(),
        String::new(),
        arm.bank.clone(),
        budget.parameters.to_string(),
        budget.one_bit_parameters.to_string(),
        budget.maps.to_string(),
        budget.multiply_adds.to_string(),
        listed(arm.seeds.iter().map(|run| run.seed)),
        as_text(arm.mean_error),
        low,
        high,
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
    ]
}

/// The row with the reason why it has no numbers.
fn with_reason(mut row: Row, reason: Option<&str>) -> Row {
    row[HEADER.len() - 1] = reason.unwrap_or_default().to_owned();
    row
}

/// A row about two arms; of the seeds, only a choice of them is named.
fn comparison(names: [&str; 5], seeds: Option<&[u64]>, numbers: impl Iterator<Item = Option<f64>>) -> Row {
    let mut row: Row = Default::default();
    for (cell, name) in row.iter_mut().zip(names) {
        *cell = name.to_owned();
    }
    row[10] = listed(seeds.into_iter().flatten().copied());
    for (cell, number) in row[11..].iter_mut().zip(numbers) {
        *cell = as_text(number);
    }
    row
}

fn listed(seeds: impl Iterator<Item = u64>) -> String {
    seeds.map(|seed| seed.to_string()).collect::<Vec<_>>().join(" ")
}

fn ends(interval: Option<Interval>) -> [Option<f64>; 2] {
    interval.map_or([None; 2], |ends| ends.map(Some))
}

fn as_text(number: Option<f64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}
