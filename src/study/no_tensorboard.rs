//! In the place of event files where the program is built without them.

use std::path::Path;

use crate::error::{Error, Result};
use crate::train::EpochMetrics;

/// An event file, of which there is none.
pub(super) enum Events {}

impl Events {
    pub fn exist(_: &Path) -> bool {
        true
    }

    pub fn remove(_: &Path) -> Result<()> {
        Ok(())
    }

    pub fn begin(_: &Path, _: &[EpochMetrics], _: Option<f64>) -> Result<Self> {
        Err(Error::invalid("this program is built without event files for TensorBoard (feature tensorboard)"))
    }

    pub fn add(&self, _: &EpochMetrics) -> Result<()> {
        match *self {}
    }

    pub fn finish(&self, _: usize, _: f64) -> Result<()> {
        match *self {}
    }
}
