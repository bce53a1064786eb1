//! Everything there is to say of an arm's equivariance, before and after training.

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use rand::distr::{Distribution, StandardUniform};
use serde::Serialize;

use super::{
    AngleInvariance, GridReport, LayerReport, LocalEquivariance, TOLERANCE, layer_reports, local_equivariance,
    rotation_invariance,
};
use crate::data::Images;
use crate::error::{Error, Result};
use crate::group::{PointGroup, Symmetry};
use crate::memory::check_memory;
use crate::model::{InputShape, NetConfig, Network};
use crate::nn::{Mode, Weights};
use crate::rng;
use crate::train::{Batches, PixelStatistics};

/// Images that layers are tested on, where a [`Sample`] has as many and they aren't too large.
pub const LAYER_IMAGES: usize = 16;
/// Pixels of a side up to which that many are taken; of larger images fewer, so that a check of 256×256 pixels takes no more
/// than about 2 GB.
const LARGE: usize = 64;
/// Images that are turned by every angle, the most that any check looks at.
pub const TURNED_IMAGES: usize = 256;
/// Degrees between those angles.
const STEP: u32 = 15;
/// Batches that the norms of a new network see first, which takes running statistics 65 % of the way to those of the
/// images. Without them they'd be 0 and 1, and a norm that has some for each orientation would look equivariant.
const WARM_UP: usize = 10;

/// Images as a study has them.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What they are.
    pub name: String,
    /// Some of the test images.
    pub images: Images,
    /// Of the training images, which inputs are normalised by.
    pub statistics: PixelStatistics,
}

/// An arm to be checked.
pub struct Subject<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its network.
    pub config: &'a NetConfig,
    /// What the network is fed with.
    pub input: InputShape,
    /// Seed of the new weights.
    pub seed: u64,
    /// Weights after training, by path, if there are some.
    pub trained: Option<&'a HashMap<String, Tensor>>,
    /// The group that networks without one are held against.
    pub symmetry: Symmetry,
}

/// What was found of an arm.
#[derive(Clone, Debug, Serialize)]
pub struct ArmCheck {
    /// Its name.
    pub arm: String,
    /// Its bank.
    pub bank: String,
    /// The point group.
    pub group: String,
    /// Whether the bank makes equivariant filters, so that layers which break equivariance are faults.
    pub claims: bool,
    /// Whether an element of the group but the identity maps the grid of pixels onto itself, so that layers could be held against it.
    pub has_exact: bool,
    /// Its seed.
    pub seed: u64,
    /// Where the sampling grids lie.
    pub grid: GridReport,
    /// With new weights and, where there are some, with trained ones.
    pub states: Vec<StateCheck>,
    /// Layers that claim equivariance and break it.
    pub broken: Vec<String>,
}

/// What was found of a network with certain weights.
#[derive(Clone, Debug, Serialize)]
pub struct StateCheck {
    /// "new" or "trained".
    pub state: &'static str,
    /// On random images, and on those of the [`Sample`] if there's one.
    pub images: Vec<ImagesCheck>,
    /// While the images of the sample turn; empty without a sample.
    pub angles: Vec<AngleInvariance>,
    /// As the images of the sample start to move; `None` without a sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalEquivariance>,
}

/// What was found of the layers on some images.
#[derive(Clone, Debug, Serialize)]
pub struct ImagesCheck {
    /// "random", or the name of the [`Sample`].
    pub images: String,
    /// The layers, from the image on.
    pub layers: Vec<LayerReport>,
}

/// Layers that say that they're equivariant, and aren't; each once.
fn broken(states: &[StateCheck]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let reports = states.iter().flat_map(|state| state.images.iter().flat_map(|images| &images.layers));
    for report in reports.filter(|report| report.is_broken(TOLERANCE)) {
        if !names.contains(&report.layer) {
            names.push(report.layer.clone());
        }
    }
    names
}

