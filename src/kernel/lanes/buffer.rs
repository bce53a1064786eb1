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

/// After how many requests a buffer that nobody asks for is given up; a training step makes up to some ten thousand.
const KEPT_FOR: u64 = 1 << 17;

/// Buffers that aren't in use, by their length. A training step asks for the same lengths as the one before it, so that
/// after the first no memory is allocated. What is left over from batches of other sizes is given up after a while.
#[derive(Clone, Default)]
pub struct Workspace {
    idle: Arc<Mutex<Idle>>,
}

#[derive(Default)]
struct Idle {
    /// Requests so far.
    clock: u64,
    /// Buffers of every length, with the request before which each came back.
    buffers: HashMap<usize, Vec<(u64, Vec<Line>)>>,
}

impl Idle {
    fn take(&mut self, lines: usize) -> Option<Vec<Line>> {
        self.clock += 1;
        let found = self.buffers.get_mut(&lines).and_then(Vec::pop);
        if found.is_none() {
            let clock = self.clock;
            self.buffers.values_mut().for_each(|idle| idle.retain(|(since, _)| clock - since < KEPT_FOR));
            self.buffers.retain(|_, idle| !idle.is_empty());
        }
        found.map(|(_, lines)| lines)
    }

    fn put(&mut self, lines: Vec<Line>) {
        let clock = self.clock;
        self.buffers.entry(lines.len()).or_default().push((clock, lines));
    }
}

/// Floats that go back to their [`Workspace`] when they are no longer used.
pub struct Buffer {
    lines: Vec<Line>,
    length: usize,
    workspace: Workspace,
}

/// Numbers that go back as a [`Buffer`] does.
pub struct List {
    numbers: Buffer,
    length: usize,
}

impl Workspace {
    /// The numbers that `numbers` gives, at most `most`.
    pub fn list(&self, most: usize, numbers: impl IntoIterator<Item = usize>) -> List {
        let mut list = self.take(most * size_of::<usize>().div_ceil(size_of::<f32>()));
        let places = bytemuck::cast_slice_mut::<_, usize>(&mut list).iter_mut();
        let mut numbers = numbers.into_iter();
        let length = places.zip(&mut numbers).map(|(place, number)| *place = number).count();
        debug_assert!(numbers.next().is_none(), "more than {most} numbers");
        List { numbers: list, length }
    }

    /// A copy of these floats.
    pub fn copy(&self, floats: &[f32]) -> Buffer {
        let mut copy = self.take(floats.len());
        copy.copy_from_slice(floats);
        copy
    }

    /// A buffer of `length` floats with whatever they held before.
    pub fn take(&self, length: usize) -> Buffer {
        let lines = length.div_ceil(LINE);
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take(lines);
        let lines = idle.unwrap_or_else(|| vec![Line([0.0; LINE]); lines]);
        Buffer { lines, length, workspace: self.clone() }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        self.workspace.idle.lock().unwrap_or_else(PoisonError::into_inner).put(lines);
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

impl Deref for List {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &bytemuck::cast_slice(&self.numbers)[..self.length]
    }
}

/// Floats of somebody else, or in a buffer.
pub enum Floats<'a> {
    Borrowed(&'a [f32]),
    Owned(Buffer),
}

impl Deref for Floats<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::Borrowed(floats) => floats,
            Self::Owned(buffer) => buffer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_used_again_and_those_of_other_sizes_given_up() {
        let workspace = Workspace::default();
        let kept = |workspace: &Workspace| workspace.idle.lock().unwrap().buffers.values().map(Vec::len).sum::<usize>();
        let address = workspace.take(100).as_ptr();
        assert_eq!(workspace.take(100).as_ptr(), address);
        for length in 0..200 {
            drop(workspace.take(1000 + 16 * length));
        }
        assert_eq!(kept(&workspace), 201);
        for _ in 0..=KEPT_FOR {
            drop(workspace.take(100));
        }
        drop(workspace.take(1));
        assert_eq!(kept(&workspace), 2);
    }
}
