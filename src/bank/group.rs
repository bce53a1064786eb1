//! Lifting and regular group convolutions.

use super::{CopiesBank, check_input, check_sizes};
use crate::error::Result;
use crate::group::{PointGroup, Representation, point_action};

impl CopiesBank {
    /// Filters shared over a point group H, so that the convolution commutes with Z² ⋊ H (Cohen & Welling 2016, eq. 10
    /// and 11).
    ///
    /// - lifting (Z² → G), `input` trivial: `W[o·|H| + g, i] = g·w[o, i]`
    /// - regular (G → G), `input` regular: `W[o·|H| + g, i·|H| + h] = g·w[o, i, g⁻¹h]`
    ///
    /// # Errors
    /// When a size is 0, or the input fields are neither trivial nor regular.
    pub fn group(
        group: &PointGroup,
        input: Representation,
        [out_fields, in_fields, kernel]: [usize; 3],
    ) -> Result<Self> {
        check_sizes("group bank", &[("out fields", out_fields), ("in fields", in_fields), ("kernel", kernel)])?;
        check_input(input)?;
        let tables = group.elements().map(|g| point_action(group, g, input, kernel)).collect();
        Ok(Self { out_fields, in_fields, components: input.dim(group), kernel, tables })
    }
}
