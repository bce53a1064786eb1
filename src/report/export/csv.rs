//! All numbers of an attribution as one CSV table, one row a number, unrounded.

use super::{Export, Tables};
use crate::error::{Error, Result};
use crate::model::Budget;
use crate::report::layout::{Layout, Row};
use crate::stats::Interval;
use crate::stats::attribution::{ArmSummary, Attribution, Gain, LadderStep, Ratio, Share};
use crate::stats::comparison::Comparison;
use crate::stats::improvement::Improvement;
use crate::stats::student;
use crate::text;

/// Comma-separated values (RFC 4180).
///
/// `kind` says what `value` is: the mean test error of an `arm`, the `gain`, the `share` of a control, a `step` of the
/// ladder, the `difference` of the errors of two arms with its t, its p and that after Holm's correction, the probability of `improvement`
/// from one to the other, or a `warning` in words; `reason` says why a gain isn't established or a share can't be told. Errors, gains and differences are fractions of the test images, shares and
/// steps fractions of the gain; `low95` and `high95` are the ends of the headline interval (Student's of an error, a difference or the gain,
/// Fieller's of shares and steps), `bootstrap_low95` and `bootstrap_high95` those of the bootstrap, `together_low95` and
/// `together_high95` those that hold for all controls together, `images_low95` and `images_high95` those over test images too.
///
/// Spreadsheets take a cell that begins with `=`, `+`, `-` or `@` for a formula: where it's no number, it has an apostrophe in
/// front, as an arm called `-x` has (see [`text::cell`]).
///
/// Further tables aren't in it: `result.json`, `equivariance.json` and `tuning.json` in the store have their numbers.
pub struct Csv;

const HEADER: [&str; 24] = [
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
    "together_low95",
    "together_high95",
    "images_low95",
    "images_high95",
];

/// Where the reason stands.
const REASON: usize = 19;

impl Export for Csv {
    fn export(&self, tables: &Tables) -> Result<String> {
        let fail = |e: &dyn std::fmt::Display| Error::invalid(format!("table as CSV: {e}"));
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(HEADER).map_err(|e| fail(&e))?;
        for line in tables.cells.iter().flat_map(|cell| lines(&cell.attribution)) {
            writer.write_record(line.each_ref().map(|cell| text::cell(cell).into_owned())).map_err(|e| fail(&e))?;
        }
        let bytes = writer.into_inner().map_err(|e| fail(&e))?;
        String::from_utf8(bytes).map_err(|e| fail(&e))
    }
}

type Line = [String; HEADER.len()];

fn lines(attribution: &Attribution) -> Vec<Line> {
    let Attribution { study, baseline, .. } = attribution;
    let Layout { arms, shares, ladder, comparisons } = Layout::of(attribution);
    let of = |row: &Row| of_row(row, study, baseline);
    let mut lines: Vec<Line> = arms.rows.iter().flat_map(of).collect();
    lines.push(gain(attribution));
    lines.extend([shares, ladder, comparisons].iter().flat_map(|table| &table.rows).flat_map(of));
    let warning = |warning: &String| compared([study, "warning", warning, "", ""], None, std::iter::empty());
    lines.extend(attribution.warnings.iter().map(warning));
    lines
}

/// The numbers of a table's row.
fn of_row(row: &Row, study: &str, baseline: &str) -> Vec<Line> {
    match row {
        Row::Arm(arm) => vec![of_arm(study, arm)],
        Row::Share(Share { control, ratio, simultaneous95 }, _) => {
            vec![of_ratio([study, "share", control, baseline, control], ratio, *simultaneous95)]
        }
        Row::Step(LadderStep { from, to, ratio }, _) => vec![of_ratio([study, "step", "", from, to], ratio, None)],
        Row::Comparison(pair) => of_pair(study, pair),
        // Its numbers are in the rows of its cell.
        Row::Cell(..) => Vec::new(),
    }
}

