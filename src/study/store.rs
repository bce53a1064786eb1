//! The folder that keeps a study's results: `<out>/<study>/<arm>/seed-N/`.

use std::path::{Path, PathBuf};

use super::record::{Outcome, SCHEMA_VERSION};
use super::{Arm, Record, RunConfig, RunResult, Study};
use crate::error::{Error, Result};
use crate::files;
use crate::stats::attribution::{ArmResults, Attribution, SeedResult, attribute};
use crate::train::{Checkpoint, EpochMetrics};

/// The store of one study. Every file is written whole and renamed, so that a crash loses at most the epoch it falls in.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// The files of one run.
pub(super) struct RunFolder {
    folder: PathBuf,
}

impl Store {
    /// The store of the study called `name` under `out`.
    pub fn new(out: &Path, name: &str) -> Self {
        Self { folder: out.join(name) }
    }

    /// An existing store.
    ///
    /// # Errors
    /// When the folder isn't a store.
    pub fn open(folder: &Path) -> Result<Self> {
        let store = Self { folder: folder.to_owned() };
        if !store.record_path().is_file() {
            let message = "not the store of a study: it has no study.json (a store is <out>/<name of the study>)";
            return Err(Error::content(folder, message));
        }
        Ok(store)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn record_path(&self) -> PathBuf {
        self.folder.join("study.json")
    }

    /// What the store says of its study; `None` in a new store.
    ///
    /// # Errors
    /// When the record can't be read or is of a newer version.
    pub fn record(&self) -> Result<Option<Record>> {
        let path = self.record_path();
        if !path.exists() {
            return Ok(None);
        }
        let json: serde_json::Value = files::read_json(&path)?;
        check_version(&path, &json)?;
        serde_json::from_value(json).map(Some).map_err(|e| Error::content(&path, e.to_string()))
    }

    /// Checks that the store's runs were made with the images of `record`.
    ///
    /// # Errors
    /// When they weren't, or the store can't be read.
    pub fn check(&self, record: &Record) -> Result<()> {
        if let Some(old) = self.record()?
            && (&old.data, &old.test_labels) != (&record.data, &record.test_labels)
        {
            let (old, new) = (&old.data, &record.data);
            let name = |data: &super::DataRecord| {
                let start: String = data.fingerprint.chars().take(12).collect();
                format!("{} ({}/{} images, {start})", data.name, data.train, data.test)
            };
            let message = format!(
                "the runs here were made with {}, not with {}; use another --out or another study name",
                name(old),
                name(new)
            );
            return Err(Error::content(&self.folder, message));
        }
        Ok(())
    }

    /// Takes down the study that is about to run.
    ///
    /// # Errors
    /// When the store can't be written.
    pub fn begin(&self, record: &Record) -> Result<()> {
        files::remove_unfinished(&self.folder)?;
        files::write_json(&self.record_path(), record)
    }

    pub(super) fn run_folder(&self, arm: &str, seed: u64) -> RunFolder {
        RunFolder { folder: self.folder.join(arm).join(format!("seed-{seed}")) }
    }

    /// Attributes the gain from the finished runs, and writes `attribution.json` beside them.
    ///
    /// # Errors
    /// When a record can't be read, or the attribution not be written.
    pub fn attribute(&self) -> Result<Attribution> {
        let (Study { name, baseline, target, ladder, .. }, arms) = self.finished_runs()?;
        let attribution = attribute(&name, &baseline, &target, &ladder, &arms)?;
        files::write_json(&self.folder.join("attribution.json"), &attribution)?;
        Ok(attribution)
    }

    /// The study, and the finished runs of all its arms.
    ///
    /// # Errors
    /// When a record can't be read.
    pub fn finished_runs(&self) -> Result<(Study, Vec<ArmResults>)> {
        let Some(record) = self.record()? else {
            return Err(Error::content(&self.folder, "no study has been run here"));
        };
        let study = &record.study;
        let arms = study.arms.iter().map(|arm| {
            let seeds = study.seeds.iter().filter_map(|&seed| self.seed_result(&record, arm, seed).transpose());
            Ok(ArmResults {
                name: arm.name.clone(),
                bank: arm.net.bank.name().to_owned(),
                budget: arm.budget,
                seeds: seeds.collect::<Result<_>>()?,
            })
        });
        let arms = arms.collect::<Result<Vec<_>>>()?;
        Ok((record.study, arms))
    }

    fn seed_result(&self, record: &Record, arm: &Arm, seed: u64) -> Result<Option<SeedResult>> {
        let run = self.run_folder(&arm.name, seed);
        if !run.is_done(&record.run_config(arm, seed))? {
            return Ok(None);
        }
        let Some(RunResult { outcome: Outcome::Finished { predictions, .. }, .. }) = run.result()? else {
            return Ok(None);
        };
        let labels = &record.test_labels;
        if predictions.len() != labels.len() {
            let message = format!("{} predictions, but the store has {} labels", predictions.len(), labels.len());
            return Err(Error::content(run.path("result.json"), message));
        }
        let wrong = predictions.iter().zip(labels).map(|(prediction, label)| prediction != label).collect();
        Ok(Some(SeedResult { seed, wrong }))
    }
}

/// Refuses files of a version that this program doesn't know.
fn check_version(path: &Path, json: &serde_json::Value) -> Result<()> {
    match json.get("schema_version").and_then(serde_json::Value::as_u64) {
        Some(version) if version == u64::from(SCHEMA_VERSION) => Ok(()),
        Some(version) if version < u64::from(SCHEMA_VERSION) => Err(Error::content(
            path,
            format!(
                "of an older equisplit (schema version {version}, now {SCHEMA_VERSION}), whose runs can't be compared; use another --out"
            ),
        )),
        Some(version) => Err(Error::content(
            path,
            format!("written by a newer equisplit (schema version {version}, this one knows {SCHEMA_VERSION})"),
        )),
        None => Err(Error::content(path, "no schema_version: not a file of equisplit's")),
    }
}

impl RunFolder {
    pub fn path(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    fn read<T: serde::de::DeserializeOwned>(&self, file: &str) -> Result<Option<T>> {
        let path = self.path(file);
        if !path.exists() {
            return Ok(None);
        }
        let json: serde_json::Value = files::read_json(&path)?;
        check_version(&path, &json)?;
        serde_json::from_value(json).map(Some).map_err(|e| Error::content(&path, e.to_string()))
    }

    /// How the run ended; `None` while it hasn't.
    pub fn result(&self) -> Result<Option<RunResult>> {
        self.read("result.json")
    }

    /// Whether the run of `config` has ended; runs of another configuration are refused.
    pub fn is_done(&self, config: &RunConfig) -> Result<bool> {
        let done = self.result()?.is_some();
        match self.read::<RunConfig>("config.json")? {
            Some(old) => match old.difference(config) {
                Some(difference) => {
                    let message =
                        format!("made with another configuration ({difference}); use another --out or delete it");
                    Err(Error::content(&self.folder, message))
                }
                None => Ok(done),
            },
            None if done => {
                Err(Error::content(&self.folder, "has a result, but no config.json that says of what; delete it"))
            }
            None => Ok(false),
        }
    }

    /// Makes the folder ready for a run of `config`.
    pub fn begin(&self, config: &RunConfig) -> Result<()> {
        files::remove_unfinished(&self.folder)?;
        files::write_json(&self.path("config.json"), config)
    }

    /// The last checkpoint; `None` if there is none.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>> {
        let path = self.path("checkpoint.safetensors");
        if path.exists() { Checkpoint::read(&path).map(Some) } else { Ok(None) }
    }

