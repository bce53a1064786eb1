//! A store over time: done again, damaged, asked for more, written to by other means.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use crate::common::{TINY, equisplit, failure, results, study_file};

/// Where one run of the tiny study has its event file.
const EVENTS: &str = "p4/seed-0/events.out.tfevents.equisplit";

struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("out/tiny")
    }

    /// Runs a study here and returns what was told.
    fn run(&self, text: &str, more: &[&str]) -> String {
        let (study, out) = (study_file(self.folder.path(), text), self.folder.path().join("out"));
        let output = equisplit().args(["run", &study, "--out", out.to_str().unwrap()]).args(more).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{told}");
        told
    }

    fn refused(&self, text: &str) -> String {
        let out = self.folder.path().join("out");
        failure(&["run", &study_file(self.folder.path(), text), "--out", out.to_str().unwrap()])
    }
}

fn arms_in_order(told: &str) -> Vec<&str> {
    let ends = told.lines().filter(|line| line.contains(": test error "));
    ends.map(|line| line.split(':').next().unwrap()).collect()
}

#[test]
fn whole_seeds_come_first_and_of_each_the_longest_runs() {
    // Far apart, so that no noise of a busy machine turns their times around.
    let text =
        TINY.replace("match = \"p4\"", "width = 1").replace("width = 3", "width = 6").replace("width = 4", "width = 2");
    let told = Folder::new().run(&text, &["--jobs", "1", "--threads", "1"]);
    let order = arms_in_order(&told);
    assert_eq!(order.len(), 8, "{told}");
    assert!(order[..4].iter().all(|label| label.ends_with("seed 0")), "{order:?}");
    assert_eq!((order[3], order[7]), ("z2 seed 0", "z2 seed 1"), "{order:?}");
}

#[test]
fn a_store_that_is_done_is_not_written_to() {
    let folder = Folder::new();
    folder.run(TINY, &["--jobs", "2"]);
    let record = folder.store().join("study.json");
    let before = std::fs::read(&record).unwrap();
    // Another number of jobs would change what study.json says of its maker.
    assert!(folder.run(TINY, &["--jobs", "1"]).contains("0 runs made, 8 found"));
    assert_eq!(std::fs::read(&record).unwrap(), before);
}

#[test]
fn finished_runs_that_a_study_no_longer_asks_for_are_told() {
    let folder = Folder::new();
    assert!(!folder.run(TINY, &["--jobs", "2"]).contains("left out of"));
    let fewer = folder.run(&TINY.replace("seeds = 2", "seeds = 1"), &["--jobs", "2"]);
    let first = folder.store().join("p4/seed-1");
    let told = format!("note: left out of this study: 4 runs of other arms or seeds, as {}", first.display());
    assert!(fewer.contains(&told), "{fewer}");
}

#[test]
fn event_files_of_finished_runs_are_written_when_asked_for() {
    let [before, after] = [Folder::new(), Folder::new()];
    before.run(TINY, &["--tensorboard"]);
    after.run(TINY, &[]);
    let result = std::fs::read(after.store().join("p4/seed-1/result.json")).unwrap();
    after.run(TINY, &["--tensorboard"]);
    assert_eq!(std::fs::read(after.store().join("p4/seed-1/result.json")).unwrap(), result);
    let size = |folder: &Folder| {
        let file = folder.store().join("p4/seed-1/events.out.tfevents.equisplit");
        std::fs::metadata(file).unwrap().len()
    };
    assert!(size(&before) > 300 && size(&before) == size(&after));
}

/// A run that was stopped with an event file and goes on without one has none in the end, and gets a whole one when asked.
#[test]
fn event_files_are_whole_or_not_there() {
    let [whole, stopped] = [Folder::new(), Folder::new()];
    whole.run(TINY, &["--tensorboard"]);
    stopped.run(TINY, &["--tensorboard"]);
    let file = "z2/seed-0/events.out.tfevents.equisplit";
    std::fs::remove_file(stopped.store().join("z2/seed-0/result.json")).unwrap();
    let bytes = std::fs::read(stopped.store().join(file)).unwrap();
    std::fs::write(stopped.store().join(file), &bytes[..bytes.len() / 2]).unwrap();
    stopped.run(TINY, &[]);
    assert!(!stopped.store().join(file).exists());
    stopped.run(TINY, &["--tensorboard"]);
    let size = |folder: &Folder| std::fs::metadata(folder.store().join(file)).unwrap().len();
    assert_eq!(size(&stopped), size(&whole));
}

