//! Attribution against numbers worked out by hand.

use crate::stats_support::{arm, close, design, finished, names, study};
use equisplit::report::table;
use equisplit::stats::Design;
use equisplit::stats::attribution::{ArmResults, Attribution, attribute, attribute_resampled};

#[test]
fn three_arms_by_hand() {
    let result = attribute(&design(&[]), &study()).unwrap();
    let z2 = &result.arms[0];
    assert_eq!(z2.seeds.iter().map(|run| run.test_error).collect::<Vec<_>>(), [0.050, 0.052, 0.051]);
    assert!((z2.mean_error.unwrap() - 0.051).abs() < 1e-12 && (z2.sd_error.unwrap() - 0.001).abs() < 1e-12);

    // Gains have variance 3, t = 4.302653 at 2 degrees of freedom: half width 4.302653 · √(3 / 3) thousandths.
    let gain = result.gain.unwrap();
    assert!((gain.value - 0.028).abs() < 1e-12);
    close(gain.ci95, [0.028 - 0.004_302_653, 0.028 + 0.004_302_653]);
    assert_eq!(gain.seeds_used, None);

    // Textbook form of Fieller's quadratic with variances of the means v_NN = 1/3, v_ND = 1/2, v_DD = 1.
    let t2 = 4.302_652_73_f64.powi(2);
    let (a, b, c) = (28.0 * 28.0 - t2, 10.0 * 28.0 - 0.5 * t2, 10.0 * 10.0 - t2 / 3.0);
    let root = (b * b - a * c).sqrt();
    let share = &result.shares[0];
    assert_eq!((result.shares.len(), share.control.as_str()), (1, "repeat"));
    assert!((share.ratio.share.unwrap() - 10.0 / 28.0).abs() < 1e-12);
    close(share.ratio.ci95, [(b - root) / a, (b + root) / a]);
    let [low, high] = share.ratio.bootstrap95.unwrap();
    assert!(low < 10.0 / 28.0 && 10.0 / 28.0 < high);
    assert_eq!(result.reason, None);
}

#[test]
fn ladder_sums_to_one() {
    let mut arms = study();
    arms.push(finished("scrambled", &[37, 30, 33]));
    let ladder = names(&["z2", "repeat", "scrambled", "p4"]);
    let result = attribute(&design(&ladder), &arms).unwrap();
    let steps: Vec<_> = result.ladder.iter().map(|step| (step.from.as_str(), step.to.as_str())).collect();
    assert_eq!(steps, [("z2", "repeat"), ("repeat", "scrambled"), ("scrambled", "p4")]);
    let sum: f64 = result.ladder.iter().map(|step| step.ratio.share.unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-12, "{sum}");
    assert_eq!(result.ladder[0].ratio, result.shares[0].ratio);
    assert!(result.ladder.iter().all(|step| step.ratio.ci95.is_some() && step.ratio.bootstrap95.is_some()));

    let whole = attribute(&design(&names(&["z2", "p4"])), &arms).unwrap();
    assert_eq!(whole.ladder[0].ratio.ci95, Some([1.0, 1.0]));
}

#[test]
fn json_has_the_agreed_keys() {
    let result = attribute(&design(&names(&["z2", "repeat", "p4"])), &study()).unwrap();
    let text = serde_json::to_string(&result).unwrap();
    // Keys in order of appearance, so the order of the fields is checked too.
    let mut from = 0;
    for key in [
        "study",
        "baseline",
        "target",
        "arms",
        "name",
        "bank",
        "parameters",
        "one_bit_parameters",
        "maps",
        "multiply_adds",
        "seeds",
        "seed",
        "test_error",
        "mean_error",
        "sd_error",
        "gain",
        "value",
        "ci95",
        "shares",
        "control",
        "share",
        "ci95",
        "method\":\"fieller",
        "bootstrap95",
        "ladder",
        "from",
        "to",
        "share",
        "ci95",
    ] {
        let found = text[from..].find(&format!("\"{key}\""));
        from += found.unwrap_or_else(|| panic!("{key} missing after {}", &text[..from]));
    }
    assert!(!text.contains("seeds_used") && !text.contains("reason"));
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["arms"][0]["seeds"][1]["test_error"], 0.052);
    assert_eq!(json["gain"]["ci95"].as_array().unwrap().len(), 2);
    assert_eq!(json["shares"][0]["bootstrap95"].as_array().unwrap().len(), 2);
    let back: Attribution = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&back).unwrap(), text);
}

