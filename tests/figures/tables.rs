//! Tables for papers and the sentence above them, letter by letter.

use equisplit::model::Budget;
use equisplit::report::{CellTables, TableFormat, Tables, sentence};
use equisplit::stats::Covers;
use equisplit::stats::attribution::{ArmSummary, Attribution, Gain, LadderStep, Method, Ratio, SeedError, Share};
use equisplit::stats::comparison::Comparison;
use equisplit::stats::improvement::Improvement;
use equisplit::stats::seeds::SeedsNeeded;
use equisplit::stats::significance::PairedT;

fn arm(name: &str, bank: &str, errors: &[f64]) -> ArmSummary {
    let seeds = (0..).zip(errors).map(|(seed, &test_error)| SeedError { seed, test_error }).collect();
    ArmSummary {
        name: name.to_owned(),
        bank: bank.to_owned(),
        budget: Budget { parameters: 25_104, one_bit_parameters: 0, maps: 40, multiply_adds: 4_012_345 },
        seeds,
        mean_error: (!errors.is_empty()).then(|| errors.iter().sum::<f64>() / errors.len() as f64),
        sd_error: (errors.len() > 1).then_some(0.0012),
    }
}

fn ratio(share: f64, ci95: [f64; 2]) -> Ratio {
    let bootstrap95 = Some([share - 0.25, share + 0.25]);
    Ratio {
        share: Some(share),
        ci95: Some(ci95),
        interval_over_images: Some([share - 0.1875, share + 0.1875]),
        method: Method::Fieller,
        bootstrap95,
        seeds_used: None,
        reason: None,
        seeds_needed: Some(SeedsNeeded { half_width: 0.1, seeds: 4, cautious: 9 }),
    }
}

/// A study whose arms have names that markup could trip over.
fn example() -> Attribution {
    let swish = ratio(0.5, [0.375, 0.625]);
    let none = Ratio {
        share: None,
        ci95: None,
        interval_over_images: None,
        method: Method::Fieller,
        bootstrap95: None,
        seeds_used: Some(vec![]),
        reason: None,
        seeds_needed: None,
    };
    let share = |control: &str, ratio: Ratio| {
        let simultaneous95 = ratio.share.map(|share| [share - 0.3125, share + 0.3125]);
        Share { control: control.to_owned(), ratio, simultaneous95 }
    };
    Attribution {
        study: "a_b".to_owned(),
        baseline: "z2".to_owned(),
        target: "p4".to_owned(),
        covers: Covers::default(),
        arms: vec![
            arm("z2", "free", &[0.0625, 0.0625]),
            arm("repeat_swish", "repeat-swish", &[0.046875, 0.046875]),
            arm("wide", "free", &[0.0625, 0.0625]),
            arm("broken", "free", &[]),
            arm("p4", "p4", &[0.03125, 0.03125]),
        ],
        gain: Some(Gain {
            value: 0.03125,
            ci95: Some([0.03, 0.0325]),
            interval_over_images: Some([0.0275, 0.035]),
            bootstrap95: Some([0.029, 0.033]),
            seeds_used: None,
            seeds_needed: None,
        }),
        shares: vec![
            share("repeat_swish", swish.clone()),
            share("wide", ratio(0.0, [-0.125, 0.125])),
            share("broken", none),
        ],
        ladder: vec![
            LadderStep { from: "z2".to_owned(), to: "repeat_swish".to_owned(), ratio: swish },
            LadderStep { from: "repeat_swish".to_owned(), to: "p4".to_owned(), ratio: ratio(0.5, [0.375, 0.625]) },
        ],
        reason: None,
        comparisons: vec![
            comparison("p4", 0.03125, 0.000_01, (1.0, None)),
            comparison("repeat_swish", 0.015625, 0.0321, (0.875, Some([0.5, 1.0]))),
        ],
        warnings: vec!["two seeds say next to nothing of a_b".to_owned()],
    }
}

/// An arm against z2: difference and p, and a probability of improvement with its interval.
fn comparison(to: &str, difference: f64, p: f64, (probability, ci95): (f64, Option<[f64; 2]>)) -> Comparison {
    Comparison {
        from: "z2".to_owned(),
        to: to.to_owned(),
        difference: Some(difference),
        ci95: Some([difference - 0.0078125, difference + 0.0078125]),
        seeds_used: (to == "repeat_swish").then(|| vec![0]),
        test: Some(PairedT { t: 2.5, freedom: 1, p: p / 2.0 }),
        p_holm: Some(p),
        improvement: Some(Improvement { probability, ci95 }),
    }
}

fn export(format: TableFormat, attribution: &Attribution) -> String {
    let cells = vec![CellTables { levels: Vec::new(), attribution: attribution.clone(), further: Vec::new() }];
    format.exporter().export(&Tables { study: "a_b".to_owned(), cells, tuning: None }).unwrap()
}

