//! What a study can vary: grids, training of single arms, tuning, matched costs; and the commands that look at stores.

use std::path::Path;

use crate::common::{TINY, equisplit, failure, results, study_file};
use equisplit::model::InputShape;
use equisplit::study::{Purpose, Record, Run, Store, StudyFile};

fn resolve(text: &str) -> equisplit::Result<equisplit::study::Study> {
    let folder = tempfile::tempdir().unwrap();
    StudyFile::read(Path::new(&study_file(folder.path(), text)))?.resolve(InputShape::DIGITS, Some(96))
}

fn refused(text: &str) -> String {
    resolve(text).unwrap_err().to_string()
}

fn run(folder: &Path, text: &str) -> (std::path::PathBuf, String) {
    let (study, out) = (study_file(folder, text), folder.join("out"));
    let output = equisplit().args(["run", &study, "--out", out.to_str().unwrap(), "--jobs", "2"]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    (out.join("tiny"), told)
}

fn runs(store: &Path) -> (Record, Vec<Run>) {
    let store = Store::open(store).unwrap();
    let record = store.study().unwrap();
    let runs = store.runs(&record).unwrap();
    (record, runs)
}

const GRID: &str = "[grid]\ntrain = [48, 96]\n[grid.training]\naugmentation = [{ rotate = true }, {}]\n\n[[arm]]";

#[test]
fn a_grid_crosses_its_factors_with_the_arms() {
    let text = TINY.replace("augmentation = { rotate = true, flip = true }\n", "").replacen("[[arm]]", GRID, 1);
    let study = resolve(&text).unwrap();
    assert_eq!((study.arms.len(), study.cells().len()), (16, 4));
    let ids: Vec<String> = study.arms.iter().take(5).map(equisplit::study::Arm::id).collect();
    assert_eq!(ids[0], "z2.train-48.augmentation---rotate---true--");
    let p4: Vec<_> = study.arms.iter().filter(|arm| arm.name == "p4").collect();
    let drawn: Vec<_> = p4.iter().map(|arm| (arm.train, arm.training.augmentation.rotates())).collect();
    assert_eq!(drawn, [(Some(48), true), (Some(48), false), (Some(96), true), (Some(96), false)]);
    // Matching finds its arm within the cell.
    assert!(study.arms.iter().filter(|arm| arm.name == "z2").all(|arm| arm.budget.parameters.abs_diff(3613) < 37));
}

#[test]
fn grids_that_make_no_sense_are_told_with_their_line() {
    let with = |grid: &str| refused(&TINY.replacen("[[arm]]", &format!("[grid]\n{grid}\n\n[[arm]]"), 1));
    assert!(with("train = 48").contains("study.toml:20: grid.train must be a list"));
    assert!(with("train = []").contains("grid.train must be a list"));
    assert!(with("name = [\"a\"]").contains("tells arms apart"));
    assert!(with("trian = [48]").contains("study.toml:20: unknown field `trian`"));
    assert!(with("train = [48, 97]").contains("train = 97, but there are only 96 images"));
    assert!(with("train = [48, 48]").contains("two arms are called \"z2\" with train-48"));
    assert!(with("width = [2, 3]").contains("width is a factor of the grid, so no arm can set it"));
    assert!(
        refused("name = \"a\"\nbaseline = \"b\"\ntarget = \"c\"\nseeds = 1\ndata = { source = \"builtin\" }")
            .contains("[[arm]]")
    );
}

#[test]
fn cells_are_attributed_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let grid = TINY.replacen("[[arm]]", "[grid]\ntrain = [48, 96]\n\n[[arm]]", 1);
    let (store, _) = run(folder.path(), &grid);
    let attribution: serde_json::Value =
        serde_json::from_slice(&std::fs::read(store.join("attribution.json")).unwrap()).unwrap();
    let names: Vec<&str> = attribution.as_array().unwrap().iter().map(|cell| cell["study"].as_str().unwrap()).collect();
    assert_eq!(names, ["tiny, train = 48", "tiny, train = 96"]);
    // All the images in their own order: the cell that a study without a grid has.
    let plain = tempfile::tempdir().unwrap();
    let (plain, _) = run(plain.path(), TINY);
    let file = |store: &Path, path: &str| std::fs::read(store.join(path).join("metrics.jsonl")).unwrap().len();
    assert!(file(&store, "p4.train-96/seed-0") > 0 && file(&plain, "p4/seed-0") > 0);
    let outcome = |store: &Path, arm: &str| {
        let (_, runs) = runs(store);
        runs.iter().find(|run| run.arm.id() == arm).unwrap().result().unwrap().outcome.clone()
    };
    assert_eq!(outcome(&store, "p4.train-96"), outcome(&plain, "p4"));
    assert_ne!(outcome(&store, "p4.train-48"), outcome(&plain, "p4"));
}

