//! Simulated studies as a run store keeps them.

use std::path::Path;

use equisplit::files::write_json;
use equisplit::model::InputShape;
use equisplit::stats::attribution::ArmResults;
use equisplit::study::{DataRecord, Outcome, Record, RunResult, SCHEMA_VERSION, Store, StudyFile};
use equisplit::train::DeviceKind;
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
            let folder = store.folder().join(&arm.name).join(format!("seed-{}", run.seed));
            write_json(&folder.join("config.json"), &record.run_config(arm, run.seed))?;
            let predictions = record.test_labels.iter().zip(&run.wrong);
            let outcome = Outcome::Finished {
                test_error: run.test_error(),
                predictions: predictions.map(|(label, wrong)| (label + u8::from(*wrong)) % 10).collect(),
            };
            let result = RunResult {
                schema_version: SCHEMA_VERSION,
                crate_version: record.crate_version.clone(),
                arm: arm.name.clone(),
                seed: run.seed,
                epochs: record.study.training.epochs,
                seconds: 1.0,
                outcome,
            };
            write_json(&folder.join("result.json"), &result)?;
        }
    }
    Ok(Store::open(store.folder())?.finished_runs()?.1)
}

fn record(arms: &[ArmResults], out: &Path) -> Result<Record> {
    let file = out.join("study.toml");
    std::fs::write(&file, STUDY).map_err(|e| Error::content(&file, e.to_string()))?;
    let mut study = StudyFile::read(&file)?.resolve(InputShape { channels: 1, size: [28, 28], classes: 10 })?;
    let runs = arms.first().map_or(&[][..], |arm| &arm.seeds);
    study.seeds = runs.iter().map(|run| run.seed).collect();
    let test = runs.first().map_or(0, |run| run.wrong.len());
    Ok(Record {
        schema_version: SCHEMA_VERSION,
        crate_version: env!("CARGO_PKG_VERSION").to_owned(),
        study,
        data: DataRecord { name: "simulated".to_owned(), fingerprint: String::new(), train: 0, test },
        device: DeviceKind::Cpu,
        test_labels: (0..10).cycle().take(test).collect(),
    })
}
