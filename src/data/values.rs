//! Pixels in memory: as bytes where their source has eight bits, a quarter of what floats take.

use std::borrow::Cow;
use std::ops::Range;

/// Values of pixels in [0, 1], one after the other.
#[derive(Clone, Debug)]
pub enum Pixels {
    /// Of 255.
    Bytes(Vec<u8>),
    /// As they are.
    Floats(Vec<f32>),
}

impl From<Vec<u8>> for Pixels {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<f32>> for Pixels {
    fn from(floats: Vec<f32>) -> Self {
        Self::Floats(floats)
    }
}

/// Whether the values are the same, however they're held.
impl PartialEq for Pixels {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bytes(bytes), Self::Bytes(others)) => bytes == others,
            (Self::Floats(floats), Self::Floats(others)) => floats == others,
            _ => self.len() == other.len() && self.iter().eq(other.iter()),
        }
    }
}

/// The value that a byte stands for.
fn float(byte: u8) -> f32 {
    f32::from(byte) / 255.0
}

impl Pixels {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Floats(floats) => floats.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Some of them as floats.
    ///
    /// # Panics
    /// If there aren't as many, as indexing a slice does.
    pub fn floats(&self, range: Range<usize>) -> Cow<'_, [f32]> {
        match self {
            Self::Bytes(bytes) => Cow::Owned(bytes[range].iter().map(|&byte| float(byte)).collect()),
            Self::Floats(floats) => Cow::Borrowed(&floats[range]),
        }
    }

    /// All of them as floats, one at a time.
    pub fn iter(&self) -> impl Iterator<Item = f32> + '_ {
        self.range(0..self.len())
    }

    /// Some of them as floats, one at a time.
    ///
    /// # Panics
    /// If there aren't as many, as indexing a slice does.
    pub fn range(&self, range: Range<usize>) -> impl Iterator<Item = f32> + '_ {
        let (bytes, floats): (&[u8], &[f32]) = match self {
            Self::Bytes(bytes) => (&bytes[range], &[]),
            Self::Floats(floats) => (&[], &floats[range]),
        };
        bytes.iter().map(|&byte| float(byte)).chain(floats.iter().copied())
    }

    /// Keeps the first `length`.
    pub fn truncate(&mut self, length: usize) {
        match self {
            Self::Bytes(bytes) => bytes.truncate(length),
            Self::Floats(floats) => floats.truncate(length),
        }
    }

    /// The same with the values of every run of `length` in another order: at place n the one that was at `source`(n).
    ///
    /// # Panics
    /// If a source is beyond its run.
    #[cfg(feature = "study")]
    pub(super) fn permuted(mut self, length: usize, source: impl Fn(usize) -> usize) -> Self {
        fn permute<T: Copy>(values: &mut [T], length: usize, source: impl Fn(usize) -> usize) {
            let mut run = Vec::with_capacity(length);
            for values in values.chunks_exact_mut(length) {
                run.clear();
                run.extend((0..length).map(|n| values[source(n)]));
                values.copy_from_slice(&run);
            }
        }
        match &mut self {
            Self::Bytes(bytes) => permute(bytes, length, source),
            Self::Floats(floats) => permute(floats, length, source),
        }
        self
    }

    /// Ranges of several, one after the other; as bytes where all are.
    ///
    /// # Panics
    /// If a range isn't there, as indexing a slice does.
    pub(super) fn gather<'a>(parts: impl Iterator<Item = (&'a Self, Range<usize>)> + Clone) -> Self {
        let mut bytes = Vec::with_capacity(parts.clone().map(|(_, range)| range.len()).sum());
        for (pixels, range) in parts.clone() {
            match pixels {
                Self::Bytes(more) => bytes.extend_from_slice(&more[range]),
                Self::Floats(_) => {
                    drop(bytes);
                    return Self::Floats(parts.flat_map(|(pixels, range)| pixels.floats(range).into_owned()).collect());
                }
            }
        }
        Self::Bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_floats_hold_the_same_values() {
        let bytes = Pixels::from(vec![0, 51, 255]);
        let floats = Pixels::from(vec![0.0, 0.2, 1.0]);
        assert_eq!(bytes, floats);
        assert_ne!(bytes, Pixels::from(vec![0.0f32, 0.2]));
        assert_ne!(bytes, Pixels::from(vec![0.0f32, 0.2, 0.9]));
        assert_eq!(*bytes.floats(1..3), [0.2, 1.0]);
        let reversed = |pixels: &Pixels| pixels.clone().permuted(3, |n| 2 - n);
        assert_eq!(reversed(&bytes), Pixels::from(vec![255, 51, 0]));
        assert_eq!(reversed(&floats), reversed(&bytes));
        let both = Pixels::gather([(&bytes, 1..3), (&bytes, 0..1)].into_iter());
        assert!(matches!(&both, Pixels::Bytes(bytes) if *bytes == [51, 255, 0]));
        let mixed = Pixels::gather([(&bytes, 1..3), (&floats, 0..1)].into_iter());
        assert!(matches!(&mixed, Pixels::Floats(floats) if *floats == [0.2, 1.0, 0.0]));
    }
}
