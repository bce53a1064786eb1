//! Real digits: after a few epochs p4 is clearly ahead of z2 at matched parameters.

use crate::common::{equisplit, study_file};

const STUDY: &str = r#"
name = "ahead"
baseline = "z2"
target = "p4"
seeds = 2

[data]
source = "mnist-rot"
train = 3000
test = 5000

[training]
epochs = 4
batch = 64
learning_rate = 0.003
decay = 0.5
decay_from = 3

[budget]
parameters_within = 0.01

[[arm]]
name = "z2"
match = "p4"

[[arm]]
name = "p4"
"#;

#[test]
fn p4_is_clearly_ahead_of_z2_on_real_digits() {
    let Some(folder) = crate::common::mnist() else { return };
    let study = study_file(folder.path(), STUDY);
    let (data, out) = (folder.path().to_str().unwrap(), folder.path().join("out"));
    let args = ["run", &study, "--data", data, "--out", out.to_str().unwrap(), "--json"];
    let output = equisplit().args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let attribution: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let errors = |arm: usize| -> Vec<f64> {
        let seeds = attribution["arms"][arm]["seeds"].as_array().unwrap();
        seeds.iter().map(|seed| seed["test_error"].as_f64().unwrap()).collect()
    };
    let (z2, p4) = (errors(0), errors(1));
    let (best_z2, worst_p4) = (z2.iter().copied().fold(1.0, f64::min), p4.iter().copied().fold(0.0, f64::max));
    assert!(worst_p4 < 0.6 * best_z2, "z2 {z2:?}, p4 {p4:?}");
}
