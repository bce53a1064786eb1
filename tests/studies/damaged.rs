//! Stores that something damaged: it's told, made anew, and nothing of it is lost.

use std::collections::HashMap;

use crate::common::{TINY, equisplit, results, study_file};
use crate::store_support::Made;
use equisplit::train::Checkpoint;
use safetensors::SafeTensors;
use serde_json::{Value, json};

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
