//! The same study gives the same bits: whatever the threads and jobs, and however often it was killed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::{TINY, equisplit, results, study_file};
use equisplit::rng;
use rand::RngExt;

fn run(study: &str, out: &Path, jobs: &str, threads: &str) {
    let out = out.to_str().unwrap();
    let args = ["run", study, "--out", out, "--jobs", jobs, "--threads", threads, "--device", "cpu"];
    equisplit().args(args).assert().success();
}

#[test]
fn threads_and_jobs_do_not_change_a_bit() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), TINY);
    let made = |jobs: &str, threads: &str| {
        let out = folder.path().join(format!("{jobs}-{threads}"));
        run(&study, &out, jobs, threads);
        results(&out.join("tiny"))
    };
    let reference = made("1", "1");
    // Per run: configuration, metrics, result, checkpoint; beside them the study, its file and the attribution.
    assert_eq!(reference.len(), 4 * 2 * 4 + 3);
    assert!(reference == made("1", "1"), "the same command twice");
    assert!(reference == made("1", "2"), "two threads");
    assert!(reference == made("2", "1"), "two jobs");
    assert!(reference == made("3", "2"), "three jobs of two threads");
}

/// Kills in all; a study that ends before them is begun anew.
const KILLS: usize = 20;

#[test]
fn a_study_killed_at_random_moments_ends_in_the_same_results() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), &TINY.replace("train = 96", "train = 240"));
    let start = std::time::Instant::now();
    run(&study, &folder.path().join("undisturbed"), "2", "1");
    // Short enough that any machine is killed several times before it's done.
    let most = (start.elapsed().as_millis() as u64 / 2).max(10);
    let reference = results(&folder.path().join("undisturbed/tiny"));

    let mut moments = rng::stream(0, "kill");
    let mut killed = 0;
    for round in 0.. {
        let out = folder.path().join(format!("killed-{round}"));
        let before = killed;
        while killed < KILLS && dies(&study, &out, moments.random_range(5..=most)) {
            killed += 1;
        }
        run(&study, &out, "2", "1");
        assert!(results(&out.join("tiny")) == reference, "after {} kills", killed - before);
        if killed == KILLS {
            break;
        }
        assert!(round < 3 * KILLS, "the study was killed only {killed} times");
    }
}

/// Runs the study for so many milliseconds; `false` if it ended before it was killed.
fn dies(study: &str, out: &Path, milliseconds: u64) -> bool {
    let mut child = Command::new(env!("CARGO_BIN_EXE_equisplit"))
        .args(["run", study, "--out", out.to_str().unwrap(), "--jobs", "2", "--threads", "1"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(milliseconds));
    let alive = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    alive
}

#[test]
fn numbers_survive_being_written_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    // A rate that a careless parser of decimals reads back as its neighbour.
    let rate = "learning_rate = 0.0035714285714285718";
    let study = study_file(folder.path(), &TINY.replace("learning_rate = 0.005", rate));
    let out = folder.path().join("out");
    run(&study, &out, "2", "1");
    run(&study, &out, "2", "1");
    let values: Vec<f64> = (1..2000).map(|n| 1.0 / f64::from(n) + 1.8242475390434265).collect();
    let back: Vec<f64> = serde_json::from_str(&serde_json::to_string(&values).unwrap()).unwrap();
    assert_eq!(values, back);
}

#[test]
fn a_second_run_does_only_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), TINY);
    let out = folder.path().join("out");
    run(&study, &out, "2", "1");
    let reference = results(&out.join("tiny"));
    let path = out.join("tiny/p4/seed-1");
    std::fs::remove_dir_all(&path).unwrap();
    let again = || {
        let output = equisplit().args(["run", &study, "--out", out.to_str().unwrap()]).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let told = again();
    assert!(told.contains("1 runs made, 7 found"), "{told}");
    assert!(results(&out.join("tiny")) == reference);
    assert!(again().contains("0 runs made, 8 found"));
}
