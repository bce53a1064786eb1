//! Initial values of filters: one rule for all banks.

use candle_nn::Init;
use serde::{Deserialize, Serialize};

/// How the initial values of filter weights are drawn, for all arms of a study by the same rule.
///
/// Behind a batch norm the scale of a filter doesn't change what it computes, but sets the effective learning rate. Arms
/// whose filters start at different scales would differ in more than their banks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Initialisation {
    /// Uniform within ±1/√(fan in), the default of PyTorch's convolutions.
    #[default]
    FanIn,
    /// Uniform within ±√(6 / (fan in + fan out)) (Glorot & Bengio 2010), as Chavan et al. (2021) draw the base.
    Xavier,
    /// Uniform within ±√(6 / fan in) (He et al. 2015).
    He,
}

impl Initialisation {
    /// The distribution for a weight with these numbers of inputs and outputs.
    pub fn distribution(self, fan: Fan) -> Init {
        let (inputs, outputs) = (fan.inputs as f64, fan.outputs as f64);
        let bound = match self {
            Self::FanIn => 1.0 / inputs,
            Self::Xavier => 6.0 / (inputs + outputs),
            Self::He => 6.0 / inputs,
        };
        let bound = bound.sqrt();
        Init::Uniform { lo: -bound, up: bound }
    }
}

/// Inputs that an output sums over, and outputs that an input goes to, of the layer whose weights are drawn. For a
/// repetition bank that's the base: filters that repeat it over `s` times the maps start at √s times the scale that the rule
/// gives filters of their size, and what a bank does to its copies, such as repeat-swish's α/2, changes that again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fan {
    /// In maps × kernel area.
    pub inputs: usize,
    /// Out maps × kernel area.
    pub outputs: usize,
}

/// How a parameter starts.
#[derive(Clone, Copy, Debug)]
pub enum Initial {
    /// A weight of the filters: as the study's [`Initialisation`] says.
    Weight(Fan),
    /// Something else, drawn as the bank says.
    Own(Init),
}

impl Initial {
    /// The distribution under a study's rule.
    pub fn distribution(self, rule: Initialisation) -> Init {
        match self {
            Self::Weight(fan) => rule.distribution(fan),
            Self::Own(init) => init,
        }
    }
}