/// Ends another thread's loop when it goes, also where the test that has it panics.
struct Ending<'a>(&'a AtomicBool);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn assert_same_runs(one: &Folder, other: &Folder) {
    let stores = [one, other].map(|folder| folder.store().to_str().unwrap().to_owned());
    let compared = equisplit().args(["compare", &stores[0], &stores[1]]).output().unwrap();
    let compared = String::from_utf8(compared.stdout).unwrap();
    assert_eq!(compared.matches(" 2/2\n").count(), 4, "all runs are as they were: {compared}");
}

/// However long it lasts: before the first epoch, between epochs, and after the end.
#[test]
fn an_event_file_that_goes_away_takes_no_run_with_it() {
    let [whole, robbed] = [Folder::new(), Folder::new()];
    whole.run(TINY, &["--tensorboard"]);
    let file = robbed.store().join(EVENTS);
    let done = AtomicBool::new(false);
    let told = std::thread::scope(|scope| {
        let _ending = Ending(&done);
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let _ = std::fs::remove_file(&file);
            }
        });
        robbed.run(TINY, &["--tensorboard"])
    });
    assert!(told.contains("p4 seed 0: its event file is given up: "), "{told}");
    assert_same_runs(&whole, &robbed);
    robbed.run(TINY, &["--tensorboard"]);
    let again = std::fs::metadata(&file).unwrap().len();
    assert_eq!(again, std::fs::metadata(whole.store().join(EVENTS)).unwrap().len());
}

#[test]
fn an_event_file_that_cannot_be_written_takes_no_run_with_it() {
    let [whole, barred] = [Folder::new(), Folder::new()];
    whole.run(TINY, &["--tensorboard"]);
    let place = barred.store().join(EVENTS);
    std::fs::create_dir_all(&place).unwrap();
    let told = barred.run(TINY, &["--tensorboard"]);
    assert!(told.contains("p4 seed 0: its event file is given up: "), "{told}");
    assert_same_runs(&whole, &barred);
    std::fs::remove_dir(&place).unwrap();
    // What leads nowhere can't be written either, for a run that has ended.
    std::os::unix::fs::symlink("/nowhere/at/all", &place).unwrap();
    let told = barred.run(TINY, &["--tensorboard"]);
    assert!(told.contains("p4 seed 0: it has no event file: "), "{told}");
    assert_same_runs(&whole, &barred);
}

#[test]
fn tuning_is_not_added_to_runs_that_were_made_without_it() {
    let folder = Folder::new();
    folder.run(TINY, &[]);
    let before = std::fs::read(folder.store().join("study.json")).unwrap();
    let tuned = TINY.replace("learning_rate = 0.005\n", "");
    let told = folder.refused(&format!("{tuned}\n[tuning]\nlearning_rate = [0.001, 0.005]\n"));
    assert!(told.contains("tiny/z2: the runs here were made without [tuning]; use another --out"), "{told}");
    assert_eq!(std::fs::read(folder.store().join("study.json")).unwrap(), before);
    folder.run(TINY, &[]);
}

#[test]
fn a_record_that_says_nothing_is_made_anew() {
    let folder = Folder::new();
    folder.run(TINY, &[]);
    let whole = results(&folder.store());
    for file in ["z2/seed-0/config.json", "p4/seed-1/result.json"] {
        std::fs::write(folder.store().join(file), "{}").unwrap();
    }
    assert!(folder.run(TINY, &[]).contains("2 runs made, 6 found"));
    assert!(results(&folder.store()) == whole);
}

#[test]
fn a_finished_run_without_its_metrics_is_made_anew() {
    let folder = Folder::new();
    folder.run(TINY, &[]);
    let whole = results(&folder.store());
    for damage in [&b"{"[..], b""] {
        std::fs::write(folder.store().join("z2/seed-1/metrics.jsonl"), damage).unwrap();
        let store = folder.store().to_str().unwrap().to_owned();
        let output = equisplit().args(["show", &store]).output().unwrap();
        let shown = String::from_utf8(output.stdout).unwrap();
        assert!(shown.contains("z2 seed 1: damaged, will be made anew"), "{shown}");
        // The other runs can be had all the same.
        equisplit().args(["export", &store, "--out", folder.folder.path().to_str().unwrap()]).assert().success();
        let lines = |table: &str| std::fs::read_to_string(folder.folder.path().join(table)).unwrap();
        assert!(lines("runs.csv").contains("z2,free,1,damaged"), "{}", lines("runs.csv"));
        assert_eq!(lines("epochs.csv").lines().count(), 1 + 7 * 3);
        assert!(folder.run(TINY, &[]).contains("1 runs made, 7 found"));
        assert!(results(&folder.store()) == whole);
    }
}