/// Checks an arm: its sampling grids, every layer on random images and on those of `sample`, and its predictions while these
/// turn.
///
/// # Errors
/// When the network can't be built for the input, or the weights are another network's.
pub fn check(subject: &Subject, sample: Option<&Sample>) -> Result<ArmCheck> {
    let Subject { name, config, input, seed, trained, .. } = *subject;
    let group = subject.group();
    let grid = GridReport::analyse(config, input)?;
    if grid.is_impossible() {
        return Err(Error::invalid(format!("{name}: {}", grid.in_a_line())));
    }
    // Images are worked on in groups, of 16 where vectors are the longest.
    let needed = Network::training_bytes(config, input, layer_images(input.size).max(16))?;
    let [height, width] = input.size;
    let told = |e| Error::invalid(format!("{name}: a check with {height}×{width} pixels {e}"));
    check_memory(needed).map_err(told)?;
    let inputs = Inputs::new(input, seed, sample)?;
    let (weights, network) = fresh(subject, &inputs)?;
    let mut states = vec![inputs.state("new", &network, &group)?];
    if let Some(values) = trained {
        weights.load(values).map_err(|e| Error::invalid(format!("{name}: {e}")))?;
        states.push(inputs.state("trained", &network, &group)?);
    }
    let claims = config.bank.is_equivariant();
    let broken = if claims { broken(&states) } else { Vec::new() };
    let (arm, bank) = (name.to_owned(), config.bank.name().to_owned());
    let has_exact = group.grid_elements().nth(1).is_some();
    Ok(ArmCheck { arm, bank, group: group.name(), claims, has_exact, seed, grid, states, broken })
}

impl Subject<'_> {
    /// The group that its layers are held against.
    pub(super) fn group(&self) -> Arc<PointGroup> {
        Arc::new(held_against(self.config, self.symmetry))
    }
}

/// The group that a network's layers are held against: its own, or `symmetry` where it has none.
pub fn held_against(config: &NetConfig, symmetry: Symmetry) -> PointGroup {
    config.bank.symmetry().unwrap_or(symmetry).point_group()
}

/// The network with new weights, after its norms saw a few batches.
pub(super) fn fresh(subject: &Subject, inputs: &Inputs) -> Result<(Weights, Network)> {
    let weights = Weights::new(subject.seed);
    let network = Network::new(subject.config, subject.input, &weights.builder(DType::F32, &Device::Cpu))?;
    let mut dropout = rng::stream(subject.seed, "lab/dropout");
    for _ in 0..WARM_UP {
        network.output(inputs.usual(), &mut Mode::Training(&mut dropout))?;
    }
    Ok((weights, network))
}

/// How many images of a size layers are tested on: at least two, since images are compared.
fn layer_images([height, width]: [usize; 2]) -> usize {
    (LAYER_IMAGES * LARGE * LARGE / (height * width).max(1)).clamp(2, LAYER_IMAGES)
}

/// What networks are tested on.
pub(super) struct Inputs<'a> {
    random: Tensor,
    sample: Option<(&'a Sample, Tensor)>,
}

impl<'a> Inputs<'a> {
    pub fn new(input: InputShape, seed: u64, sample: Option<&'a Sample>) -> Result<Self> {
        let batch = |sample: &'a Sample| -> Result<_> {
            let count = layer_images(input.size);
            let images = sample.images.first(count);
            let batches = Batches::new(&images, &sample.statistics, count, &Device::Cpu);
            let first = batches.in_order().next();
            Ok((sample, first.ok_or_else(|| Error::invalid("there are no images to check with"))??.images))
        };
        Ok(Self { random: random(input, seed)?, sample: sample.map(batch).transpose()? })
    }

    /// What the network is made for, as far as it's there.
    pub fn usual(&self) -> &Tensor {
        self.sample.as_ref().map_or(&self.random, |(_, images)| images)
    }

    fn state(&self, state: &'static str, network: &Network, group: &Arc<PointGroup>) -> Result<StateCheck> {
        let check = |name: &str, images: &Tensor| -> Result<_> {
            Ok(ImagesCheck { images: name.to_owned(), layers: layer_reports(network.layers(), group, images)? })
        };
        let mut images = vec![check("random", &self.random)?];
        let (mut angles, mut local) = (Vec::new(), None);
        if let Some((sample, batch)) = &self.sample {
            images.push(check(&sample.name, batch)?);
            let turned = sample.images.first(TURNED_IMAGES);
            angles = rotation_invariance(network, &turned, &sample.statistics, STEP)?;
            local = local_equivariance(network.layers(), batch)?;
        }
        Ok(StateCheck { state, images, angles, local })
    }
}

/// Images of independent pixels in [-1, 1).
fn random(input: InputShape, seed: u64) -> Result<Tensor> {
    let [height, width] = input.size;
    let count = layer_images(input.size);
    let shape = (count, input.channels, height, width);
    let draws = StandardUniform.sample_iter(rng::stream(seed, "lab/images"));
    let pixels = draws.take(count * input.channels * height * width).map(|u: f32| 2.0 * u - 1.0);
    Ok(Tensor::from_vec(pixels.collect(), shape, &Device::Cpu)?)
}
