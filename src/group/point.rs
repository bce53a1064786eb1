//! Finite groups of 2×2 integer orthogonal matrices.

use nalgebra::Matrix2;

use crate::error::{Error, Result};

/// A finite group of symmetries of the square that fix its centre: a subgroup of O(2, Z).
///
/// Elements are numbered; the identity is 0. In C4 the element r turns by r counter-clockwise quarter turns; in D4 the
/// element 4m + r turns by r quarter turns and then, if m = 1, flips the rows (numpy's `flipud`). Those are GrouPy's
/// numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointGroup {
    name: String,
    elements: Vec<Matrix2<i32>>,
    cayley: Vec<Vec<usize>>,
    inverses: Vec<usize>,
}

impl PointGroup {
    /// C1: the identity alone, the point group of planar (Z²) convolutions.
    pub fn trivial() -> Self {
        Self::rotations_and_flips("C1", 1, 1)
    }

    /// C4: the four quarter turns, the point group of p4.
    pub fn c4() -> Self {
        Self::rotations_and_flips("C4", 4, 1)
    }

    /// D4: quarter turns and mirrors, the point group of p4m.
    pub fn d4() -> Self {
        Self::rotations_and_flips("D4", 4, 2)
    }

    /// The elements flipᵐ·turnʳ in the order m·`turns` + r. `turns` is 1 or 4 and `flips` 1 or 2, so the set is closed.
    fn rotations_and_flips(name: &str, turns: usize, flips: usize) -> Self {
        let turn = Matrix2::new(0, -1, 1, 0);
        let flip = Matrix2::new(1, 0, 0, -1);
        let power = |matrix: Matrix2<i32>, n: usize| (0..n).fold(Matrix2::identity(), |product, _| matrix * product);
        let elements: Vec<_> = (0..flips * turns).map(|g| power(flip, g / turns) * power(turn, g % turns)).collect();
        let index = |matrix: Matrix2<i32>| elements.iter().position(|&m| m == matrix).unwrap_or(0);
        let cayley: Vec<Vec<usize>> =
            elements.iter().map(|&g| elements.iter().map(|&h| index(g * h)).collect()).collect();
        let inverses = elements.iter().map(|g| index(g.transpose())).collect();
        Self { name: name.to_owned(), elements, cayley, inverses }
    }

    /// Schoenflies symbol: C1, C4 or D4.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of elements, |H|.
    pub fn order(&self) -> usize {
        self.elements.len()
    }

    /// All elements, the identity (0) first.
    pub fn elements(&self) -> std::ops::Range<usize> {
        0..self.order()
    }

    /// The matrix of `g` on centred coordinates (x to the right, y up).
    pub fn matrix(&self, g: usize) -> Matrix2<i32> {
        self.elements[g]
    }

    /// The element with this matrix.
    ///
    /// # Errors
    /// When the group has no such element.
    pub fn element(&self, matrix: &Matrix2<i32>) -> Result<usize> {
        self.elements
            .iter()
            .position(|m| m == matrix)
            .ok_or_else(|| Error::invalid(format!("{} has no element with the matrix {matrix}", self.name)))
    }

    /// The product gh: first h, then g.
    pub fn product(&self, g: usize, h: usize) -> usize {
        self.cayley[g][h]
    }

    /// The inverse of `g`.
    pub fn inverse(&self, g: usize) -> usize {
        self.inverses[g]
    }

    /// The Cayley table: entry (g, h) is gh.
    pub fn cayley_table(&self) -> &[Vec<usize>] {
        &self.cayley
    }

    /// Whether some of its elements mirror the plane.
    pub fn has_mirrors(&self) -> bool {
        self.elements.iter().any(|matrix| matrix[(0, 0)] * matrix[(1, 1)] - matrix[(0, 1)] * matrix[(1, 0)] < 0)
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

    /// What `g` is called: `1`, `r`, `r²`, `r³` for turns, `m`, `mr`, … for turns that a mirror follows.
    pub fn element_name(&self, g: usize) -> &'static str {
        const NAMES: [&str; 8] = ["1", "r", "r²", "r³", "m", "mr", "mr²", "mr³"];
        NAMES.get(g).copied().unwrap_or("?")
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

    /// All subgroups, smaller ones first; each as its elements in ascending order.
    pub fn subgroups(&self) -> Vec<Vec<usize>> {
        let mut found = vec![vec![0]];
        let mut next = 0;
        while next < found.len() {
            for g in self.elements() {
                let larger = self.generated_by(&[found[next].as_slice(), &[g]].concat());
                if !found.contains(&larger) {
                    found.push(larger);
                }
            }
            next += 1;
        }
        found.sort_by_key(|subgroup| (subgroup.len(), subgroup.clone()));
        found
    }
}
