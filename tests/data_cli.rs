//! `equisplit data`, end to end.

mod data_support;

use std::path::Path;

use assert_cmd::Command;
use data_support::*;

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

#[test]
fn usage_errors_have_exit_code_2() {
    data().assert().code(2);
    data().args(["fetch", "cifar"]).assert().code(2);
    data().args(["make", "--source", "."]).assert().code(2);
}
