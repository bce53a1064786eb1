//! Cyclic and dihedral groups of the plane.

use std::f64::consts::TAU;

use nalgebra::Matrix2;

use crate::error::{Error, Result};

/// A finite group of turns and mirrors of the plane that fix a point: C_N, the turns by multiples of 2π/N, or D_N, those and
/// the N mirrors. Every finite subgroup of O(2) is one of them.
///
/// Elements are numbered; the identity is 0. The element r < N turns counter-clockwise by 2πr/N; in D_N the element N + r turns by
/// that and then flips the rows (numpy's `flipud`). For C4 and D4 those are GrouPy's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PointGroup {
    turns: usize,
    mirrors: bool,
}

impl PointGroup {
    /// Largest N of C_N and D_N.
    pub const MOST_TURNS: usize = 64;

    /// C1: the identity alone, the point group of planar (Z²) convolutions.
    pub const fn trivial() -> Self {
        Self { turns: 1, mirrors: false }
    }

    /// C4: the four quarter turns, the point group of p4.
    pub const fn c4() -> Self {
        Self { turns: 4, mirrors: false }
    }

    /// C8: the eight eighth turns.
    pub const fn c8() -> Self {
        Self { turns: 8, mirrors: false }
    }

    /// D4: quarter turns and mirrors, the point group of p4m.
    pub const fn d4() -> Self {
        Self { turns: 4, mirrors: true }
    }

    /// C_N for N = `turns`.
    ///
    /// # Errors
    /// When N isn't 1 to [`PointGroup::MOST_TURNS`].
    pub fn cyclic(turns: usize) -> Result<Self> {
        Self { turns, mirrors: false }.checked()
    }

    /// D_N for N = `turns`; D1 is the mirror of the rows and the identity.
    ///
    /// # Errors
    /// As [`PointGroup::cyclic`].
    pub fn dihedral(turns: usize) -> Result<Self> {
        Self { turns, mirrors: true }.checked()
    }

    pub(super) const fn with(turns: usize, mirrors: bool) -> Self {
        Self { turns, mirrors }
    }

    fn checked(self) -> Result<Self> {
        match (1..=Self::MOST_TURNS).contains(&self.turns) {
            true => Ok(self),
            false => Err(Error::invalid(format!("{}: groups have 1 to {} turns", self.name(), Self::MOST_TURNS))),
        }
    }

    /// Schoenflies symbol: C1, C4, C8, D4, …
    pub fn name(&self) -> String {
        format!("{}{}", if self.mirrors { 'D' } else { 'C' }, self.turns)
    }

    /// Number of elements, |H|.
    pub const fn order(&self) -> usize {
        if self.mirrors { 2 * self.turns } else { self.turns }
    }

    /// Number of turns among the elements, N.
    pub const fn turns(&self) -> usize {
        self.turns
    }

    /// All elements, the identity (0) first.
    pub fn elements(&self) -> std::ops::Range<usize> {
        0..self.order()
    }

    /// The matrix of `g` on centred coordinates (x to the right, y up): orthogonal, and in whole numbers where it can be.
    pub fn matrix(&self, g: usize) -> Matrix2<f64> {
        if let Some(matrix) = self.grid_matrix(g) {
            return matrix.cast();
        }
        let (sine, cosine) = (TAU * (g % self.turns) as f64 / self.turns as f64).sin_cos();
        let turn = Matrix2::new(cosine, -sine, sine, cosine);
        if self.is_mirror(g) { Matrix2::new(1.0, 0.0, 0.0, -1.0) * turn } else { turn }
    }

    /// The matrix of `g` where it maps the grid of pixels onto itself, as quarter turns and mirrors after them do; `None` of other turns.
    pub fn grid_matrix(&self, g: usize) -> Option<Matrix2<i32>> {
        let quarters = 4 * (g % self.turns);
        let (cosine, sine) = match (quarters % self.turns, quarters / self.turns) {
            (0, 0) => (1, 0),
            (0, 1) => (0, 1),
            (0, 2) => (-1, 0),
            (0, _) => (0, -1),
            _ => return None,
        };
        let turn = Matrix2::new(cosine, -sine, sine, cosine);
        Some(if self.is_mirror(g) { Matrix2::new(1, 0, 0, -1) * turn } else { turn })
    }

