//! Stores that someone else made: what they say is looked through before anything is done by it.

use crate::common::{TINY, equisplit, failure, results, study_file};
use crate::store_support::Made;
use serde_json::{Value, json};

#[test]
fn names_and_numbers_of_a_store_are_looked_through_where_they_are_read() {
    let made = Made::new(false);
    let whole = results(&made.store());
    let long: Vec<u64> = (0..10_001).collect();
    let cases = [
        ("/study/name", json!("../../outside"), "can't name a folder"),
        ("/study/name", json!("a\n\\input{b}"), "can't name a folder"),
        ("/study/arms/0/name", json!("/tmp/outside"), "can't name a folder"),
        ("/study/arms/1/name", json!("z2"), "two arms have the same name"),
        ("/study/ladder/1", json!("..\u{1b}[31m"), "can't name a folder"),
        ("/study/arms/0/levels", json!([{"key": "../x", "value": "1"}]), "can't be a factor of a grid"),
        ("/study/arms/0/levels", json!([{"key": "train", "value": "\u{1b}]0;x\u{7}"}]), "has control characters"),
        ("/study/seeds", json!([4, 4]), "the seed 4 is there twice"),
        ("/study/target", json!("p5"), "\"p5\" is baseline, target or on the ladder, but no arm is called so"),
        ("/study/data/transpose", json!(true), "data.transpose is for the sources amat and idx only"),
        ("/study/arms/0/net/dropout", json!(1.0), "but it's a probability below 1"),
        ("/study/arms/0/net/widths/2", json!(100_000), "a width = 100000, but it must be 0 to 4096"),
        ("/study/seeds", json!(long), "the number of seeds = 10001"),
        ("/study/arms/0/training/batch", json!(0), "training.batch = 0"),
        ("/study/arms/1/training/epochs", json!(0), "training.epochs = 0"),
        ("/study/arms/1/train", json!(u64::MAX), "train = 18446744073709551615"),
        ("/data/name", json!("digits\u{1b}[2J"), r"digits\u{1b}[2J"),
        ("/data/train", json!(u64::MAX), "data.train = 18446744073709551615"),
        ("/data/test", json!(65), "the number of test_labels = 64"),
        ("/maker/processor", json!("\u{9b}31m"), "maker has control characters"),
        ("/input/classes", json!(1u64 << 63), "classes = 9223372036854775808"),
        ("/input/classes", json!(1_000_000_000), "classes = 1000000000"),
        ("/input/classes", json!(3), "input.classes = 3"),
        ("/input/channels", json!(1u64 << 40), "but they have 1 to 16777216 values"),
        ("/input/size", json!([1u64 << 33, 1u64 << 33]), "but they have 1 to 16777216 values"),
    ];
    for (pointer, value, says) in cases {
        for error in made.with(pointer, value.clone()) {
            assert!(error.contains("study.json: damaged (") && error.contains(says), "{pointer} = {value}: {error}");
            assert!(!error.chars().any(char::is_control), "{error:?}");
        }
    }
    let outside: Vec<_> =
        std::fs::read_dir(made.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(outside.len(), 2, "the study and the store alone: {outside:?}");
    assert!(results(&made.store()) == whole);
}

/// A size that images can have, but that no machine's memory checks a network with.
#[test]
fn a_check_that_the_memory_cannot_hold_is_told_with_the_figure() {
    let made = Made::new(false);
    let mut record = made.read("study.json");
    record["input"]["size"] = json!([4096, 4096]);
    for arm in record["study"]["arms"].as_array_mut().unwrap() {
        arm["net"]["widths"] = json!([500, 500, 500, 500, 500, 500]);
        std::fs::remove_dir_all(made.path(arm["name"].as_str().unwrap())).unwrap();
    }
    made.write("study.json", &record);
    let error = failure(&["check", "--store", &made.path("")]);
    assert!(error.contains("a check with 4096×4096 pixels takes at least ") && error.ends_with(" are free"), "{error}");
}

#[test]
fn what_tuning_chose_is_looked_through_too() {
    let made = Made::new(true);
    let record = made.read("p4/tuning.json");
    let cases = [
        ("/trials/0/setting/batch", json!(0), "training.batch = 0"),
        ("/trials/1/setting/learning_rate", json!(-1.0), "training.learning_rate = -1"),
        ("/chosen", json!(2), "chosen = 2, but it must be 0 to 1"),
        ("/train", json!(0), "train = 0"),
        ("/trials", json!([]), "the number of trials = 0"),
        ("/trials/0/validation_errors/0", json!(1e308), "but it's a fraction"),
    ];
    for (pointer, value, says) in cases {
        let mut changed = record.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        made.write("p4/tuning.json", &changed);
        let error = made.refused();
        assert!(error.contains("p4/tuning.json: damaged (") && error.contains(says), "{error}");
    }
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_in_the_place_of_records_are_refused() {
    let made = Made::new(false);
    for file in ["study.json", "z2/seed-0/result.json", "z2/seed-0/metrics.jsonl", "z2/seed-0/.lock", ".lock"] {
        let path = made.store().join(file);
        let aside = path.with_extension("aside");
        std::fs::rename(&path, &aside).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        // So that there's something to lock.
        let result = made.store().join("z2/seed-0/result.json");
        if file.ends_with(".lock") {
            std::fs::rename(&result, result.with_extension("aside")).unwrap();
        }
        let error = made.refused();
        assert!(error.contains(file) && error.contains("regular file"), "{file}: {error}");
        if file.ends_with(".lock") {
            std::fs::rename(result.with_extension("aside"), &result).unwrap();
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::rename(&aside, &path).unwrap();
    }
    made.run();
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_the_links_of_a_store() {
    use std::os::unix::fs::symlink;
    let made = Made::new(false);
    let victim = made.folder.path().join("victim");
    std::fs::write(&victim, "mine").unwrap();
    let attribution = made.store().join("attribution.json");
    std::fs::remove_file(&attribution).unwrap();
    symlink(&victim, &attribution).unwrap();
    let output = equisplit().args(["attribute", &made.path("")]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && told.contains("attribution.json: is a symbolic link"), "{told}");
    std::fs::remove_file(&attribution).unwrap();
    // Names that the program chooses, in folders where someone else may have been before.
    for (command, file) in [("figures", "errors.svg"), ("export", "runs.csv")] {
        let out = made.folder.path().join(command);
        std::fs::create_dir(&out).unwrap();
        symlink(&victim, out.join(file)).unwrap();
        let error = failure(&[command, &made.path(""), "--out", out.to_str().unwrap()]);
        assert!(error.contains(&format!("{file}: is a symbolic link")), "{error}");
    }
    let link = made.folder.path().join("report.html");
    symlink(&victim, &link).unwrap();
    let report = || {
        let mut command = equisplit();
        command.current_dir(made.folder.path()).args(["report", &made.path("")]);
        command
    };
    let told = String::from_utf8(report().output().unwrap().stderr).unwrap();
    assert!(told.contains("report.html: is a symbolic link"), "{told}");
    assert_eq!(std::fs::read(&victim).unwrap(), b"mine");
    // A link that the user names is followed.
    let named = made.folder.path().join("named");
    std::fs::write(&named, "old").unwrap();
    symlink(&named, made.folder.path().join("page.html")).unwrap();
    report().args(["--out", "page.html"]).assert().success();
    assert!(std::fs::read_to_string(&named).unwrap().starts_with("<!DOCTYPE html>"));
    let lock = made.store().join(".lock");
    std::fs::remove_file(&lock).unwrap();
    symlink(made.folder.path().join("made-by-a-link"), &lock).unwrap();
    let output = equisplit().args(["attribute", &made.path("")]).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains(".lock: is a symbolic link"));
    assert!(!made.folder.path().join("made-by-a-link").exists());
    std::fs::remove_file(&lock).unwrap();
    // An arm's folder that leads somewhere else, for a run that is to be made.
    let elsewhere = made.folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::remove_dir_all(made.store().join("p4")).unwrap();
    symlink(&elsewhere, made.store().join("p4")).unwrap();
    assert!(made.refused().contains("tiny/p4: is a symbolic link"));
    assert_eq!(std::fs::read_dir(&elsewhere).unwrap().count(), 0);
    assert_eq!(std::fs::read(&victim).unwrap(), b"mine");
    // The store itself may lie anywhere.
    std::fs::remove_file(made.store().join("p4")).unwrap();
    std::fs::rename(made.store(), made.folder.path().join("moved")).unwrap();
    symlink(made.folder.path().join("moved"), made.store()).unwrap();
    assert!(made.run().contains("1 runs made, 3 found"));
}

/// The name of an arm and the words of a run's end are shown, but command no terminal, no TeX and no spreadsheet.
#[test]
fn words_of_a_store_are_harmless_in_every_output() {
    let folder = tempfile::tempdir().unwrap();
    let text = TINY.replace("seeds = 2", "seeds = 1").replace("epochs = 3", "epochs = 1");
    let text = text.replace("name = \"repeat-mask\"", "name = \"-x+1\"\npreset = \"repeat-mask\"");
    let study = study_file(folder.path(), &text);
    equisplit().args(["run", &study, "--out", folder.path().to_str().unwrap()]).assert().success();
    let store = folder.path().join("tiny");
    let path = store.join("z2/seed-0/result.json");
    let mut result: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let object = result.as_object_mut().unwrap();
    object.retain(|key, _| !["test_error", "mistakes"].contains(&key.as_str()));
    object.insert("status".to_owned(), json!("failed"));
    object.insert("reason".to_owned(), json!("=cmd|'x'\u{1b}]0;owned\u{7}\n\\input{/etc/passwd}\u{9b}2J"));
    std::fs::write(&path, result.to_string()).unwrap();
    let store = store.to_str().unwrap();
    let commands = [
        vec!["show", store],
        vec!["attribute", store],
        vec!["attribute", store, "--json"],
        vec!["table", store],
        vec!["table", store, "--format", "csv"],
        vec!["table", store, "--format", "latex"],
    ];
    for command in commands {
        let output = equisplit().args(&command).output().unwrap();
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!told.chars().any(|c| c.is_control() && c != '\n'), "{command:?}: {told:?}");
        assert!(!told.lines().any(|line| line.starts_with("\\input")), "{command:?}: {told}");
        if command.last() == Some(&"csv") {
            assert!(told.contains(",'-x+1,") && !told.contains(",-x+1,"), "{told}");
        }
    }
    let out = folder.path().join("export");
    equisplit().args(["export", store, "--out", out.to_str().unwrap()]).assert().success();
    let runs = std::fs::read_to_string(out.join("runs.csv")).unwrap();
    assert!(
        runs.contains(",'-x+1,") && runs.contains(r"'=cmd|'x'\u{1b}]0;owned\u{7}\n\input{/etc/passwd}\u{9b}2J"),
        "{runs}"
    );
}
