//! What a run needs to go on, in one safetensors file.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use candle_core::safetensors::Load;
use candle_core::{Device, Tensor};
use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use super::{EpochSums, Maker};
use crate::data::hash;
use crate::error::{Error, Result};
use crate::files;
use crate::memory::check_memory;

/// Key of [`Metadata`] in the file's metadata. One key, because the order of several would change from write to write.
const METADATA_KEY: &str = "equisplit";

/// Version of the layout: from 1 on the checksum is of the whole file, before it was of the tensors' bytes alone.
const LAYOUT: u32 = 1;

/// What stands in the place of the checksum while it's computed.
const NO_CHECKSUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[derive(Serialize, Deserialize)]
struct Metadata {
    #[serde(default)]
    layout: u32,
    epoch: usize,
    begun: EpochSums,
    steps: u64,
    run: String,
    past: Past,
    /// SHA-256 of the file with [`NO_CHECKSUM`] here: a flipped bit, another step or two tensors that changed places would go
    /// on training unnoticed.
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
        let metadata = Metadata {
            layout: LAYOUT,
            epoch: *epoch,
            begun: *begun,
            steps: *steps,
            run: run.clone(),
            past: past.clone(),
            sha256: NO_CHECKSUM.to_owned(),
        };
        let metadata = serde_json::to_string(&metadata).map_err(|e| fail(&e))?;
        let metadata = HashMap::from([(METADATA_KEY.to_owned(), metadata)]);
        let mut bytes = safetensors::serialize(&self.tensors, Some(metadata)).map_err(|e| fail(&e))?;
        let place = place_of(NO_CHECKSUM, &bytes).ok_or_else(|| fail(&"no room for a checksum"))?;
        let checksum = hash::of_bytes(&bytes);
        bytes[place].copy_from_slice(checksum.as_bytes());
        files::write_own(path, |out| out.write_all(&bytes))
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When it isn't there, is damaged, or isn't a checkpoint.
    pub fn read(path: &Path) -> Result<Self> {
        let length = std::fs::metadata(path).map_err(|e| Error::io(path, e))?.len();
        check_memory(length).map_err(|e| Error::content(path, format!("to read it {e}")))?;
        let mut bytes = files::read(path)?;
        let damaged = |e: String| Error::content(path, format!("not a checkpoint: {e}"));
        let (length, header) = SafeTensors::read_metadata(&bytes).map_err(|e| damaged(e.to_string()))?;
        let metadata = header.metadata().as_ref().and_then(|entries| entries.get(METADATA_KEY));
        let metadata = metadata.ok_or_else(|| damaged(format!("no {METADATA_KEY} in its metadata")))?;
        let Metadata { layout, epoch, begun, steps, run, past, sha256 } =
            serde_json::from_str(metadata).map_err(|e| damaged(e.to_string()))?;
        // The header's length comes before it, in eight bytes.
        let (header, tensors) = bytes.split_at_mut_checked(length + 8).unwrap_or_default();
        let found = match (layout, place_of(&sha256, header)) {
            (0, _) => Some(hash::of_bytes(tensors)),
            (LAYOUT, Some(place)) if place.len() == NO_CHECKSUM.len() => {
                header[place].copy_from_slice(NO_CHECKSUM.as_bytes());
                Some(hash::of_bytes(&bytes))
            }
            (LAYOUT, _) => None,
            _ => return Err(damaged(format!("layout {layout}, but this version reads layout {LAYOUT}"))),
        };
        if found.is_none_or(|found| found != sha256) {
            return Err(damaged("it isn't what was written: its checksum is another".to_owned()));
        }
        let file = SafeTensors::deserialize(&bytes).map_err(|e| damaged(e.to_string()))?;
        let tensors = file.tensors().into_iter().map(|(name, view)| Ok((name, view.load(&Device::Cpu)?)));
        Ok(Self { epoch, begun, steps, run, past, tensors: tensors.collect::<Result<_>>()? })
    }
}

/// Where the bytes have `text` first.
fn place_of(text: &str, bytes: &[u8]) -> Option<Range<usize>> {
    let start = bytes.windows(text.len().max(1)).position(|window| window == text.as_bytes())?;
    Some(start..start + text.len())
}