    /// The elements that map the grid of pixels onto itself, a subgroup.
    pub fn grid_elements(&self) -> impl Iterator<Item = usize> {
        let group = *self;
        self.elements().filter(move |&g| group.grid_matrix(g).is_some())
    }

    /// Whether every element maps the grid of pixels onto itself: C1, C2, C4, D1, D2 and D4.
    pub fn is_on_grid(&self) -> bool {
        4usize.is_multiple_of(self.turns)
    }

    /// The element with this matrix.
    ///
    /// # Errors
    /// When the group has no such element.
    pub fn element(&self, matrix: &Matrix2<i32>) -> Result<usize> {
        self.elements()
            .find(|&g| self.grid_matrix(g).is_some_and(|own| own == *matrix))
            .ok_or_else(|| Error::invalid(format!("{} has no element with the matrix {matrix}", self.name())))
    }

    /// The product gh: first h, then g.
    pub fn product(&self, g: usize, h: usize) -> usize {
        // A turn before a mirror is the opposite turn after it.
        let turn = if self.is_mirror(h) { self.turns - g % self.turns + h } else { g + h };
        turn % self.turns + if self.is_mirror(g) != self.is_mirror(h) { self.turns } else { 0 }
    }

    /// The inverse of `g`: mirrors are their own.
    pub fn inverse(&self, g: usize) -> usize {
        if self.is_mirror(g) { g } else { (self.turns - g) % self.turns }
    }

    /// The Cayley table: entry (g, h) is gh.
    pub fn cayley_table(&self) -> Vec<Vec<usize>> {
        self.elements().map(|g| self.elements().map(|h| self.product(g, h)).collect()).collect()
    }

    /// Whether some of its elements mirror the plane.
    pub const fn has_mirrors(&self) -> bool {
        self.mirrors
    }

    /// Whether `g` mirrors the plane: its determinant is −1.
    pub const fn is_mirror(&self, g: usize) -> bool {
        g >= self.turns
    }

    /// The smallest n > 0 with gⁿ = 1.
    pub fn element_order(&self, g: usize) -> usize {
        let mut power = g;
        let mut n = 1;
        while power != 0 {
            power = self.product(power, g);
            n += 1;
        }
        n
    }

    /// Whether the elements of `set` are closed under product and inverse.
    pub fn is_subgroup(&self, set: &[usize]) -> bool {
        set.contains(&0) && set.iter().all(|&g| set.iter().all(|&h| set.contains(&self.product(g, self.inverse(h)))))
    }

    /// What `g` is called: `1`, `r`, `r²`, `r³`, … for turns, `m`, `mr`, … for turns that a mirror follows.
    pub fn element_name(&self, g: usize) -> String {
        let mirror = if self.is_mirror(g) { "m" } else { "" };
        match (g % self.turns, mirror) {
            (0, "") => "1".to_owned(),
            (0, _) => mirror.to_owned(),
            (1, _) => format!("{mirror}r"),
            (power, _) => format!("{mirror}r{}", superscript(power)),
        }
    }

    /// The smallest subgroup that contains `generators`, in ascending order.
    pub fn generated_by(&self, generators: &[usize]) -> Vec<usize> {
        let mut members = vec![0];
        let mut next = 0;
        while next < members.len() {
            for &g in generators {
                let product = self.product(members[next], g);
                if !members.contains(&product) {
                    members.push(product);
                }
            }
            next += 1;
        }
        members.sort_unstable();
        members
    }

    /// All subgroups, smaller ones first; each as its elements in ascending order: ⟨r^d⟩ for every divisor d of N, and in D_N also
    /// ⟨r^d, m r^k⟩ for every k < d.
    pub fn subgroups(&self) -> Vec<Vec<usize>> {
        let divisors = (1..=self.turns).filter(|&d| self.turns.is_multiple_of(d));
        let of_divisor = |d: usize| {
            let turn = d % self.turns;
            let mirrors = if self.mirrors { 0..d } else { 0..0 };
            std::iter::once(vec![turn]).chain(mirrors.map(move |k| vec![turn, self.turns + k]))
        };
        let mut found: Vec<Vec<usize>> =
            divisors.flat_map(of_divisor).map(|generators| self.generated_by(&generators)).collect();
        found.sort_by_key(|subgroup| (subgroup.len(), subgroup.clone()));
        found
    }
}

fn superscript(number: usize) -> String {
    let digit = |c: char| ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'][c as usize - '0' as usize];
    number.to_string().chars().map(digit).collect()
}
