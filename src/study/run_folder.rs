//! The files of one run.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::lock::Lock;
use super::record::SCHEMA_VERSION;
use super::{Arm, EquivarianceRecord, RunConfig, RunResult};
use crate::error::{Error, Result};
use crate::files;
use crate::train::{Checkpoint, EpochMetrics};

const CONFIG: &str = "config.json";
const METRICS: &str = "metrics.jsonl";
const RESULT: &str = "result.json";
const EQUIVARIANCE: &str = "equivariance.json";
const CHECKPOINT: &str = "checkpoint.safetensors";

/// The folder of a run. Every file is written whole and renamed, so that a crash loses at most the epoch it falls in.
#[derive(Clone, Debug)]
pub struct RunFolder {
    /// The store's folder, which may be a link; nothing below it is.
    store: PathBuf,
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
    /// Its files aren't what was written; why. It can be made anew.
    Damaged(String),
}

impl RunState {
    /// The state of a run of `arm`: a result that says another arm is none of it.
    pub(super) fn of_arm(self, arm: &Arm) -> Self {
        match self {
            Self::Ended(result) if result.arm != arm.id() => {
                Self::Damaged(format!("its result says arm {:?}, but the run's is {:?}", result.arm, arm.id()))
            }
            state => state,
        }
    }
}

