//! Fields of a group as fields of a subgroup.

use std::sync::Arc;

use super::{FieldType, Layer, Mode};
use crate::error::{Error, Result};
use crate::group::{PointGroup, Representation};
use crate::kernel::FeatureMap;

/// Takes fields of a group for fields of a subgroup, so that what follows is equivariant under that alone (Weiler & Cesa 2019,
/// section 2.6): a regular field becomes a regular field of the subgroup for every right coset. Maps change their order and nothing else.
#[derive(Clone, Debug)]
pub struct Restrict {
    input: FieldType,
    output: FieldType,
    /// Which map of a field comes where.
    table: Arc<[usize]>,
}

impl Restrict {
    /// Restricts maps of the type `input` to `part`.
    ///
    /// # Errors
    /// When `part` isn't a subgroup of their group, or they are quotient fields.
    pub fn new(input: FieldType, part: &Arc<PointGroup>) -> Result<Self> {
        let cosets = input.group.restriction(part)?;
        let table = match input.representation {
            Representation::Regular => cosets,
            Representation::Trivial | Representation::Sign => vec![0],
            other @ Representation::Quotient(_) => {
                return Err(Error::invalid(format!("{other:?} fields can't be restricted")));
            }
        };
        let maps = input.maps();
        let output = match input.representation {
            Representation::Regular if part.order() > 1 => FieldType::regular(part, maps / part.order()),
            Representation::Sign => FieldType::sign(part, maps),
            _ => FieldType::trivial(part, maps),
        };
        Ok(Self { input, output, table: table.into() })
    }
}

impl Layer for Restrict {
    fn apply(&self, input: FeatureMap, _: &mut Mode) -> Result<FeatureMap> {
        self.input.check(&input.dims()?)?;
        Ok(input.permute_fields(&self.table)?)
    }

    fn input(&self) -> &FieldType {
        &self.input
    }

    fn output(&self) -> &FieldType {
        &self.output
    }
}
