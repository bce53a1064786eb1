//! Subgroups of point groups, and their cosets.

use super::PointGroup;
use crate::error::{Error, Result};

/// A subgroup of a point group, see [`PointGroup::subgroup`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subgroup {
    /// Bit g says whether the element g is a member; D64 has 128.
    members: u128,
}

impl Subgroup {
    /// Whether the element `g` is a member.
    pub fn contains(self, g: usize) -> bool {
        g < 128 && self.members >> g & 1 == 1
    }

    /// The smallest member of every left coset hK, ascending.
    pub(super) fn cosets(self, group: &PointGroup) -> Vec<usize> {
        group.elements().filter(|&h| self.smallest(group, h) == h).collect()
    }

    /// The smallest member of hK.
    fn smallest(self, group: &PointGroup, h: usize) -> usize {
        group.elements().filter(|&k| self.contains(k)).map(|k| group.product(h, k)).min().unwrap_or(h)
    }

    /// The place of hK among the cosets.
    pub(super) fn coset(self, group: &PointGroup, h: usize) -> usize {
        let smallest = self.smallest(group, h);
        self.cosets(group).iter().filter(|&&other| other < smallest).count()
    }
}

impl PointGroup {
    /// The subgroup with these elements.
    ///
    /// # Errors
    /// When they are none: not closed under product and inverse, or not all in the group.
    pub fn subgroup(&self, elements: &[usize]) -> Result<Subgroup> {
        if elements.iter().any(|g| !self.elements().contains(g)) || !self.is_subgroup(elements) {
            return Err(Error::invalid(format!("the elements {elements:?} of {} are no subgroup", self.name())));
        }
        Ok(Subgroup { members: elements.iter().fold(0, |members, &g| members | 1u128 << g) })
    }
}
