//! Tables for the screen. They carry no colour and don't depend on its width, so they read the same in a file.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, LineStyle, Table};

use super::sheet::{self, Sheet};
use crate::model::Budget;
use crate::stats::Interval;
use crate::stats::attribution::{ArmSummary, Attribution, Gain, Ratio, Share, Step};
use crate::stats::comparison::Comparison;
use crate::stats::seeds::SeedsNeeded;

/// What stands for a number that there is none of.
pub(super) const NONE: &str = "–";

const LEGEND: &str = "±: standard deviation over seeds. In brackets: 95 % intervals, Student's for the gain and Fieller's for shares,\n\
                      each by itself; then the percentile interval of the paired hierarchical bootstrap (seeds, then test examples).\n";

const COMPARISONS_LEGEND: &str = "Difference in percentage points of test error; p of the paired t test, after Holm's correction over the controls;\n\
                                  P(better): how likely a run of the second arm errs less than one of the first, with its\n\
                                  bootstrap interval (– where every run of one errs less than every run of the other).\n\
                                  There's no p of one seed, nor where the difference is the same in all.\n";

pub(super) const BUDGET_HEADER: [&str; 6] = ["arm", "bank", "parameters", "one-bit", "maps", "multiply-adds"];

/// What an arm costs, under [`BUDGET_HEADER`].
pub(super) fn budget_cells(name: &str, bank: &str, budget: Budget) -> [String; 6] {
    let Budget { parameters, one_bit_parameters, maps, multiply_adds } = budget;
    [
        name.to_owned(),
        bank.to_owned(),
        parameters.to_string(),
        one_bit_parameters.to_string(),
        maps.to_string(),
        multiply_adds.to_string(),
    ]
}

/// The outcome of a study: arms, gain, the share of it that each control matches, and the ladder. Errors are in percent,
/// gains in percentage points, shares in percent of the gain.
pub fn attribution(attribution: &Attribution) -> String {
    let Attribution { study, baseline, target, .. } = attribution;
    let mut parts = vec![format!("{study}: {target} against {baseline}\n"), arms(&attribution.arms)];
    parts.extend(attribution.gain.as_ref().map(|gain| gain_sentence(gain, baseline, target)));
    parts.extend(attribution.reason.as_ref().map(|reason| format!("{reason}\n")));
    if !attribution.shares.is_empty() {
        parts.push(attribution.shares.iter().map(|share| share_sentence(share, baseline, target)).collect());
    }
    if !attribution.ladder.is_empty() {
        let steps = &attribution.ladder;
        parts.push(format!("Steps of the gain, {}:\n\n{}", together(steps), ladder(steps)));
    }
    parts.push(LEGEND.to_owned());
    if !attribution.comparisons.is_empty() {
        parts.push(format!("{}\n{COMPARISONS_LEGEND}", comparisons(&attribution.comparisons)));
    }
    parts.extend(seeds_needed(attribution).map(|sentence| sentence + "\n"));
    if !attribution.warnings.is_empty() {
        parts.push(attribution.warnings.iter().map(|warning| format!("Warning: {warning}.\n")).collect());
    }
    parts.join("\n")
}

/// The outcomes of all cells of a study's grid, and under them what they come to.
pub fn attributions(attributions: &[Attribution]) -> String {
    let cells = sheet::cells(&attributions.iter().collect::<Vec<_>>());
    let parts = attributions.iter().map(attribution).chain(cells.map(of_sheet));
    parts.collect::<Vec<_>>().join("\n")
}

/// A table that the formats for papers have, too.
pub(super) fn of_sheet(sheet: Sheet) -> String {
    let Sheet { caption, header, word_columns, rows } = sheet;
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    format!("{caption}:\n\n{}", lines(&header, word_columns, rows.into_iter()))
}

