//! Actions on grids and feature maps, as index arrays.

use nalgebra::Vector2;

use super::{PlaneElement, PlaneGroup, PointGroup, Subgroup};
use crate::error::{Error, Result};

/// How the maps of one field transform when the plane is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Representation {
    /// One map that only moves: images, and maps after group pooling.
    Trivial,
    /// One map per element h of the point group, f(x, h); g takes it to f(g⁻¹x, g⁻¹h). Outputs of group convolutions.
    Regular,
    /// One map that moves and changes its sign under mirrors: g takes f to det(g)·f(g⁻¹x). Pseudoscalars, such as the curl
    /// of a vector field.
    Sign,
    /// One map per left coset hK of a subgroup K, f(x, hK); g takes it to f(g⁻¹x, g⁻¹hK). What pooling a regular field over
    /// K leaves. The cosets follow each other by their smallest members.
    Quotient(Subgroup),
}

impl Representation {
    /// Maps per field.
    pub fn dim(self, group: &PointGroup) -> usize {
        match self {
            Self::Trivial | Self::Sign => 1,
            Self::Regular => group.order(),
            Self::Quotient(subgroup) => subgroup.cosets(group).len(),
        }
    }

    /// What the values are multiplied by when `g` acts: det(g) for [`Representation::Sign`], else 1.
    pub fn factor(self, group: &PointGroup, g: usize) -> i32 {
        if self == Self::Sign && group.is_mirror(g) { -1 } else { 1 }
    }

    /// The map that map `h` of the result is taken from when `g` acts: g⁻¹h, or the coset g⁻¹hK.
    pub(super) fn source(self, group: &PointGroup, g: usize, h: usize) -> usize {
        match self {
            Self::Trivial | Self::Sign => h,
            Self::Regular => group.product(group.inverse(g), h),
            Self::Quotient(subgroup) => {
                let member = subgroup.cosets(group)[h];
                subgroup.coset(group, group.product(group.inverse(g), member))
            }
        }
    }
}

/// The action of the plane group on a field of `size`×`size` maps, about the centre of the grid (for even sizes the corner
/// between the middle pixels).
///
/// Entry i of the result is the flat index (map, row, column) that entry i of the transformed field comes from, or `None`
/// where that lies outside the grid. [`Representation::factor`] is not in it.
pub fn act(group: &PlaneGroup, e: PlaneElement, representation: Representation, size: usize) -> Vec<Option<usize>> {
    let point = group.point_group();
    let back = group.inverse(e);
    let source = |x| group.matrix(back).fixed_view::<2, 2>(0, 0) * x + back.translation * 2;
    moved(point, e.point, representation, size, source)
}

/// The same with `source` from doubled centred coordinates to those that are moved there.
fn moved(
    point: &PointGroup,
    g: usize,
    representation: Representation,
    size: usize,
    source: impl Fn(Vector2<i32>) -> Vector2<i32>,
) -> Vec<Option<usize>> {
    let mut index = Vec::with_capacity(representation.dim(point) * size * size);
    for h in 0..representation.dim(point) {
        let map = representation.source(point, g, h);
        for row in 0..size {
            for column in 0..size {
                let x = source(centred(row, column, size));
                index.push(pixel(x, size).map(|pixel| map * size * size + pixel));
            }
        }
    }
    index
}

/// The action of the point group element `g` on a field of `size`×`size` maps (see [`act`]): a permutation, with entry i
/// the flat index (map, row, column) that entry i of the transformed field comes from.
///
/// With [`Representation::Trivial`] this is g acting on a filter or an image (`rot90`, `flipud`), with
/// [`Representation::Regular`] the action on a group filter w(x, h) or a regular feature map.
///
/// # Errors
/// When g doesn't map the grid onto itself.
pub fn point_action(group: &PointGroup, g: usize, representation: Representation, size: usize) -> Result<Vec<usize>> {
    let back = group.grid_matrix(group.inverse(g)).ok_or_else(|| {
        let name = group.element_name(g);
        Error::invalid(format!("{name} of {} doesn't map the grid of pixels onto itself", group.name()))
    })?;
    // Such operations map the square grid onto itself, so nothing is dropped here.
    Ok(moved(group, g, representation, size, |x| back * x).into_iter().flatten().collect())
}

/// Twice the centred coordinates of a pixel; doubled so that even sizes stay integer.
fn centred(row: usize, column: usize, size: usize) -> Vector2<i32> {
    let last = size as i32 - 1;
    Vector2::new(2 * column as i32 - last, last - 2 * row as i32)
}

/// The flat index of the pixel at doubled centred coordinates `x`, if it's on the grid.
fn pixel(x: Vector2<i32>, size: usize) -> Option<usize> {
    let last = size as i32 - 1;
    let (column, row) = ((x.x + last) / 2, (last - x.y) / 2);
    let inside = (-last..=last).contains(&x.x) && (-last..=last).contains(&x.y);
    inside.then(|| row as usize * size + column as usize)
}
