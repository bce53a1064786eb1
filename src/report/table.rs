//! The outcome of a study for the screen: tables, and sentences between them.

use super::layout::{Cell, Layout};
use super::numbers::{brackets, counts_images, over_seeds, seeds_needed, to_quote, together, undone, why_none};
use super::{screen, sheet};
use crate::stats::attribution::{Attribution, Gain, LadderStep, Share};
use crate::study::Study;

const COMPARISONS_LEGEND: &str = "Difference in percentage points of test error; p of the paired t test, after Holm's correction over the controls\n\
                                  of this table, those against the baseline and those against the target apart;\n\
                                  P(better): how likely a run of the second arm errs less than one of the first, with its\n\
                                  bootstrap interval (– where every run of one errs less than every run of the other).\n\
                                  There's no p of one seed, nor where the difference is the same in all.\n";

/// The outcome of a study: arms, gain, the share of it that each control matches, and the ladder. Errors are in percent,
/// gains in percentage points, shares in percent of the gain.
pub fn attribution(attribution: &Attribution) -> String {
    let Attribution { study, baseline, target, .. } = attribution;
    let Layout { arms, shares, ladder, comparisons } = Layout::of(attribution);
    let mut parts = vec![format!("{study}: {target} against {baseline}\n"), screen::table(&arms)];
    parts.extend(attribution.gain.as_ref().map(|gain| gain_sentence(gain, baseline, target)));
    parts.extend(attribution.reason.as_ref().map(|reason| format!("{reason}\n")));
    if !attribution.shares.is_empty() {
        let title = format!("Share of the gain of {target} over {baseline} that each other arm matches:");
        parts.push(format!("{title}\n\n{}", screen::table(&shares)));
        let untold = attribution.shares.iter().filter_map(untold);
        let notes: Vec<String> = untold.chain(undone(attribution).into_iter().map(|note| note + "\n")).collect();
        parts.extend((!notes.is_empty()).then(|| notes.concat()));
    }
    if !attribution.ladder.is_empty() {
        let steps = &attribution.ladder;
        let reasons = untold_steps(steps);
        parts.push(format!("Steps of the gain, {}:\n\n{}{reasons}", together(steps), screen::table(&ladder)));
    }
    parts.push(legend(attribution));
    if !attribution.comparisons.is_empty() {
        parts.push(format!("{}\n{COMPARISONS_LEGEND}", screen::table(&comparisons)));
    }
    parts.extend(seeds_needed(attribution).map(|sentence| sentence + "\n"));
    if !attribution.warnings.is_empty() {
        parts.push(attribution.warnings.iter().map(|warning| format!("Warning: {warning}.\n")).collect());
    }
    parts.join("\n")
}

/// The outcomes of all cells of a study's grid, in its order, and under them what they come to.
pub fn attributions(study: &Study, attributions: &[Attribution]) -> String {
    let cells: Vec<Cell> = study.cells().into_iter().zip(attributions).collect();
    let all = sheet::cells(&study.name, &cells);
    let parts = attributions.iter().map(attribution).chain(all.map(screen::sheet));
    parts.collect::<Vec<_>>().join("\n")
}

fn gain_sentence(gain: &Gain, baseline: &str, target: &str) -> String {
    let (value, seeds) = (100.0 * gain.value, over_seeds(gain.seeds_used.as_deref()));
    let images = gain
        .interval_over_images
        .map_or_else(String::new, |_| format!("test images too {}, ", brackets(gain.interval_over_images, 2)));
    let intervals = (brackets(gain.ci95, 2), format!("{images}bootstrap {}", brackets(gain.bootstrap95, 2)));
    // Where the target is worse, the interval's signs would contradict "above".
    if gain.value < 0.0 {
        return format!(
            "{target}'s test error is {:.2} percentage points above {baseline}'s (gain {value:.2} {}, {}){seeds}\n",
            -value, intervals.0, intervals.1
        );
    }
    format!(
        "{target}'s test error is {value:.2} {} percentage points below {baseline}'s ({}){seeds}\n",
        intervals.0, intervals.1
    )
}

