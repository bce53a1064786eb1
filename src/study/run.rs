//! A run of a study, and how far it is.

use std::path::Path;

use super::run_folder::{RunFolder, RunState};
use super::{Arm, Outcome, Purpose, RunConfig, RunResult};
use crate::error::{Error, Result};
use crate::text;
use crate::train::Checkpoint;

/// A run of a study, made or not.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its arm.
    pub arm: Arm,
    /// All that determines it.
    pub config: RunConfig,
    /// Its files.
    pub folder: RunFolder,
    /// How far it is.
    pub state: RunState,
}

impl Run {
    /// What it's called where people read it.
    pub fn label(&self) -> String {
        match self.config.purpose {
            Purpose::TestSet { .. } => format!("{} seed {}", self.arm.id(), self.config.seed),
            Purpose::HeldOut { .. } => {
                let trial = self.folder.path().parent().and_then(Path::file_name).unwrap_or_default();
                format!("{} {}", self.arm.id(), trial.to_string_lossy())
            }
        }
    }

    /// Whether it has to be made.
    pub fn is_pending(&self) -> bool {
        !matches!(self.state, RunState::Ended(_))
    }

    /// Epochs that were trained.
    pub fn epochs_done(&self) -> usize {
        match &self.state {
            RunState::Missing | RunState::Damaged(_) => 0,
            RunState::Begun { epochs, .. } => *epochs,
            RunState::Ended(result) => result.epochs,
        }
    }

    /// Its result, if it has ended.
    pub fn result(&self) -> Option<&RunResult> {
        match &self.state {
            RunState::Ended(result) => Some(result),
            _ => None,
        }
    }

    /// Error on the test set, if it's finished.
    pub fn test_error(&self) -> Option<f64> {
        match self.result()?.outcome {
            Outcome::Finished { test_error, .. } => Some(test_error),
            _ => None,
        }
    }

    /// Which run failed and why, if it did.
    pub fn failure(&self) -> Option<String> {
        match &self.result()?.outcome {
            Outcome::Failed { reason } => Some(format!("{}: {}", self.label(), text::line(reason))),
            _ => None,
        }
    }
}

/// The first finished run of an arm that has a checkpoint; where none has, the first one that does.
///
/// # Errors
/// When a checkpoint can't be read or is of another run.
pub fn first_trained<'a>(arm: &Arm, runs: &'a [Run]) -> Result<Option<(&'a Run, Checkpoint)>> {
    let (finished, others): (Vec<&Run>, Vec<&Run>) =
        runs.iter().filter(|run| run.arm == *arm).partition(|run| run.test_error().is_some());
    for run in finished.into_iter().chain(others) {
        let Some(checkpoint) = run.folder.checkpoint()? else { continue };
        if checkpoint.run != run.config.hash()? {
            return Err(Error::content(run.folder.path(), "the checkpoint is of another run"));
        }
        return Ok(Some((run, checkpoint)));
    }
    Ok(None)
}
