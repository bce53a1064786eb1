//! Filters that are rearranged copies of one filter: the banks of G-CNNs and of their scrambled controls.

use candle_core::Tensor;

use super::{Bank, Copies, Fan, FieldSizes, Initial, Kind, Parameter, checked};
use crate::error::Result;
use crate::kernel::rearranged_copies;

/// Copies of each filter θ[o, i], each with its entries in another order.
///
/// [`CopiesBank::group`] orders them as a group acts, [`CopiesBank::scrambled`] at random. θ has the shape
/// (out fields, in fields, k, k) on images and (out fields, in fields, |H|, k, k) on regular fields.
#[derive(Clone, Debug)]
pub struct CopiesBank {
    pub(super) out_fields: usize,
    pub(super) in_fields: usize,
    /// Maps per input field: 1 for images, |H| for regular fields.
    pub(super) components: usize,
    pub(super) kernel: usize,
    /// For each copy, the flat index (component, row, column) that each of its entries comes from.
    pub(super) tables: Vec<Vec<usize>>,
    /// What the copies are, and their names.
    pub(super) labels: (String, Vec<String>),
}

impl Bank for CopiesBank {
    fn filter_shape(&self) -> [usize; 4] {
        let Self { out_fields, in_fields, components, kernel, tables, .. } = self;
        [out_fields * tables.len(), in_fields * components, *kernel, *kernel]
    }

    fn field_sizes(&self) -> FieldSizes {
        FieldSizes { input: self.components, output: self.tables.len() }
    }

    fn parameters(&self) -> Vec<Parameter> {
        let Self { out_fields, in_fields, components, kernel, .. } = *self;
        let shape = match components {
            1 => vec![out_fields, in_fields, kernel, kernel],
            _ => vec![out_fields, in_fields, components, kernel, kernel],
        };
        let [out_maps, in_maps, ..] = self.filter_shape();
        let area = kernel * kernel;
        let initial = Initial::Weight(Fan { inputs: in_maps * area, outputs: out_maps * area });
        vec![Parameter { name: "weight", shape, kind: Kind::Real, initial }]
    }

    fn copies(&self) -> Option<Copies> {
        Some(Copies::in_a_row(self.labels.clone(), self.out_fields))
    }

    /// `W[o·copies + g, i·components + c]` is component c of copy g of `θ[o, i]`.
    fn filters(&self, values: &[Tensor]) -> Result<Tensor> {
        let [weight] = checked(self, values)?;
        let Self { out_fields, in_fields, components, kernel, tables, .. } = self;
        let entries = components * kernel * kernel;
        let rows = weight.reshape((*out_fields, *in_fields, entries))?;
        Ok(rearranged_copies(&rows, tables)?.reshape(&self.filter_shape())?)
    }
}
