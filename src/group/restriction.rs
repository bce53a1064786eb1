//! What two groups share, and fields of one seen as fields of a subgroup.

use super::PointGroup;
use crate::error::{Error, Result};

impl PointGroup {
    /// The turns and mirrors that both groups have: turns by multiples of 2π/gcd(N, M), and mirrors where both have some.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let (mut a, mut b) = (self.turns(), other.turns());
        while b > 0 {
            (a, b) = (b, a % b);
        }
        Self::with(a, self.has_mirrors() && other.has_mirrors())
    }

    /// Whether all elements of this group are elements of `whole`.
    pub fn is_within(&self, whole: &Self) -> bool {
        self.intersection(whole) == *self
    }

    /// The element of `other` that moves the plane as `g` of this group does; `None` where there's none.
    pub fn element_of(&self, other: &Self, g: usize) -> Option<usize> {
        let turn = g % self.turns() * other.turns();
        let is_there = turn.is_multiple_of(self.turns()) && (other.has_mirrors() || !self.is_mirror(g));
        is_there.then(|| turn / self.turns() + if self.is_mirror(g) { other.turns() } else { 0 })
    }

    /// A regular field f(x, h) of this group as fields of a subgroup K: one regular field f(x, kr) for every right coset Kr. Entry
    /// (coset, k) is the element kr, the coset's smallest member being r, and cosets follow each other by that.
    ///
    /// # Errors
    /// When `part` has elements that this group hasn't.
    pub fn restriction(&self, part: &Self) -> Result<Vec<usize>> {
        let members: Option<Vec<usize>> = part.elements().map(|k| part.element_of(self, k)).collect();
        let message = || format!("{} is no subgroup of {}", part.name(), self.name());
        let members = members.ok_or_else(|| Error::invalid(message()))?;
        let coset = |r: usize| members.iter().map(move |&k| self.product(k, r));
        let is_smallest = |&r: &usize| coset(r).min() == Some(r);
        Ok(self.elements().filter(is_smallest).flat_map(coset).collect())
    }
}
