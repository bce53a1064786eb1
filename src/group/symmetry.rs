//! The symmetry of a network, as study files name it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::PointGroup;
use crate::error::Error;

/// A point group that a network's feature maps transform under, beside the shifts of the grid: `p4` and `p4m` as names of the plane
/// groups over C4 and D4, `c1` to `c64` and `d1` to `d64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symmetry(PointGroup);

impl Symmetry {
    /// Quarter turns.
    pub const P4: Self = Self(PointGroup::c4());

    /// Quarter turns and mirrors.
    pub const P4M: Self = Self(PointGroup::d4());

    /// The point group.
    pub fn point_group(self) -> PointGroup {
        self.0
    }
}

impl From<PointGroup> for Symmetry {
    fn from(group: PointGroup) -> Self {
        Self(group)
    }
}

impl Default for Symmetry {
    /// Quarter turns.
    fn default() -> Self {
        Self::P4
    }
}

/// The name of the plane group where there's one for it.
impl fmt::Display for Symmetry {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match *self {
            Self::P4 => f.write_str("p4"),
            Self::P4M => f.write_str("p4m"),
            Self(group) => f.write_str(&group.name().to_lowercase()),
        }
    }
}

impl FromStr for Symmetry {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let wrong = || Error::invalid(format!("no group {name:?}; there are p4, p4m, c1 to c64 and d1 to d64"));
        match name {
            "p4" => return Ok(Self::P4),
            "p4m" => return Ok(Self::P4M),
            _ => {}
        }
        let turns = |digits: &str| match digits.parse() {
            Ok(turns) if !digits.starts_with(['0', '+']) => Ok(turns),
            _ => Err(wrong()),
        };
        let group = match (name.strip_prefix('c'), name.strip_prefix('d')) {
            (Some(digits), _) => PointGroup::cyclic(turns(digits)?),
            (_, Some(digits)) => PointGroup::dihedral(turns(digits)?),
            _ => return Err(wrong()),
        };
        group.map(Self).map_err(|_| wrong())
    }
}

impl Serialize for Symmetry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Symmetry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
