//! Training protocols in study files, keys that the command line gives otherwise, and runs that are taken up in their middle.

use std::path::Path;

use candle_core::Device;
use equisplit::data::builtin;
use equisplit::model::NetConfig;
use equisplit::train::{Checkpoint, EpochEnd, Trainer, TrainingConfig};

use crate::common::{TINY, equisplit, failure};

fn study(folder: &Path, text: &str) -> String {
    let path = folder.join("tiny.toml");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn run(args: &[&str]) -> String {
    let output = equisplit().args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn keys_of_the_command_line_are_those_of_the_study_that_is_run_and_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (study(folder.path(), TINY), folder.path().join("runs"));
    let out = out.to_str().unwrap();
    let sets = ["--set", "training.epochs=1", "--set", "seeds = 1", "--set", "arm.p4.dropout=0.25"];
    let base = ["run", &file, "--out", out, "--jobs", "1", "--threads", "1"];
    let more =
        ["--set", "training.schedule=cosine", "--set", "training.optimiser=sgd", "--set", "training.momentum=0.9"];
    run(&[&base[..], &sets[..], &more[..]].concat());
    let kept = std::fs::read_to_string(folder.path().join("runs/tiny/study.toml")).unwrap();
    for line in ["epochs = 1", "seeds = 1", "dropout = 0.25", "schedule = \"cosine\"", "momentum = 0.9"] {
        assert!(kept.lines().any(|kept| kept == line), "{kept}");
    }
    let record = std::fs::read_to_string(folder.path().join("runs/tiny/p4/seed-0/config.json")).unwrap();
    for key in ["\"epochs\": 1", "\"schedule\": \"cosine\"", "\"optimiser\": \"sgd\"", "\"dropout\": 0.25"] {
        assert!(record.contains(key), "{record}");
    }
    // The study as it was run makes the same runs: there's nothing left to do.
    let again = folder.path().join("runs/tiny/study.toml");
    run(&["run", again.to_str().unwrap(), "--out", out, "--jobs", "1", "--threads", "1"]);
    // Other settings don't get into the store.
    let error = failure(&base);
    assert!(error.contains("another configuration"), "{error}");
}

#[test]
fn what_is_wrong_with_a_key_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = study(folder.path(), TINY);
    let told = |set: &str| failure(&["params", &file, "--set", set]);
    let error = told("training.epoch=2");
    assert!(error.contains("with --set training.epoch=2") && error.contains("`epochs`"), "{error}");
    let error = told("training.epochs=0");
    assert!(error.contains("with --set training.epochs=0") && error.contains("at least 1"), "{error}");
    let error = told("arm.p5.width=3");
    assert!(error.contains("no arm is called \"p5\"; there are z2"), "{error}");
    assert!(told("training=3").contains("training is a table; name a key in it"));
    assert!(told("seeds.many=3").contains("seeds is no table"));
    // A line that is there twice is no place.
    let error = told("arm.scrambled.widths=[1]");
    assert!(error.contains("can't both be given (with --set") && !error.contains("tiny.toml:3"), "{error}");
    // What was wrong before is told with the file's own line.
    let wrong = study(folder.path(), &TINY.replace("batch = 32", "batch = -1"));
    let line = 1 + TINY.lines().position(|line| line == "batch = 32").unwrap();
    let error = failure(&["params", &wrong, "--set", "seeds=1"]);
    assert!(error.contains(&format!("tiny.toml:{line}: ")), "{error}");
    for set in ["training.epochs", "=3", "seeds=[1,", "seeds=1 2"] {
        let output = equisplit().args(["params", &file, "--set", set]).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{set}");
    }
}

