//! `equisplit check` and `run` on stores: of images that no turned grid fits, of other images, with weights gone wrong.

use std::path::{Path, PathBuf};

use crate::common::{TINY, equisplit, failure, study_file};
use crate::data_support::{idx_images, idx_labels, write};
use candle_core::Tensor;
use equisplit::train::Checkpoint;

/// Noise as IDX files; `seed` makes other noise.
fn images(folder: &Path, [height, width]: [u32; 2], seed: u32) -> PathBuf {
    let folder = folder.join(format!("images-{height}-{width}-{seed}"));
    std::fs::create_dir(&folder).unwrap();
    for prefix in ["train", "t10k"] {
        let pixels = (0..32 * height * width).map(|i| ((i + seed).wrapping_mul(2_654_435_761) >> 24) as u8);
        let labels: Vec<u8> = (0..32).map(|i| i % 10).collect();
        let pixels: Vec<u8> = pixels.collect();
        write(&folder, &format!("{prefix}-images-idx3-ubyte"), &idx_images(32, height, width, &pixels));
        write(&folder, &format!("{prefix}-labels-idx1-ubyte"), &idx_labels(&labels));
    }
    folder
}

/// One epoch of the tiny study's plain net and p4 on such images.
fn study(folder: &Path) -> String {
    let file = "[data]\nsource = \"mnist\"\ntrain = 32\ntest = 32\n\n[training]\nepochs = 1\n\n";
    let arms = "[[arm]]\nname = \"z2\"\nwidth = 3\n\n[[arm]]\nname = \"p4\"\nwidth = 3\n";
    study_file(folder, &format!("name = \"tiny\"\nbaseline = \"z2\"\ntarget = \"p4\"\nseeds = 1\n\n{file}{arms}"))
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Exit code, standard output and standard error.
fn told(args: &[&str]) -> (i32, String, String) {
    let output = equisplit().args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn sizes_that_break_equivariance_are_told_before_the_run_and_by_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let data = images(folder.path(), [29, 29], 0);
    let out = folder.path().join("out");
    let study = study(folder.path());
    let run = ["run", &study, "--data", path(&data), "--out", path(&out)];
    let warning = "warning: p4 can't be equivariant: pool2: 2×2 pool, stride 2: of 25×25 pixels";
    for args in [[&run[..], &["--dry-run"]].concat(), run.to_vec()] {
        let (code, _, error) = told(&args);
        assert!(code == 0 && error.contains(warning) && error.contains("use an input of 28×28 or 30×30"), "{error}");
        assert!(!error.contains("z2 can't"), "z2 claims nothing: {error}");
    }
    let store = out.join("tiny");
    // With its own images or without: the networks are built for the size that the store was made with.
    for data in [vec![], vec!["--data", path(&data)]] {
        let (code, text, error) = told(&[vec!["check", "--store", path(&store), "--arm", "p4"], data.clone()].concat());
        assert!(code == 1 && text.contains("p4: NOT equivariant: pool2.\n"), "{text}");
        assert_eq!(error.contains("note: without --data, random images stand for"), data.is_empty());
    }
    let other = images(folder.path(), [29, 29], 7);
    let refused = failure(&["check", "--store", path(&store), "--data", path(&other)]);
    assert!(refused.contains("the store's runs were made with"), "{refused}");
}

#[test]
fn sizes_that_no_network_takes_are_told_with_one_that_fits() {
    let small = failure(&["check", "--arm", "p4", "--size", "27"]);
    assert!(small.contains("conv7: 3×3 pixels are too few; ") && small.contains("use an input of 28×28"), "{small}");
    let folder = tempfile::tempdir().unwrap();
    let data = images(folder.path(), [28, 30], 0);
    let oblong = failure(&["check", &study(folder.path()), "--data", path(&data)]);
    assert!(oblong.contains("28×30 pixels aren't square") && oblong.contains("use an input of 28×28"), "{oblong}");
}

/// Runs the tiny study with one seed and returns its store.
fn tiny(folder: &Path) -> PathBuf {
    let study = study_file(folder, &TINY.replace("seeds = 2", "seeds = 1"));
    let out = folder.join("out");
    equisplit().args(["run", &study, "--out", path(&out)]).assert().success();
    out.join("tiny")
}

#[test]
fn weights_that_are_no_numbers_do_not_pass() {
    let folder = tempfile::tempdir().unwrap();
    let store = tiny(folder.path());
    let file = store.join("p4/seed-0/checkpoint.safetensors");
    let mut checkpoint = Checkpoint::read(&file).unwrap();
    let weight = checkpoint.tensors.get_mut("conv1.weight").unwrap();
    *weight = Tensor::full(f32::NAN, weight.shape(), weight.device()).unwrap();
    checkpoint.write(&file).unwrap();
    let (code, text, _) = told(&["check", "--store", path(&store), "--arm", "p4"]);
    assert!(code == 1 && text.contains("BROKEN") && text.contains("isn't finite"), "{text}");
}

#[test]
fn a_checkpoint_of_another_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = tiny(folder.path());
    std::fs::copy(
        store.join("scrambled/seed-0/checkpoint.safetensors"),
        store.join("p4/seed-0/checkpoint.safetensors"),
    )
    .unwrap();
    let refused = failure(&["check", "--store", path(&store), "--arm", "p4"]);
    assert!(refused.contains("p4/seed-0: the checkpoint is of another run"), "{refused}");
}
