//! How feature maps transform.

use std::sync::Arc;

use candle_core::{D, Tensor};

use crate::error::{Error, Result};
use crate::group::{PointGroup, Representation, Subgroup, point_action};

/// A stack of `fields` fields of one representation of a point group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldType {
    /// The point group.
    pub group: Arc<PointGroup>,
    /// How each field transforms.
    pub representation: Representation,
    /// Number of fields.
    pub fields: usize,
}

impl FieldType {
    /// Fields that only move with the plane: images, and what group pooling leaves.
    pub fn trivial(group: &Arc<PointGroup>, fields: usize) -> Self {
        Self { group: group.clone(), representation: Representation::Trivial, fields }
    }

    /// Fields with one map per group element.
    pub fn regular(group: &Arc<PointGroup>, fields: usize) -> Self {
        Self { group: group.clone(), representation: Representation::Regular, fields }
    }

    /// Fields that change their sign under mirrors, see [`Representation::Sign`].
    pub fn sign(group: &Arc<PointGroup>, fields: usize) -> Self {
        Self { group: group.clone(), representation: Representation::Sign, fields }
    }

    /// Fields with one map per coset of a subgroup, see [`Representation::Quotient`].
    pub fn quotient(group: &Arc<PointGroup>, subgroup: Subgroup, fields: usize) -> Self {
        Self { group: group.clone(), representation: Representation::Quotient(subgroup), fields }
    }

    /// Maps per field.
    pub fn field_size(&self) -> usize {
        self.representation.dim(&self.group)
    }

    /// Maps in all.
    pub fn maps(&self) -> usize {
        self.fields * self.field_size()
    }

    /// Checks that these are the dimensions (batch, maps of this type, height, width).
    ///
    /// # Errors
    /// When they aren't.
    pub fn check(&self, dims: &[usize]) -> Result<()> {
        match dims {
            [_, found, _, _] if *found == self.maps() => Ok(()),
            other => {
                let Self { fields, group, representation, .. } = self;
                let wanted = format!("{fields} {representation:?} fields of {} ({} maps)", group.name(), self.maps());
                Err(Error::invalid(format!("(batch, maps, height, width) with {wanted} is wanted, not {other:?}")))
            }
        }
    }

    /// The action of the point group element `g` on maps of this type, (batch, maps, n, n), about the centre of the maps.
    ///
    /// # Errors
    /// When the tensor has other maps, or isn't square.
    pub fn act(&self, g: usize, maps: &Tensor) -> Result<Tensor> {
        self.check(maps.dims())?;
        let (batch, _, height, width) = maps.dims4()?;
        if height != width {
            return Err(Error::invalid(format!("only square maps can be turned, not {height}×{width} pixels")));
        }
        let index = point_action(&self.group, g, self.representation, height)?;
        let index: Vec<u32> = index.into_iter().map(|entry| entry as u32).collect();
        let index = Tensor::new(index, maps.device())?;
        let by_field = maps.reshape((batch, self.fields, self.field_size() * height * width))?;
        let moved = by_field.contiguous()?.index_select(&index, D::Minus1)?.reshape(maps.shape())?;
        match self.representation.factor(&self.group, g) {
            1 => Ok(moved),
            factor => Ok((moved * f64::from(factor))?),
        }
    }
}
