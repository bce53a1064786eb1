//! Point groups, plane groups, and how they act on grids, images and regular feature maps.
//!
//! Nothing here knows of tensors or networks: an action is an *index array*, computed once, that says for every entry of
//! the result which entry of the input it is taken from (Cohen & Welling 2016, appendix; GrouPy). Conventions:
//!
//! - A k×k array has row 0 at the top. In coordinates centred on the array, x points right and y points up, so a
//!   counter-clockwise quarter turn is the matrix (0 −1; 1 0) and agrees with numpy's `rot90`.
//! - A group element g acts on functions from the left: (g·f)(x) = f(g⁻¹x).

mod action;
mod irrep;
mod plane;
mod point;
mod restriction;
mod subgroup;
mod symmetry;

pub use action::{Representation, act, point_action};
pub use irrep::Irrep;
pub use plane::{PlaneElement, PlaneGroup};
pub use point::PointGroup;
pub use subgroup::Subgroup;
pub use symmetry::Symmetry;
