//! Planar convolution over any filter bank.

use std::sync::Arc;

use candle_core::Tensor;
use candle_nn::{Init, VarBuilder};

use super::filters::ConvId;
use super::weights::BUFFERS;
use super::{FieldType, Layer, Mode, SlidingWindow};
use crate::bank::{self, Bank, Copies, Initialisation, Kind, ParameterCount};
use crate::error::Result;
use crate::group::PointGroup;
use crate::kernel::{FeatureMap, Window};

/// What a convolution does beside its filters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConvConfig {
    /// Stride and padding.
    pub window: Window,
    /// Whether each field gets a bias; without use where a norm follows.
    pub bias: bool,
    /// How its filters start.
    pub initialisation: Initialisation,
}

impl ConvConfig {
    /// With this stride and padding.
    #[must_use]
    pub fn with_window(self, window: Window) -> Self {
        Self { window, ..self }
    }

    /// With so many pixels from one position to the next.
    #[must_use]
    pub fn with_stride(self, stride: usize) -> Self {
        self.with_window(Window { stride, ..self.window })
    }

    /// With so many zeros on every side.
    #[must_use]
    pub fn with_padding(self, padding: usize) -> Self {
        self.with_window(Window { padding, ..self.window })
    }

    /// With a bias for every field, or without.
    #[must_use]
    pub fn with_bias(self, bias: bool) -> Self {
        Self { bias, ..self }
    }

    /// With filters that start by this rule.
    #[must_use]
    pub fn with_initialisation(self, initialisation: Initialisation) -> Self {
        Self { initialisation, ..self }
    }
}

/// A convolution whose filters come from a bank; the bias is shared by the maps of a field.
#[derive(Debug)]
pub struct Conv {
    id: ConvId,
    bank: Box<dyn Bank>,
    values: Vec<Tensor>,
    bias: Option<Tensor>,
    config: ConvConfig,
    input: FieldType,
    output: FieldType,
    /// Real numbers of a base that's another layer's.
    borrowed: usize,
}

impl Conv {
    /// A convolution between fields of `group` (for banks that know of no group: the trivial one).
    ///
    /// # Errors
    /// When the builder has tensors of other shapes under these names.
    pub fn new(bank: Box<dyn Bank>, group: &Arc<PointGroup>, config: ConvConfig, vb: VarBuilder) -> Result<Self> {
        Self::with_base(bank, None, group, config, vb)
    }

    /// The same with another layer's tensor, if one is given, as the first of the bank's: its base, which both learn.
    ///
    /// # Errors
    /// When the builder has tensors of other shapes under these names, or the base has another shape.
    pub fn with_base(
        bank: Box<dyn Bank>,
        base: Option<Tensor>,
        group: &Arc<PointGroup>,
        config: ConvConfig,
        vb: VarBuilder,
    ) -> Result<Self> {
        let [out_maps, in_maps, ..] = bank.filter_shape();
        let sizes = bank.field_sizes();
        let fields = |maps: usize, size: usize| match size {
            1 => FieldType::trivial(group, maps),
            _ => FieldType::regular(group, maps / size),
        };
        let (input, output) = (fields(in_maps, sizes.input), fields(out_maps, sizes.output));
        let borrowed = base.as_ref().map_or(0, Tensor::elem_count);
        let mut base = base;
        let values = bank.parameters().into_iter().map(|p| {
            if let Some(base) = base.take() {
                return match base.dims() == p.shape {
                    true => Ok(base),
                    false => {
                        candle_core::bail!("a base of the shape {:?}, but this bank takes {:?}", base.dims(), p.shape)
                    }
                };
            }
            let initial = p.initial.distribution(config.initialisation);
            match p.kind {
                // Detached, so that no optimiser finds a gradient for it, even one that is given all of a builder's tensors.
                Kind::Frozen => Ok(vb.pp(BUFFERS).get_with_hints(p.shape, p.name, initial)?.detach()),
                Kind::Real | Kind::OneBit => vb.get_with_hints(p.shape, p.name, initial),
            }
        });
        let values = values.collect::<candle_core::Result<_>>()?;
        let bias = match config.bias {
            true => Some(vb.get_with_hints(output.fields, "bias", Init::Const(0.0))?),
            false => None,
        };
        Ok(Self { id: ConvId::new(), bank, values, bias, config, input, output, borrowed })
    }

    /// The filters as they are now, (out maps, in maps, k, k).
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn filters(&self) -> Result<Tensor> {
        self.bank.filters(&self.values)
    }

    /// What makes the filters.
    pub fn bank(&self) -> &dyn Bank {
        self.bank.as_ref()
    }

    /// The tensors that it makes them from, in the order of [`Bank::parameters`].
    pub fn weights(&self) -> &[Tensor] {
        &self.values
    }

    /// The first of these: the weight of a group's bank, the base of a repeated one; `None` of a bank without parameters.
    pub fn weight(&self) -> Option<&Tensor> {
        self.values.first()
    }

    /// A number per field, if it has a bias.
    pub fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// What it does beside its filters.
    pub fn config(&self) -> &ConvConfig {
        &self.config
    }
}

impl Layer for Conv {
    fn apply(&self, input: FeatureMap, mode: &mut Mode) -> Result<FeatureMap> {
        let filters = match mode {
            Mode::Evaluation(known) => known.of(self.id, || self.filters())?,
            Mode::Inference | Mode::Training(_) => self.filters()?,
        };
        let output = input.conv2d(&filters, self.config.window)?;
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

    fn output_size(&self, [height, width]: [usize; 2]) -> Option<[usize; 2]> {
        let [.., k_height, k_width] = self.bank.filter_shape();
        let window = self.config.window;
        Some([window.positions(height, k_height)?, window.positions(width, k_width)?])
    }

    fn window(&self) -> Option<SlidingWindow> {
        let [.., size, _] = self.bank.filter_shape();
        let Window { stride, padding } = self.config.window;
        Some(SlidingWindow { size, stride, padding })
    }

    fn multiply_adds(&self, size: [usize; 2]) -> u64 {
        let pixels = self.output_size(size).map_or(0, |[height, width]| height * width);
        self.bank.filter_shape().iter().map(|&n| n as u64).product::<u64>() * pixels as u64
    }

    fn filters(&self) -> Result<Option<Tensor>> {
        Conv::filters(self).map(Some)
    }

    fn copies(&self) -> Option<Copies> {
        self.bank.copies()
    }

    fn filter_shape(&self) -> Option<[usize; 4]> {
        Some(self.bank.filter_shape())
    }

    fn parameters(&self) -> ParameterCount {
        let bias = if self.config.bias { self.output.fields } else { 0 };
        let ParameterCount { real, one_bit } = bank::count(self.bank.as_ref());
        ParameterCount { real: real - self.borrowed + bias, one_bit }
    }
}
