//! A skeleton built over a family of banks.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use serde::{Deserialize, Serialize};

use super::{GroupPooling, NetConfig, Stage};
use crate::bank::{FreeBank, ParameterCount, Site};
use crate::data::{Images, MAX_CLASSES, Shape};
use crate::error::{Error, Result};
use crate::group::{PointGroup, Representation};
use crate::kernel::{FeatureMap, Output, Workspace};
use crate::nn::{
    Activation, Conv, ConvConfig, FieldDropout, FieldNorm, FieldNormConfig, FieldType, GlobalPool, GroupPool, Layer,
    Mode, NamedLayer, Reduction, SpatialPool,
};

/// Most maps of a layer; more is a slip of the pen, and would exhaust the memory before anyone sees it.
pub(crate) const MAX_MAPS: usize = 4096;

/// What a network is fed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputShape {
    /// Maps of an image.
    pub channels: usize,
    /// Its height and width in pixels.
    pub size: [usize; 2],
    /// Number of classes.
    pub classes: usize,
}

impl InputShape {
    /// One grey 28×28 image of ten classes, as MNIST has them.
    pub const DIGITS: Self = Self { channels: 1, size: [28, 28], classes: 10 };

    /// Most values of an image: a grey one of 4096×4096 pixels.
    pub const MOST_VALUES: usize = 1 << 24;

    /// Refuses shapes that no images have, before anything is allocated for them.
    ///
    /// # Errors
    /// For numbers that are 0, or too large; which ones, and what can be.
    pub fn check(&self) -> Result<()> {
        let Self { channels, size: [height, width], classes } = *self;
        if !(1..=MAX_CLASSES).contains(&classes) {
            let message = format!("classes = {classes}, but it must be 1 to {MAX_CLASSES}");
            return Err(Error::invalid(message));
        }
        let values = [channels, height, width].iter().try_fold(1usize, |product, &n| product.checked_mul(n));
        match values {
            Some(1..=Self::MOST_VALUES) => Ok(()),
            _ => Err(Error::invalid(format!(
                "images of {channels} channels and {height}×{width} pixels, but they have 1 to {} values",
                Self::MOST_VALUES
            ))),
        }
    }

    /// Images of a shape, whose labels are below `classes`.
    pub fn new(shape: Shape, classes: usize) -> Self {
        Self { channels: shape.channels, size: [shape.height, shape.width], classes }
    }

    /// The shape of `images`, whose labels are below `classes`.
    pub fn of(images: &Images, classes: usize) -> Self {
        Self::new(images.shape(), classes)
    }
}