#[test]
fn arms_can_differ_in_training_and_size() {
    let text = TINY.replace(
        "name = \"scrambled\"\nwidth = 3",
        "name = \"scrambled\"\nwidth = 3\ntrain = 40\nnorm = \"map\"\nscramble = \"positions\"\ntraining = { epochs = 2, images_per_epoch = 96 }",
    );
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = run(folder.path(), &text);
    let (_, runs) = runs(&store);
    let scrambled: Vec<&Run> = runs.iter().filter(|run| run.arm.name == "scrambled").collect();
    for run in &scrambled {
        assert_eq!(run.config.purpose, Purpose::TestSet { train: 40 });
        assert_eq!((run.epochs_done(), run.config.training.epochs, run.config.training.batch), (2, 2, 32));
        let checkpoint = run.folder.checkpoint().unwrap().unwrap();
        assert_eq!(checkpoint.steps, 2 * 3, "two epochs of 96 images");
        assert_eq!(checkpoint.tensors["conv1.norm.gamma"].dims(), [12], "a norm of its own for every map");
    }
    // Scrambles are drawn anew for every seed, unless the arm has one of its own.
    assert_ne!(scrambled[0].config.net.scramble_seed, scrambled[1].config.net.scramble_seed);
    let fixed = resolve(&text.replace("train = 40", "scramble_seed = 7")).unwrap();
    assert_eq!(fixed.arms[2].scramble_seed, Some(7));
}

#[test]
fn repetition_can_be_matched_in_parameters_and_in_multiply_adds() {
    let arms = TINY.replace(
        "name = \"repeat-mask\"\nwidth = 4\n",
        "name = \"repeat-swish\"\nmatch = \"p4\"\nmatch_multiply_adds = \"p4\"\n",
    );
    let study = resolve(&arms.replace("width = 3", "width = 8")).unwrap();
    let [swish, p4] = [1, 3].map(|n| study.arms[n].budget);
    let off = |a: f64, b: f64| (a - b).abs() / b;
    assert!(off(swish.parameters as f64, p4.parameters as f64) < 0.02, "{swish:?}, {p4:?}");
    assert!(off(swish.multiply_adds as f64, p4.multiply_adds as f64) < 0.01, "{swish:?}, {p4:?}");

    let strict = arms
        .replace("width = 3", "width = 8")
        .replace("[training]", "[budget]\nmultiply_adds_within = 0.02\n\n[training]");
    let error = refused(&strict);
    assert!(
        error.contains("multiply_adds_within = 0.02, but z2 has") && error.contains("match_multiply_adds"),
        "{error}"
    );
    let both = TINY.replace("match = \"p4\"", "match = \"p4\"\nmatch_multiply_adds = \"p4\"");
    assert!(refused(&both).contains("one width can't match both"));
}

#[test]
fn another_skeleton_has_its_own_widths() {
    let text = TINY.replace("[training]", "[model]\nskeleton = \"lenet\"\n\n[training]");
    let study = resolve(&text).unwrap();
    assert!(study.arms.iter().all(|arm| arm.net.widths.len() == 2));
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = run(folder.path(), &text);
    assert!(runs(&store).1.iter().all(|run| run.test_error().is_some()));
}

