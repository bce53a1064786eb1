//! What can be wrong with a study: one line that names the file and the line or key, and nothing half-written.

use std::path::Path;

use crate::common::{TINY, equisplit, failure, study_file};

/// The error of running `text`, which must come before anything is written.
fn refused(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study_file(folder.path(), text), folder.path().join("out"));
    let error = failure(&["run", &study, "--out", out.to_str().unwrap()]);
    assert!(!out.exists(), "{error}");
    assert!(error.starts_with(&format!("error: {study}")), "{error}");
    error.replace(&study, "study.toml")
}

/// The study with `from` replaced, and the line that the replacement starts on.
fn changed(from: &str, to: &str) -> (String, String) {
    let start = TINY.find(from).unwrap_or_else(|| panic!("no {from:?} in the study"));
    let line = 1 + TINY[..start].matches('\n').count();
    (TINY.replacen(from, to, 1), format!("study.toml:{line}: "))
}

#[track_caller]
fn check(from: &str, to: &str, lines_down: isize, says: &[&str]) {
    let (text, place) = changed(from, to);
    let line: isize = place.trim_end_matches(": ").rsplit(':').next().unwrap().parse().unwrap();
    let error = refused(&text);
    assert!(error.contains(&format!("study.toml:{}: ", line + lines_down)), "{error}");
    for part in says {
        assert!(error.contains(part), "{part:?} isn't in {error}");
    }
}

#[test]
fn unknown_names_are_told_with_those_that_are_known() {
    check("baseline = \"z2\"", "baseline = \"z3\"", 0, &["no arm is called \"z3\"", "repeat-mask, scrambled, p4"]);
    check("match = \"p4\"", "match = \"p5\"", 0, &["no arm is called \"p5\""]);
    check("\"scrambled\", \"p4\"]", "\"q\", \"p4\"]", 0, &["no arm is called \"q\""]);
    check("name = \"repeat-mask\"", "name = \"repeat-mosk\"", 0, &["unknown arm \"repeat-mosk\"", "repeat-mask"]);
    check("dropout = 0.1", "bank = \"repeet\"", 0, &["repeet", "repeat-linear"]);
    check("dropout = 0.1", "droput = 0.1", 0, &["droput", "dropout"]);
    check("epochs = 3", "epocs = 3", 0, &["epocs", "epochs"]);
    check("source = \"builtin\"", "source = \"bultin\"", 0, &["bultin", "builtin"]);
    check("[training]", "[trainings]", 0, &["trainings"]);
}

#[test]
fn numbers_out_of_range_name_their_key() {
    check("seeds = 2", "seeds = 0", 0, &["at least 1 seed"]);
    check("seeds = 2", "seeds = []", 0, &["at least 1 seed"]);
    check("seeds = 2", "seeds = [3, 3]", 0, &["3", "twice"]);
    check("seeds = 2", "seeds = -1", 0, &["seeds"]);
    check("seeds = 2", "seeds = 99999999999", 0, &["seeds"]);
    check("name = \"repeat-mask\"\nwidth = 4", "name = \"repeat-mask\"\nwidth = 0", 1, &["width = 0", "above 0"]);
    check("name = \"repeat-mask\"\nwidth = 4", "name = \"repeat-mask\"\nwidths = [4, 4]", 0, &["2 widths", "6"]);
    check("name = \"repeat-mask\"\nwidth = 4", "name = \"repeat-mask\"\nwidth = \"4\"", 1, &["expected a number"]);
    check(
        "name = \"scrambled\"\nwidth = 3",
        "name = \"scrambled\"\nwidth = 1000000000",
        0,
        &["scrambled", "4096 maps"],
    );
    check("dropout = 0.1", "scale = 100000000000", -2, &["4096 maps"]);
    check("dropout = 0.1", "dropout = 1.5", -2, &["dropout = 1.5"]);
    check("dropout = 0.1", "scale = 0", -2, &["is 0"]);
    check("epochs = 3", "epochs = 0", 0, &["training.epochs = 0"]);
    check("epochs = 3", "epochs = -3", 0, &["expected a whole number, at least 0"]);
    check("batch = 32", "batch = 0", 0, &["training.batch = 0"]);
    check("learning_rate = 0.005", "learning_rate = nan", 0, &["training.learning_rate"]);
    check("train = 96", "train = 0", 0, &["data.train = 0"]);
    check("train = 96", "train = 99999999999", 0, &["data.train"]);
}

