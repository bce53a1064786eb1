//! `equisplit data`, end to end.

use std::path::Path;

use crate::data_support::*;
use assert_cmd::Command;

fn data() -> Command {
    let mut command = Command::cargo_bin("equisplit").unwrap();
    command.arg("data");
    command
}

/// Runs a command that must fail with exit code 1; its one line on stderr.
fn error(command: &mut Command) -> String {
    let output = command.assert().code(1).stdout("").get_output().clone();
    let stderr = String::from_utf8(output.stderr).unwrap();
    let (last, before) = stderr.trim_end().rsplit_once('\n').map_or((stderr.trim_end(), ""), |(a, b)| (b, a));
    assert!(last.starts_with("error: ") && !before.contains("error: "), "{stderr:?}");
    last.to_owned()
}

fn make(source: &Path, out: &Path) -> Command {
    let mut command = data();
    command.args(["make", "--train", "5", "--test", "4", "--source"]).arg(source).arg("--out").arg(out);
    command
}

#[test]
fn info_tells_what_is_there_as_text_and_json() {
    let folder = small_idx_folder(4, 3);
    let output = data().arg("info").arg(folder.path()).assert().success().stderr("").get_output().clone();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("train-images-idx3-ubyte\n  4 images of 3×2 pixels"), "{text}");
    let output = data().args(["info", "--json"]).arg(folder.path()).assert().success().get_output().clone();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 4);
    assert_eq!((&json[1]["kind"], &json[1]["count"]), (&"idx-labels".into(), &3.into()));
    assert_eq!(json[1]["labels"][2], 1);
}

#[test]
fn info_describes_the_rest_of_a_folder_where_a_file_cannot_be_read() {
    let folder = small_idx_folder(4, 3);
    write(folder.path(), "mnist.npz", &zip(&[("x_train.npy", &npy("|u1", "(1, 784)", &[0; 784]))]));
    let output = data().arg("info").arg(folder.path()).assert().success().stderr("").get_output().clone();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("mnist.npz\n  can't be read: "), "{text}");
    assert!(text.contains("x_train [1, 784] '|u1'") && text.contains("4 images of 3×2 pixels"), "{text}");
    let output = data().args(["info", "--json"]).arg(folder.path()).assert().success().get_output().clone();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json.as_array().unwrap().len(), 5);
    assert!(json[0]["error"].as_str().unwrap().contains("x_train") && json[0]["count"].is_null());
    assert!(json[1]["error"].is_null() && json[1]["count"] == 3);
    // Nothing that could be described is a failure, and so is the one file that was asked for.
    assert!(error(data().arg("info").arg(folder.path().join("mnist.npz"))).contains("x_train"));
    names(folder.path()).iter().filter(|name| name.contains("idx")).for_each(|name| {
        std::fs::remove_file(folder.path().join(name)).unwrap();
    });
    assert!(error(data().arg("info").arg(folder.path())).contains("x_train"));
    // Files may lie one folder down.
    let above = tempfile::tempdir().unwrap();
    std::fs::rename(small_idx_folder(4, 3).keep(), above.path().join("unpacked")).unwrap();
    let output = data().arg("info").arg(above.path()).assert().success().get_output().clone();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("unpacked/train-images-idx3-ubyte\n  4 images"), "{text}");
}

#[test]
fn make_writes_the_same_file_every_time_for_a_seed() {
    let folder = small_idx_folder(6, 4);
    let out = tempfile::tempdir().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| out.path().join(format!("{name}.safetensors")));
    make(folder.path(), &a).assert().success();
    make(folder.path(), &b).assert().success();
    make(folder.path(), &c).args(["--seed", "1"]).assert().success();
    let read = |path| std::fs::read(path).unwrap();
    assert!(read(&a) == read(&b) && read(&a) != read(&c));
    let text = data().arg("info").arg(&a).assert().success().get_output().stdout.clone();
    assert!(String::from_utf8(text).unwrap().contains("5 images of 3×2 pixels"));
}

#[test]
fn failures_are_one_line_and_leave_no_file() {
    let folder = small_idx_folder(6, 4);
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("set.safetensors");
    assert!(error(data().arg("info").arg(out.path())).contains("no data files"));
    assert!(error(&mut make(out.path(), &path)).contains("train-images-idx3-ubyte"));
    assert!(error(&mut make(&out.path().join("missing"), &path)).contains("missing"));
    assert!(error(&mut make(folder.path(), &out.path().join("set.npz"))).contains("ends in .safetensors"));
    write(folder.path(), "t10k-labels-idx1-ubyte", &idx_labels(&[0, 1, 2]));
    assert!(error(&mut make(folder.path(), &path)).contains("3 labels"));
    let out_path = out.path().to_str().unwrap();
    assert!(error(data().args(["fetch", "mnist", "--url", "http://127.0.0.1:9/", "--out", out_path])).contains(":9/"));
    assert!(names(out.path()).is_empty());
}

/// A folder of IDX files of blank square images, two of every class to learn from and one to test.
fn blank_folder(side: usize, classes: u8) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (prefix, copies) in [("train", 2), ("t10k", 1)] {
        let labels: Vec<u8> = (0..classes).flat_map(|class| vec![class; copies]).collect();
        let images = idx_images(labels.len() as u32, side as u32, side as u32, &vec![7; labels.len() * side * side]);
        write(folder.path(), &format!("{prefix}-images-idx3-ubyte"), &images);
        write(folder.path(), &format!("{prefix}-labels-idx1-ubyte"), &idx_labels(&labels));
    }
    folder
}