    pub fn write_checkpoint(&self, checkpoint: &Checkpoint) -> Result<()> {
        checkpoint.write(&self.path("checkpoint.safetensors"))
    }

    /// The metrics of the first `epochs` epochs.
    pub fn metrics(&self, epochs: usize) -> Result<Vec<EpochMetrics>> {
        let path = self.path("metrics.jsonl");
        let bytes = files::read(&path)?;
        let text = String::from_utf8_lossy(&bytes);
        let parse = |line| serde_json::from_str(line).map_err(|e| Error::content(&path, e.to_string()));
        let metrics: Vec<EpochMetrics> = text.lines().take(epochs).map(parse).collect::<Result<_>>()?;
        if metrics.iter().map(|m| m.epoch).eq(1..=epochs) {
            return Ok(metrics);
        }
        Err(Error::content(&path, format!("doesn't have the epochs 1 to {epochs}")))
    }

    pub fn write_metrics(&self, metrics: &[EpochMetrics]) -> Result<()> {
        files::write_whole(&self.path("metrics.jsonl"), |out| {
            for epoch in metrics {
                serde_json::to_writer(&mut *out, epoch)?;
                writeln!(out)?;
            }
            Ok(())
        })
    }

    pub fn write_result(&self, result: &RunResult) -> Result<()> {
        files::write_whole(&self.path("result.json"), |out| {
            serde_json::to_writer(&mut *out, result)?;
            writeln!(out)
        })
    }
}