/// Refused by arithmetic, before anything is expanded or allocated; a dry run and `params` refuse them too.
#[test]
fn sizes_that_no_machine_holds_are_told_with_the_figure() {
    let many: Vec<String> = (0..300_000).map(|seed| seed.to_string()).collect();
    check("seeds = 2", &format!("seeds = [{}]", many.join(",")), 0, &["300000 seeds", "at most 10000"]);
    let list = |count: usize| (1..=count).map(|n| format!("{}", n as f64 * 1e-6)).collect::<Vec<_>>().join(", ");
    let tuned = TINY.replace("batch = 32\nlearning_rate = 0.005\n", "");
    let tuning = format!("[tuning]\nlearning_rate = [{0}]\nweight_decay = [{0}]\n\n[[arm]]", list(1000));
    let error = refused(&tuned.replacen("[[arm]]", &tuning, 1));
    assert!(error.contains("1000000 settings to try, but at most 1000"), "{error}");
    let factor = |key: &str| format!("{key} = [{}]\n", (1..=20).map(|n| n.to_string()).collect::<Vec<_>>().join(", "));
    let keys = ["train", "training.epochs", "training.images_per_epoch", "training.decay_from", "dropout"];
    let grid: String = keys.into_iter().map(factor).collect();
    let plain = TINY.replace("epochs = 3", "").replace("dropout = 0.1", "");
    let error = refused(&plain.replacen("[[arm]]", &format!("[grid]\n{grid}\n[[arm]]"), 1));
    assert!(error.contains("12800000 arms in all cells of the grid, but at most 1000"), "{error}");
    let runs = TINY.replace("seeds = 2", "seeds = 9000").replacen(
        "[[arm]]",
        &format!("[grid]\n{}\n[[arm]]", factor("training.epochs")),
        1,
    );
    assert!(refused(&runs).contains("720000 runs, but a study can have 100000"));

    let batch = TINY.replace("batch = 32", "batch = 100000000\nimages_per_epoch = 100000000");
    let wide = TINY
        .replace("batch = 32", "batch = 10000000\nimages_per_epoch = 10000000")
        .replace("width = 4", "width = 2000");
    for text in [&batch, &wide] {
        let folder = tempfile::tempdir().unwrap();
        let study = study_file(folder.path(), text);
        for more in [&["--dry-run"][..], &[]] {
            let out = folder.path().join("out");
            let error = failure(&[&["run", &study, "--out", out.to_str().unwrap()][..], more].concat());
            assert!(
                error.contains(": training.batch = 1") && error.contains(" are free; take smaller batches or widths"),
                "{error}"
            );
        }
    }
    let turned = TINY.replacen("[[arm]]", "[equivariance]\nimages = 99999999999\n\n[[arm]]", 1);
    assert!(
        refused(&turned)
            .contains("equivariance.images = 99999999999, but it must be at least 1, and at most 100000000")
    );
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), TINY);
    let threads = failure(&["run", &study, "--jobs", "1024", "--threads", "1024"]);
    assert!(threads.contains("--jobs 1024 × --threads 1024: that's 1048576 threads on "), "{threads}");
}

