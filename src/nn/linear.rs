//! Matrix products.

use candle_core::Tensor;
use candle_nn::{Init, VarBuilder};

use super::{FieldType, Layer, Mode};
use crate::bank::{Fan, Initialisation, ParameterCount};
use crate::error::{Error, Result};
use crate::kernel::{FeatureMap, Window};

/// What a matrix product does beside its weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinearConfig {
    /// Whether each output gets a bias.
    pub bias: bool,
    /// How its weights start.
    pub initialisation: Initialisation,
}

impl Default for LinearConfig {
    fn default() -> Self {
        Self { bias: true, initialisation: Initialisation::default() }
    }
}

impl LinearConfig {
    /// With a bias for every output, or without.
    #[must_use]
    pub fn with_bias(self, bias: bool) -> Self {
        Self { bias, ..self }
    }

    /// With weights that start by this rule.
    #[must_use]
    pub fn with_initialisation(self, initialisation: Initialisation) -> Self {
        Self { initialisation, ..self }
    }
}

/// A fully connected layer on flattened maps: (batch, maps, height, width) to (batch, outputs, 1, 1). It's computed as the
/// convolution without padding whose window is the whole image.
///
/// Invariant where its input is, that is after pooling over group and space.
#[derive(Debug)]
pub struct Linear {
    /// (outputs, maps · height · width), as candle's.
    weight: Tensor,
    bias: Option<Tensor>,
    size: [usize; 2],
    input: FieldType,
    output: FieldType,
}

impl Linear {
    /// From maps of the type `input` of this height and width to `outputs` numbers.
    ///
    /// # Errors
    /// When the builder has tensors of other shapes under these names.
    pub fn new(
        input: FieldType,
        size: [usize; 2],
        outputs: usize,
        config: LinearConfig,
        vb: VarBuilder,
    ) -> Result<Self> {
        let inputs = input.maps() * size[0] * size[1];
        let initial = config.initialisation.distribution(Fan { inputs, outputs });
        let weight = vb.get_with_hints((outputs, inputs), "weight", initial)?;
        let bias = config.bias.then(|| vb.get_with_hints(outputs, "bias", Init::Const(0.0))).transpose()?;
        let output = FieldType::trivial(&input.group, outputs);
        Ok(Self { weight, bias, size, output, input })
    }

    /// The weights (outputs, maps · height · width).
    pub fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// A number per output, if it has a bias.
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }
}

impl Layer for Linear {
    fn apply(&self, input: FeatureMap, _: &mut Mode) -> Result<FeatureMap> {
        let dims @ [.., height, width] = input.dims()?;
        self.input.check(&dims)?;
        if self.size != [height, width] {
            let [rows, columns] = self.size;
            let message = format!("a matrix product of {rows}×{columns} pixels, but {height}×{width} reach it");
            return Err(Error::invalid(message));
        }
        let filters = self.weight.reshape((self.output.maps(), self.input.maps(), height, width))?;
        let output = input.conv2d(&filters, Window::default())?;
        Ok(match &self.bias {
            Some(bias) => output.add_bias(bias)?,
            None => output,
        })
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

    fn weighs_pixels(&self) -> bool {
        true
    }

    fn multiply_adds(&self, _: [usize; 2]) -> u64 {
        self.weight.elem_count() as u64
    }

    fn parameters(&self) -> ParameterCount {
        let bias = self.bias.as_ref().map_or(0, Tensor::elem_count);
        ParameterCount { real: self.weight.elem_count() + bias, one_bit: 0 }
    }
}
