//! Steerable arms and their controls, from a study file to everything that's made of its store.

use std::path::Path;

use crate::common::equisplit;

const STUDY: &str = r#"
name = "turns"
baseline = "z2"
target = "c8"
ladder = ["z2", "scrambled", "c8"]
seeds = 2

[data]
source = "builtin"
train = 96
test = 60

[training]
epochs = 1

[equivariance]

[[arm]]
name = "z2"
width = 4

[[arm]]
name = "basis"
preset = "band-limited"
width = 4

[[arm]]
name = "scrambled"
preset = "scrambled-steerable"
width = 1

[[arm]]
name = "c8"
preset = "steerable"
width = 1

[[arm]]
name = "d3"
preset = "steerable"
group = "d3"
rings = [0, 1]
cutoff = [0, 1]
width = 1
bias = true
"#;

fn output(folder: &Path, args: &[&str]) -> String {
    let output = equisplit().current_dir(folder).args(args).output().unwrap();
    let [out, told] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    assert!(output.status.success(), "{args:?}: {out}{told}");
    out + &told
}

#[test]
fn steerable_arms_are_arms_as_any_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("turns.toml"), STUDY).unwrap();
    let run = output(path, &["run", "turns.toml", "--jobs", "1", "--threads", "1"]);
    assert!(run.contains("c8 against z2"), "{run}");
    output(path, &["reproduce", "runs/turns", "c8/seed-1"]);
    output(path, &["attribute", "runs/turns"]);
    output(path, &["report", "runs/turns", "--out", "turns.html"]);
    output(path, &["figures", "runs/turns", "--out", "figures", "--format", "svg"]);
    output(path, &["export", "runs/turns", "--out", "export"]);
    output(path, &["table", "runs/turns", "--format", "markdown"]);
    let cayley = std::fs::read_to_string(path.join("figures/cayley-c8.svg")).unwrap();
    assert!(cayley.contains("r⁷"), "a map for every eighth turn");
    let config = std::fs::read_to_string(path.join("runs/turns/c8/seed-0/config.json")).unwrap();
    let config: serde_json::Value = serde_json::from_str(&config).unwrap();
    assert_eq!((&config["net"]["group"], &config["net"]["cutoff"]), (&"c8".into(), &serde_json::Value::Null));
    // What turns by eighths between pixels is told apart from what quarter turns show exactly.
    let check = output(path, &["check", "--store", "runs/turns"]);
    for part in ["≈ r", "r 45°", "c8: every layer that claims to be equivariant is", "r 120°"] {
        assert!(check.contains(part), "{part}: {check}");
    }
    let export = std::fs::read_to_string(path.join("export/runs.csv")).unwrap();
    assert!(export.lines().next().unwrap().contains("optimiser,schedule"), "{export}");
    assert!(export.contains("adam,exponential"), "{export}");
}