#[test]
fn what_does_not_fit_together_is_told() {
    check("target = \"p4\"", "target = \"z2\"", 1, &["a ladder ends at the target"]);
    check("target = \"p4\"\nladder = [\"z2\", \"scrambled\", \"p4\"]", "target = \"z2\"", 0, &["the same arm"]);
    check("name = \"repeat-mask\"", "name = \"z2\"", 0, &["two arms"]);
    check("dropout = 0.1", "mimics = \"p4m\"", 0, &["mimics is for scrambled only", "repeat-mask"]);
    check("dropout = 0.1", "mimics = 1979-05-27", 0, &["mimics: 1979-05-27 is a time"]);
    check("dropout = 0.1", "keep = nan", 0, &["keep: NaN isn't a finite number"]);
    check(
        "dropout = 0.1",
        "keeep = 0.5",
        0,
        &["unknown field `keeep`", "some banks have `cutoff`, `group`, `keep`, `mimics`"],
    );
    check("dropout = 0.1", "keep = 0.5", 0, &["keep", "repeat-drop"]);
    check("dropout = 0.1", "match = \"p4\"", 0, &["match finds the widths"]);
    check("dropout = 0.1", "widths = [1, 2]", -1, &["can't both"]);
    check("name = \"tiny\"", "name = \"../tiny\"", 0, &["folder"]);
    check("name = \"z2\"", "name = \"a/b\"", 0, &["folder"]);
    check("name = \"z2\"", "name = \"attribution.json\"", 0, &["attribution.json"]);
    check("name = \"scrambled\"\nwidth = 3", "name = \"scrambled\"\nmatch = \"z2\"", 1, &["itself matches"]);
}

#[test]
fn budgets_that_cannot_be_met_are_told_with_the_figures() {
    let coarse = TINY
        .replace("match = \"p4\"", "bank = \"p4m\"\nmatch = \"p4\"")
        .replace("\"p4\"\nwidth = 3", "\"p4\"\nwidth = 1");
    let error = refused(&coarse);
    assert!(
        error.contains("study.toml:22: no widths bring p4m within 1 % of 851 real parameters; the nearest"),
        "{error}"
    );
    let strict = TINY.replace("[training]", "[budget]\nparameters_within = 0.02\n\n[training]");
    let error = refused(&strict);
    assert!(error.contains("parameters_within = 0.02") && error.contains("repeat-mask has"), "{error}");
    assert!(refused(&strict.replace("0.02", "nan")).contains("parameters_within = NaN"));
}

#[test]
fn files_that_are_no_study_are_told() {
    assert!(refused("").contains("missing field"));
    assert!(refused("name = ").contains("study.toml:1: "));
    assert!(refused("a: b").contains("study.toml:1: "));
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.toml");
    assert!(failure(&["params", missing.to_str().unwrap()]).contains("none.toml: No such file"));
    let binary = folder.path().join("binary.toml");
    std::fs::write(&binary, [0xff, 0xfe, 0]).unwrap();
    assert!(failure(&["params", binary.to_str().unwrap()]).contains("binary.toml: not a text file"));
    assert!(failure(&["params", folder.path().to_str().unwrap()]).contains("is a directory"));
}

#[test]
fn data_that_is_missing_or_too_little_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let run = |text: &str, data: &[&str]| {
        let study = study_file(folder.path(), text);
        let out = folder.path().join("out");
        let error = failure(&[&["run", &study, "--out", out.to_str().unwrap()], data].concat());
        assert!(!out.exists());
        error
    };
    let rotated = TINY.replace("builtin", "mnist-rot");
    assert!(run(&rotated, &[]).contains("--data"));
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    assert!(run(&rotated, &["--data", empty.to_str().unwrap()]).contains("train-images-idx3-ubyte"));
    assert!(run(&rotated, &["--data", "/nonexistent"]).contains("/nonexistent"));
}

/// A store with the tiny study, and its folder.
fn store(folder: &Path) -> (String, String) {
    let study = study_file(folder, TINY);
    let out = folder.join("out").to_str().unwrap().to_owned();
    equisplit().args(["run", &study, "--out", &out]).assert().success();
    (study, out)
}

