//! A skeleton built over a family of banks.

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::Tensor;
use candle_nn::VarBuilder;

use super::plan::{Budget, Maps, Plan, Planned, PlannedLayer};
use super::steps::Fault;
use super::{InputShape, NetConfig};
use crate::error::{Error, Result};
use crate::group::Representation;
use crate::kernel::{FeatureMap, Output, Workspace};
use crate::nn::{
    Activate, Conv, ConvConfig, FieldDropout, FieldNorm, FieldNormConfig, FieldType, GlobalPool, GroupPool, Layer,
    Linear, LinearConfig, Mode, NamedLayer, Residual, Restrict, SpatialPool,
};

/// A sequence of layers from images to class scores.
pub struct Network {
    layers: Vec<NamedLayer>,
    input: InputShape,
    workspace: Workspace,
}

impl Network {
    /// Builds the network of `config`, its tensors from `vb`.
    ///
    /// # Errors
    /// When a width is 0, their number isn't that of the skeleton, the image is too small for it, or branches don't fit together.
    pub fn new(config: &NetConfig, input: InputShape, vb: &VarBuilder) -> Result<Self> {
        let Plan { layers, .. } = Plan::new(config, input)?;
        let layers = Builder { config, vb, bases: HashMap::new() }.all(layers)?;
        Ok(Self { layers, input, workspace: Workspace::default() })
    }

    /// What the network of `config` costs, by arithmetic.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn budget(config: &NetConfig, input: InputShape) -> std::result::Result<Budget, Fault> {
        Ok(Plan::new(config, input)?.budget)
    }

    /// How many bytes of memory training takes at least with steps of `batch` images, by arithmetic: the maps of every convolution
    /// and the gradients of the largest; parameters with their gradients and moments; filters with theirs, and as the kernels
    /// turn them.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn training_bytes(config: &NetConfig, input: InputShape, batch: usize) -> Result<u64> {
        let Plan { budget, kept_values, largest_values, filter_entries, .. } = Plan::new(config, input)?;
        let values = (batch as u64).saturating_mul(kept_values.saturating_add(largest_values));
        let parameters = (budget.parameters + budget.one_bit_parameters) as u64;
        Ok(values.saturating_add(4 * parameters + 4 * filter_entries).saturating_mul(4))
    }

    /// Class scores (batch, classes) of images (batch, channels, height, width), as part of candle's graph.
    ///
    /// # Errors
    /// When the images have another shape; the message names the layer.
    pub fn forward(&self, images: &Tensor, mode: &mut Mode) -> Result<Tensor> {
        let maps = self.apply(FeatureMap::from_tensor(images), mode)?;
        Ok(maps.into_tensor()?.reshape((images.dim(0)?, self.input.classes))?)
    }

    /// The same by the fastest way that there is; the gradients come from [`Output::backward`], with scores of the shape
    /// (batch, classes, 1, 1).
    ///
    /// # Errors
    /// As [`Network::forward`].
    pub fn output(&self, images: &Tensor, mode: &mut Mode) -> Result<Output> {
        let record = matches!(mode, Mode::Training(_));
        let maps = FeatureMap::from_images(images, &self.workspace, record)?;
        Ok(self.apply(maps, mode)?.output()?)
    }

    fn apply(&self, images: FeatureMap, mode: &mut Mode) -> Result<FeatureMap> {
        self.layers.iter().try_fold(images, |maps, layer| layer.apply(maps, mode))
    }

    /// The layers, from the image on.
    pub fn layers(&self) -> &[NamedLayer] {
        &self.layers
    }
}

/// What layers are built with.
struct Builder<'a> {
    config: &'a NetConfig,
    vb: &'a VarBuilder<'a>,
    /// The first tensors of the convolutions so far, by their names.
    bases: HashMap<String, Tensor>,
}

impl Builder<'_> {
    fn all(&mut self, layers: Vec<Planned>) -> Result<Vec<NamedLayer>> {
        layers.into_iter().map(|planned| self.layer(planned)).collect()
    }

    fn layer(&mut self, Planned { name, layer, input }: Planned) -> Result<NamedLayer> {
        let (fields, vb) = (self.fields(input), self.vb.pp(&name));
        let initialisation = self.config.initialisation;
        let layer: Box<dyn Layer> = match layer {
            PlannedLayer::Conv { bank, window, bias, base_of } => {
                let config = ConvConfig { window, bias, initialisation };
                let base = base_of.map(|owner| self.base(&owner)).transpose()?;
                let conv = Conv::with_base(bank, base, &fields.group, config, vb)?;
                if let Some(weight) = conv.weight() {
                    self.bases.insert(name.clone(), weight.clone());
                }
                Box::new(conv)
            }
            PlannedLayer::Norm { sharing, activation } => {
                let config = FieldNormConfig { activation, sharing, ..FieldNormConfig::default() };
                Box::new(FieldNorm::new(fields, config, vb)?)
            }
            PlannedLayer::Activate(activation) => Box::new(Activate::new(fields, activation)),
            PlannedLayer::Dropout(rate) => Box::new(FieldDropout::new(fields, rate)?),
            PlannedLayer::Pool { reduction, size, window } => {
                Box::new(SpatialPool::new(fields, reduction, size)?.with_window(window)?)
            }
            PlannedLayer::GlobalPool(reduction) => Box::new(GlobalPool::new(fields, reduction)),
            PlannedLayer::GroupPool(reduction) => Box::new(GroupPool::new(fields, reduction)),
            PlannedLayer::Restrict(part) => Box::new(Restrict::new(fields, &Arc::new(part))?),
            PlannedLayer::Linear { outputs, bias } => {
                let config = LinearConfig { bias, initialisation };
                Box::new(Linear::new(fields, input.size, outputs, config, vb)?)
            }
            PlannedLayer::Residual { main, shortcut, activation } => {
                let block = Residual::new(self.all(main)?, self.all(shortcut)?, activation);
                Box::new(block.map_err(|e| Error::invalid(format!("{name}: {e}")))?)
            }
        };
        Ok(NamedLayer { name, layer })
    }

    /// The base of a layer that there is already.
    fn base(&self, layer: &str) -> Result<Tensor> {
        let message = || Error::invalid(format!("there's no layer {layer} yet whose filters could be taken"));
        self.bases.get(layer).cloned().ok_or_else(message)
    }

    fn fields(&self, maps: Maps) -> FieldType {
        let group = Arc::new(maps.group);
        match maps.representation {
            Representation::Regular => FieldType::regular(&group, maps.rescaled),
            _ => FieldType::trivial(&group, maps.rescaled),
        }
    }
}
