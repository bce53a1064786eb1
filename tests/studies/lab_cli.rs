//! `equisplit check`: what it prints, and what its exit code says.

use std::path::Path;

use crate::common::{TINY, equisplit, failure, study_file};
use serde_json::Value;

const STUDY: &str = r#"
name = "check"
baseline = "z2"
target = "p4"
seeds = 1

[data]
source = "builtin"
train = 64
test = 32

[training]
epochs = 1
batch = 32

[[arm]]
name = "z2"
width = 3

[[arm]]
name = "p4"
width = 3

[[arm]]
name = "map-norm"
preset = "p4"
width = 3
norm = "map"

[[arm]]
name = "unpooled"
preset = "p4"
width = 3
group_pooling = "none"

[[arm]]
name = "scrambled"
width = 3
"#;

/// The exit code and the JSON.
fn check(args: &[&str]) -> (i32, Value) {
    let output = equisplit().arg("check").args(args).arg("--json").output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {error}"));
    (output.status.code().unwrap(), json)
}

/// The layers of an arm in the first state, on the last kind of images.
fn layers(arm: &Value) -> &Vec<Value> {
    arm["states"][0]["images"].as_array().unwrap().last().unwrap()["layers"].as_array().unwrap()
}

fn broken(arm: &Value) -> Vec<&str> {
    arm["broken"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect()
}

#[test]
fn a_p4_net_passes_and_29_pixels_name_the_pool() {
    let (code, report) = check(&["--arm", "p4"]);
    assert_eq!((code, broken(&report["arms"][0])), (0, Vec::new()));
    let angles = report["arms"][0]["states"][0]["angles"].as_array().unwrap();
    assert_eq!(angles.len(), 24);
    for angle in angles.iter().filter(|angle| angle["angle"].as_u64().unwrap() % 90 == 0) {
        assert_eq!(angle["changed"], 0.0, "{angle}");
        assert!(angle["scores"].as_f64().unwrap() < 1e-5, "{angle}");
    }
    let output = equisplit().args(["check", "--arm", "p4", "--size", "29"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("pool2: 2×2 pool, stride 2: of 25×25 pixels"), "{text}");
    assert!(text.contains("use an input of 28×28 or 30×30"), "{text}");
    assert!(text.contains("p4: NOT equivariant: pool2.\n"), "{text}");
}

/// Scores that are much the same everywhere are no fault: the last sums round by more of their deviation than others do.
#[test]
fn what_rounding_explains_is_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let text = STUDY.replace("name = \"map-norm\"\npreset = \"p4\"", "name = \"p4m\"").replace("norm = \"map\"\n", "");
    let study = study_file(folder.path(), &text);
    for size in ["32", "48"] {
        let (code, report) = check(&[&study, "--arm", "p4m", "--size", size]);
        assert_eq!(code, 0, "{report}");
        assert!(broken(&report["arms"][0]).is_empty());
    }
}

#[test]
fn arms_are_judged_by_what_they_claim() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), STUDY);
    let (code, report) = check(&[&study]);
    let arms = report["arms"].as_array().unwrap();
    assert_eq!(code, 1);
    let found: Vec<(&str, bool)> =
        arms.iter().map(|arm| (arm["arm"].as_str().unwrap(), arm["claims"].as_bool().unwrap())).collect();
    let wanted = [("z2", false), ("p4", true), ("map-norm", true), ("unpooled", true), ("scrambled", false)];
    assert_eq!(found, wanted);
    // Norms with statistics per orientation break their word, but nothing else of that network does.
    let norms: Vec<String> = (1..=6).map(|n| format!("conv{n}.norm")).collect();
    assert_eq!(broken(&arms[2]), norms);
    for arm in [&arms[0], &arms[1], &arms[3], &arms[4]] {
        assert_eq!(broken(arm), Vec::<&str>::new(), "{}", arm["arm"]);
    }
    // The head that reads oriented maps as plain ones claims nothing, and isn't equivariant.
    let head = layers(&arms[3]).iter().find(|layer| layer["layer"] == "conv7").unwrap();
    assert_eq!(head["declared"], false);
    let error = |layer: &Value, n: usize| layer["alone"]["elements"][n]["error"].as_f64().unwrap();
    assert!(error(head, 1) > 1e-2, "{head}");
    // The controls' first convolutions aren't either.
    assert!(error(&layers(&arms[0])[0], 1) > 1e-2 && error(&layers(&arms[4])[0], 1) > 1e-2);
    let (code, _) = check(&[&study, "--arm", "unpooled"]);
    assert_eq!(code, 0);
}

#[test]
fn a_store_is_checked_before_and_after_training() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), TINY);
    let out = folder.path().to_str().unwrap();
    equisplit().args(["run", &study, "--out", out]).assert().success();
    let store = folder.path().join("tiny");
    let (code, report) = check(&["--store", path(&store)]);
    assert_eq!(code, 0);
    for arm in report["arms"].as_array().unwrap() {
        let states: Vec<&str> =
            arm["states"].as_array().unwrap().iter().map(|state| state["state"].as_str().unwrap()).collect();
        assert_eq!(states, ["new", "trained"], "{}", arm["arm"]);
    }
    let text = equisplit().args(["check", "--store", path(&store)]).output().unwrap().stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("Learned equivariance") && text.contains(" → "), "{text}");
    assert!(text.contains("z2 doesn't claim to be equivariant"), "{text}");
    // The trained weights are those of the run: its error on the test images as they are.
    let wanted: Value = serde_json::from_slice(&std::fs::read(store.join("p4/seed-0/result.json")).unwrap()).unwrap();
    let p4 = report["arms"].as_array().unwrap().iter().find(|arm| arm["arm"] == "p4").unwrap();
    assert_eq!(p4["states"][1]["angles"][0]["error"], wanted["test_error"]);
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn unknown_arms_and_stores_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), STUDY);
    assert!(failure(&["check", &study, "--arm", "p8"]).contains("z2, p4, map-norm"));
    assert!(failure(&["check", "--store", path(folder.path())]).contains("study.json"));
    assert!(failure(&["check", "--size", "12"]).contains("too few"));
    equisplit().args(["check", "--arm", "p8"]).assert().code(2);
}
