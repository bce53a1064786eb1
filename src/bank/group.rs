//! Lifting and regular group convolutions.

use serde::{Deserialize, Serialize};

use super::{Bank, CopiesBank, Family, Line, Marker, Portrait, Site, check_input, check_sizes};
use crate::error::Result;
use crate::group::{PointGroup, Representation, Symmetry, point_action};

/// Group convolutions over p4.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct P4 {}

/// Group convolutions over p4m.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct P4m {}

impl Family for P4 {
    const NAME: &'static str = "p4";
    const PORTRAIT: Portrait = Portrait::new([0, 114, 178], Marker::Circle, Line::Solid).in_question();
    const WIDTH: usize = 10;
    const IS_EQUIVARIANT: bool = true;

    fn bank(&self, site: &Site) -> Result<Box<dyn Bank>> {
        Ok(Box::new(CopiesBank::group(site.group, site.input, site.sizes())?))
    }

    fn symmetry(&self) -> Option<Symmetry> {
        Some(Symmetry::P4)
    }
}

impl Family for P4m {
    const NAME: &'static str = "p4m";
    const PORTRAIT: Portrait = Portrait::new([0, 62, 112], Marker::Star, Line::Long).in_question();
    // 20/√8 fields of 8 maps have about the parameters of 20 maps.
    const WIDTH: usize = 7;
    const IS_EQUIVARIANT: bool = true;

    fn bank(&self, site: &Site) -> Result<Box<dyn Bank>> {
        Ok(Box::new(CopiesBank::group(site.group, site.input, site.sizes())?))
    }

    fn symmetry(&self) -> Option<Symmetry> {
        Some(Symmetry::P4M)
    }
}

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
        let tables = group.elements().map(|g| point_action(group, g, input, kernel)).collect::<Result<_>>()?;
        let names = group.elements().map(|g| group.element_name(g)).collect();
        let labels = (format!("its orbit under {}", group.name()), names);
        Ok(Self { out_fields, in_fields, components: input.dim(group), kernel, tables, labels })
    }
}
