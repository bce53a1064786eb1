//! `[equivariance]`: what a study records of every run, held against its own predictions and against the group.

use std::path::Path;

use crate::common::{TINY, equisplit, failure, study_file};
use equisplit::lab::LearnedEquivariance;
use equisplit::study::{EquivarianceRecord, Outcome, Run, Store};

const TABLE: &str = "[equivariance]\nimages = 40\nstep = 30\n\n[[arm]]";

fn asking() -> String {
    TINY.replacen("[[arm]]", TABLE, 1)
}

fn run(folder: &Path, text: &str) -> String {
    let (study, out) = (study_file(folder, text), folder.join("out"));
    let args = ["run", &study, "--out", out.to_str().unwrap(), "--jobs", "2", "--threads", "1"];
    let output = equisplit().args(args).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{told}");
    told
}

fn measured(folder: &Path) -> Vec<(Run, EquivarianceRecord)> {
    let store = Store::open(&folder.join("out/tiny")).unwrap();
    let runs = store.runs(&store.study().unwrap()).unwrap();
    let record = |run: &Run| run.folder.equivariance().unwrap().unwrap();
    runs.into_iter().map(|run| (run.clone(), record(&run))).collect()
}

#[test]
fn every_run_records_how_equivariant_it_is_and_what_turned_images_do() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &asking());
    let store = Store::open(&folder.path().join("out/tiny")).unwrap();
    let record = store.study().unwrap();
    let runs = measured(folder.path());
    assert_eq!(runs.len(), 8);
    for (run, EquivarianceRecord { learned, .. }) in &runs {
        let Outcome::Finished { mistakes, .. } = &run.result().unwrap().outcome else { panic!("not finished") };
        // The images as they are, by the mistakes that the result has.
        let wrong = mistakes.wrong(&record.test_set()).unwrap().into_iter().take(40).filter(|&wrong| wrong).count();
        assert_eq!(learned.angles[0].error, wrong as f64 / 40.0, "{}", run.label());
        assert_eq!((learned.turned_images, learned.group.as_str()), (40, "C4"));
        let angles: Vec<u32> = learned.angles.iter().map(|at| at.angle).collect();
        assert_eq!(angles, (0..360).step_by(30).collect::<Vec<_>>());
        let errors = learned.layers.iter().flat_map(|layer| [layer.new.image_error, layer.trained.image_error]);
        let errors: Vec<f64> = errors.flatten().collect();
        assert!(errors.len() > 20);
        let quarters = learned.angles.iter().filter(|at| at.angle % 90 == 0).map(|at| at.scores);
        let turned = quarters.fold(0.0, f64::max);
        if run.arm.name == "p4" {
            assert!(errors.iter().all(|&error| error < 1e-5) && turned < 1e-5, "{errors:?} {turned}");
            assert!(learned.angles[1].scores > 1e-3);
        } else {
            assert!(errors.iter().all(|&error| error > 0.05) && turned > 1e-3, "{}: {errors:?} {turned}", run.label());
        }
    }
    let table = equisplit().args(["table", store.folder().to_str().unwrap()]).output().unwrap();
    let table = String::from_utf8(table.stdout).unwrap();
    for arm in ["z2", "p4"] {
        let changed = |learned: &LearnedEquivariance| learned.angles.iter().find(|at| at.angle == 90).unwrap().changed;
        let changed = runs.iter().filter(|(run, _)| run.arm.name == arm).map(|(_, record)| changed(&record.learned));
        let mean = 100.0 * changed.sum::<f64>() / 2.0;
        let row = table.lines().rfind(|line| line.starts_with(&format!("| {arm} | C4 | 2 |"))).unwrap();
        assert!(row.contains(&format!("| {mean:.1} ")), "{row}: {mean}");
        assert_eq!(row.contains("e-"), arm == "p4", "only p4's maps turn as the images do: {row}");
    }
    let figures = folder.path().join("figures");
    let args = ["figures", store.folder().to_str().unwrap(), "--out", figures.to_str().unwrap(), "--format", "svg"];
    equisplit().args(args).assert().success();
    for (name, text) in [("rotation.svg", "90°"), ("equivariance.svg", "Equivariance error")] {
        assert!(std::fs::read_to_string(figures.join(name)).unwrap().contains(text), "{name}");
    }
}

#[test]
fn finished_runs_are_measured_afterwards_and_not_trained_anew() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), TINY);
    let of_p4 = |name: &str| folder.path().join("out/tiny/p4/seed-0").join(name);
    let result = std::fs::read(of_p4("result.json")).unwrap();
    assert!(!of_p4("equivariance.json").exists());
    std::fs::remove_file(folder.path().join("out/tiny/p4/seed-1/checkpoint.safetensors")).unwrap();

    let told = run(folder.path(), &asking());
    assert!(told.contains("no runs left; the equivariance of 7 finished runs is to be measured"), "{told}");
    assert!(told.contains("; the equivariance of 1 finished run can't be measured: no checkpoint is left"), "{told}");
    assert_eq!(std::fs::read(of_p4("result.json")).unwrap(), result);
    let first = std::fs::read(of_p4("equivariance.json")).unwrap();

    // A damaged record is made anew, another question is asked anew, and the same one isn't.
    std::fs::write(of_p4("equivariance.json"), &first[..100]).unwrap();
    assert!(run(folder.path(), &asking()).contains("p4 seed 0: equivariance measured"));
    assert_eq!(std::fs::read(of_p4("equivariance.json")).unwrap(), first);
    assert!(!run(folder.path(), &asking()).contains("equivariance measured"));
    // With mirrors in the target, plain nets are held against them too, but those with a group of their own aren't.
    let ladder = "ladder = [\"z2\", \"scrambled\", \"p4\"]\n";
    let mirrors = asking().replace(ladder, "").replace("target = \"p4\"", "target = \"p4m\"");
    let told = run(folder.path(), &format!("{mirrors}\n[[arm]]\nname = \"p4m\"\nwidth = 2\n"));
    for (label, again) in
        [("z2 seed 0", true), ("repeat-mask seed 1", true), ("p4 seed 0", false), ("p4m seed 1", true)]
    {
        assert_eq!(told.contains(&format!("{label}: equivariance measured")), again, "{label}: {told}");
    }
    let finer = asking().replace("step = 30", "step = 15");
    assert!(run(folder.path(), &finer).contains("p4 seed 0: equivariance measured"));
}

#[test]
fn what_makes_no_sense_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let told = |table: &str| failure(&["run", &study_file(folder.path(), &asking().replacen(TABLE, table, 1))]);
    let zero = told("[equivariance]\nimages = 0\n[[arm]]");
    assert!(zero.contains("study.toml:20: equivariance.images = 0, but it must be at least 1"), "{zero}");
    for step in [0, 25, 180] {
        let message = told(&format!("[equivariance]\nstep = {step}\n[[arm]]"));
        let expected = format!("study.toml:20: equivariance.step = {step}, but it must divide 90 degrees");
        assert!(message.contains(&expected), "{message}");
    }
}
