//! In the place of event files where the program is built without them: none is there, and none can be begun.

use std::path::Path;

use crate::error::{Error, Result};
use crate::train::EpochMetrics;

/// An event file, of which there is none.
pub(super) struct Events;

fn none<T>() -> Result<T> {
    Err(Error::invalid("this program is built without event files for TensorBoard (feature tensorboard)"))
}

impl Events {
    pub fn exist(_: &Path) -> bool {
        false
    }

    pub fn remove(_: &Path) -> Result<()> {
        Ok(())
    }

    pub fn begin(_: &Path, _: &[EpochMetrics], _: Option<f64>) -> Result<Self> {
        none()
    }

    pub fn add(&self, _: &EpochMetrics) -> Result<()> {
        none()
    }

    pub fn finish(&self, _: usize, _: f64) -> Result<()> {
        none()
    }
}
