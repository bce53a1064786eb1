//! Stores that someone else made, or something damaged: what they say is looked through before anything is done by it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::common::{TINY, equisplit, failure, results, study_file};
use equisplit::train::Checkpoint;
use safetensors::SafeTensors;
use serde_json::{Value, json};

/// A finished store of the tiny study, tuned where `tuned` says so.
struct Made {
    folder: tempfile::TempDir,
    study: String,
}

impl Made {
    fn new(tuned: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = TINY.replace("seeds = 2", "seeds = 1").replace("epochs = 3", "epochs = 2");
        let tuning = "[tuning]\nlearning_rate = [0.001, 0.005]\n\n[training]";
        let text = if tuned { text.replace("[training]", tuning).replace("learning_rate = 0.005\n", "") } else { text };
        let study = study_file(folder.path(), &text);
        let made = Self { folder, study };
        made.run();
        made
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn store(&self) -> PathBuf {
        self.out().join("tiny")
    }

    fn path(&self, file: &str) -> String {
        self.store().join(file).to_str().unwrap().to_owned()
    }

    fn command(&self) -> assert_cmd::Command {
        let mut command = equisplit();
        command.current_dir(self.folder.path()).args(["run", &self.study, "--out", self.out().to_str().unwrap()]);
        command
    }

    /// Runs the study and returns what was told.
    fn run(&self) -> String {
        let output = self.command().output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{told}");
        told
    }

    fn refused(&self) -> String {
        failure(&["run", &self.study, "--out", self.out().to_str().unwrap()])
    }

    fn read(&self, file: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.store().join(file)).unwrap()).unwrap()
    }

    fn write(&self, file: &str, value: &Value) {
        std::fs::write(self.store().join(file), value.to_string()).unwrap();
    }

    /// The errors of some commands on the store whose study.json has `value` at `pointer`; all of them must be refusals.
    fn with(&self, pointer: &str, value: Value) -> Vec<String> {
        let record = self.read("study.json");
        let mut changed = record.clone();
        *changed.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
        self.write("study.json", &changed);
        let store = self.store().to_str().unwrap().to_owned();
        let figures = self.folder.path().join("figures").to_str().unwrap().to_owned();
        let commands = [
            vec!["show", &store],
            vec!["attribute", &store],
            vec!["figures", &store, "--out", &figures],
            vec!["table", &store],
            vec!["check", "--store", &store],
        ];
        let errors = commands.iter().map(|command| failure(command)).collect();
        assert!(!Path::new(&figures).exists());
        self.write("study.json", &record);
        errors
    }
}

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
        ("/study/data/transpose", json!(true), "data.transpose is for source = \"amat\" only"),
        ("/study/arms/0/net/dropout", json!(1.0), "but they are probabilities"),
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

#[test]
fn a_result_of_another_seed_is_no_result_and_is_kept_aside() {
    let made = Made::new(false);
    let whole = results(&made.store());
    let mut result = made.read("p4/seed-0/result.json");
    result["seed"] = json!(7);
    made.write("p4/seed-0/result.json", &result);
    let shown = equisplit().args(["show", &made.path("")]).output().unwrap();
    assert!(String::from_utf8(shown.stdout).unwrap().contains("p4 seed 0: damaged, will be made anew"));
    let told = made.run();
    assert!(told.contains("says seed 7, but the run's is 0; its old records are in "), "{told}");
    assert_eq!(made.read("p4/seed-0/set-aside-1/result.json"), result);
    assert!(results(&made.store()) == whole);
    // Every time anew, and nothing that was set aside before is lost.
    std::fs::write(made.path("p4/seed-0/result.json"), "{").unwrap();
    made.run();
    assert_eq!(made.read("p4/seed-0/set-aside-1/result.json"), result);
    assert_eq!(std::fs::read(made.path("p4/seed-0/set-aside-2/result.json")).unwrap(), b"{");
    assert!(results(&made.store()) == whole);
}

