//! Studies whose seeds have images of their own, arms with fewer seeds, tuned dropout, and runs that are made once more.

use serde_json::{Value, json};

use crate::common::{TINY, equisplit, failure, study_file};

const PER_SEED: &str = "[data]\ndraw = \"per-seed\"\n";

fn text() -> String {
    TINY.replace("[data]\n", PER_SEED).replace("seeds = 2", "seeds = 3").replace("epochs = 3", "epochs = 2")
}

/// A store that `text` was run into, and what the program said.
struct Made {
    folder: tempfile::TempDir,
    study: String,
}

impl Made {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let study = study_file(folder.path(), text);
        Self { folder, study }
    }

    fn path(&self, file: &str) -> String {
        self.folder.path().join("out/tiny").join(file).to_str().unwrap().to_owned()
    }

    fn run(&self) -> String {
        let out = self.folder.path().join("out");
        self.tell(&["run", &self.study, "--out", out.to_str().unwrap()])
    }

    /// Standard output of a command that succeeds.
    fn tell(&self, args: &[&str]) -> String {
        let output = equisplit().current_dir(self.folder.path()).args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn read(&self, file: &str) -> Value {
        serde_json::from_slice(&std::fs::read(self.path(file)).unwrap()).unwrap()
    }
}

#[test]
fn every_seed_has_its_images_and_results_say_what_that_covers() {
    let made = Made::new(&text());
    let told = made.run();
    assert!(
        told.contains("and are over seeds and the training and test images that each draws from the source"),
        "{told}"
    );
    assert!(!told.contains("test images too"), "{told}");
    assert_eq!(made.read("attribution.json")["covers"], json!({"training_images": true, "test_images": true}));
    assert_eq!(made.read("study.json")["test_labels"], json!(""));
    let numbers = |value: &Value| -> Vec<usize> {
        value.as_str().unwrap().split(' ').filter(|word| !word.is_empty()).map(|word| word.parse().unwrap()).collect()
    };
    // The same images in every arm, others in every seed: what two runs of a seed get wrong has the same label.
    let labels = |run: &str| {
        let mistakes = made.read(&format!("{run}/result.json"))["mistakes"].clone();
        let (images, labels) = (numbers(&mistakes["images"]), numbers(&mistakes["labels"]));
        assert_eq!(images.len(), labels.len());
        images.into_iter().zip(labels).collect::<std::collections::BTreeMap<_, _>>()
    };
    let agree = |a: &str, b: &str| {
        let (a, b) = (labels(a), labels(b));
        let shared: Vec<_> = a.iter().filter(|(image, _)| b.contains_key(image)).collect();
        assert!(shared.len() > 5, "too few to tell");
        shared.iter().all(|(image, label)| b[image] == **label)
    };
    assert!(agree("z2/seed-0", "p4/seed-0") && agree("z2/seed-2", "scrambled/seed-2"));
    assert!(!agree("z2/seed-0", "z2/seed-1"));
    // Tables, pages and exports find labels in the mistakes.
    let store = made.path("");
    assert!(made.tell(&["table", &store]).contains("taken for each other"));
    made.tell(&["report", &store, "--out", made.folder.path().join("page.html").to_str().unwrap()]);
    made.tell(&["check", "--store", &store]);
}

#[test]
fn mistakes_that_cannot_be_of_the_studys_images_are_refused() {
    let made = Made::new(&text());
    made.run();
    let file = made.path("p4/seed-0/result.json");
    let result = made.read("p4/seed-0/result.json");
    let refused = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
        let mut changed = result.clone();
        change(changed["mistakes"].as_object_mut().unwrap());
        std::fs::write(&file, changed.to_string()).unwrap();
        let error = failure(&["attribute", &made.path("")]);
        failure(&["reproduce", &made.path(""), "p4/seed-0"]);
        error
    };
    let error = refused(&|mistakes| drop(mistakes.remove("labels")));
    assert!(error.contains("its mistakes aren't images in their order with a class each"), "{error}");
    for tested in [65_u64, 1_000_000_000_000_000, 1 << 63] {
        let error = refused(&|mistakes| mistakes["tested"] = json!(tested));
        assert!(error.contains(&format!("{tested} images were tested, but the store has 64")), "{error}");
    }
    for key in ["labels", "classes"] {
        let error = refused(&|mistakes| {
            let count = mistakes[key].as_str().unwrap().split(' ').count();
            mistakes[key] = json!(vec!["200"; count].join(" "));
        });
        assert!(error.contains("is no mistake"), "{key}: {error}");
    }
    // A store with other images than its runs.
    std::fs::write(&made.study, TINY.replace("seeds = 2", "seeds = 3").replace("epochs = 3", "epochs = 2")).unwrap();
    let out = made.folder.path().join("out");
    let error = failure(&["run", &made.study, "--out", out.to_str().unwrap()]);
    assert!(error.contains("drawn anew for every seed"), "{error}");
}

