//! Filters that are computed once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use candle_core::Tensor;

use crate::error::Result;

/// The filters of convolutions while no weight changes, see [`Mode::Evaluation`](super::Mode::Evaluation).
#[derive(Debug, Default)]
pub struct Filters {
    known: HashMap<ConvId, Tensor>,
}

/// Which convolution of a process it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ConvId(u64);

impl ConvId {
    /// One that no other convolution has.
    pub fn new() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

impl Filters {
    /// Those of a convolution, computed where they aren't known.
    pub(super) fn of(&mut self, id: ConvId, filters: impl FnOnce() -> Result<Tensor>) -> Result<Tensor> {
        if let Some(known) = self.known.get(&id) {
            return Ok(known.clone());
        }
        let filters = filters()?.detach();
        self.known.insert(id, filters.clone());
        Ok(filters)
    }
}
