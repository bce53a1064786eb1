//! What a run needs to go on, in one safetensors file.

use std::collections::HashMap;
use std::path::Path;

use candle_core::safetensors::Load;
use candle_core::{Device, Tensor};
use safetensors::SafeTensors;

use crate::error::{Error, Result};
use crate::files;

/// Metadata keys of the file.
const EPOCH: &str = "epoch";
const STEPS: &str = "steps";
const RUN: &str = "run";

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
        let metadata = HashMap::from([
            (EPOCH.to_owned(), self.epoch.to_string()),
            (STEPS.to_owned(), self.steps.to_string()),
            (RUN.to_owned(), self.run.clone()),
        ]);
        let bytes = safetensors::serialize(&self.tensors, Some(metadata))
            .map_err(|e| Error::content(path, format!("can't be serialised: {e}")))?;
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
        let metadata = header.metadata().as_ref().ok_or_else(|| damaged("no metadata".into()))?;
        let field = |key: &str| metadata.get(key).ok_or_else(|| damaged(format!("no {key} in its metadata")));
        let number = |key: &str| field(key)?.parse::<u64>().map_err(|e| damaged(format!("{key}: {e}")));
        let file = SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
        let tensors = file.tensors().into_iter().map(|(name, view)| Ok((name, view.load(&Device::Cpu)?)));
        Ok(Self {
            epoch: number(EPOCH)? as usize,
            steps: number(STEPS)?,
            run: field(RUN)?.clone(),
            tensors: tensors.collect::<Result<_>>()?,
        })
    }
}
