//! What a run needs to go on, in one safetensors file.

use std::collections::HashMap;
use std::path::Path;

use candle_core::safetensors::Load;
use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use super::{EpochSums, Maker};
use crate::data::hash;
use crate::error::{Error, Result};
use crate::files;

/// Key of [`Progress`] in the file's metadata. One key, because the order of several would change from write to write.
const METADATA_KEY: &str = "equisplit";

#[derive(Serialize, Deserialize)]
struct Progress {
    epoch: usize,
    begun: EpochSums,
    steps: u64,
    run: String,
    past: Past,
    /// SHA-256 of the tensors' bytes: a flipped bit would go on training unnoticed.
    sha256: String,
}

/// When and by what a run was made so far. It determines nothing, and differs between otherwise identical runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    /// When it was started (RFC 3339).
    pub started: String,
    /// Wall-clock time of all sittings, in seconds.
    pub seconds: f64,
    /// Wall-clock time of the epoch that has begun.
    pub epoch_seconds: f64,
    /// How often it was started or taken up.
    pub sittings: usize,
    /// What made it: a single one, unless it was taken up by another.
    pub makers: Vec<Maker>,
}

/// The state of a run after a step.
///
/// The weights are under their paths in the network; the optimiser's moments follow as `adam.first.*` and `adam.second.*`.
/// Generators need no state, since the streams of every epoch and step are named after it.
pub struct Checkpoint {
    /// Epochs that are done.
    pub epoch: usize,
    /// Where the next one is.
    pub begun: EpochSums,
    /// Optimiser steps that are done.
    pub steps: u64,
    /// Identifies the run: a checkpoint of another run is refused.
    pub run: String,
    /// When and by what it was made.
    pub past: Past,
    /// All tensors.
    pub tensors: HashMap<String, Tensor>,
}

impl Checkpoint {
    /// Writes the file whole.
    ///
    /// # Errors
    /// When the file can't be written; an older one is then still there.
    pub fn write(&self, path: &Path) -> Result<()> {
        let fail = |e: &dyn std::fmt::Display| Error::content(path, format!("can't be serialised: {e}"));
        let Self { epoch, begun, steps, run, past, .. } = self;
        let bare = safetensors::serialize(&self.tensors, None).map_err(|e| fail(&e))?;
        let (header, _) = SafeTensors::read_metadata(&bare).map_err(|e| fail(&e))?;
        let progress = Progress {
            epoch: *epoch,
            begun: *begun,
            steps: *steps,
            run: run.clone(),
            past: past.clone(),
            sha256: digest(&bare, header),
        };
        let progress = serde_json::to_string(&progress).map_err(|e| fail(&e))?;
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), progress)]);
        let bytes = safetensors::serialize(&self.tensors, Some(metadata)).map_err(|e| fail(&e))?;
        files::write_own(path, |out| out.write_all(&bytes))
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When it isn't there, is damaged, or isn't a checkpoint.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = files::read(path)?;
        let damaged = |e: String| Error::content(path, format!("not a checkpoint: {e}"));
        let (length, header) = SafeTensors::read_metadata(&bytes).map_err(|e| damaged(e.to_string()))?;
        let progress = header.metadata().as_ref().and_then(|entries| entries.get(METADATA_KEY));
        let progress = progress.ok_or_else(|| damaged(format!("no {METADATA_KEY} in its metadata")))?;
        let Progress { epoch, begun, steps, run, past, sha256 } =
            serde_json::from_str(progress).map_err(|e| damaged(e.to_string()))?;
        if digest(&bytes, length) != sha256 {
            return Err(damaged("its tensors aren't those that were written".to_owned()));
        }
        let file = SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
        let tensors = file.tensors().into_iter().map(|(name, view)| Ok((name, view.load(&Device::Cpu)?)));
        Ok(Self { epoch, begun, steps, run, past, tensors: tensors.collect::<Result<_>>()? })
    }
}

/// SHA-256 of what follows the header of so many bytes in a safetensors file.
fn digest(file: &[u8], header: usize) -> String {
    // The header's length comes before it, in eight bytes.
    let tensors = file.get(header + 8..).unwrap_or_default();
    hash::of_bytes(tensors)
}
