//! The files of one run.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::lock::Lock;
use super::record::SCHEMA_VERSION;
use super::{EquivarianceRecord, RunConfig, RunResult};
use crate::error::{Error, Result};
use crate::files;
use crate::train::{Checkpoint, EpochMetrics};

const EQUIVARIANCE: &str = "equivariance.json";

/// The folder of a run. Every file is written whole and renamed, so that a crash loses at most the epoch it falls in.
#[derive(Clone, Debug)]
pub struct RunFolder {
    folder: PathBuf,
}

/// How far a run is.
#[derive(Clone, Debug, PartialEq)]
pub enum RunState {
    /// Nothing is there.
    Missing,
    /// It hasn't ended.
    Begun {
        /// Epochs that were trained.
        epochs: usize,
        /// Whether a process is at it now.
        under_way: bool,
    },
    /// It has ended, well or not.
    Ended(Box<RunResult>),
    /// Its files can't be read; why. It can be made anew.
    Damaged(String),
}

impl RunFolder {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// How far the run of `config` is.
    ///
    /// # Errors
    /// When the folder has a run of another configuration, or of a version of the store that this program doesn't know.
    pub fn state(&self, config: &RunConfig) -> Result<RunState> {
        let state = match (self.read::<RunConfig>("config.json")?, self.read::<RunResult>("result.json")?) {
            (Read::Damaged(why), _) | (_, Read::Damaged(why)) => return Ok(RunState::Damaged(why)),
            (Read::Missing, Read::Missing) => return Ok(RunState::Missing),
            (Read::Missing, Read::Done(_)) => {
                return Ok(RunState::Damaged(format!("{} is missing", self.file("config.json").display())));
            }
            (Read::Done(found), _) if found != *config => return Err(self.foreign(&found, config)),
            (Read::Done(_), Read::Missing) => {
                let epochs = self.all_metrics().map_or(0, |metrics| metrics.len());
                RunState::Begun { epochs, under_way: Lock::is_held(&self.folder) }
            }
            (Read::Done(_), Read::Done(result)) if result.config != config.hash()? => {
                RunState::Damaged(format!("{} is of another configuration", self.file("result.json").display()))
            }
            (Read::Done(_), Read::Done(result)) => match self.metrics(result.epochs) {
                Ok(_) => RunState::Ended(Box::new(result)),
                Err(error) => RunState::Damaged(error.to_string()),
            },
        };
        Ok(state)
    }

    fn foreign(&self, found: &RunConfig, wanted: &RunConfig) -> Error {
        let differences = found.differences(wanted).join(", ");
        let message = format!(
            "made with another configuration ({differences}); use another --out or another study name, or delete the folder"
        );
        Error::content(&self.folder, message)
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Read<T>> {
        let path = self.file(name);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Read::Missing),
            Err(e) => return Err(Error::io(&path, e)),
        };
        let damaged = |e: serde_json::Error| Read::Damaged(format!("{}: {e}", path.display()));
        let json: serde_json::Value = match serde_json::from_slice(&bytes) {
            Ok(json) => json,
            Err(e) => return Ok(damaged(e)),
        };
        if json.get("schema_version").is_none() {
            return Ok(Read::Damaged(format!("{}: no schema_version", path.display())));
        }
        check_version(&path, &json)?;
        Ok(serde_json::from_value(json).map_or_else(damaged, Read::Done))
    }

    /// The run's folder for this job alone; `None` while another process has it.
    pub(super) fn lock(&self) -> Result<Option<Lock>> {
        Lock::attempt(&self.folder)
    }

    /// Makes the folder ready for a run of `config`; the caller has it locked.
    pub(super) fn begin(&self, config: &RunConfig) -> Result<()> {
        files::remove_unfinished(&self.folder)?;
        for old in ["result.json", EQUIVARIANCE].map(|name| self.file(name)) {
            match std::fs::remove_file(&old) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(Error::io(&old, e)),
                _ => {}
            }
        }
        files::write_json(&self.file("config.json"), config)
    }

    /// The last checkpoint; `None` if there is none.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>> {
        let path = self.file("checkpoint.safetensors");
        if path.exists() { Checkpoint::read(&path).map(Some) } else { Ok(None) }
    }

    /// Whether weights are there to go on from.
    pub(super) fn has_checkpoint(&self) -> bool {
        self.file("checkpoint.safetensors").exists()
    }

    pub(super) fn write_checkpoint(&self, checkpoint: &Checkpoint) -> Result<()> {
        checkpoint.write(&self.file("checkpoint.safetensors"))
    }

    /// How equivariant the run became, if that was measured.
    ///
    /// # Errors
    /// When it can't be read, or is of a version of the store that this program doesn't know.
    pub fn equivariance(&self) -> Result<Option<EquivarianceRecord>> {
        Ok(match self.read(EQUIVARIANCE)? {
            Read::Done(record) => Some(record),
            // It can be measured anew.
            Read::Missing | Read::Damaged(_) => None,
        })
    }

    pub(super) fn write_equivariance(&self, record: &EquivarianceRecord) -> Result<()> {
        files::write_json(&self.file(EQUIVARIANCE), record)
    }

    /// The metrics of the first `epochs` epochs.
    ///
    /// # Errors
    /// When they aren't there or can't be read.
    pub fn metrics(&self, epochs: usize) -> Result<Vec<EpochMetrics>> {
        if epochs == 0 {
            return Ok(Vec::new());
        }
        let mut metrics = self.all_metrics()?;
        metrics.truncate(epochs);
        if metrics.iter().map(|m| m.epoch).eq(1..=epochs) {
            return Ok(metrics);
        }
        Err(Error::content(self.file("metrics.jsonl"), format!("doesn't have the epochs 1 to {epochs}")))
    }

    fn all_metrics(&self) -> Result<Vec<EpochMetrics>> {
        let path = self.file("metrics.jsonl");
        if !path.exists() {
            return Ok(Vec::new());
        }
        let bytes = files::read(&path)?;
        let text = String::from_utf8_lossy(&bytes);
        let parse = |line| serde_json::from_str(line).map_err(|e| Error::content(&path, e.to_string()));
        text.lines().map(parse).collect()
    }

    pub(super) fn write_metrics(&self, metrics: &[EpochMetrics]) -> Result<()> {
        files::write_whole(&self.file("metrics.jsonl"), |out| {
            for epoch in metrics {
                serde_json::to_writer(&mut *out, epoch)?;
                writeln!(out)?;
            }
            Ok(())
        })
    }

    pub(super) fn write_result(&self, result: &RunResult) -> Result<()> {
        files::write_whole(&self.file("result.json"), |out| {
            serde_json::to_writer(&mut *out, result)?;
            writeln!(out)
        })
    }
}

/// What reading a file gave.
enum Read<T> {
    Missing,
    Damaged(String),
    Done(T),
}

/// Refuses files of a version that this program doesn't know.
pub(super) fn check_version(path: &Path, json: &serde_json::Value) -> Result<()> {
    let message = match json.get("schema_version").and_then(serde_json::Value::as_u64) {
        Some(version) if version == u64::from(SCHEMA_VERSION) => return Ok(()),
        Some(version) if version < u64::from(SCHEMA_VERSION) => format!(
            "of an older equisplit (schema version {version}, now {SCHEMA_VERSION}), whose runs can't be compared; use another --out"
        ),
        Some(version) => {
            format!("written by a newer equisplit (schema version {version}, this one knows {SCHEMA_VERSION})")
        }
        None => "no schema_version: not a file of equisplit's".to_owned(),
    };
    Err(Error::content(path, message))
}