/// What a network costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Learned real parameters.
    pub parameters: usize,
    /// Learned signs.
    pub one_bit_parameters: usize,
    /// Feature maps of the widest layer, before pooling over the group.
    pub maps: usize,
    /// Multiply-adds of the convolutions, per image.
    pub multiply_adds: u64,
}

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
    /// When a width is 0, their number isn't that of the skeleton, or the image is too small for the skeleton.
    pub fn new(config: &NetConfig, input: InputShape, vb: &VarBuilder) -> Result<Self> {
        let layers = Builder::new(config, input, vb).build()?;
        let network = Self { layers, input, workspace: Workspace::default() };
        network.check_sizes()?;
        Ok(network)
    }

    /// What the network of `config` costs, without drawing its weights.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn budget(config: &NetConfig, input: InputShape) -> Result<Budget> {
        let network = Self::new(config, input, &VarBuilder::zeros(DType::F32, &Device::Cpu))?;
        let mut size = input.size;
        let mut multiply_adds = 0;
        for NamedLayer { layer, .. } in &network.layers {
            multiply_adds += layer.multiply_adds(size);
            size = layer.output_size(size).unwrap_or(size);
        }
        let ParameterCount { real, one_bit } = network.layers.iter().map(|named| named.layer.parameters()).sum();
        let hidden = network.layers.iter().filter(|named| named.name.ends_with("norm"));
        let maps = hidden.map(|named| named.layer.output().maps()).max().unwrap_or(0);
        Ok(Budget { parameters: real, one_bit_parameters: one_bit, maps, multiply_adds })
    }

    /// How many bytes of memory training takes at least with steps of `batch` images, by arithmetic: the maps of every convolution
    /// and the gradients of the largest; parameters with their gradients and moments; filters with theirs, and as the kernels
    /// turn them.
    ///
    /// # Errors
    /// As [`Network::new`].
    pub fn training_bytes(config: &NetConfig, input: InputShape, batch: usize) -> Result<u64> {
        let network = Self::new(config, input, &VarBuilder::zeros(DType::F32, &Device::Cpu))?;
        let mut size = input.size;
        let (mut maps, mut largest, mut filters) = (0u64, 0u64, 0u64);
        for NamedLayer { layer, .. } in &network.layers {
            let products = layer.multiply_adds(size);
            size = layer.output_size(size).unwrap_or(size);
            if products > 0 {
                let pixels = (size[0] * size[1]) as u64;
                let values = layer.output().maps() as u64 * pixels;
                (maps, largest) = (maps + values, largest.max(values));
                filters += products / pixels.max(1);
            }
        }
        let ParameterCount { real, one_bit } = network.layers.iter().map(|named| named.layer.parameters()).sum();
        let values = (batch as u64).saturating_mul(maps + largest);
        Ok(values.saturating_add(4 * (real + one_bit) as u64 + 4 * filters).saturating_mul(4))
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

    fn check_sizes(&self) -> Result<()> {
        let mut size = self.input.size;
        for NamedLayer { name, layer } in &self.layers {
            let [height, width] = size;
            size = layer.output_size(size).ok_or_else(|| {
                Error::invalid(format!("{:?} pixels are too few: {height}×{width} reach {name}", self.input.size))
            })?;
        }
        Ok(())
    }
}

/// The network as far as it's built.
struct Builder<'a> {
    config: &'a NetConfig,
    input: InputShape,
    vb: &'a VarBuilder<'a>,
    group: Arc<PointGroup>,
    layers: Vec<NamedLayer>,
    /// Type of the maps that the layers so far lead to.
    fields: FieldType,
    /// Their width: fields, or base maps of a repetition bank.
    width: usize,
    /// Their width after repetition.
    rescaled: usize,
}

impl<'a> Builder<'a> {
    fn new(config: &'a NetConfig, input: InputShape, vb: &'a VarBuilder<'a>) -> Self {
        let symmetry = config.bank.symmetry();
        let group = Arc::new(symmetry.map_or_else(PointGroup::trivial, |symmetry| symmetry.point_group()));
        let fields = FieldType::trivial(&group, input.channels);
        Self { config, input, vb, layers: Vec::new(), fields, width: input.channels, rescaled: input.channels, group }
    }

    fn build(mut self) -> Result<Vec<NamedLayer>> {
        self.input.check()?;
        let skeleton = self.config.skeleton;
        let (found, wanted) = (self.config.widths.len(), skeleton.hidden_layers());
        if found != wanted {
            return Err(Error::invalid(format!(
                "{found} widths, but the skeleton has {wanted} layers before its head"
            )));
        }
        self.check_widths()?;
        if self.config.pool_every_layer && self.config.group_pooling == GroupPooling::None {
            return Err(Error::invalid("pool_every_layer needs a group_pooling of \"max\" or \"mean\""));
        }
        let mut layer = 0;
        for stage in skeleton.stages() {
            match *stage {
                Stage::Conv { kernel } => {
                    self.hidden(layer, kernel)?;
                    layer += 1;
                }
                Stage::MaxPool { size } => {
                    let pool = SpatialPool::new(self.fields.clone(), Reduction::Max, size)?;
                    self.push(format!("pool{layer}"), pool);
                }
            }
        }
        self.head(&format!("conv{}", layer + 1), skeleton.head_kernel())?;
        Ok(self.layers)
    }