#[test]
fn damaged_or_foreign_stores_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = store(folder.path());
    let tiny = Path::new(&out).join("tiny");
    let attribute = || failure(&["attribute", tiny.to_str().unwrap()]);
    let again = |study: &str| failure(&["run", study, "--out", &out]);

    assert!(failure(&["attribute", &out]).contains("study.json"));

    let result = tiny.join("p4/seed-1/result.json");
    let whole = std::fs::read_to_string(&result).unwrap();
    std::fs::write(&result, &whole[..whole.len() / 2]).unwrap();
    assert!(attribute().contains("p4/seed-1/result.json: "));
    std::fs::write(&result, whole.replace("\"schema_version\":4", "\"schema_version\":99")).unwrap();
    assert!(attribute().contains("newer equisplit"));
    assert!(again(&study).contains("newer equisplit"));
    std::fs::write(&result, whole.replacen("\"tested\":64", "\"tested\":65", 1)).unwrap();
    assert!(attribute().contains("65 images were tested, but the store has 64"));
    std::fs::write(&result, whole.replacen("\"classes\":\"", "\"classes\":\"1 ", 1)).unwrap();
    assert!(attribute().contains("its mistakes aren't images in their order with a class each"));
    std::fs::write(&result, whole.replacen("\"classes\":\"", "\"classes\":\"one ", 1)).unwrap();
    assert!(attribute().contains("\"one\" is no number here"));
    let mut other: serde_json::Value = serde_json::from_str(&whole).unwrap();
    other["test_error"] = 0.123456.into();
    std::fs::write(&result, other.to_string()).unwrap();
    assert!(attribute().contains("its test_error isn't that of its mistakes"));
    std::fs::write(&result, &whole).unwrap();

    let before = crate::common::results(&tiny);
    let longer = study_file(folder.path(), &TINY.replace("epochs = 3", "epochs = 4"));
    let error = again(&longer);
    assert!(error.contains("training.epochs: 3 → 4"), "{error}");
    let other = study_file(folder.path(), &TINY.replace("train = 96", "train = 97"));
    let error = again(&other);
    assert!(error.contains("96/64 images") && error.contains("97/64 images"), "{error}");
    assert!(crate::common::results(&tiny) == before, "a refusal changes nothing");
    std::fs::remove_file(tiny.join("p4/seed-1/config.json")).unwrap();
    assert!(attribute().contains("p4/seed-1/config.json is missing"));
}

#[test]
fn damaged_files_restart_their_run_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = store(folder.path());
    let reference = crate::common::results(&Path::new(&out).join("tiny"));
    for (damage, file) in [("checkpoint.safetensors", b"".as_slice()), ("metrics.jsonl", b"{".as_slice())] {
        let run = Path::new(&out).join("tiny/z2/seed-0");
        std::fs::remove_file(run.join("result.json")).unwrap();
        std::fs::write(run.join(damage), file).unwrap();
        let output = equisplit().args(["run", &study, "--out", &out]).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && told.contains("z2 seed 0: starts anew") && told.contains(damage), "{told}");
        assert!(crate::common::results(&Path::new(&out).join("tiny")) == reference);
    }
    // One bit of a weight.
    let run = Path::new(&out).join("tiny/z2/seed-0");
    std::fs::remove_file(run.join("result.json")).unwrap();
    let mut checkpoint = std::fs::read(run.join("checkpoint.safetensors")).unwrap();
    let last = checkpoint.len() - 1;
    checkpoint[last] ^= 1;
    std::fs::write(run.join("checkpoint.safetensors"), checkpoint).unwrap();
    let output = equisplit().args(["run", &study, "--out", &out]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && told.contains("z2 seed 0: starts anew"), "{told}");
    assert!(crate::common::results(&Path::new(&out).join("tiny")) == reference);
    for damage in ["result.json", "config.json"] {
        std::fs::write(Path::new(&out).join("tiny/z2/seed-1").join(damage), "{").unwrap();
        let output = equisplit().args(["run", &study, "--out", &out]).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && told.contains("1 runs made, 7 found"), "{told}");
        assert!(crate::common::results(&Path::new(&out).join("tiny")) == reference);
    }
}