const TUNED: &str = "[tuning]\nlearning_rate = [1e-30, 0.005, 1e20]\nvalidation = 0.25\n\n[training]";

#[test]
fn tuning_chooses_on_held_out_training_images() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        TINY.replace("[training]", TUNED).replace("train = 96", "train = 240").replace("epochs = 3", "epochs = 6");
    let (store, told) = run(folder.path(), &text);
    assert!(told.contains("20 runs made, 0 found"), "{told}");
    let shown = equisplit().args(["show", store.to_str().unwrap()]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    for (format, row) in [("markdown", "| z2 | "), ("latex", "    z2 & ")] {
        let table = equisplit().args(["table", store.to_str().unwrap(), "--format", format]).output().unwrap();
        let table = String::from_utf8(table.stdout).unwrap();
        let tuned = &table[table.find("What tuning chose for each arm").unwrap()..];
        assert!(tuned.contains(row), "{tuned}");
    }
    for text in [told, shown] {
        assert!(text.contains("What tuning chose for each arm") && text.contains("       180        60  "), "{text}");
        assert_eq!(
            text.lines().filter(|line| line.contains("  0.005  ") || line.contains("  1e-30  ")).count(),
            4,
            "{text}"
        );
    }
    let attribution: serde_json::Value =
        serde_json::from_slice(&std::fs::read(store.join("attribution.json")).unwrap()).unwrap();
    let warnings = attribution["warnings"].to_string();
    for arm in ["z2", "repeat-mask", "scrambled", "p4"] {
        let tuned = std::fs::read(store.join(arm).join("tuning.json")).unwrap();
        let tuned: serde_json::Value = serde_json::from_slice(&tuned).unwrap();
        assert_eq!((&tuned["train"], &tuned["validation"]), (&180.into(), &60.into()));
        let trials = tuned["trials"].as_array().unwrap();
        assert_eq!(trials.len(), 3, "the whole grid is on record");
        assert!(trials[2]["validation_errors"][0].is_null(), "that rate diverges");
        let error = |n: usize| trials[n]["validation_errors"][0].as_f64().unwrap();
        let best = if error(0) <= error(1) { 0 } else { 1 };
        assert_eq!(tuned["chosen"], best, "{arm}");
        let at_the_end = warnings.contains(&format!("{arm} (learning rate 1e-30, the least)"));
        assert_eq!(at_the_end, best == 0, "{arm}: {warnings}");
        let config = std::fs::read(store.join(arm).join("seed-0/config.json")).unwrap();
        let config: serde_json::Value = serde_json::from_slice(&config).unwrap();
        assert_eq!(config["training"]["learning_rate"], [1e-30, 0.005][best]);
        assert_eq!(config["purpose"]["train"], 240, "retrained on all images");
    }
    // Nothing of a trial depends on the test set: with other test images the same choices come out.
    let other = tempfile::tempdir().unwrap();
    let (other, _) = run(other.path(), &text.replace("test = 64", "test = 32"));
    for arm in ["z2", "p4"] {
        let tuned = |store: &Path| std::fs::read(store.join(arm).join("tuning.json")).unwrap();
        assert_eq!(tuned(&store), tuned(&other));
    }
}

#[test]
fn tuning_that_makes_no_sense_is_told() {
    let with = |tuning: &str| refused(&TINY.replace("[training]", &format!("[tuning]\n{tuning}\n\n[training]")));
    assert!(with("learning_rate = [-1.0]").contains("tuning.learning_rate = -1"));
    let error = with("validation = 1.5");
    assert!(error.contains("study.toml:14: tuning.validation = 1.5"), "{error}");
    // That a part is left without images shows when the images are there.
    let tuned = TINY.replace("[training]", "[tuning]\nlearning_rate = [0.1]\nvalidation = 0.001\n\n[training]");
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let error = failure(&["run", &study_file(folder.path(), &tuned), "--out", out.to_str().unwrap()]);
    assert!(error.contains("study.toml:15: tuning.validation = 0.001 of 96 training images"), "{error}");
    assert!(with("learning_rate = [0.1]\nseeds = 0").contains("tuning.seeds = 0"));
    for empty in ["learning_rate = []", "seeds = 2"] {
        assert!(with(empty).contains("[tuning] has nothing to try"));
    }
    assert!(with("rate = [1.0]").contains("unknown field `rate`"));
}