const SHAPES: &str = r#"
name = "shapes"
baseline = "z2"
target = "p4"
seeds = 3
[data]
source = "mnist"
[training]
epochs = 1
[[arm]]
name = "z2"
match = "p4"
[[arm]]
name = "p4"
"#;

fn equisplit(args: &[&str]) -> (bool, String, String) {
    let output = Command::cargo_bin("equisplit").unwrap().args(args).output().unwrap();
    let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
    (output.status.success(), out, err)
}

#[test]
fn budgets_and_matches_are_those_of_the_images_at_hand() {
    let folder = tempfile::tempdir().unwrap();
    let study = write(folder.path(), "study.toml", SHAPES.as_bytes());
    let study = study.to_str().unwrap();
    let budgets = |data: &[&str]| -> serde_json::Value {
        let (ok, out, err) = equisplit(&[&["params", study, "--json"], data].concat());
        assert!(ok && err.contains("--data DIR") == data.is_empty(), "{err}");
        serde_json::from_str(&out).unwrap()
    };
    let of = |arms: &serde_json::Value, arm: usize, key: &str| arms[arm]["budget"][key].as_u64().unwrap();
    let digits = budgets(&[]);
    let (large, many) = (blank_folder(40, 10), blank_folder(28, 47));
    let large = budgets(&["--data", large.path().to_str().unwrap()]);
    assert!(of(&large, 1, "multiply_adds") > 2 * of(&digits, 1, "multiply_adds"));
    assert_eq!(of(&large, 1, "parameters"), of(&digits, 1, "parameters"));
    let many_path = many.path().to_str().unwrap();
    let many = budgets(&["--data", many_path]);
    let more = of(&many, 1, "parameters") - of(&digits, 1, "parameters");
    // p4's head has 10 regular fields of 4 components and 4×4 filters: 640 weights and a bias for every class.
    assert_eq!(more, 37 * (10 * 4 * 16 + 1));
    // What is matched is so for these classes, and wouldn't be for ten.
    let difference = |arms: &serde_json::Value| of(arms, 0, "parameters").abs_diff(of(arms, 1, "parameters"));
    assert!(difference(&many) * 50 <= of(&many, 1, "parameters"), "{many}");
    assert_ne!(many[0]["net"]["widths"], digits[0]["net"]["widths"]);
    let text = SHAPES.replace("match = \"p4\"", &format!("widths = {}", many[0]["net"]["widths"]));
    let study = write(folder.path(), "fitting.toml", (text + "[budget]\nparameters_within = 0.02\n").as_bytes());
    let (ok, out, err) = equisplit(&["run", study.to_str().unwrap(), "--data", many_path, "--dry-run"]);
    assert!(ok && out.contains(&of(&many, 0, "parameters").to_string()), "{out}{err}");
}

#[test]
fn what_nothing_is_learned_of_is_told_before_anything_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    let data = blank_folder(28, 4);
    let text = SHAPES.replace("epochs = 1", "epochs = 1\nlearning_rate = 0.0");
    let study = write(folder.path(), "study.toml", text.as_bytes());
    let args = ["run", study.to_str().unwrap(), "--data", data.path().to_str().unwrap(), "--dry-run"];
    let (ok, _, err) = equisplit(&args);
    assert!(ok && err.contains("warning: there's no training image of class 4, 5, 6, 7, 8 and 1 more"), "{err}");
    assert!(err.contains("warning: the learning rate is 0 and nothing is learned: all arms"), "{err}");
    // The first two images are of one class.
    let study = write(folder.path(), "study.toml", SHAPES.replace("\"mnist\"", "\"mnist\"\ntrain = 2").as_bytes());
    let args = ["run", study.to_str().unwrap(), "--data", data.path().to_str().unwrap(), "--dry-run"];
    assert!(equisplit(&args).2.contains("warning: there's no training image of class 1, 2, 3"));
}

#[test]
fn a_file_that_was_made_with_another_seed_is_refused_with_the_key() {
    let (folder, source) = (tempfile::tempdir().unwrap(), blank_folder(28, 10));
    let file = folder.path().join("set.safetensors");
    make(source.path(), &file).assert().success();
    let run = |data: &str| {
        let study = write(folder.path(), "study.toml", SHAPES.replace("source = \"mnist\"", data).as_bytes());
        equisplit(&["run", study.to_str().unwrap(), "--data", file.to_str().unwrap(), "--dry-run"])
    };
    for (data, key) in [("source = \"mnist-rot\"\nseed = 7", "seed = 7"), ("source = \"mnist\"", "source = \"mnist\"")]
    {
        let (ok, _, err) = run(data);
        assert!(!ok && err.starts_with("error: ") && err.contains(&format!("data.{key}")), "{err}");
        assert!(err.contains("study.toml:") && err.contains("set.safetensors"), "{err}");
    }
    assert!(run("source = \"mnist-rot\"").0);
}

#[test]
fn usage_errors_have_exit_code_2() {
    data().assert().code(2);
    data().args(["fetch", "cifar"]).assert().code(2);
    data().args(["make", "--source", "."]).assert().code(2);
}