/// Runs the study, in which every run diverges, and checks what is left.
fn diverges(text: &str, says: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study_file(folder.path(), text), folder.path().join("out"));
    let output = equisplit().args(["run", &study, "--out", out.to_str().unwrap()]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    let run = out.join("tiny/z2/seed-0");
    let result: serde_json::Value = serde_json::from_slice(&std::fs::read(run.join("result.json")).unwrap()).unwrap();
    assert_eq!(result["status"], "failed");
    assert!(result["reason"].as_str().unwrap().contains(says), "{result}");
    let checkpoint = equisplit::train::Checkpoint::read(&run.join("checkpoint.safetensors")).unwrap();
    for (name, tensor) in checkpoint.tensors {
        let entries = tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert!(entries.iter().all(|entry| entry.is_finite()), "{name}");
    }
    // All eight runs were tried, and the attribution says why there is none.
    assert_eq!(told.matches(": stopped: ").count(), 8, "{told}");
    let attribution = std::fs::read_to_string(out.join("tiny/attribution.json")).unwrap();
    assert!(attribution.contains("\"reason\""), "{attribution}");
}

#[test]
fn a_run_that_diverges_keeps_its_checkpoint_and_others_go_on() {
    diverges(&TINY.replace("learning_rate = 0.005", "learning_rate = 1e38"), "the loss is");
    diverges(&TINY.replace("learning_rate = 0.005", "learning_rate = 1e30"), "");
    // One step an epoch: no loss follows it that would tell.
    let one_step = TINY.replace("learning_rate = 0.005", "learning_rate = 1e300").replace("batch = 32", "batch = 96");
    diverges(&one_step, "is not finite after epoch 1, after 0 good epochs");
}

/// A file-size limit stands in for a full disk: the same write fails, without a disk to fill.
#[cfg(unix)]
#[test]
fn a_full_disk_is_told_and_leaves_no_half_written_file() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), TINY);
    let out = folder.path().join("out");
    let limited = |blocks: usize| {
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" run \"$1\" --out \"$2\"");
        let mut command = assert_cmd::Command::new("bash");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_equisplit"), &study, out.to_str().unwrap()]);
        command.output().unwrap()
    };
    let output = limited(8);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    let errors: Vec<&str> = told.lines().filter(|line| line.starts_with("error: ")).collect();
    assert!(matches!(errors[..], [error] if error.contains("checkpoint.safetensors: ")), "{told}");
    for (path, _) in crate::common::results(&out.join("tiny")) {
        assert!(!path.ends_with("checkpoint.safetensors"), "{}", path.display());
    }
    // With room again the study ends as if nothing had happened.
    equisplit().args(["run", &study, "--out", out.to_str().unwrap()]).assert().success();
    let undisturbed = folder.path().join("undisturbed");
    equisplit().args(["run", &study, "--out", undisturbed.to_str().unwrap()]).assert().success();
    assert!(crate::common::results(&out.join("tiny")) == crate::common::results(&undisturbed.join("tiny")));
}

#[cfg(unix)]
#[test]
fn a_study_goes_on_when_nobody_listens() {
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study_file(folder.path(), TINY), folder.path().join("out"));
    let script = "\"$0\" run \"$1\" --out \"$2\" 2>&1 >/dev/null | head -n 1";
    let arguments = ["-c", script, env!("CARGO_BIN_EXE_equisplit"), &study, out.to_str().unwrap()];
    assert_cmd::Command::new("bash").args(arguments).assert().success();
    assert!(out.join("tiny/attribution.json").is_file());
}

#[test]
fn wrong_usage_has_exit_code_2() {
    for args in [
        &["run"] as &[&str],
        &["run", "a.toml", "--jobs", "0"],
        &["run", "a.toml", "--threads", "100000"],
        &["fly"],
        &["attribute", "a", "--nope"],
        &[],
    ] {
        let output = equisplit().args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
}
