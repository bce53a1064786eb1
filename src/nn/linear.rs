//! The linear head.

use std::sync::Arc;

use candle_core::Module;
use candle_nn::VarBuilder;

use super::{FieldType, Layer, Mode};
use crate::bank::ParameterCount;
use crate::error::Result;
use crate::group::PointGroup;
use crate::kernel::FeatureMap;

/// A fully connected layer on flattened maps: (batch, maps, height, width) to (batch, outputs, 1, 1).
///
/// Invariant where its input is, that is after pooling over group and space.
#[derive(Debug)]
pub struct Linear {
    linear: candle_nn::Linear,
    inputs: usize,
    input: FieldType,
    output: FieldType,
}

impl Linear {
    /// From maps of the type `input`, `pixels` pixels each, to `outputs` numbers.
    ///
    /// # Errors
    /// When the builder has tensors of other shapes under these names.
    pub fn new(input: FieldType, pixels: usize, outputs: usize, vb: VarBuilder) -> Result<Self> {
        let group: &Arc<PointGroup> = &input.group;
        let inputs = input.maps() * pixels;
        let output = FieldType::trivial(group, outputs);
        Ok(Self { linear: candle_nn::linear(inputs, outputs, vb)?, inputs, output, input })
    }
}

impl Layer for Linear {
    fn apply(&self, input: FeatureMap, _: &mut Mode) -> Result<FeatureMap> {
        let dims = input.dims()?;
        self.input.check(&dims)?;
        let output = input.through(|input| {
            self.linear.forward(&input.flatten_from(1)?)?.reshape((dims[0], self.output.maps(), 1, 1))
        });
        Ok(output?)
    }

    fn input(&self) -> &FieldType {
        &self.input
    }

    fn output(&self) -> &FieldType {
        &self.output
    }

    fn output_size(&self, _: [usize; 2]) -> Option<[usize; 2]> {
        Some([1, 1])
    }

    fn multiply_adds(&self, _: [usize; 2]) -> u64 {
        (self.inputs * self.output.fields) as u64
    }

    fn parameters(&self) -> ParameterCount {
        ParameterCount { real: (self.inputs + 1) * self.output.fields, one_bit: 0 }
    }
}