#[test]
fn damaged_records_say_what_to_do_and_doing_it_helps() {
    let folder = Folder::new();
    let text = TINY.replace("[training]", "[tuning]\nlearning_rate = [0.001, 0.005]\n\n[training]");
    folder.run(&text, &[]);
    let whole = results(&folder.store());
    let shown = equisplit().args(["show", folder.store().to_str().unwrap()]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("p4, trials              2         2"), "{shown}");
    for (file, remedy) in [("study.json", "writes it anew"), ("p4/tuning.json", "chooses by the trials anew")] {
        let path = folder.store().join(file);
        std::fs::write(&path, "{\"schema_version\": 4").unwrap();
        let error = folder.refused(&text);
        assert!(error.contains(file) && error.contains("delete it") && error.contains(remedy), "{error}");
        std::fs::remove_file(&path).unwrap();
        assert!(folder.run(&text, &[]).contains("0 runs made, 16 found"));
        assert!(results(&folder.store()) == whole, "{file}");
    }
}

#[test]
fn names_that_cannot_be_folders_together_are_refused() {
    let folder = Folder::new();
    let upper = TINY.replace("name = \"repeat-mask\"", "name = \"P4\"\npreset = \"repeat-mask\"");
    assert!(folder.refused(&upper).contains("differ in upper and lower case only"));
    let with = |grid: &str| {
        let text = TINY.replace("augmentation = { rotate = true, flip = true }\n", "");
        folder.refused(&text.replacen("[[arm]]", &format!("[grid]\n{grid}\n\n[[arm]]"), 1))
    };
    // The same value written in two ways.
    assert!(with("norm = [\"map\", 'map']").contains("two arms are called \"z2\" with norm-map"));
    let rates = with("training.weight_decay = [0.001, 1e-3]");
    assert!(rates.contains("two arms are called \"z2\" with weight_decay-0.001"), "{rates}");
    let widths: Vec<String> = (0..70).map(|n| n.to_string()).collect();
    let long = with(&format!("widths = [[{}]]", widths.join(", ")));
    assert!(long.contains("is too long for a folder's name"), "{long}");
    let tuned = TINY.replace("[training]", "[tuning]\nlearning_rate = [0.001]\n\n[training]");
    let seeds = folder.refused(&tuned.replace("seeds = 2", "seeds = [0, 1000000000]"));
    assert!(seeds.contains("study.toml:6: the seed 1000000000 is one that tuning uses"), "{seeds}");
    assert!(!Path::new(&folder.store()).exists());
}

/// All files of a store, dated by turns half a century back and half a century ahead.
fn misdate(folder: &Path, now: SystemTime, ahead: &mut bool) {
    let half_a_century = Duration::from_secs(50 * 365 * 86_400);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            misdate(&path, now, ahead);
            continue;
        }
        *ahead = !*ahead;
        let time = if *ahead { now + half_a_century } else { now - half_a_century };
        std::fs::File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
    }
}

#[test]
fn a_clock_that_jumps_changes_nothing() {
    let folder = Folder::new();
    folder.run(TINY, &["--jobs", "2"]);
    let whole = results(&folder.store());
    // A run whose last epoch is done but not its result, one that never was, and one that was left half-written.
    std::fs::remove_file(folder.store().join("z2/seed-0/result.json")).unwrap();
    std::fs::remove_dir_all(folder.store().join("p4/seed-1")).unwrap();
    let damaged = folder.store().join("scrambled/seed-1/result.json");
    std::fs::write(&damaged, &std::fs::read(&damaged).unwrap()[..40]).unwrap();
    misdate(&folder.store(), SystemTime::now(), &mut true);
    let told = folder.run(TINY, &["--jobs", "2"]);
    assert!(told.contains("3 runs made, 5 found"), "{told}");
    assert!(results(&folder.store()) == whole);
}
