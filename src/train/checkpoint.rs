//! What a run needs to go on, in one safetensors file.

use std::collections::HashMap;
use std::path::Path;

use candle_core::safetensors::Load;
use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files;

/// Key of [`Progress`] in the file's metadata. One key, because the order of several would change from write to write.
const METADATA_KEY: &str = "equisplit";

#[derive(Serialize, Deserialize)]
struct Progress {
    epoch: usize,
    steps: u64,
    run: String,
}

/// The state of a run after an epoch.
///
/// The weights are under their paths in the network; the optimiser's moments follow as `adam.first.*` and `adam.second.*`.
/// Generators need no state, since every epoch's streams are named after it.
pub struct Checkpoint {
    /// Epochs that are done.
    pub epoch: usize,
    /// Optimiser steps that are done.
    pub steps: u64,
    /// Identifies the run: a checkpoint of another run is refused.
    pub run: String,
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
        let progress = Progress { epoch: self.epoch, steps: self.steps, run: self.run.clone() };
        let progress = serde_json::to_string(&progress).map_err(|e| fail(&e))?;
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), progress)]);
        let bytes = safetensors::serialize(&self.tensors, Some(metadata)).map_err(|e| fail(&e))?;
        files::write_whole(path, |out| out.write_all(&bytes))
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When it isn't there, is damaged, or isn't a checkpoint.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = files::read(path)?;
        let damaged = |e: String| Error::content(path, format!("not a checkpoint: {e}"));
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|e| damaged(e.to_string()))?;
        let progress = header.metadata().as_ref().and_then(|entries| entries.get(METADATA_KEY));
        let progress = progress.ok_or_else(|| damaged(format!("no {METADATA_KEY} in its metadata")))?;
        let Progress { epoch, steps, run } = serde_json::from_str(progress).map_err(|e| damaged(e.to_string()))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
        let tensors = file.tensors().into_iter().map(|(name, view)| Ok((name, view.load(&Device::Cpu)?)));
        Ok(Self { epoch, steps, run, tensors: tensors.collect::<Result<_>>()? })
    }
}