#[test]
fn failed_runs_are_dropped_pairwise() {
    let arms = [
        arm("z2", &[Some(50), Some(52), Some(51), Some(50)]),
        arm("p4", &[Some(23), Some(22), Some(24), None]),
        arm("late", &[None, Some(41), Some(42), Some(40)]),
        arm("whole", &[Some(40), Some(41), Some(42), Some(40)]),
        arm("never", &[None; 4]),
    ];
    let result = attribute(&design(&names(&["z2", "late", "p4"])), &arms).unwrap();
    let gain = result.gain.unwrap();
    assert_eq!(gain.seeds_used, Some(vec![1, 2, 3]));
    assert!((gain.value - 0.028).abs() < 1e-12);

    let [late, whole, never] = &result.shares[..] else { panic!("{:?}", result.shares) };
    assert_eq!(late.ratio.seeds_used, Some(vec![2, 3]));
    assert!((late.ratio.share.unwrap() - (11.0 + 9.0) / (30.0 + 27.0)).abs() < 1e-12);
    assert_eq!(whole.ratio.seeds_used, Some(vec![1, 2, 3]));
    assert!((whole.ratio.share.unwrap() - 30.0 / 84.0).abs() < 1e-12);
    assert_eq!((never.ratio.share, never.ratio.ci95, never.ratio.bootstrap95), (None, None, None));
    assert_eq!(never.ratio.seeds_used, Some(vec![]));
    assert_eq!(result.ladder[0].ratio, late.ratio);
    assert_eq!((result.arms[4].mean_error, result.arms[4].seeds.len()), (None, 0));
    assert_eq!(result.arms[0].seeds.len(), 4);
}

#[test]
fn there_is_no_share_of_a_gain_that_the_shared_seeds_do_not_establish() {
    let arms = [
        arm("z2", &[Some(50), Some(52), Some(51), Some(50)]),
        arm("p4", &[Some(23), Some(22), Some(24), Some(45)]),
        arm("once", &[Some(40), None, None, None]),
        arm("spread", &[None, None, Some(42), Some(40)]),
    ];
    let result = attribute(&design(&[]), &arms).unwrap();
    assert!(result.reason.is_none(), "{:?}", result.reason);
    for share in &result.shares {
        let ratio = &share.ratio;
        assert_eq!((ratio.share, ratio.ci95, ratio.bootstrap95), (None, None, None), "{}", share.control);
    }
}

/// What is missing is told with its reason: of a share over seeds that don't establish the gain, and of none.
#[test]
fn shares_that_cannot_be_told_say_why() {
    let arms = [
        arm("z2", &[Some(50), Some(52), Some(51), Some(50)]),
        arm("p4", &[Some(23), Some(22), Some(24), Some(45)]),
        arm("spread", &[None, None, Some(42), Some(40)]),
        arm("once", &[Some(40), None, None, None]),
        arm("never", &[None; 4]),
    ];
    let result = attribute(&design(&[]), &arms).unwrap();
    let reasons: Vec<&str> = result.shares.iter().map(|share| share.ratio.reason.as_deref().unwrap()).collect();
    // Gains 27 and 5 thousandths: mean 1.6 points, half width 12.7062·1.1.
    assert_eq!(
        reasons,
        [
            "its 95 % interval [-12.38, 15.58] percentage points contains 0",
            "one seed gives no interval",
            "no seed finished in both z2 and p4"
        ]
    );
    let text = table::attribution(&result);
    assert!(
        text.contains(
            "can be told for spread, over seeds 3, 4 alone: the gain isn't established there, its 95 % interval"
        ),
        "{text}"
    );
}

/// A rung that lacks runs takes none from the steps that don't touch it.
#[test]
fn a_short_arm_leaves_the_other_steps_of_the_ladder_as_they_are() {
    let whole = [finished("z2", &[50, 52, 51]), finished("a", &[40, 41, 42]), finished("b", &[30, 33, 31])];
    let ends = || finished("p4", &[23, 22, 24]);
    let ladder = names(&["z2", "a", "b", "p4"]);
    let complete = attribute(&design(&ladder), &[&whole[..], &[ends()]].concat()).unwrap();
    let short = [whole[0].clone(), whole[1].clone(), arm("b", &[None, Some(33), Some(31)]), ends()];
    let result = attribute(&design(&ladder), &short).unwrap();
    assert_eq!(result.ladder[0], complete.ladder[0]);
    let seeds: Vec<_> = result.ladder.iter().map(|step| step.ratio.seeds_used.as_deref()).collect();
    assert_eq!(seeds, [None, Some(&[2, 3][..]), Some(&[2, 3])]);
    // Seeds 2 and 3: gains 30 and 27, of a over b 8 and 11.
    assert!((result.ladder[1].ratio.share.unwrap() - 19.0 / 57.0).abs() < 1e-12);
    assert!(table::attribution(&complete).contains("Steps of the gain, 100 % together:"));
    assert!(table::attribution(&result).contains("Steps of the gain, each over its own seeds:"));
    let never = [whole[0].clone(), whole[1].clone(), arm("b", &[None; 3]), ends()];
    let result = attribute(&design(&ladder), &never).unwrap();
    assert_eq!(result.ladder[0], complete.ladder[0]);
    assert_eq!(result.ladder[1].ratio.share, None);
}

/// The reason a gain of z2 over p4 is not established.
fn reason(z2: &[Option<usize>], p4: &[Option<usize>]) -> (Attribution, String) {
    let arms = [arm("z2", z2), arm("p4", p4), arm("repeat", z2)];
    let result = attribute(&design(&names(&["z2", "repeat", "p4"])), &arms).unwrap();
    assert!(result.shares.is_empty() && result.ladder.is_empty());
    let reason = result.reason.clone().unwrap();
    assert!(reason.starts_with("gain not established: "), "{reason}");
    (result, reason)
}