#[test]
fn a_dry_run_shows_what_there_is_to_do_and_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (study_file(folder.path(), TINY), folder.path().join("out"));
    let plan = || {
        let output = equisplit().args(["run", &study, "--dry-run", "--out", out.to_str().unwrap()]).output().unwrap();
        assert!(output.status.success());
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.contains("warning: two seeds say next to nothing"), "{told}");
        String::from_utf8(output.stdout).unwrap()
    };
    let before = plan();
    assert!(before.contains("4 arms × 2 seeds") && before.contains("8 runs left: about"), "{before}");
    assert!(!out.exists());
    let (store, _) = run(folder.path(), TINY);
    let whole = results(&store);
    std::fs::remove_dir_all(store.join("p4/seed-1")).unwrap();
    assert!(plan().contains("1 runs left: about"));
    run(folder.path(), TINY);
    assert!(plan().contains("nothing is left to do"));
    assert!(results(&store) == whole);
}

/// A study whose arms have other names than that of the others here.
const OTHER_ARMS: &str = r#"
name = "tiny"
baseline = "plain"
target = "turned"
seeds = 1
data = { source = "builtin", train = 32, test = 32 }
training = { epochs = 1 }

[[arm]]
name = "plain"
preset = "z2"
width = 2

[[arm]]
name = "turned"
preset = "p4"
width = 2
"#;

