//! Plane groups: translations of the pixel grid together with a point group.

use nalgebra::{Matrix2, Matrix3, Vector2};

use super::PointGroup;
use crate::error::{Error, Result};

/// The semidirect product of Z² with a point group: p4 over C4, p4m over D4 (p1 over C1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaneGroup {
    point: PointGroup,
    /// The matrices of its elements.
    matrices: Vec<Matrix2<i32>>,
}

/// An element (t, g) of a plane group: first the point operation g about the origin, then the translation t, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneElement {
    /// Translation (x to the right, y up), in pixels.
    pub translation: Vector2<i32>,
    /// Number of the point operation in the point group.
    pub point: usize,
}

impl PlaneElement {
    /// The point operation `g` without a translation.
    pub fn from_point(g: usize) -> Self {
        Self { translation: Vector2::zeros(), point: g }
    }
}

impl PlaneGroup {
    /// Z² ⋊ `point`.
    ///
    /// # Errors
    /// When not all elements of `point` map the grid onto itself.
    pub fn new(point: PointGroup) -> Result<Self> {
        match point.is_on_grid() {
            true => Ok(Self::on_grid(point)),
            false => Err(Error::invalid(format!("{} doesn't map the grid of pixels onto itself", point.name()))),
        }
    }

    fn on_grid(point: PointGroup) -> Self {
        Self { point, matrices: point.elements().filter_map(|g| point.grid_matrix(g)).collect() }
    }

    /// Translations and quarter turns.
    pub fn p4() -> Self {
        Self::on_grid(PointGroup::c4())
    }

    /// Translations, quarter turns and mirrors.
    pub fn p4m() -> Self {
        Self::on_grid(PointGroup::d4())
    }

    /// The point group H of Z² ⋊ H.
    pub fn point_group(&self) -> &PointGroup {
        &self.point
    }

    /// The element that moves nothing.
    pub fn identity(&self) -> PlaneElement {
        PlaneElement::from_point(0)
    }

    /// The 3×3 integer matrix of `e` on homogeneous coordinates (x, y, 1).
    pub fn matrix(&self, e: PlaneElement) -> Matrix3<i32> {
        let m = self.matrices[e.point];
        let t = e.translation;
        Matrix3::new(m[(0, 0)], m[(0, 1)], t.x, m[(1, 0)], m[(1, 1)], t.y, 0, 0, 1)
    }

    /// The element with this 3×3 matrix.
    ///
    /// # Errors
    /// When the last row isn't (0, 0, 1) or the linear part isn't in the point group.
    pub fn element(&self, matrix: &Matrix3<i32>) -> Result<PlaneElement> {
        if matrix.row(2) != nalgebra::RowVector3::new(0, 0, 1) {
            return Err(Error::invalid(format!("not a matrix on homogeneous coordinates: {matrix}")));
        }
        let point = self.point.element(&matrix.fixed_view::<2, 2>(0, 0).into_owned())?;
        Ok(PlaneElement { translation: Vector2::new(matrix[(0, 2)], matrix[(1, 2)]), point })
    }

    /// The product ab: first b, then a. (t, g)(s, h) = (t + gs, gh).
    pub fn product(&self, a: PlaneElement, b: PlaneElement) -> PlaneElement {
        PlaneElement {
            translation: a.translation + self.matrices[a.point] * b.translation,
            point: self.point.product(a.point, b.point),
        }
    }

    /// The inverse: (t, g)⁻¹ = (−g⁻¹t, g⁻¹).
    pub fn inverse(&self, e: PlaneElement) -> PlaneElement {
        let point = self.point.inverse(e.point);
        PlaneElement { translation: -(self.matrices[point] * e.translation), point }
    }

    /// The smallest n > 0 with eⁿ = 1; `None` for translations, glide reflections and the like, which never return.
    pub fn element_order(&self, e: PlaneElement) -> Option<usize> {
        let n = self.point.element_order(e.point);
        let power = (0..n).fold(self.identity(), |power, _| self.product(power, e));
        (power == self.identity()).then_some(n)
    }

    /// The elements that leave the lattice point `x` where it is: a copy of the point group about `x`.
    pub fn stabiliser(&self, x: Vector2<i32>) -> Vec<PlaneElement> {
        self.point.elements().map(|g| PlaneElement { translation: x - self.matrices[g] * x, point: g }).collect()
    }
}
