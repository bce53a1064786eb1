//! Sizes as study files give them.

use serde::{Deserialize, Serialize};

/// A size that images are given: rows and columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected a number of pixels, as 32, or rows and columns, as [32, 48]")]
pub enum ImageSize {
    /// As many rows as columns.
    Square(u32),
    /// Rows and columns.
    Sides([u32; 2]),
}

impl ImageSize {
    /// Rows and columns.
    pub fn size(self) -> [usize; 2] {
        match self {
            Self::Square(side) => [side, side],
            Self::Sides(sides) => sides,
        }
        .map(|side| side as usize)
    }
}
