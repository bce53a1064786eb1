//! Representations as matrices.

use std::f64::consts::TAU;

use nalgebra::DMatrix;

use super::{PointGroup, Representation};

/// A real irreducible representation of C_N or D_N, see [`PointGroup::irreps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Irrep {
    /// How often its vectors turn while the plane turns once, 0 to N/2.
    pub frequency: usize,
    /// Whether mirrors change the sign, too; of one dimension only.
    pub odd: bool,
}

impl PointGroup {
    /// The real irreducible representations, no two of them alike: of dimension 1 for the frequencies 0 and N/2 (in D_N even and odd ones),
    /// of dimension 2 for those between.
    pub fn irreps(&self) -> Vec<Irrep> {
        let of_frequency = |frequency: usize| {
            let both = self.has_mirrors() && self.is_real(frequency);
            [false, true].into_iter().take(1 + usize::from(both)).map(move |odd| Irrep { frequency, odd })
        };
        (0..=self.turns() / 2).flat_map(of_frequency).collect()
    }

    /// Whether turns act on this frequency by signs alone.
    fn is_real(&self, frequency: usize) -> bool {
        (2 * frequency).is_multiple_of(self.turns())
    }
}

impl Irrep {
    /// Its dimension in this group.
    pub fn dim(self, group: &PointGroup) -> usize {
        if group.is_real(self.frequency) { 1 } else { 2 }
    }

    /// The matrix of `g`, orthogonal.
    pub fn matrix(self, group: &PointGroup, g: usize) -> DMatrix<f64> {
        let angle = TAU * (self.frequency * (g % group.turns()) % group.turns()) as f64 / group.turns() as f64;
        let (sine, cosine) = angle.sin_cos();
        let mirror = if group.is_mirror(g) { -1.0 } else { 1.0 };
        match self.dim(group) {
            1 => DMatrix::from_element(1, 1, cosine.round() * if self.odd { mirror } else { 1.0 }),
            _ => DMatrix::from_row_slice(2, 2, &[cosine, -sine, mirror * sine, mirror * cosine]),
        }
    }
}

impl Representation {
    /// What `g` does to the values at a point: the field f goes to ρ(g) f(g⁻¹x), and this is ρ(g).
    pub fn matrix(self, group: &PointGroup, g: usize) -> DMatrix<f64> {
        let dim = self.dim(group);
        let factor = f64::from(self.factor(group, g));
        DMatrix::from_fn(dim, dim, |to, from| if self.source(group, g, to) == from { factor } else { 0.0 })
    }
}
