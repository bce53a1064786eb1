//! What a network will be, by arithmetic: no tensor is made.

mod block;
mod step;
mod walk;

use serde::{Deserialize, Serialize};

use super::steps::Fault;
use super::{InputShape, NetConfig};
use crate::bank::Bank;
use crate::group::{PointGroup, Representation};
use crate::kernel::{Activation, Window};
use crate::nn::{NormSharing, Reduction};

use walk::Walk;

/// Most maps of a layer; more is a slip of the pen, and would exhaust the memory before anyone sees it.
pub(crate) const MAX_MAPS: usize = 4096;

/// What a network costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Learned real parameters.
    pub parameters: usize,
    /// Learned signs.
    pub one_bit_parameters: usize,
    /// Feature maps of the widest convolution, before pooling over the group.
    pub maps: usize,
    /// Multiply-adds of the convolutions and matrix products, per image.
    pub multiply_adds: u64,
}

/// A step and what it leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepCost {
    /// Its name: convolutions, matrix products and blocks are numbered, blocks lead what is in them, pools are called after what is
    /// before them.
    pub name: String,
    /// What it does, in words.
    pub what: String,
    /// Height and width of the maps behind it, in pixels.
    pub size: [usize; 2],
    /// Maps behind it.
    pub maps: usize,
    /// Real parameters, those of the norm and bias included.
    pub parameters: usize,
    /// Learned signs.
    pub one_bit_parameters: usize,
    /// Multiply-adds of an image.
    pub multiply_adds: u64,
}

/// A network's layers, before they have tensors.
pub(super) struct Plan {
    pub steps: Vec<StepCost>,
    pub layers: Vec<Planned>,
    pub budget: Budget,
    /// Values that training keeps of an image at least: the maps of every convolution and matrix product; and those of the largest,
    /// whose gradients come on top.
    pub kept_values: u64,
    pub largest_values: u64,
    /// Entries of all filters.
    pub filter_entries: u64,
    /// For every width the first one that must be the same, since their maps are added; its own place where there's none.
    pub ties: Vec<usize>,
}

/// A layer.
pub(super) struct Planned {
    pub name: String,
    pub layer: PlannedLayer,
    /// What reaches it.
    pub input: Maps,
}

/// What a layer does.
pub(super) enum PlannedLayer {
    Conv {
        bank: Box<dyn Bank>,
        window: Window,
        bias: bool,
        /// The layer whose base it transforms, if it has none of its own.
        base_of: Option<String>,
    },
    Norm {
        sharing: NormSharing,
        activation: Activation,
    },
    Activate(Activation),
    Dropout(f64),
    Pool {
        reduction: Reduction,
        size: usize,
        window: Window,
    },
    GlobalPool(Reduction),
    GroupPool(Reduction),
    /// To this group.
    Restrict(PointGroup),
    Linear {
        outputs: usize,
        bias: bool,
    },
    Residual {
        main: Vec<Planned>,
        shortcut: Vec<Planned>,
        activation: Activation,
    },
}

/// Maps on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Maps {
    /// The group that they transform under.
    pub group: PointGroup,
    /// Height and width.
    pub size: [usize; 2],
    /// How their fields transform.
    pub representation: Representation,
    /// Fields, or base maps of a bank that rescales.
    pub width: usize,
    /// The same after rescaling.
    pub rescaled: usize,
}

impl Plan {
    /// The network of `config` for this input.
    pub fn new(config: &NetConfig, input: InputShape) -> Result<Self, Fault> {
        let nowhere = |message| Fault { place: Vec::new(), message };
        let mut walk = Walk::new(config, input).map_err(nowhere)?;
        if let Err(message) = walk.follow_all(&config.skeleton.steps().steps) {
            return Err(Fault { place: walk.place, message });
        }
        walk.finish().map_err(nowhere)
    }
}

impl NetConfig {
    /// What every step leads to and costs on images of the shape `input`.
    ///
    /// # Errors
    /// When a size or a width vanishes, branches can't be added, there are too many layers, or the last step doesn't lead to the
    /// classes: the step, what reaches it, and what would be right.
    pub fn costs(&self, input: InputShape) -> Result<Vec<StepCost>, Fault> {
        Ok(Plan::new(self, input)?.steps)
    }
}