fn gain(attribution: &Attribution) -> Line {
    let Attribution { study, baseline, target, gain, reason, .. } = attribution;
    let gain = gain.as_ref();
    let of_gain = |interval: fn(&Gain) -> Option<Interval>| ends(gain.and_then(interval));
    let value = [gain.map(|gain| gain.value)].into_iter();
    let numbers = value.chain(of_gain(|gain| gain.ci95)).chain(of_gain(|gain| gain.bootstrap95));
    let seeds = gain.and_then(|gain| gain.seeds_used.as_deref());
    let line = with_reason(compared([study, "gain", "", baseline, target], seeds, numbers), reason.as_deref());
    with_intervals(line, [None, gain.and_then(|gain| gain.interval_over_images)])
}

fn of_ratio(names: [&str; 5], ratio: &Ratio, together: Option<Interval>) -> Line {
    let Ratio { share, ci95, bootstrap95, interval_over_images, seeds_used, reason, .. } = ratio;
    let numbers = [*share].into_iter().chain(ends(*ci95)).chain(ends(*bootstrap95));
    let line = with_reason(compared(names, seeds_used.as_deref(), numbers), reason.as_deref());
    with_intervals(line, [together, *interval_over_images])
}

/// The difference of two arms, and the probability of improvement where there's one.
fn of_pair(study: &str, pair: &Comparison) -> Vec<Line> {
    let names = |kind: &'static str| [study, kind, "", &pair.from, &pair.to];
    let (p, t) = (pair.test.map(|test| test.p), pair.test.map(|test| test.t));
    let [low, high] = ends(pair.ci95);
    let difference = [pair.difference, low, high, None, None, pair.p_holm, p, t];
    let difference = compared(names("difference"), pair.seeds_used.as_deref(), difference.into_iter());
    let improvement = pair.improvement.map(|Improvement { probability, ci95 }| {
        let numbers = [Some(probability), None, None].into_iter().chain(ends(ci95));
        compared(names("improvement"), pair.seeds_used.as_deref(), numbers)
    });
    [difference].into_iter().chain(improvement).collect()
}

fn of_arm(study: &str, arm: &ArmSummary) -> Line {
    let errors: Vec<f64> = arm.seeds.iter().map(|run| run.test_error).collect();
    let numbers = [arm.mean_error].into_iter().chain(ends(student::mean_interval(&errors)));
    let mut line = compared([study, "arm", &arm.name, "", ""], None, numbers);
    let Budget { parameters, one_bit_parameters, maps, multiply_adds } = arm.budget;
    let counts = [parameters, one_bit_parameters, maps].map(|count| count.to_string());
    let budget = [arm.bank.clone()].into_iter().chain(counts).chain([multiply_adds.to_string()]);
    for (cell, text) in line[5..].iter_mut().zip(budget) {
        *cell = text;
    }
    line[10] = listed(arm.seeds.iter().map(|run| run.seed));
    line
}

/// The line with the reason why it has no numbers.
fn with_reason(mut line: Line, reason: Option<&str>) -> Line {
    line[REASON] = reason.unwrap_or_default().to_owned();
    line
}

/// The line with the intervals that stand after the reason.
fn with_intervals(mut line: Line, intervals: [Option<Interval>; 2]) -> Line {
    for (cell, end) in line[REASON + 1..].iter_mut().zip(intervals.into_iter().flat_map(ends)) {
        *cell = as_text(end);
    }
    line
}

/// A line about two arms; of the seeds, only a choice of them is named.
fn compared(names: [&str; 5], seeds: Option<&[u64]>, numbers: impl Iterator<Item = Option<f64>>) -> Line {
    let mut line: Line = Default::default();
    for (cell, name) in line.iter_mut().zip(names) {
        *cell = name.to_owned();
    }
    line[10] = listed(seeds.into_iter().flatten().copied());
    for (cell, number) in line[11..].iter_mut().zip(numbers) {
        *cell = as_text(number);
    }
    line
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