#[test]
fn the_answer_claims_no_more_than_is_established() {
    let answer = sentence::answer(&example());
    assert_eq!(
        answer,
        "50.0 % [37.5, 62.5] of the gain of p4 over z2 (3.12 [3.00, 3.25] percentage points of test error) is matched by \
         learned repetition alone (repeat_swish); 0.0 % [−12.5, 12.5] by wide, which is not established to differ from 0; \
         no share can be told for broken. In brackets: 95 % intervals, each by itself, n = 2 seeds; they are for these training \
         and test images, over seeds."
    );
    let reason = "gain not established: its 95 % interval [-0.10, 0.20] percentage points contains 0".to_owned();
    let none = Attribution { shares: vec![], ladder: vec![], reason: Some(reason), ..example() };
    assert_eq!(
        sentence::answer(&none),
        "Whether there is a gain of p4 over z2 is not established: its 95 % interval [−0.10, 0.20] percentage points contains 0."
    );
}

#[test]
fn the_answer_tells_the_gain_where_there_is_no_share_of_it() {
    let gain = "The gain of p4 over z2 is 3.12 [3.00, 3.25] percentage points of test error; ";
    let mut untold = example();
    untold.shares.drain(..2);
    let answer = sentence::answer(&untold);
    assert_eq!(
        answer,
        format!(
            "{gain}no share can be told for broken: no seed finished in all arms compared. In brackets: 95 % intervals, each \
             by itself, n = 2 seeds; they are for these training and test images, over seeds."
        )
    );
    untold.shares.clear();
    assert!(sentence::answer(&untold).starts_with(&format!("{gain}the study has no controls. ")));
}

#[test]
fn the_answer_tells_of_the_controls_in_question_first() {
    let names = ["wide", "p4-rp", "z2-as-published", "scrambled", "repeat_swish", "repeat-mask", "random-mask"];
    let banks = ["free", "p4", "free", "scrambled", "repeat-swish", "repeat-mask", "random-mask"];
    let mut many = example();
    many.arms = names.iter().zip(banks).map(|(name, bank)| arm(name, bank, &[0.0625, 0.0625])).collect();
    let shares = (-2..).map(|n| ratio(f64::from(n) / 4.0, [f64::from(n) / 4.0 - 0.1, f64::from(n) / 4.0 + 0.1]));
    many.shares = names
        .iter()
        .zip(shares)
        .map(|(name, ratio)| Share { control: (*name).to_owned(), ratio, simultaneous95: None })
        .collect();
    let answer = sentence::answer(&many);
    // The one on the ladder, those that repeat, then the others.
    let told =
        ["(repeat_swish)", "(scrambled)", "(repeat-mask)", "by wide: it is worse than the baseline", "3 more are in"];
    let places: Vec<usize> =
        told.iter().map(|part| answer.find(part).unwrap_or_else(|| panic!("{part}: {answer}"))).collect();
    assert!(places.is_sorted(), "{answer}");
    assert!(answer.contains("25.0 % [15.0, 35.0] by copies that no group ties together (scrambled)"), "{answer}");
}

#[test]
fn markdown_is_as_github_takes_it() {
    let text = export(TableFormat::Markdown, &example());
    let start =
        r"50.0 % \[37.5, 62.5\] of the gain of p4 over z2 (3.12 \[3.00, 3.25\] percentage points of test error) is";
    assert!(text.starts_with(start), "{text}");
    let arms = "\
| Arm | Bank | Parameters | One-bit | Maps | MACs | Seeds | Error (%) |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
| z2 | free | 25,104 | 0 | 40 | 4.01 | 2 | 6.25 ± 0.12 |
| repeat\\_swish | repeat-swish | 25,104 | 0 | 40 | 4.01 | 2 | 4.69 ± 0.12 |
| wide | free | 25,104 | 0 | 40 | 4.01 | 2 | 6.25 ± 0.12 |
| broken | free | 25,104 | 0 | 40 | 4.01 | 0 | – |
| p4 | p4 | 25,104 | 0 | 40 | 4.01 | 2 | 3.12 ± 0.12 |
";
    assert!(text.contains(arms), "{text}");
    assert!(
        text.contains(
            "| wide | 0.0 % | \\[−12.5, 12.5\\] | \\[−31.2, 31.2\\] | \\[−18.8, 18.8\\] | \\[−25.0, 25.0\\] |\n"
        ),
        "{text}"
    );
    assert!(
        text.contains("\nShare of the gain of p4 over z2 (3.12 \\[3.00, 3.25\\] percentage points) that each"),
        "{text}"
    );
    assert!(text.contains("| z2 → p4 | 3.12 | \\< 0.0001 | 100 % | – |\n"), "{text}");
    assert!(
        text.contains("| z2 → repeat\\_swish, over seed 0 alone | 1.56 | 0.0321 | 88 % | \\[50, 100\\] |\n"),
        "{text}"
    );
    let notes = "
Notes:

- Warning: two seeds say next to nothing of a\\_b.
- Seeds for ± 10 points of share, by the variance seen (to be safe, by its upper limit): repeat\\_swish 4 (9), wide 4 (9).
";
    assert!(text.ends_with(notes), "{text}");
}