impl RunFolder {
    /// The folder of a run that the store in the folder `store` keeps at `place`.
    pub(super) fn new(store: &Path, place: impl AsRef<Path>) -> Self {
        Self { store: store.to_owned(), folder: store.join(place) }
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
    /// When the folder has a run of another configuration, or of a version of the store that this program doesn't know, and
    /// when a file can't be read: whether it's damaged isn't known then, and it may be readable later.
    pub fn state(&self, config: &RunConfig) -> Result<RunState> {
        let state = match (self.read::<RunConfig>(CONFIG)?, self.read::<RunResult>(RESULT)?) {
            (Read::Damaged(why), _) | (_, Read::Damaged(why)) => return Ok(RunState::Damaged(why)),
            (Read::Missing, Read::Missing) => return Ok(RunState::Missing),
            (Read::Missing, Read::Done(_)) => {
                return Ok(RunState::Damaged(format!("{} is missing", self.file(CONFIG).display())));
            }
            (Read::Done(found), _) if found != *config => return Err(self.foreign(&found, config)),
            (Read::Done(_), Read::Missing) => {
                let epochs = match self.all_metrics()? {
                    Read::Done(metrics) => metrics.len(),
                    Read::Missing | Read::Damaged(_) => 0,
                };
                RunState::Begun { epochs, under_way: Lock::is_held(&self.folder) }
            }
            (Read::Done(_), Read::Done(result)) if result.config != config.hash()? => {
                RunState::Damaged(format!("{} is of another configuration", self.file(RESULT).display()))
            }
            (Read::Done(_), Read::Done(result)) => match (result.fault(config), self.first_metrics(result.epochs)?) {
                (Some(fault), _) => RunState::Damaged(format!("{}: {fault}", self.file(RESULT).display())),
                (None, Err(why)) => RunState::Damaged(why),
                (None, Ok(_)) => RunState::Ended(Box::new(result)),
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
        let Some(bytes) = files::read_record_if_there(&path)? else { return Ok(Read::Missing) };
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
        self.refuse_links()?;
        Lock::attempt(&self.folder)
    }

    /// Refuses links on the way from the store to the folder: what is written into it would be written somewhere else.
    fn refuse_links(&self) -> Result<()> {
        let below = self.folder.ancestors().take_while(|folder| **folder != *self.store);
        below.collect::<Vec<_>>().into_iter().try_for_each(files::refuse_link)
    }

    /// Makes the folder ready for a run of `config`; the caller has it locked.
    pub(super) fn begin(&self, config: &RunConfig) -> Result<()> {
        files::remove_unfinished(&self.folder);
        files::write_json(&self.file(CONFIG), config)
    }

    /// Puts the records that a finished or damaged run left into a folder of their own within the run's, for someone may want
    /// or mend them; `None` where there are none. The checkpoint and the metrics stay as well, since the run may go on from
    /// them.
    pub(super) fn set_aside(&self, state: &RunState) -> Result<Option<PathBuf>> {
        if !matches!(state, RunState::Damaged(_)) && !self.file(EQUIVARIANCE).exists() {
            return Ok(None);
        }
        self.move_aside(&[CONFIG, RESULT, EQUIVARIANCE], &[METRICS]).map(Some)
    }

    /// The same of a checkpoint that no run can go on from, and the metrics of its epochs.
    pub(super) fn set_checkpoint_aside(&self) -> Result<PathBuf> {
        self.move_aside(&[CHECKPOINT, METRICS], &[])
    }

    fn move_aside(&self, moved: &[&str], copied: &[&str]) -> Result<PathBuf> {
        let aside =
            (1..).map(|n| self.file(&format!("set-aside-{n}"))).find(|folder| folder.symlink_metadata().is_err());
        let aside = aside.ok_or_else(|| Error::content(&self.folder, "has no name left to set files aside under"))?;
        std::fs::create_dir(&aside).map_err(|e| Error::io(&aside, e))?;
        for name in moved {
            let moved = std::fs::rename(self.file(name), aside.join(name));
            absent_is_fine(moved).map_err(|e| Error::io(self.file(name), e))?;
        }
        for name in copied {
            let copied = std::fs::copy(self.file(name), aside.join(name)).map(drop);
            absent_is_fine(copied).map_err(|e| Error::io(self.file(name), e))?;
        }
        Ok(aside)
    }

    /// The last checkpoint; `None` if there is none.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn checkpoint(&self) -> Result<Option<Checkpoint>> {
        match Checkpoint::read(&self.file(CHECKPOINT)) {
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some),
        }
    }

    /// Whether weights are there to go on from.
    pub(super) fn has_checkpoint(&self) -> bool {
        self.file(CHECKPOINT).exists()
    }

    pub(super) fn write_checkpoint(&self, checkpoint: &Checkpoint) -> Result<()> {
        checkpoint.write(&self.file(CHECKPOINT))
    }

    /// How equivariant the run became, if that was measured.
    ///
    /// # Errors
    /// When it can't be read, or is of a version of the store that this program doesn't know.
    pub fn equivariance(&self) -> Result<Option<EquivarianceRecord>> {
        let damaged = match self.read::<EquivarianceRecord>(EQUIVARIANCE)? {
            Read::Missing => return Ok(None),
            Read::Damaged(why) => why,
            Read::Done(record) => match record.fault() {
                None => return Ok(Some(record)),
                Some(fault) => format!("{}: {fault}", self.file(EQUIVARIANCE).display()),
            },
        };
        // It can be measured anew.
        log::warn!("damaged, and counts as not measured: {damaged}");
        Ok(None)
    }

    /// Takes down what was measured; what was measured otherwise before, or is damaged, is set aside.
    pub(super) fn write_equivariance(&self, record: &EquivarianceRecord) -> Result<()> {
        if self.file(EQUIVARIANCE).exists() {
            self.move_aside(&[EQUIVARIANCE], &[])?;
        }
        files::write_json(&self.file(EQUIVARIANCE), record)
    }

    /// The metrics of the first `epochs` epochs.
    ///
    /// # Errors
    /// When they aren't there or can't be read.
    pub fn metrics(&self, epochs: usize) -> Result<Vec<EpochMetrics>> {
        self.first_metrics(epochs)?.map_err(Error::invalid)
    }

    /// The same, or what is wrong with them.
    fn first_metrics(&self, epochs: usize) -> Result<std::result::Result<Vec<EpochMetrics>, String>> {
        if epochs == 0 {
            return Ok(Ok(Vec::new()));
        }
        Ok(match self.all_metrics()? {
            Read::Damaged(why) => Err(why),
            Read::Done(mut metrics) if metrics.iter().map(|m| m.epoch).take(epochs).eq(1..=epochs) => {
                metrics.truncate(epochs);
                Ok(metrics)
            }
            Read::Missing | Read::Done(_) => {
                Err(format!("{}: doesn't have the epochs 1 to {epochs}", self.file(METRICS).display()))
            }
        })
    }

    fn all_metrics(&self) -> Result<Read<Vec<EpochMetrics>>> {
        let path = self.file(METRICS);
        let Some(bytes) = files::read_record_if_there(&path)? else { return Ok(Read::Missing) };
        let text = String::from_utf8_lossy(&bytes);
        let damaged = |wrong: &dyn std::fmt::Display| Read::Damaged(format!("{}: {wrong}", path.display()));
        let metrics: Vec<EpochMetrics> = match text.lines().map(serde_json::from_str).collect() {
            Ok(metrics) => metrics,
            Err(e) => return Ok(damaged(&e)),
        };
        Ok(match metrics.iter().find_map(EpochMetrics::fault) {
            Some(fault) => damaged(&fault),
            None => Read::Done(metrics),
        })
    }

    pub(super) fn write_metrics(&self, metrics: &[EpochMetrics]) -> Result<()> {
        files::write_own(&self.file(METRICS), |out| {
            for epoch in metrics {
                serde_json::to_writer(&mut *out, epoch)?;
                writeln!(out)?;
            }
            Ok(())
        })
    }

    pub(super) fn write_result(&self, result: &RunResult) -> Result<()> {
        files::write_own(&self.file(RESULT), |out| {
            serde_json::to_writer(&mut *out, result)?;
            writeln!(out)
        })
    }
}

/// That a file isn't there is no error here.
fn absent_is_fine(done: std::io::Result<()>) -> std::io::Result<()> {
    match done {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        done => done,
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