#[test]
fn wrong_protocols_are_told_with_their_line() {
    let folder = tempfile::tempdir().unwrap();
    let told = |line: &str| {
        let text = TINY.replace("learning_rate = 0.005", line);
        let place = 1 + text.lines().position(|other| other == line).unwrap();
        (failure(&["params", &study(folder.path(), &text)]), format!("tiny.toml:{place}: "))
    };
    for (line, wrong) in [
        ("momentum = 0.9", "is for optimiser = \"sgd\" only"),
        ("milestones = [2]", "are for schedule = \"multistep\" only"),
        ("schedule = \"cosin\"", "`cosine`"),
        ("clip_norm = -1.0", "must be a finite number above 0"),
        ("warmup = 3", "must be less than the 3 epochs"),
        ("optimiser = \"rmsprop\"", "`adamw`"),
    ] {
        let (error, place) = told(line);
        assert!(error.contains(wrong) && error.contains(&place), "{line}: {error}");
    }
    let text =
        TINY.replace("augmentation = { rotate = true, flip = true }", "augmentation = [{ crop = { padding = 9999 } }]");
    let error = failure(&["params", &study(folder.path(), &text)]);
    assert!(error.contains("training.augmentation") && error.contains("padding = 9999"), "{error}");
}

#[test]
fn what_a_protocol_has_can_be_taken_away() {
    let of = |text: &str| {
        toml::from_str::<equisplit::study::TrainingFile>(text).unwrap().resolve(&TrainingConfig::default())
    };
    let cifar = of("protocol = \"repeatnet2021-cifar\"\nclip_norm = 0");
    assert_eq!((cifar.clip_norm, cifar.momentum), (None, 0.9));
    // An optimiser or schedule of one's own begins with its own keys.
    let adam = of("protocol = \"repeatnet2021-cifar\"\noptimiser = \"adam\"\nschedule = \"cosine\"");
    assert_eq!((adam.momentum, adam.decay, adam.milestones.len()), (0.0, 1.0, 0));
    adam.check().unwrap();
}

/// Weights and optimiser after some epochs, of which one is left and taken up from a file after so many steps.
fn trained(text: &str, stopped_after: Option<usize>) -> Vec<(String, Vec<f32>)> {
    let config: TrainingConfig =
        toml::from_str::<equisplit::study::TrainingFile>(text).unwrap().resolve(&TrainingConfig::default());
    let images = builtin::digits(0, 64, 1).unwrap().train;
    let net = NetConfig { widths: vec![3; 6], dropout: 0.2, ..NetConfig::preset("z2").unwrap() };
    let fresh = || Trainer::new(&net, &config, &images, 10, 5, &Device::Cpu).unwrap();
    let mut trainer = fresh();
    let mut steps = 0;
    while trainer.epoch() < config.epochs {
        let mut stop = || {
            steps += 1;
            Some(steps) == stopped_after
        };
        let end = trainer.train_epoch(&mut stop, &mut |_| {}).unwrap();
        if matches!(end, EpochEnd::Paused) {
            let file = tempfile::NamedTempFile::new().unwrap();
            trainer.checkpoint("run").write(file.path()).unwrap();
            trainer = fresh();
            trainer.resume(&Checkpoint::read(file.path()).unwrap(), "run").unwrap();
        }
    }
    let tensors = trainer.checkpoint("run").tensors;
    let mut all: Vec<_> = tensors
        .into_iter()
        .map(|(name, tensor)| (name, tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap()))
        .collect();
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}

#[test]
fn every_optimiser_and_schedule_goes_on_to_the_bit() {
    let common = "epochs = 3\nbatch = 16\nclip_norm = 0.5\nlabel_smoothing = 0.1\nweight_decay = 0.01\nwarmup = 1\n\
                  augmentation = [{ rotate = 20 }, { flip = \"horizontal\" }, { crop = { padding = 2 } }]\n";
    for own in [
        "optimiser = \"adamw\"\nschedule = \"cosine\"",
        "optimiser = \"sgd\"\nmomentum = 0.9\nnesterov = true\nlearning_rate = 0.05\nschedule = \"multistep\"\nmilestones = [1, 2]",
        "optimiser = \"adam\"\nl1 = 1e-4\ndecay_on = \"filters\"\ndecay = 0.5\ndecay_from = 2",
    ] {
        let text = format!("{common}{own}");
        let whole = trained(&text, None);
        for stopped_after in [1, 6] {
            assert!(trained(&text, Some(stopped_after)) == whole, "{own}, stopped after step {stopped_after}");
        }
    }
}