#[test]
fn latex_has_booktabs_rules_and_escapes() {
    let text = export(TableFormat::Latex, &example());
    let steps = r"\begin{table*}
  \centering
  \footnotesize
  \setlength{\tabcolsep}{3pt}
  \caption{Steps of the gain of p4 over z2 (3.12 {[}3.00, 3.25] percentage points) in a\_b, 100~\% together: Fieller's 95~\% intervals, each by itself; images too: for other test images as well; bootstrap: the paired one's, over seeds and test images. Intervals are for these training and test images, over seeds; the one to quote is the 95~\% interval.}\label{tab:a-b-3}
  \begin{tabular}{@{}lrrrr@{}}
    \toprule
    Step & Share & 95~\% interval & Images too & Bootstrap \\
    \midrule
    z2 $\to$ repeat\_swish & 50.0~\% & {[}37.5, 62.5] & {[}31.2, 68.8] & {[}25.0, 75.0] \\
    repeat\_swish $\to$ p4 & 50.0~\% & {[}37.5, 62.5] & {[}31.2, 68.8] & {[}25.0, 75.0] \\
    \bottomrule
  \end{tabular}
\end{table*}
";
    assert!(text.contains(steps), "{text}");
    assert!(text.contains("\n% Warning: two seeds say next to nothing of a_b.\n"), "{text}");
    assert!(text.contains(r"z2 $\to$ p4 & 3.12 & $<$ 0.0001 & 100~\% & -- \\"), "{text}");
    assert!(text.contains(r"& {[}$-$31.2, 31.2] & {[}$-$18.8, 18.8] & {[}$-$25.0, 25.0] \\"), "{text}");
    if let Some(folder) = std::env::var_os("EQUISPLIT_FIGURES") {
        std::fs::write(std::path::Path::new(&folder).join("table.tex"), text).unwrap();
    }
}

#[test]
fn csv_has_every_number_unrounded() {
    let text = export(TableFormat::Csv, &example());
    let expected = "\
study,kind,name,from,to,bank,parameters,one_bit_parameters,maps,multiply_adds,seeds,value,low95,high95,bootstrap_low95,bootstrap_high95,p_holm,p,t,reason,together_low95,together_high95,images_low95,images_high95
a_b,arm,z2,,,free,25104,0,40,4012345,0 1,0.0625,0.0625,0.0625,,,,,,,,,,
a_b,arm,repeat_swish,,,repeat-swish,25104,0,40,4012345,0 1,0.046875,0.046875,0.046875,,,,,,,,,,
a_b,arm,wide,,,free,25104,0,40,4012345,0 1,0.0625,0.0625,0.0625,,,,,,,,,,
a_b,arm,broken,,,free,25104,0,40,4012345,,,,,,,,,,,,,,
a_b,arm,p4,,,p4,25104,0,40,4012345,0 1,0.03125,0.03125,0.03125,,,,,,,,,,
a_b,gain,,z2,p4,,,,,,,0.03125,0.03,0.0325,0.029,0.033,,,,,,,0.0275,0.035
a_b,share,repeat_swish,z2,repeat_swish,,,,,,,0.5,0.375,0.625,0.25,0.75,,,,,0.1875,0.8125,0.3125,0.6875
a_b,share,wide,z2,wide,,,,,,,0,-0.125,0.125,-0.25,0.25,,,,,-0.3125,0.3125,-0.1875,0.1875
a_b,share,broken,z2,broken,,,,,,,,,,,,,,,,,,,
a_b,step,,z2,repeat_swish,,,,,,,0.5,0.375,0.625,0.25,0.75,,,,,,,0.3125,0.6875
a_b,step,,repeat_swish,p4,,,,,,,0.5,0.375,0.625,0.25,0.75,,,,,,,0.3125,0.6875
a_b,difference,,z2,p4,,,,,,,0.03125,0.0234375,0.0390625,,,0.00001,0.000005,2.5,,,,,
a_b,improvement,,z2,p4,,,,,,,1,,,,,,,,,,,,
a_b,difference,,z2,repeat_swish,,,,,,0,0.015625,0.0078125,0.0234375,,,0.0321,0.01605,2.5,,,,,
a_b,improvement,,z2,repeat_swish,,,,,,0,0.875,,,0.5,1,,,,,,,,
a_b,warning,two seeds say next to nothing of a_b,,,,,,,,,,,,,,,,,,,,,
";
    assert_eq!(text, expected, "\n{text}");
}