#[test]
fn a_run_made_once_more_gives_the_predictions_on_record_or_says_that_it_does_not() {
    for text in [text(), TINY.replace("epochs = 3", "epochs = 2")] {
        let made = Made::new(&text);
        made.run();
        let store = made.path("");
        let told = made.tell(&["reproduce", &store, "p4/seed-1"]);
        assert!(told.starts_with("p4/seed-1: the predictions on record"), "{told}");
        assert!(made.tell(&["reproduce", &store]).contains("the predictions on record"));
        let mut result = made.read("p4/seed-1/result.json");
        // One mistake less.
        for key in ["images", "classes", "labels"] {
            let Some(list) = result["mistakes"][key].as_str().map(str::to_owned) else { continue };
            result["mistakes"][key] = json!(list.split_once(' ').unwrap().1);
        }
        let wrong = result["mistakes"]["images"].as_str().unwrap().split(' ').count();
        result["test_error"] = json!(wrong as f64 / 64.0);
        std::fs::write(made.path("p4/seed-1/result.json"), result.to_string()).unwrap();
        let output = equisplit().args(["reproduce", &store, "p4/seed-1"]).output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains("other predictions than on record, of 1 of"), "{told}");
        assert!(failure(&["reproduce", &store, "p4/seed-9"]).contains("no finished run"));
        result["test_error"] = json!(0.0);
        std::fs::write(made.path("p4/seed-1/result.json"), result.to_string()).unwrap();
        assert!(failure(&["reproduce", &store, "p4/seed-1"]).contains("its test_error isn't that of its mistakes"));
    }
}

#[test]
fn arms_have_the_first_of_the_seeds_that_they_ask_for() {
    let fewer = text().replacen("name = \"scrambled\"\n", "name = \"scrambled\"\nseeds = 2\n", 1);
    let made = Made::new(&fewer);
    let told = made.run();
    assert!(told.contains("z2 → scrambled, over seeds 0, 1 alone"), "{told}");
    assert!(!told.contains("not all runs have ended"), "{told}");
    assert!(std::path::Path::new(&made.path("scrambled/seed-1")).exists());
    assert!(!std::path::Path::new(&made.path("scrambled/seed-2")).exists());
    let shown = made.tell(&["show", &made.path("")]);
    assert!(shown.lines().any(|line| line.starts_with("scrambled ") && line.contains(" 2 ")), "{shown}");
    for wrong in [0, 4] {
        let study = study_file(made.folder.path(), &fewer.replace("seeds = 2\n", &format!("seeds = {wrong}\n")));
        let error = failure(&["run", &study, "--dry-run"]);
        assert!(error.contains(&format!("seeds = {wrong}, but it must be 1 to the study's 3")), "{error}");
    }
}

#[test]
fn dropout_is_tuned_and_trials_stay_when_the_list_becomes_longer() {
    let with = |dropout: &str, seeds: &str| {
        let tuning = format!("[tuning]\ndropout = {dropout}\n\n[training]");
        text().replace("dropout = 0.1\n", "").replace("[training]", &tuning).replace("seeds = 3", seeds)
    };
    let made = Made::new(&with("[0.0, 0.4]", "seeds = 1"));
    let told = made.run();
    assert!(told.contains("tuning can't tell what it chose from other settings"), "{told}");
    let tuned = made.read("p4/tuning.json");
    let chosen = &tuned["trials"][tuned["chosen"].as_u64().unwrap() as usize]["setting"]["dropout"];
    assert_eq!(&made.read("p4/seed-0/config.json")["net"]["dropout"], chosen);
    assert_eq!(made.read("p4/tuning/dropout-0.4/run-0/config.json")["net"]["dropout"], json!(0.4));
    let result =
        |store: &Made, trial: &str| std::fs::read(store.path(&format!("p4/tuning/{trial}/run-0/result.json"))).unwrap();
    let before = result(&made, "dropout-0.4");
    for arm in ["z2", "scrambled", "p4", "repeat-mask"] {
        let _ = std::fs::remove_dir_all(made.path(&format!("{arm}/seed-0")));
    }
    std::fs::write(&made.study, with("[0.0, 0.2, 0.4]", "seeds = 1")).unwrap();
    made.run();
    assert_eq!(result(&made, "dropout-0.4"), before);
    assert_eq!(made.read("p4/tuning.json")["trials"].as_array().unwrap().len(), 3);
    let refused = |tuning: &str, arm: &str| {
        let text =
            with(tuning, "seeds = 1").replacen("name = \"scrambled\"\n", &format!("name = \"scrambled\"\n{arm}"), 1);
        failure(&["run", &study_file(made.folder.path(), &text), "--dry-run"])
    };
    assert!(refused("[0.1, 0.1]", "").contains("[tuning] has the same value twice: dropout-0.1 would be tried again"));
    assert!(refused("[0.0, 1.0]", "").contains("tuning.dropout = 1, but it's a probability below 1"));
    assert!(
        refused("[0.0, 0.1]", "dropout = 0.3\n")
            .contains("dropout is tuned, so neither an arm nor the grid can set it")
    );
}
