//! Simulated studies as a run store keeps them.

use std::path::Path;

use equisplit::files::{write_json, write_own};
use equisplit::model::InputShape;
use equisplit::stats::attribution::{ArmResults, SeedResult};
use equisplit::study::{
    Arm, DataRecord, Mistakes, Outcome, Provenance, Record, RunResult, SCHEMA_VERSION, Store, StudyFile,
};
use equisplit::train::{DeviceKind, EpochMetrics, Maker, Past};
use equisplit::{Error, Result};

const STUDY: &str = r#"
name = "simulated"
baseline = "baseline"
target = "target"
seeds = 1
data = { source = "builtin" }

[[arm]]
name = "baseline"
preset = "z2"
match = "target"

[[arm]]
name = "control"
preset = "scrambled"

[[arm]]
name = "target"
preset = "p4"
"#;

/// Writes the runs to a store in the empty folder `out`, and gives back what its reader makes of them.
pub fn write_and_read(arms: &[ArmResults], out: &Path) -> Result<Vec<ArmResults>> {
    let record = record(arms, out)?;
    let store = Store::new(out, &record.study.name);
    store.begin(&record)?;
    for (arm, results) in record.study.arms.iter().zip(arms) {
        for run in &results.seeds {
            write_run(&store, &record, arm, run)?;
        }
    }
    let (_, mut cells) = Store::open(store.folder())?.finished_runs()?;
    cells.pop().ok_or_else(|| Error::invalid("a study without a grid has one cell"))
}

/// Writes one run as if it had been trained.
pub fn write_run(store: &Store, record: &Record, arm: &Arm, run: &SeedResult) -> Result<()> {
    let folder = store.folder().join(arm.id()).join(format!("seed-{}", run.seed));
    let config = record.run_config(arm, None, run.seed);
    write_json(&folder.join("config.json"), &config)?;
    let labels = &record.test_labels;
    let predictions = labels.iter().zip(&run.wrong).map(|(label, wrong)| (label + u16::from(*wrong)) % 10);
    let mistakes = Mistakes::of(&predictions.collect::<Vec<_>>(), labels);
    let result = RunResult {
        schema_version: SCHEMA_VERSION,
        arm: arm.id(),
        seed: run.seed,
        config: config.hash()?,
        epochs: config.training.epochs,
        provenance: Provenance { past: Past::default(), peak_memory: None },
        outcome: Outcome::Finished { test_error: run.test_error(), mistakes },
    };
    let epoch = |epoch| EpochMetrics {
        epoch,
        learning_rate: 0.0,
        train_loss: 0.0,
        train_error: 0.0,
        test_error: None,
        seconds: 0.0,
    };
    let metrics: Vec<EpochMetrics> = (1..=config.training.epochs).map(epoch).collect();
    write_own(&folder.join("metrics.jsonl"), |out| {
        metrics.iter().try_for_each(|epoch| Ok(writeln!(out, "{}", serde_json::to_string(epoch)?)?))
    })?;
    write_json(&folder.join("result.json"), &result)
}

fn record(arms: &[ArmResults], out: &Path) -> Result<Record> {
    let runs = arms.first().map_or(&[][..], |arm| &arm.seeds);
    let mut record = record_of(STUDY, runs.first().map_or(0, |run| run.wrong.len()), out)?;
    record.study.seeds = runs.iter().map(|run| run.seed).collect();
    Ok(record)
}

/// The record of a study of simulated data, whose file it leaves in `out`.
pub fn record_of(study: &str, test: usize, out: &Path) -> Result<Record> {
    let file = out.join("study.toml");
    std::fs::write(&file, study).map_err(|e| Error::content(&file, e.to_string()))?;
    Ok(Record {
        schema_version: SCHEMA_VERSION,
        maker: Maker::here(DeviceKind::Cpu, 1, 1),
        study: StudyFile::read(&file)?.resolve(InputShape::DIGITS, None)?,
        data: DataRecord { name: "simulated".to_owned(), fingerprint: String::new(), train: 0, test },
        source: None,
        input: None,
        device: DeviceKind::Cpu,
        test_labels: (0..10).cycle().take(test).collect(),
    })
}