/// Numbers of a result or its metrics that no run gives are damage like any other.
#[test]
fn results_and_metrics_that_no_run_gives_are_no_results() {
    let made = Made::new(false);
    let whole = results(&made.store());
    let result = made.read("p4/seed-0/result.json");
    let cases = [
        ("/arm", json!("../../zz\u{1b}"), r#"says arm "../../zz\u{1b}", but the run's is "p4""#),
        ("/epochs", json!(0), "says 0 epochs, but the run has 2"),
        ("/provenance/seconds", json!(-1e308), "it took less than no time"),
    ];
    let shown = || {
        let output = equisplit().args(["show", &made.path("")]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    for (pointer, value, says) in cases {
        let mut changed = result.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        made.write("p4/seed-0/result.json", &changed);
        let told = shown();
        assert!(told.contains("p4 seed 0: damaged, will be made anew: ") && told.contains(says), "{told}");
    }
    made.write("p4/seed-0/result.json", &result);
    let path = made.path("p4/seed-0/metrics.jsonl");
    let metrics = std::fs::read_to_string(&path).unwrap();
    let changed = metrics.replacen("\"train_error\":0.", "\"train_error\":-3.", 1);
    assert_ne!(changed, metrics);
    std::fs::write(&path, changed).unwrap();
    assert!(shown().contains("is no fraction of the images"), "{}", shown());
    // A link that leads nowhere takes no name for what is set aside.
    #[cfg(unix)]
    std::os::unix::fs::symlink("/nowhere/at/all", made.path("p4/seed-0/set-aside-1")).unwrap();
    made.run();
    #[cfg(unix)]
    std::fs::remove_file(made.path("p4/seed-0/set-aside-1")).unwrap();
    assert!(results(&made.store()) == whole);
}

/// How equivariant a run became is finished work as well.
#[test]
fn a_damaged_measure_is_told_and_kept_aside() {
    let folder = tempfile::tempdir().unwrap();
    let text = TINY.replace("seeds = 2", "seeds = 1").replace("epochs = 3", "epochs = 1");
    let study = study_file(folder.path(), &format!("{text}\n[equivariance]\nimages = 8\nstep = 90\n"));
    let run = || {
        let output = equisplit().args(["run", &study, "--out", folder.path().to_str().unwrap()]).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{told}");
        told
    };
    run();
    let path = folder.path().join("tiny/p4/seed-0/equivariance.json");
    let whole = std::fs::read(&path).unwrap();
    let text = String::from_utf8(whole.clone()).unwrap();
    let mut negative: Value = serde_json::from_str(&text).unwrap();
    negative["angles"][1]["error"] = json!(7.5);
    std::fs::write(&path, negative.to_string()).unwrap();
    let told = run();
    assert!(
        told.contains("damaged, and counts as not measured") && told.contains("at 90°: fractions are 0 to 1"),
        "{told}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    std::fs::write(&path, "{\"schema_version\": 4,").unwrap();
    let told = run();
    assert!(told.contains("equivariance.json") && told.contains("damaged, and counts as not measured"), "{told}");
    assert_eq!(std::fs::read(&path).unwrap(), whole);
    let aside = folder.path().join("tiny/p4/seed-0/set-aside-2/equivariance.json");
    assert_eq!(std::fs::read(aside).unwrap(), b"{\"schema_version\": 4,");
}

/// A link that leads to itself can't be read by anybody, root included.
#[cfg(unix)]
#[test]
fn what_cannot_be_read_now_is_not_taken_for_damaged() {
    let made = Made::new(false);
    let whole = results(&made.store());
    for file in ["metrics.jsonl", "result.json", "config.json", "checkpoint.safetensors"] {
        let path = made.store().join("z2/seed-0").join(file);
        let aside = path.with_extension("aside");
        std::fs::rename(&path, &aside).unwrap();
        std::os::unix::fs::symlink(&path, &path).unwrap();
        // Of a finished run the checkpoint isn't asked for.
        if file != "checkpoint.safetensors" {
            let error = made.refused();
            assert!(error.contains(&format!("z2/seed-0/{file}: ")), "{error}");
        } else {
            std::fs::rename(made.path("z2/seed-0/result.json"), made.path("z2/seed-0/result.aside")).unwrap();
            assert!(made.refused().contains("checkpoint.safetensors: "));
            std::fs::rename(made.path("z2/seed-0/result.aside"), made.path("z2/seed-0/result.json")).unwrap();
        }
        std::fs::remove_file(&path).unwrap();
        std::fs::rename(&aside, &path).unwrap();
        assert!(made.run().contains("0 runs made, 4 found"));
        assert!(results(&made.store()) == whole, "{file}");
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

#[test]
fn what_killed_processes_left_half_written_goes_with_the_next_command() {
    let made = Made::new(false);
    let places = [".writing-a", "p4/.writing-b", "p4/seed-0/.writing-c"].map(|place| made.store().join(place));
    places.iter().for_each(|place| std::fs::write(place, "half").unwrap());
    made.run();
    assert!(places.iter().all(|place| !place.exists()));
    for (command, option) in [("figures", ["--format", "svg"]), ("export", ["--format", "jsonl"])] {
        let out = made.folder.path().join(command);
        std::fs::create_dir(&out).unwrap();
        std::fs::write(out.join(".writing-d"), "half").unwrap();
        let store = made.path("");
        equisplit().args([command, &store, "--out", out.to_str().unwrap()]).args(option).assert().success();
        assert!(!out.join(".writing-d").exists() && std::fs::read_dir(&out).unwrap().count() > 0, "{command}");
    }
}

/// The header of a safetensors file, changed; padded as it was, or anew where it has another length.
fn with_header(bytes: &[u8], change: impl Fn(String) -> String) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header = change(String::from_utf8(bytes[8..8 + length].to_vec()).unwrap());
    let padded = format!("{header:<width$}", width = header.len().next_multiple_of(8));
    [&(padded.len() as u64).to_le_bytes()[..], padded.as_bytes(), &bytes[8 + length..]].concat()
}

#[test]
fn no_part_of_a_checkpoint_can_be_changed_without_a_word() {
    let made = Made::new(false);
    let path = made.store().join("z2/seed-0/checkpoint.safetensors");
    let bytes = std::fs::read(&path).unwrap();
    let Checkpoint { steps, epoch, .. } = Checkpoint::read(&path).unwrap();
    assert_eq!((epoch, steps), (2, 6));
    let swapped = |header: String| {
        let place = |name: &str| header.find(&format!("\"{name}\"")).unwrap_or_else(|| panic!("{name} in {header}"));
        assert!(place("conv2.weight") != place("conv3.weight"));
        header
            .replace("\"conv2.weight\"", "\"x\"")
            .replace("\"conv3.weight\"", "\"conv2.weight\"")
            .replace("\"x\"", "\"conv3.weight\"")
    };
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let changes = [
        with_header(&bytes, |header| header.replace(r#"\"steps\":6"#, r#"\"steps\":3"#)),
        with_header(&bytes, |header| header.replace(r#"\"batches\":0"#, r#"\"batches\":1"#)),
        with_header(&bytes, |header| header.replace(r#"\"epoch\":2"#, r#"\"epoch\":1"#)),
        with_header(&bytes, |header| header.replace(r#"\"layout\":1"#, r#"\"layout\":0"#)),
        with_header(&bytes, |header| header.replace(r#"\"layout\":1,"#, "")),
        with_header(&bytes, swapped),
        flipped,
    ];
    let result = std::fs::read(made.path("z2/seed-0/result.json")).unwrap();
    for (n, changed) in changes.iter().enumerate() {
        assert_ne!(*changed, bytes, "change {n}");
        std::fs::write(&path, changed).unwrap();
        let Err(error) = Checkpoint::read(&path) else { panic!("change {n} was taken for what was written") };
        assert!(error.to_string().contains("checksum"), "{error}");
    }
    // A run that has to be made doesn't go on from it, and nothing is lost.
    std::fs::remove_file(made.path("z2/seed-0/result.json")).unwrap();
    assert!(made.run().contains("z2 seed 0: starts anew, since its checkpoint can't be used: "));
    assert_eq!(std::fs::read(made.path("z2/seed-0/set-aside-1/checkpoint.safetensors")).unwrap(), changes[6]);
    let again: Value = serde_json::from_slice(&std::fs::read(made.path("z2/seed-0/result.json")).unwrap()).unwrap();
    let before: Value = serde_json::from_slice(&result).unwrap();
    assert_eq!(again["mistakes"], before["mistakes"]);
}

/// As they were written before: a checksum of the tensors alone.
#[test]
fn checkpoints_of_earlier_versions_are_read() {
    let made = Made::new(false);
    let path = made.store().join("z2/seed-0/checkpoint.safetensors");
    let checkpoint = Checkpoint::read(&path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let mut progress: Value = serde_json::from_str(&header.metadata().as_ref().unwrap()["equisplit"]).unwrap();
    progress.as_object_mut().unwrap().remove("layout");
    progress["sha256"] = json!(sha256(&bytes[8 + length..]));
    let metadata = HashMap::from([("equisplit".to_owned(), progress.to_string())]);
    let file = SafeTensors::deserialize(&bytes).unwrap();
    std::fs::write(&path, safetensors::serialize(file.tensors(), Some(metadata)).unwrap()).unwrap();
    let old = Checkpoint::read(&path).unwrap();
    assert_eq!(
        (old.epoch, old.steps, old.begun, &old.run),
        (checkpoint.epoch, checkpoint.steps, checkpoint.begun, &checkpoint.run)
    );
    assert_eq!(old.tensors.len(), checkpoint.tensors.len());
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
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
