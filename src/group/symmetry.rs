//! Plane groups by name.

use serde::{Deserialize, Serialize};

use super::PointGroup;

/// A plane group that a network can have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symmetry {
    /// Quarter turns.
    #[default]
    P4,
    /// Quarter turns and mirrors.
    P4m,
}

impl Symmetry {
    /// The point group: C4 or D4.
    pub fn point_group(self) -> PointGroup {
        match self {
            Self::P4 => PointGroup::c4(),
            Self::P4m => PointGroup::d4(),
        }
    }
}
