//! Processes that share a store, and processes that are asked to stop.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crate::common::{TINY, results, study_file};

/// Long enough that a process is caught at it.
fn slow() -> String {
    TINY.replace("train = 96", "train = 480").replace("width = 3", "width = 6").replace("width = 4", "width = 6")
}

/// Runs of one epoch, long enough that a process is within it for a while.
fn one_long_epoch() -> String {
    slow().replace("train = 480", "train = 4000").replace("epochs = 3", "epochs = 1").replace("seeds = 2", "seeds = 1")
}

fn start(study: &str, out: &Path) -> Child {
    start_with(study, out, &[])
}

fn start_with(study: &str, out: &Path, environment: &[(&str, &str)]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_equisplit"))
        .args(["run", study, "--out", out.to_str().unwrap(), "--jobs", "1", "--threads", "1"])
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn end(child: Child) -> (Output, String) {
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stderr.clone()).unwrap();
    (output, told)
}

/// How many runs a process says that it made.
fn made(told: &str) -> usize {
    let line = told.lines().find(|line| line.contains(" runs made, ")).unwrap_or_else(|| panic!("{told}"));
    line.split(' ').next().unwrap().parse().unwrap()
}

fn reference(folder: &Path, study: &str) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let out = folder.join("alone");
    assert!(end(start(study, &out)).0.status.success());
    results(&out.join("tiny"))
}

/// Waits until a run of the store has a file that was written after `since`; returns the run's folder.
fn wait_for(out: &Path, file: &str, since: SystemTime) -> PathBuf {
    let begun = Instant::now();
    let is_new = |run: &PathBuf| {
        let written = std::fs::metadata(run.join(file)).and_then(|file| file.modified());
        written.is_ok_and(|written| written > since)
    };
    loop {
        let arms = ["z2", "repeat-mask", "scrambled", "p4"];
        let mut runs = arms.iter().map(|arm| out.join("tiny").join(arm).join("seed-0"));
        if let Some(run) = runs.find(is_new) {
            return run;
        }
        assert!(begun.elapsed() < Duration::from_secs(120), "no {file}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn two_processes_share_the_runs_of_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), &slow());
    let out = folder.path().join("shared");
    let pair = [start(&study, &out), start(&study, &out)];
    let ends = pair.map(end);
    for (output, told) in &ends {
        assert!(output.status.success(), "{told}");
    }
    let shares = [made(&ends[0].1), made(&ends[1].1)];
    assert_eq!(shares[0] + shares[1], 8, "every run is made once: {shares:?}");
    assert!(shares.iter().all(|&share| share > 0), "both take part: {shares:?}");
    assert!(results(&out.join("tiny")) == reference(folder.path(), &study));
}

#[test]
fn what_a_dead_process_had_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), &slow().replace("seeds = 2", "seeds = 1"));
    let out = folder.path().join("shared");
    let mut first = start(&study, &out);
    wait_for(&out, "metrics.jsonl", SystemTime::UNIX_EPOCH);
    let second = start(&study, &out);
    std::thread::sleep(Duration::from_millis(300));
    first.kill().unwrap();
    first.wait().unwrap();
    let (output, told) = end(second);
    assert!(output.status.success(), "{told}");
    assert!(results(&out.join("tiny")) == reference(folder.path(), &study));
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_program_after_its_step_and_it_goes_on_from_there() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), &one_long_epoch());
    let out = folder.path().join("stopped");
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let now = SystemTime::now();
        let child = start(&study, &out);
        // A run writes one when it's taken up.
        wait_for(&out, "checkpoint.safetensors", now);
        std::thread::sleep(Duration::from_millis(700));
        let kill = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        let (output, told) = end(child);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert_eq!(told.matches("the same command goes on").count(), 1, "{told}");
    }
    assert!(end(start(&study, &out)).0.status.success());
    let undisturbed = reference(folder.path(), &study);
    assert!(results(&out.join("tiny")) == undisturbed);
}

#[cfg(unix)]
fn terminate(child: &Child) {
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
}

/// A run that goes on with other vectors agrees with no run made with one kind of them: that's told, and both are on record.
#[cfg(unix)]
#[test]
fn a_run_that_goes_on_with_other_vectors_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), &one_long_epoch());
    let out = folder.path().join("mixed");
    let child = start_with(&study, &out, &[("EQUISPLIT_SIMD", "portable")]);
    let run = wait_for(&out, "checkpoint.safetensors", SystemTime::UNIX_EPOCH);
    terminate(&child);
    end(child);
    let (output, told) = end(start(&study, &out));
    assert!(output.status.success(), "{told}");
    let result = std::fs::read(run.join("result.json")).unwrap();
    let result: serde_json::Value = serde_json::from_slice(&result).unwrap();
    let makers = result["provenance"]["makers"].as_array().unwrap();
    let vectors: Vec<&str> = makers.iter().map(|maker| maker["instructions"].as_str().unwrap()).collect();
    match vectors[..] {
        [first, second] => {
            assert_ne!(first, second);
            let note = format!("begun on {first}, goes on on {second}");
            assert!(told.contains(&note), "{told}");
        }
        // A processor with no other vectors than the portable ones.
        _ => assert!(!told.contains("goes on on"), "{told}"),
    }
}

#[cfg(unix)]
#[test]
fn who_waits_for_a_store_says_so_and_stops_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), TINY);
    let out = folder.path().join("held");
    std::fs::create_dir_all(out.join("tiny")).unwrap();
    let lock = std::fs::File::create(out.join("tiny/.lock")).unwrap();
    lock.lock().unwrap();
    let mut child = start(&study, &out);
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let waiting = lines.find(|line| line.starts_with("waiting for another process that is writing to "));
    assert!(waiting.is_some_and(|line| line.ends_with("held/tiny")));
    let begun = Instant::now();
    terminate(&child);
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(143));
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert!(!out.join("tiny/study.json").exists());
}

#[test]
fn a_record_that_goes_away_meanwhile_is_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), &one_long_epoch());
    let out = folder.path().join("robbed");
    let child = start(&study, &out);
    wait_for(&out, "checkpoint.safetensors", SystemTime::UNIX_EPOCH);
    std::fs::remove_file(out.join("tiny/study.json")).unwrap();
    let (output, told) = end(child);
    assert!(output.status.success(), "{told}");
    crate::common::equisplit().args(["show", out.join("tiny").to_str().unwrap()]).assert().success();
}

/// A run that was stopped within an epoch starts where it was.
#[cfg(unix)]
#[test]
fn a_checkpoint_within_an_epoch_holds_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), &one_long_epoch());
    let out = folder.path().join("stopped");
    let child = start(&study, &out);
    let path = wait_for(&out, "checkpoint.safetensors", SystemTime::UNIX_EPOCH);
    std::thread::sleep(Duration::from_millis(700));
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    end(child);
    let checkpoint = equisplit::train::Checkpoint::read(&path.join("checkpoint.safetensors")).unwrap();
    let within = checkpoint.begun.batches > 0 && checkpoint.epoch == 0;
    assert!(within || path.join("result.json").exists(), "{:?}", checkpoint.begun);
    assert_eq!(checkpoint.steps as usize, checkpoint.begun.batches + checkpoint.epoch * 4000usize.div_ceil(32));
}