/// Why a share can't be told, where it can't.
fn untold(share: &Share) -> Option<String> {
    let Share { control, ratio, .. } = share;
    let seeds = over_seeds(ratio.seeds_used.as_deref());
    ratio.share.is_none().then(|| format!("No share can be told for {control}{seeds}{}.\n", why_none(ratio)))
}

/// What the numbers above it are, and which of them to quote.
fn legend(attribution: &Attribution) -> String {
    let Attribution { shares, covers, .. } = attribution;
    if shares.is_empty() {
        return format!("±: standard deviation over seeds. 95 % intervals are Student's, and {}.\n", covers.in_words());
    }
    let mut lines = vec![
        "±: standard deviation over seeds. 95 % intervals are Student's for the gain and Fieller's for shares, each by itself,".to_owned(),
        format!("and {}.", covers.in_words()),
    ];
    if shares.len() > 1 {
        lines.push("All together: those of all controls hold at once in 95 % of studies (Bonferroni's; Holm's tests below find more).".to_owned());
    }
    let resampled = if covers.test_images { "seeds" } else { "seeds, then test images" };
    if counts_images(attribution) {
        lines.push(
            "Test images too: for other test images of the same kind as well; never narrower than over seeds alone."
                .to_owned(),
        );
    }
    lines.push(format!("Bootstrap: the percentile interval of the paired bootstrap ({resampled})."));
    lines.push(format!("The one to quote is {}.", to_quote(attribution)));
    lines.join("\n") + "\n"
}