#[test]
fn one_seed_gives_a_gain_without_interval() {
    let (result, reason) = reason(&[Some(50)], &[Some(23)]);
    assert!(reason.contains("one seed gives no interval"));
    let json = serde_json::to_value(&result).unwrap();
    assert_eq!(json["gain"]["value"].as_f64().unwrap(), 0.050 - 0.023);
    assert!(json["gain"]["ci95"].is_null() && json["arms"][0]["sd_error"].is_null());
    assert_eq!(json["shares"], serde_json::json!([]));
}

#[test]
fn a_gain_that_may_be_nothing_is_not_shared_out() {
    let (result, text) = reason(&[Some(50), Some(40), Some(45)], &[Some(41), Some(44), Some(43)]);
    assert!(text.contains("contains 0"), "{text}");
    assert!(result.gain.unwrap().ci95.unwrap()[0] < 0.0);
    assert!(reason(&[Some(50), Some(40)], &[Some(50), Some(40)]).1.contains("contains 0"));
}

#[test]
fn a_worse_target_has_nothing_to_share_out() {
    let (result, text) = reason(&[Some(23), Some(22), Some(24)], &[Some(50), Some(52), Some(51)]);
    assert!(text.contains("p4 is worse than z2") && text.contains("[-3.23, -2.37]"), "{text}");
    assert!(result.gain.unwrap().ci95.unwrap()[1] < 0.0);
}

#[test]
fn an_unfinished_end_has_no_gain() {
    let (result, text) = reason(&[Some(50), None], &[None, Some(23)]);
    assert!(result.gain.is_none() && text.contains("no seed finished in both z2 and p4"), "{text}");
    assert!(serde_json::to_value(&result).unwrap()["gain"].is_null());
    assert!(reason(&[], &[Some(23)]).0.gain.is_none());
}

#[test]
fn refuses_what_can_not_be_compared() {
    let refused = |baseline: &str, target: &str, ladder: &[&str], arms: &[ArmResults]| {
        attribute(&Design { baseline, target, ..design(&names(ladder)) }, arms).unwrap_err().to_string()
    };
    let arms = study();
    let unknown = refused("z3", "p4", &[], &arms);
    assert!(unknown.contains("\"z3\"") && unknown.contains("z2, repeat, p4"), "{unknown}");
    assert!(refused("z2", "p8", &[], &arms).contains("\"p8\""));
    assert!(refused("z2", "p4", &["z2", "scrambled", "p4"], &arms).contains("\"scrambled\""));
    assert!(refused("z2", "p4", &["repeat", "p4"], &arms).contains("from z2 to p4"));
    assert!(refused("z2", "p4", &["z2", "repeat", "repeat", "p4"], &arms).contains("once"));
    assert!(refused("z2", "z2", &[], &arms).contains("same arm"));

    let mut short = study();
    short[1].seeds[2].wrong.pop();
    let message = refused("z2", "p4", &[], &short);
    assert!(message.contains("repeat, seed 3, has 999") && message.contains("1000"), "{message}");
    let mut twice = study();
    twice[1].seeds[2].seed = 1;
    assert!(refused("z2", "p4", &[], &twice).contains("repeat has two runs with seed 1"));
    let mut same_name = study();
    same_name[1].name = "z2".to_owned();
    assert!(refused("z2", "p4", &[], &same_name).contains("two arms named \"z2\""));
}

#[test]
fn without_replicates_only_the_bootstraps_are_missing() {
    let whole = attribute(&design(&names(&["z2", "repeat", "p4"])), &study()).unwrap();
    let quick = attribute_resampled(&design(&names(&["z2", "repeat", "p4"])), &study(), 0).unwrap();
    assert_eq!(quick.gain.as_ref().unwrap().bootstrap95, None);
    assert_eq!(quick.shares[0].ratio.bootstrap95, None);
    assert_eq!(quick.gain.unwrap().ci95, whole.gain.unwrap().ci95);
    assert_eq!(quick.shares[0].ratio.ci95, whole.shares[0].ratio.ci95);
}

#[test]
fn results_of_earlier_versions_can_be_read() {
    let text = r#"{"study": "s", "baseline": "z2", "target": "p4",
        "arms": [{"name": "z2", "bank": "free", "parameters": 1, "one_bit_parameters": 0, "maps": 1, "multiply_adds": 1,
                  "seeds": [{"seed": 0, "test_error": 0.25}], "mean_error": 0.25, "sd_error": null}],
        "gain": {"value": 0.2, "ci95": [0.15, 0.25], "bootstrap95": [0.16, 0.24]},
        "shares": [{"control": "c", "share": 0.1, "ci95": [-0.1, 0.3], "method": "fieller", "bootstrap95": [0.0, 0.2]}],
        "ladder": []}"#;
    let result: Attribution = serde_json::from_str(text).unwrap();
    assert!(result.comparisons.is_empty() && result.warnings.is_empty());
    assert_eq!((result.gain.unwrap().seeds_needed, result.shares[0].ratio.seeds_needed), (None, None));
}