fn arms(arms: &[ArmSummary]) -> String {
    let header: Vec<&str> = BUDGET_HEADER.into_iter().chain(["seeds", "test error"]).collect();
    let row = |arm: &ArmSummary| {
        let error = mean_and_sd(arm).map_or_else(|| NONE.to_owned(), |error| error + " %");
        let budget = budget_cells(&arm.name, &arm.bank, arm.budget);
        budget.into_iter().chain([arm.seeds.len().to_string(), error]).collect()
    };
    lines(&header, 2, arms.iter().map(row))
}

/// Mean test error of an arm and its standard deviation over the seeds, in percent; `None` of no finished run.
pub(super) fn mean_and_sd(arm: &ArmSummary) -> Option<String> {
    let mean = 100.0 * arm.mean_error?;
    Some(arm.sd_error.map_or_else(|| format!("{mean:.2}"), |sd| format!("{mean:.2} ± {:.2}", 100.0 * sd)))
}

fn gain_sentence(gain: &Gain, baseline: &str, target: &str) -> String {
    let (value, seeds) = (100.0 * gain.value, over_seeds(gain.seeds_used.as_deref()));
    let intervals = (brackets(gain.ci95, 2), brackets(gain.bootstrap95, 2));
    // Where the target is worse, the interval's signs would contradict "above".
    if gain.value < 0.0 {
        return format!(
            "{target}'s test error is {:.2} percentage points above {baseline}'s (gain {value:.2} {}, bootstrap {}){seeds}\n",
            -value, intervals.0, intervals.1
        );
    }
    format!(
        "{target}'s test error is {value:.2} {} percentage points below {baseline}'s (bootstrap {}){seeds}\n",
        intervals.0, intervals.1
    )
}

fn share_sentence(share: &Share, baseline: &str, target: &str) -> String {
    let Share { control, ratio } = share;
    let seeds = over_seeds(ratio.seeds_used.as_deref());
    if ratio.share.is_none() {
        let why = why_none(ratio);
        return format!("no share of the gain of {target} over {baseline} can be told for {control}{seeds}{why}\n");
    }
    format!(
        "{} {} of the gain of {target} over {baseline} is matched by {control} (bootstrap {}){seeds}\n",
        percent(ratio.share),
        brackets(ratio.ci95, 1),
        brackets(ratio.bootstrap95, 1),
    )
}

/// What the steps come to, in the title of their table: the whole gain, where all are over the same seeds.
pub(super) fn together(steps: &[Step]) -> &'static str {
    let is_other = |step: &Step| step.ratio.share.is_none() || step.ratio.seeds_used != steps[0].ratio.seeds_used;
    if steps.iter().any(is_other) { "each over its own seeds" } else { "100 % together" }
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

fn ladder(steps: &[Step]) -> String {
    let row = |step: &Step| {
        let seeds = over_seeds(step.ratio.seeds_used.as_deref());
        ratio_cells(format!("{} → {}{seeds}", step.from, step.to), &step.ratio)
    };
    let table = lines(&["step", "share", "95 % interval", "bootstrap"], 1, steps.iter().map(row));
    let untold = steps.iter().filter(|step| step.ratio.share.is_none() && !why_none(&step.ratio).is_empty());
    let reasons = untold.map(|step| format!("\nNo share of {} → {}{}.\n", step.from, step.to, why_none(&step.ratio)));
    table + &reasons.collect::<String>()
}

/// A name, a share and its two intervals.
pub(super) fn ratio_cells(name: String, ratio: &Ratio) -> Vec<String> {
    vec![name, percent(ratio.share), brackets(ratio.ci95, 1), brackets(ratio.bootstrap95, 1)]
}

fn comparisons(comparisons: &[Comparison]) -> String {
    let header = ["comparison", "difference", "p (Holm)", "P(better)", "95 % interval"];
    lines(&header, 1, comparisons.iter().map(comparison_cells))
}

/// Two arms, the difference of their errors, its p, and the probability of improvement with its interval.
pub(super) fn comparison_cells(comparison: &Comparison) -> Vec<String> {
    let none = || NONE.to_owned();
    let improvement = comparison.improvement;
    vec![
        format!("{} → {}{}", comparison.from, comparison.to, over_seeds(comparison.seeds_used.as_deref())),
        comparison.difference.map_or_else(none, |difference| format!("{:.2}", 100.0 * difference)),
        comparison.p_holm.map_or_else(none, p_value),
        improvement.map_or_else(none, |i| format!("{:.0} %", 100.0 * i.probability)),
        improvement.and_then(|i| i.ci95).map_or_else(none, |ci95| brackets(Some(ci95), 0)),
    ]
}