/// Why steps have no share, where the seeds don't say it.
fn untold_steps(steps: &[LadderStep]) -> String {
    let untold = steps.iter().filter(|step| step.ratio.share.is_none() && !why_none(&step.ratio).is_empty());
    untold.map(|step| format!("\nNo share of {} → {}{}.\n", step.from, step.to, why_none(&step.ratio))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Budget;
    use crate::stats::attribution::{ArmSummary, Method, Ratio, SeedError};
    use crate::stats::comparison::Comparison;
    use crate::stats::improvement::Improvement;
    use crate::stats::seeds::SeedsNeeded;
    use crate::stats::significance::PairedT;
    use crate::stats::{Covers, Interval};

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
            interval_over_images: Some([share - 0.09, share + 0.09]),
            method: Method::Fieller,
            bootstrap95,
            seeds_used: None,
            reason: None,
            seeds_needed,
        }
    }

    fn example() -> Attribution {
        let swish = ratio(0.381, [0.312, 0.457]);
        let step = |from: &str, to: &str, ratio| LadderStep { from: from.to_owned(), to: to.to_owned(), ratio };
        let missing = Ratio {
            share: None,
            ci95: None,
            interval_over_images: None,
            bootstrap95: None,
            seeds_used: Some(vec![]),
            seeds_needed: None,
            ..swish.clone()
        };
        Attribution {
            study: "rot-mnist".to_owned(),
            baseline: "z2".to_owned(),
            target: "p4".to_owned(),
            covers: Covers::default(),
            arms: vec![
                arm("z2", "free", &[0.0503, 0.0503]),
                arm("repeat-swish", "repeat-swish", &[0.0398]),
                arm("scrambled", "scrambled", &[]),
                arm("p4", "p4", &[0.0228, 0.0228]),
            ],
            gain: Some(Gain {
                value: 0.0275,
                ci95: Some([0.0259, 0.0291]),
                interval_over_images: Some([0.0251, 0.0299]),
                bootstrap95: Some([0.0263, 0.0288]),
                seeds_used: Some(vec![1, 2]),
                seeds_needed: None,
            }),
            shares: vec![
                Share { control: "repeat-swish".to_owned(), ratio: swish.clone(), simultaneous95: Some([0.25, 0.53]) },
                Share { control: "scrambled".to_owned(), ratio: missing, simultaneous95: None },
                Share { control: "wide".to_owned(), ratio: ratio(-0.122, [-0.256, -0.001]), simultaneous95: None },
            ],
            ladder: vec![step("z2", "repeat-swish", swish), step("repeat-swish", "p4", ratio(0.619, [0.543, 0.688]))],
            reason: None,
            comparisons: vec![
                comparison("z2", "p4", Some((0.0275, 0.000_04)), Some((1.0, None))),
                comparison("z2", "repeat-swish", Some((0.0105, 0.0321)), Some((0.875, Some([0.5, 1.0])))),
                comparison("z2", "wide", Some((-0.0042, 0.098)), None),
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
            test: tested.map(|(_, p)| PairedT { t: 0.0, freedom: 1, p }),
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

p4's test error is 2.75 [2.59, 2.91] percentage points below z2's (test images too [2.51, 2.99], bootstrap [2.63, 2.88]), over seeds 1, 2 alone

Share of the gain of p4 over z2 that each other arm matches:

arm                                                 share  95 % interval   all together  test images too      bootstrap
────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
repeat-swish                                       38.1 %   [31.2, 45.7]   [25.0, 53.0]     [29.1, 47.1]   [33.1, 43.1]
scrambled: no seed finished in all arms compared        –  [no interval]  [no interval]    [no interval]  [no interval]
wide                                              -12.2 %  [-25.6, -0.1]  [no interval]    [-21.2, -3.2]  [-17.2, -7.2]

No share can be told for scrambled: no seed finished in all arms compared.
wide's share differs from 0 by itself, but not after Holm's correction over the 2 controls (p = 0.098).

Steps of the gain, 100 % together:

step                share  95 % interval  test images too     bootstrap
────────────────────────────────────────────────────────────────────────
z2 → repeat-swish  38.1 %   [31.2, 45.7]     [29.1, 47.1]  [33.1, 43.1]
repeat-swish → p4  61.9 %   [54.3, 68.8]     [52.9, 70.9]  [56.9, 66.9]

±: standard deviation over seeds. 95 % intervals are Student's for the gain and Fieller's for shares, each by itself,
and are for these training and test images, over seeds.
All together: those of all controls hold at once in 95 % of studies (Bonferroni's; Holm's tests below find more).
Test images too: for other test images of the same kind as well; never narrower than over seeds alone.
Bootstrap: the percentile interval of the paired bootstrap (seeds, then test images).
The one to quote is the 95 % interval for a control chosen beforehand, all together for controls that are compared.

comparison         difference  p (Holm)  P(better)  95 % interval
──────────────────────────────────────────────────────────────────
z2 → p4                  2.75  < 0.0001      100 %              –
z2 → repeat-swish        1.05    0.0321       88 %      [50, 100]
z2 → wide               -0.42    0.0980          –              –
scrambled → p4              –         –          –              –

Difference in percentage points of test error; p of the paired t test, after Holm's correction over the controls
of this table, those against the baseline and those against the target apart;
P(better): how likely a run of the second arm errs less than one of the first, with its
bootstrap interval (– where every run of one errs less than every run of the other).
There's no p of one seed, nor where the difference is the same in all.

Seeds for ± 10 points of share, by the variance seen (to be safe, by its upper limit): repeat-swish 4 (9), wide 4 (9).

Warning: two seeds say next to nothing.
";
        let text = attribution(&example());
        assert_eq!(text, expected, "\n{text}");
    }

    #[test]
    fn a_gain_that_is_not_established_says_why() {
        let reason = "gain not established: one seed gives no interval".to_owned();
        let gain = Gain {
            value: 0.0275,
            ci95: None,
            interval_over_images: None,
            bootstrap95: None,
            seeds_used: None,
            seeds_needed: None,
        };
        let none =
            Attribution { gain: Some(gain), shares: Vec::new(), ladder: Vec::new(), reason: Some(reason), ..example() };
        let text = attribution(&none);
        assert!(text.contains("\np4's test error is 2.75 [no interval] percentage points"), "{text}");
        assert!(text.contains("\ngain not established: one seed gives no interval\n"), "{text}");
        assert!(!text.contains("matched by") && !text.contains("Steps"), "{text}");
    }
}