#[test]
fn stores_are_shown_compared_and_exported() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = run(folder.path(), TINY);
    let store = store.to_str().unwrap();
    let shown = |args: &[&str]| {
        let output = equisplit().args(args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let progress = shown(&["show", store]);
    assert!(progress.contains("repeat-mask     2         2       0        0      0     0"), "{progress}");
    let same = shown(&["compare", store, store]);
    assert!(same.contains("[0.00, 0.00]") && same.contains("2/2"), "{same}");

    let other = tempfile::tempdir().unwrap();
    let (other, _) = run(other.path(), &TINY.replace("epochs = 3", "epochs = 2"));
    let changed = shown(&["compare", store, other.to_str().unwrap()]);
    assert!(changed.contains("p4: training.epochs: 3 → 2") && changed.contains("0/2"), "{changed}");
    let apart = tempfile::tempdir().unwrap();
    let (apart, _) = run(apart.path(), OTHER_ARMS);
    let refused = failure(&["compare", store, apart.to_str().unwrap()]);
    assert!(refused.contains("and tiny (plain, turned) have no arm in common"), "{refused}");

    let out = folder.path().join("tables");
    for format in ["csv", "jsonl"] {
        shown(&["export", store, "--format", format, "--out", out.to_str().unwrap()]);
    }
    let csv = std::fs::read_to_string(out.join("runs.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + 8);
    assert!(csv.starts_with("study,arm,bank,seed,status,"), "{csv}");
    let epochs = std::fs::read_to_string(out.join("epochs.jsonl")).unwrap();
    assert_eq!(epochs.lines().count(), 8 * 3);
    let first: serde_json::Value = serde_json::from_str(epochs.lines().next().unwrap()).unwrap();
    assert_eq!((&first["arm"], &first["seed"], &first["epoch"]), (&"z2".into(), &0.into(), &1.into()));
    assert!(first["test_error"].is_null() && first["train_loss"].as_f64().unwrap() > 0.0);
    assert!(failure(&["show", folder.path().to_str().unwrap()]).contains("study.json"));
}

#[test]
#[cfg(feature = "parquet")]
fn parquet_has_the_runs() {
    use parquet::file::reader::FileReader;
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = run(folder.path(), TINY);
    let (store, out) = (store.to_str().unwrap(), folder.path().join("tables"));
    equisplit().args(["export", store, "--format", "parquet", "--out", out.to_str().unwrap()]).assert().success();
    let file = std::fs::File::open(out.join("runs.parquet")).unwrap();
    let reader = parquet::file::reader::SerializedFileReader::new(file).unwrap();
    let (_, runs) = runs(Path::new(store));
    for (row, run) in reader.get_row_iter(None).unwrap().zip(&runs) {
        let row = row.unwrap();
        let cell = |name: &str| row.get_column_iter().find(|(column, _)| *column == name).unwrap().1.to_string();
        assert_eq!(cell("arm"), format!("{:?}", run.arm.id()));
        assert_eq!(cell("seed"), run.config.seed.to_string());
        assert_eq!(cell("test_error").parse::<f64>().ok(), run.test_error());
    }
    assert_eq!(reader.metadata().file_metadata().num_rows(), 8);
}

#[test]
#[cfg(not(feature = "parquet"))]
fn a_program_without_parquet_says_how_to_get_one_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = run(folder.path(), TINY);
    let out = folder.path().join("tables");
    let refused = failure(&["export", store.to_str().unwrap(), "--format", "parquet", "--out", out.to_str().unwrap()]);
    assert!(refused.contains("--features parquet"), "{refused}");
    assert!(!out.join("runs.parquet").exists());
}

#[test]
fn a_result_says_what_made_it() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = run(folder.path(), TINY);
    let result: serde_json::Value =
        serde_json::from_slice(&std::fs::read(store.join("p4/seed-0/result.json")).unwrap()).unwrap();
    let provenance = &result["provenance"];
    let started: jiff::Timestamp = provenance["started"].as_str().unwrap().parse().unwrap();
    assert!(started <= jiff::Timestamp::now());
    assert!(provenance["seconds"].as_f64().unwrap() > 0.0);
    assert_eq!(provenance["sittings"], 1);
    assert!(cfg!(not(unix)) || provenance["peak_memory"].as_u64().unwrap() > 1 << 20);
    let maker = &provenance["makers"][0];
    assert_eq!((&maker["crate_version"], &maker["jobs"]), (&env!("CARGO_PKG_VERSION").into(), &2.into()));
    assert!(maker["instructions"].as_str().unwrap().contains("f32"));
    assert_eq!(result["config"].as_str().unwrap().len(), 64);
}

#[test]
fn what_is_tuned_cannot_be_set_and_another_tuning_does_not_mix() {
    let tuned = TINY.replace("[training]", "[tuning]\nlearning_rate = [0.001, 0.005]\n\n[training]");
    let grid = tuned.replacen("[[arm]]", "[grid.training]\nlearning_rate = [0.1, 0.2]\n\n[[arm]]", 1);
    assert!(refused(&grid).contains("training.learning_rate is tuned"));

    let folder = tempfile::tempdir().unwrap();
    let (store, _) = run(folder.path(), &tuned);
    let before = results(&store);
    let longer = study_file(folder.path(), &tuned.replace("[0.001, 0.005]", "[0.001, 0.005, 0.02]"));
    let error = failure(&["run", &longer, "--out", folder.path().join("out").to_str().unwrap()]);
    assert!(error.contains("z2: the runs here were made with what another [tuning] chose"), "{error}");
    assert!(results(&store) == before, "a refusal changes nothing");
}

#[test]
fn an_arm_that_tuning_cannot_train_does_not_hold_up_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let text = TINY.replace("[training]", "[tuning]\nlearning_rate = [1e38]\n\n[training]");
    let (study, out) = (study_file(folder.path(), &text), folder.path().join("out"));
    let output = equisplit().args(["run", &study, "--out", out.to_str().unwrap()]).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(told.matches(": all trials of tuning diverged").count(), 4, "{told}");
}