    fn check_widths(&self) -> Result<()> {
        let NetConfig { ref bank, ref widths, ref maps, .. } = *self.config;
        if let Some(maps) = maps.as_ref().filter(|maps| maps.len() != widths.len()) {
            return Err(Error::invalid(format!("{} maps, but {} widths", maps.len(), widths.len())));
        }
        let copies = if bank.rescales() { 1 } else { self.group.order() };
        for (layer, &width) in widths.iter().enumerate() {
            match self.config.rescaled(layer).and_then(|rescaled| rescaled.checked_mul(copies)) {
                Some(maps) if maps <= MAX_MAPS => {}
                _ => {
                    return Err(Error::invalid(format!(
                        "a width of {width} has too many maps; a layer can have {MAX_MAPS} maps at most"
                    )));
                }
            }
        }
        Ok(())
    }

    /// Convolution, norm, ReLU, and what else the configuration puts after every layer.
    fn hidden(&mut self, layer: usize, kernel: usize) -> Result<()> {
        let name = &format!("conv{}", layer + 1);
        let width = self.config.widths[layer];
        let rescaled = self.config.rescaled(layer).unwrap_or(width);
        let bank = self.config.bank.bank(&self.site(name, kernel, [width, rescaled]))?;
        // A norm follows, which would undo a bias.
        let conv = Conv::new(bank, &self.group, self.conv_config(false), self.vb.pp(name))?;
        self.push(name.to_owned(), conv);
        (self.width, self.rescaled) = (width, rescaled);
        let norm_name = format!("{name}.norm");
        let config =
            FieldNormConfig { activation: Activation::Relu, sharing: self.config.norm, ..FieldNormConfig::default() };
        let norm = FieldNorm::new(self.fields.clone(), config, self.vb.pp(&norm_name))?;
        self.push(norm_name, norm);
        if self.config.dropout != 0.0 {
            self.push(format!("{name}.dropout"), FieldDropout::new(self.fields.clone(), self.config.dropout)?);
        }
        let reduction = self.config.group_pooling.reduction();
        if let (true, Some(reduction)) = (self.config.pool_every_layer, reduction) {
            self.push(format!("{name}.group_pool"), GroupPool::new(self.fields.clone(), reduction));
        }
        Ok(())
    }

    /// The convolution to the classes and the maximum over group and space.
    fn head(&mut self, name: &str, kernel: usize) -> Result<()> {
        let classes = self.input.classes;
        let reduction = self.config.group_pooling.reduction();
        let oriented = self.fields.representation == Representation::Regular;
        let bank = match reduction {
            None if oriented => Box::new(FreeBank::new(classes, self.fields.maps(), kernel)?),
            _ => self.config.bank.bank(&self.site(name, kernel, [classes, classes]))?,
        };
        let conv = Conv::new(bank, &self.group, self.conv_config(true), self.vb.pp(name))?;
        self.push(name.to_owned(), conv);
        if let Some(reduction) = reduction.filter(|_| self.fields.representation == Representation::Regular) {
            self.push(format!("{name}.group_pool"), GroupPool::new(self.fields.clone(), reduction));
        }
        self.push(format!("{name}.max"), GlobalPool::new(self.fields.clone(), Reduction::Max));
        Ok(())
    }

    fn conv_config(&self, bias: bool) -> ConvConfig {
        ConvConfig { bias, initialisation: self.config.initialisation, ..ConvConfig::default() }
    }

    /// A convolution after the layers so far, to fields of this width before and after rescaling.
    fn site<'s>(&'s self, layer: &'s str, kernel: usize, [width, rescaled]: [usize; 2]) -> Site<'s> {
        Site {
            layer,
            widths: [self.width, width],
            rescaled: [self.rescaled, rescaled],
            kernel,
            input: self.fields.representation,
            group: &self.group,
            seed: self.config.scramble_seed,
        }
    }

    fn push(&mut self, name: String, layer: impl Layer + 'static) {
        self.fields = layer.output().clone();
        self.layers.push(NamedLayer { name, layer: Box::new(layer) });
    }
}
