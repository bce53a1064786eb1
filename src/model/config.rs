//! What determines a network.

use serde::{Deserialize, Serialize};

use super::{Family, Skeleton, Symmetry};
use crate::bank::{Initialisation, Scramble};
use crate::nn::{NormSharing, Reduction};

/// Everything that a network depends on, beside its input and its seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetConfig {
    /// Which layers follow each other.
    pub skeleton: Skeleton,
    /// How the convolutions get their filters.
    pub bank: Family,
    /// Width of every convolution before the head: maps of the free bank, fields of group banks, base maps of repetition.
    pub widths: Vec<usize>,
    /// Maps per base map, for the banks that rescale.
    pub scale: usize,
    /// Maps of every convolution before the head after rescaling, where they aren't `scale` times the widths.
    pub maps: Option<Vec<usize>>,
    /// What happens to the group axis before the classes.
    pub group_pooling: GroupPooling,
    /// Whether the group axis is pooled after every layer, so that each layer lifts anew (P4CNN-RP).
    pub pool_every_layer: bool,
    /// The group that the scrambled bank mimics.
    pub mimics: Symmetry,
    /// What the scrambled bank takes from the group it mimics.
    pub scramble: Scramble,
    /// Seed of the scrambles.
    pub scramble_seed: u64,
    /// Probability that `repeat-drop` keeps an entry.
    pub keep: f64,
    /// Rate of the dropout after every convolution but the last.
    pub dropout: f64,
    /// Which maps share statistics and parameters of a norm.
    pub norm: NormSharing,
    /// How the filters start; one rule for all arms of a study.
    pub initialisation: Initialisation,
}

/// What happens to the group axis before the classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupPooling {
    /// The maximum over the group, as in Cohen & Welling (2016).
    #[default]
    Max,
    /// The mean over the group.
    Mean,
    /// No pooling: an ordinary convolution maps the oriented features to the classes, with as many parameters as the
    /// group convolution that it replaces. The network isn't invariant.
    None,
}

impl GroupPooling {
    /// The reduction over the group, if there's one.
    pub fn reduction(self) -> Option<Reduction> {
        match self {
            Self::Max => Some(Reduction::Max),
            Self::Mean => Some(Reduction::Mean),
            Self::None => None,
        }
    }
}

/// Names of the networks that [`NetConfig::preset`] knows.
pub const PRESETS: [&str; 11] = [
    "z2",
    "wide",
    "p4",
    "p4-rp",
    "p4m",
    "scrambled",
    "repeat-linear",
    "repeat-swish",
    "repeat-mask",
    "repeat-drop",
    "random-mask",
];

impl NetConfig {
    /// A network by name, near 25,000 parameters (but `wide`): see [`PRESETS`].
    pub fn preset(name: &str) -> Option<Self> {
        let uniform = |bank, width| Self::uniform(Skeleton::default(), bank, width);
        Some(match name {
            "z2" => uniform(Family::Free, 20),
            "wide" => uniform(Family::Free, 40),
            "p4" => uniform(Family::P4, 10),
            "p4-rp" => Self { pool_every_layer: true, ..uniform(Family::P4, 20) },
            // 20/√8 fields of 8 maps have about the parameters of 20 maps.
            "p4m" => uniform(Family::P4m, 7),
            "scrambled" => uniform(Family::Scrambled, 10),
            "repeat-linear" => uniform(Family::RepeatLinear, 20),
            "repeat-swish" => uniform(Family::RepeatSwish, 20),
            "repeat-mask" => uniform(Family::RepeatMask, 20),
            "repeat-drop" => uniform(Family::RepeatDrop, 20),
            "random-mask" => uniform(Family::RandomMask, 20),
            _ => return None,
        })
    }

    /// A network whose convolutions all have the same width, everything else as in the presets.
    pub fn uniform(skeleton: Skeleton, bank: Family, width: usize) -> Self {
        Self {
            skeleton,
            bank,
            widths: vec![width; skeleton.hidden_layers()],
            scale: 2,
            maps: None,
            group_pooling: GroupPooling::default(),
            pool_every_layer: false,
            mimics: Symmetry::default(),
            scramble: Scramble::default(),
            scramble_seed: 0,
            keep: 0.5,
            dropout: 0.0,
            norm: NormSharing::default(),
            initialisation: Initialisation::default(),
        }
    }

    /// The same on another skeleton: every convolution has the width of the first.
    pub fn on(self, skeleton: Skeleton) -> Self {
        let width = self.widths.first().copied().unwrap_or_default();
        Self { skeleton, widths: vec![width; skeleton.hidden_layers()], ..self }
    }

    /// Maps of convolution `layer`, counted from 0, before the head: more than its width where the bank rescales.
    pub(super) fn rescaled(&self, layer: usize) -> Option<usize> {
        let width = *self.widths.get(layer)?;
        match &self.maps {
            _ if !self.bank.rescales() => Some(width),
            Some(maps) => maps.get(layer).copied(),
            None => width.checked_mul(self.scale),
        }
    }
}
