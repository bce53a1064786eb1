//! `equisplit bench`: what it prints, and how it refuses.

use crate::common::equisplit;
use serde_json::Value;

fn json(arguments: &[&str]) -> Value {
    let output = equisplit().args([&["bench", "--json", "--repeats", "2"], arguments].concat()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn positive(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number > 0.0 && number.is_finite())
}

#[test]
fn a_network_has_times_rates_and_its_convolutions() {
    let report = json(&["--arm", "p4", "--batch", "3", "--threads", "1"]);
    assert_eq!((&report["arm"], &report["batch"], &report["threads"]), (&"p4".into(), &3.into(), &1.into()));
    for measure in ["step", "inference"] {
        let timing = &report[measure];
        assert!(["median_ms", "min_ms", "max_ms"].iter().all(|key| positive(&timing[key])), "{timing}");
        assert_eq!(timing["repeats"], 2);
        let rate = 3e3 / timing["median_ms"].as_f64().unwrap();
        assert!((report["images_per_second"][measure].as_f64().unwrap() / rate - 1.0).abs() < 1e-9);
    }
    assert!(positive(&report["sgemm_gflops"]));
    let layers = report["convolutions"].as_array().unwrap();
    let names: Vec<&str> = layers.iter().map(|layer| layer["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["conv1", "conv2", "conv3", "conv4", "conv5", "conv6", "conv7"]);
    // 2 · 3 images · 24² pixels · 40 · 40 · 9 for the second layer.
    let gflop = layers[1]["gflop"].as_f64().unwrap();
    assert!((gflop - 2.0 * 3.0 * 576.0 * 14_400.0 / 1e9).abs() < 1e-12, "{gflop}");
    assert!(layers.iter().all(|layer| layer["gflops"].as_array().unwrap().iter().all(positive)));
}

#[test]
fn an_arm_is_timed_on_another_skeleton() {
    let report = json(&["--arm", "z2", "--skeleton", "lenet", "--batch", "3"]);
    assert_eq!((&report["skeleton"], report["convolutions"].as_array().unwrap().len()), (&"lenet".into(), 3));
    // Of blocks too; ten convolutions and two shortcuts of 1×1 pixels.
    let deep = ["--arm", "p4", "--skeleton", "resnet16-cifar", "--width", "2", "--size", "9x13", "--batch", "3"];
    let report = json(&deep);
    let names: Vec<&str> =
        report["convolutions"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"block3.shortcut") && names.len() == 16, "{names:?}");
    let whole = json(&[&deep[..], &["--no-layers"]].concat());
    assert_eq!((whole["convolutions"].as_array().unwrap().len(), &whole["parameters"]), (0, &report["parameters"]));
}

/// An arm of a study is timed with its own widths and images.
#[test]
fn an_arm_of_a_study_is_timed() {
    let study = "experiments/repeatnet2021.toml";
    let report = json(&[study, "--arm", "c4", "--batch", "2", "--no-layers", "--threads", "1"]);
    // As e2cnn's network has them.
    assert_eq!((&report["parameters"], &report["skeleton"]), (&304_154.into(), &"repeatnet2021".into()));
    for (arguments, part) in [
        (&[study][..], "--arm"),
        (&[study, "--arm", "c5"], "the study has z2"),
        (&[study, "--arm", "c4", "--width", "3"], "--width"),
        (&["experiments/none.toml", "--arm", "c4"], "experiments/none.toml"),
    ] {
        let output = equisplit().arg("bench").args(arguments).assert().failure();
        let error = String::from_utf8(output.get_output().stderr.clone()).unwrap();
        assert!(error.contains(part), "{arguments:?}: {error}");
    }
}

#[test]
fn a_single_convolution_has_three_passes() {
    let report = json(&["--convolution", "9,10,3,7,1", "--batch", "5"]);
    let shape =
        serde_json::json!({"in_maps": 9, "out_maps": 10, "kernel": 3, "size": [7, 7], "padding": 1, "stride": 1});
    assert_eq!(report["convolution"], shape);
    let strided = json(&["--convolution", "9,10,3,7x12,1,2", "--batch", "5"]);
    let shape =
        serde_json::json!({"in_maps": 9, "out_maps": 10, "kernel": 3, "size": [7, 12], "padding": 1, "stride": 2});
    assert_eq!(strided["convolution"], shape);
    // 10·9·9 weights at 4×6 positions, for five images.
    assert_eq!(strided["gflop"], serde_json::json!(2.0 * 810.0 * 24.0 * 5.0 / 1e9));
    for pass in ["forward", "input_gradient", "filter_gradient"] {
        assert!(positive(&report[pass]["median_ms"]), "{report}");
    }
}

#[test]
fn wrong_usage_exits_with_2() {
    let cases: [(&[&str], &str); 7] = [
        (&["--arm", "p5"], "there are z2, wide, p4"),
        (&["--convolution", "1,1,3,5"], "isn't IN,OUT,K,SIZE,PADDING"),
        (&["--convolution", "0,1,3,5,0"], "at least 1"),
        (&["--convolution", "1,1,7,5,0"], "doesn't fit"),
        (&["--convolution", "8,8,3,9223372036854775808,0"], "entries"),
        (&["--convolution", "1,1,3,5,18446744073709551615"], "entries"),
        (&["--batch", "0"], "0 is not in"),
    ];
    for (arguments, wanted) in cases {
        let output = equisplit().arg("bench").args(arguments).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(wanted), "{error}");
        assert_eq!(
            error.contains("Usage: equisplit bench"),
            !["--batch", "1,1,3,5"].contains(&arguments[arguments.len() - 1]) && arguments[0] != "--batch",
            "{error}"
        );
    }
}

#[test]
fn the_input_pipeline_is_timed_with_each_augmentation_once() {
    let report = json(&["--batch", "4", "--threads", "1", "--no-layers", "--data"]);
    let rows = report["data"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["protocol"].as_str().unwrap()).collect();
    let expected =
        ["cohen2016", "repeatnet2021", "repeatnet2021-cifar", "repeatnet2021-tinyimagenet", "weiler-cesa2019"];
    assert_eq!(names, expected);
    let step = report["step"]["median_ms"].as_f64().unwrap();
    for row in rows {
        let ratio = step / row["median_ms"].as_f64().unwrap();
        assert!((row["steps"].as_f64().unwrap() / ratio - 1.0).abs() < 1e-9 && positive(&row["images_per_second"]));
    }
    assert!(json(&["--batch", "4", "--no-layers"]).get("data").is_none());
}