fn p_value(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".to_owned() } else { format!("{p:.4}") }
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

pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| NONE.to_owned(), |share| format!("{:.1} %", 100.0 * share))
}

/// An interval of fractions, in percent.
pub(super) fn brackets(interval: Option<Interval>, decimals: usize) -> String {
    match interval {
        Some([low, high]) => format!("[{:.decimals$}, {:.decimals$}]", 100.0 * low, 100.0 * high),
        None => "[no interval]".to_owned(),
    }
}

/// Says which seeds were compared where they are fewer than the study has.
pub(super) fn over_seeds(seeds: Option<&[u64]>) -> String {
    match seeds {
        None => String::new(),
        Some([]) => ": no seed finished in all arms compared".to_owned(),
        Some([seed]) => format!(", over seed {seed} alone"),
        Some(seeds) => {
            let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
            format!(", over seeds {} alone", seeds.join(", "))
        }
    }
}

/// A table of which the first `names` columns hold words and the others numbers; ends with a newline.
pub(super) fn lines(header: &[&str], names: usize, rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING.header_separator(LineStyle::none().fill('─').junction('─')));
    table.set_header(header.to_vec()).add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    for column in table.column_iter_mut().skip(names) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.lines().flat_map(|line| [line.trim_end().to_owned(), "\n".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::attribution::{Method, SeedError};
    use crate::stats::improvement::Improvement;

    fn arm(name: &str, bank: &str, errors: &[f64]) -> ArmSummary {
        let runs = (1..).zip(errors).map(|(seed, &test_error)| SeedError { seed, test_error });
        ArmSummary {
            name: name.to_owned(),
            bank: bank.to_owned(),
            budget: Budget { parameters: 25_104, one_bit_parameters: 0, maps: 140, multiply_adds: 4_012_345 },
            seeds: runs.collect(),
            mean_error: errors.first().copied(),
            sd_error: (errors.len() > 1).then_some(0.0012),
        }
    }

    fn ratio(share: f64, ci95: Interval) -> Ratio {
        let bootstrap95 = Some([share - 0.05, share + 0.05]);
        let seeds_needed = Some(SeedsNeeded { half_width: 0.1, seeds: 4, cautious: 9 });
        Ratio {
            share: Some(share),
            ci95: Some(ci95),
            method: Method::Fieller,
            bootstrap95,
            seeds_used: None,
            reason: None,
            seeds_needed,
        }
    }

    fn example() -> Attribution {
        let swish = ratio(0.381, [0.312, 0.457]);
        let step = |from: &str, to: &str, ratio| Step { from: from.to_owned(), to: to.to_owned(), ratio };
        let missing = Ratio {
            share: None,
            ci95: None,
            bootstrap95: None,
            seeds_used: Some(vec![]),
            seeds_needed: None,
            ..swish.clone()
        };
        Attribution {
            study: "rot-mnist".to_owned(),
            baseline: "z2".to_owned(),
            target: "p4".to_owned(),
            arms: vec![
                arm("z2", "free", &[0.0503, 0.0503]),
                arm("repeat-swish", "repeat-swish", &[0.0398]),
                arm("scrambled", "scrambled", &[]),
                arm("p4", "p4", &[0.0228, 0.0228]),
            ],
            gain: Some(Gain {
                value: 0.0275,
                ci95: Some([0.0259, 0.0291]),
                bootstrap95: Some([0.0263, 0.0288]),
                seeds_used: Some(vec![1, 2]),
                seeds_needed: None,
            }),
            shares: vec![
                Share { control: "repeat-swish".to_owned(), ratio: swish.clone() },
                Share { control: "scrambled".to_owned(), ratio: missing },
            ],
            ladder: vec![step("z2", "repeat-swish", swish), step("repeat-swish", "p4", ratio(0.619, [0.543, 0.688]))],
            reason: None,
            comparisons: vec![
                comparison("z2", "p4", Some((0.0275, 0.000_04)), Some((1.0, None))),
                comparison("z2", "repeat-swish", Some((0.0105, 0.0321)), Some((0.875, Some([0.5, 1.0])))),
                comparison("scrambled", "p4", None, None),
            ],
            warnings: vec!["two seeds say next to nothing".to_owned()],
        }
    }

    /// Difference and p, and a probability of improvement with its interval.
    fn comparison(
        from: &str,
        to: &str,
        tested: Option<(f64, f64)>,
        improvement: Option<(f64, Option<Interval>)>,
    ) -> Comparison {
        Comparison {
            from: from.to_owned(),
            to: to.to_owned(),
            difference: tested.map(|(difference, _)| difference),
            ci95: None,
            seeds_used: None,
            test: None,
            p_holm: tested.map(|(_, p)| p),
            improvement: improvement.map(|(probability, ci95)| Improvement { probability, ci95 }),
        }
    }

    #[test]
    fn an_established_gain_is_shared_out_in_sentences() {
        let expected = "\
rot-mnist: p4 against z2

arm           bank          parameters  one-bit  maps  multiply-adds  seeds     test error
───────────────────────────────────────────────────────────────────────────────────────────
z2            free               25104        0   140        4012345      2  5.03 ± 0.12 %
repeat-swish  repeat-swish       25104        0   140        4012345      1         3.98 %
scrambled     scrambled          25104        0   140        4012345      0              –
p4            p4                 25104        0   140        4012345      2  2.28 ± 0.12 %

p4's test error is 2.75 [2.59, 2.91] percentage points below z2's (bootstrap [2.63, 2.88]), over seeds 1, 2 alone

38.1 % [31.2, 45.7] of the gain of p4 over z2 is matched by repeat-swish (bootstrap [33.1, 43.1])
no share of the gain of p4 over z2 can be told for scrambled: no seed finished in all arms compared

Steps of the gain, 100 % together:

step                share  95 % interval     bootstrap
───────────────────────────────────────────────────────
z2 → repeat-swish  38.1 %   [31.2, 45.7]  [33.1, 43.1]
repeat-swish → p4  61.9 %   [54.3, 68.8]  [56.9, 66.9]

±: standard deviation over seeds. In brackets: 95 % intervals, Student's for the gain and Fieller's for shares,
each by itself; then the percentile interval of the paired hierarchical bootstrap (seeds, then test examples).

comparison         difference  p (Holm)  P(better)  95 % interval
──────────────────────────────────────────────────────────────────
z2 → p4                  2.75  < 0.0001      100 %              –
z2 → repeat-swish        1.05    0.0321       88 %      [50, 100]
scrambled → p4              –         –          –              –

Difference in percentage points of test error; p of the paired t test, after Holm's correction over the controls;
P(better): how likely a run of the second arm errs less than one of the first, with its
bootstrap interval (– where every run of one errs less than every run of the other).
There's no p of one seed, nor where the difference is the same in all.

Seeds for ± 10 points of share, by the variance seen (to be safe, by its upper limit): repeat-swish 4 (9).

Warning: two seeds say next to nothing.
";
        let text = attribution(&example());
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn a_gain_that_is_not_established_says_why() {
        let reason = "gain not established: one seed gives no interval".to_owned();
        let gain = Gain { value: 0.0275, ci95: None, bootstrap95: None, seeds_used: None, seeds_needed: None };
        let none =
            Attribution { gain: Some(gain), shares: Vec::new(), ladder: Vec::new(), reason: Some(reason), ..example() };
        let text = attribution(&none);
        assert!(text.contains("\np4's test error is 2.75 [no interval] percentage points"), "{text}");
        assert!(text.contains("\ngain not established: one seed gives no interval\n"), "{text}");
        assert!(!text.contains("matched by") && !text.contains("Steps"), "{text}");
    }
}
