//! Branches that are added.

use super::{Activation, FieldType, Layer, Mode, NamedLayer};
use crate::bank::ParameterCount;
use crate::error::{Error, Result};
use crate::kernel::FeatureMap;

/// activation(main(x) + shortcut(x)): a block of a residual network (He et al. 2016).
///
/// Equivariant where its branches are: they begin and end with the same fields, whose entries are added one by one.
pub struct Residual {
    main: Vec<NamedLayer>,
    shortcut: Vec<NamedLayer>,
    activation: Activation,
    input: FieldType,
    output: FieldType,
}

impl Residual {
    /// From the layers of `main` and of `shortcut`, which is the identity where it has none.
    ///
    /// # Errors
    /// When `main` has no layers, a layer doesn't take the fields of the one before it, or the branches don't lead from the same fields
    /// to the same.
    pub fn new(main: Vec<NamedLayer>, shortcut: Vec<NamedLayer>, activation: Activation) -> Result<Self> {
        let (input, output) = ends(&main)?.ok_or_else(|| Error::invalid("a residual block without layers"))?;
        let (shortcut_input, shortcut_output) = ends(&shortcut)?.unwrap_or_else(|| (input.clone(), input.clone()));
        for (found, wanted, place) in [(shortcut_input, &input, "begins with"), (shortcut_output, &output, "leads to")]
        {
            if found != *wanted {
                let [found, wanted] =
                    [&found, wanted].map(|fields| format!("{} × {:?}", fields.fields, fields.representation));
                return Err(Error::invalid(format!(
                    "the shortcut {place} {found} fields, but the other branch with {wanted}; they're added"
                )));
            }
        }
        Ok(Self { main, shortcut, activation, input, output })
    }

    /// The layers of the main branch and of the shortcut.
    pub fn branches(&self) -> [&[NamedLayer]; 2] {
        [&self.main, &self.shortcut]
    }

    /// What follows the sum.
    pub fn activation(&self) -> Activation {
        self.activation
    }
}

/// The fields that layers in a row lead from and to; `None` of no layers.
fn ends(layers: &[NamedLayer]) -> Result<Option<(FieldType, FieldType)>> {
    for pair in layers.windows(2) {
        if pair[0].layer.output() != pair[1].layer.input() {
            let message = format!("{} doesn't take the fields that {} leads to", pair[1].name, pair[0].name);
            return Err(Error::invalid(message));
        }
    }
    Ok(layers
        .first()
        .zip(layers.last())
        .map(|(first, last)| (first.layer.input().clone(), last.layer.output().clone())))
}

impl Layer for Residual {
    fn apply(&self, input: FeatureMap, mode: &mut Mode) -> Result<FeatureMap> {
        let mode = std::cell::RefCell::new(mode);
        let along = |layers: &[NamedLayer], maps: FeatureMap| {
            layers.iter().try_fold(maps, |maps, layer| layer.apply(maps, &mut mode.borrow_mut()))
        };
        let sum = input.branches(|maps| along(&self.main, maps), |maps| along(&self.shortcut, maps))?;
        Ok(sum.activate(self.activation)?)
    }

    fn input(&self) -> &FieldType {
        &self.input
    }

    fn output(&self) -> &FieldType {
        &self.output
    }

    /// That of both branches; `None` also where they differ.
    fn output_size(&self, size: [usize; 2]) -> Option<[usize; 2]> {
        let along = |layers: &[NamedLayer]| layers.iter().try_fold(size, |size, layer| layer.layer.output_size(size));
        along(&self.main).filter(|main| along(&self.shortcut) == Some(*main))
    }

    fn multiply_adds(&self, size: [usize; 2]) -> u64 {
        let along = |layers: &[NamedLayer]| {
            let step = |(sum, size), NamedLayer { layer, .. }: &NamedLayer| {
                (sum + layer.multiply_adds(size), layer.output_size(size).unwrap_or(size))
            };
            layers.iter().fold((0, size), step).0
        };
        along(&self.main) + along(&self.shortcut)
    }

    fn parameters(&self) -> ParameterCount {
        self.main.iter().chain(&self.shortcut).map(|layer| layer.layer.parameters()).sum()
    }

    fn inner(&self) -> Vec<(&'static str, &[NamedLayer])> {
        vec![("main", &self.main), ("shortcut", &self.shortcut)]
    }
}
