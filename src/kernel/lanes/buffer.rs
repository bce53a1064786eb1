//! Memory of feature maps, aligned to cache lines and used again: fresh pages cost more than what is written to them.

use std::collections::HashMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use bytemuck::{Pod, Zeroable};

/// Floats of a [`Line`].
const LINE: usize = 16;

/// A cache line.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
struct Line([f32; LINE]);

/// Buffers that aren't in use, by their length. A training step asks for the same lengths as the one before it, so that
/// after the first no memory is allocated.
#[derive(Clone, Default)]
pub struct Workspace {
    idle: Arc<Mutex<HashMap<usize, Vec<Vec<Line>>>>>,
}

/// Floats that go back to their [`Workspace`] when they are no longer used.
pub struct Buffer {
    lines: Vec<Line>,
    length: usize,
    workspace: Workspace,
}

impl Workspace {
    /// A buffer of `length` floats with whatever they held before.
    pub fn take(&self, length: usize) -> Buffer {
        let lines = length.div_ceil(LINE);
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&lines).and_then(Vec::pop);
        let lines = idle.unwrap_or_else(|| vec![Line([0.0; LINE]); lines]);
        Buffer { lines, length, workspace: self.clone() }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        let mut idle = self.workspace.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.entry(lines.len()).or_default().push(lines);
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &bytemuck::cast_slice(&self.lines)[..self.length]
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut bytemuck::cast_slice_mut(&mut self.lines)[..self.length]
    }
}
