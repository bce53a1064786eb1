//! What determines a network.

use serde::{Deserialize, Serialize};

use super::Skeleton;
use crate::bank::{BankConfig, Family, Free, Initialisation, P4, families, family};
use crate::nn::{NormSharing, Reduction};

/// Everything that a network depends on, beside its input and its seed.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NetConfig {
    /// Which layers follow each other.
    pub skeleton: Skeleton,
    /// How the convolutions get their filters.
    #[serde(flatten)]
    pub bank: BankConfig,
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
    /// Seed of what banks draw and don't learn, such as scrambles.
    pub scramble_seed: u64,
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

/// Names of the networks that [`NetConfig::preset`] knows: `z2` and `wide`, which have the free bank, `p4-rp`, and one of every other
/// family of banks.
pub fn presets() -> Vec<String> {
    let others = families().into_iter().filter(|bank| bank.get::<Free>().is_none());
    let mut names: Vec<String> = ["z2", "wide"].map(str::to_owned).into();
    for bank in others {
        names.push(bank.name().to_owned());
        names.extend((bank.name() == P4::NAME).then(|| "p4-rp".to_owned()));
    }
    names
}

impl NetConfig {
    /// A network by name, near 25,000 parameters (but `wide`): see [`presets`].
    pub fn preset(name: &str) -> Option<Self> {
        let uniform = |bank: BankConfig, width| Self::uniform(Skeleton::default(), bank, width);
        Some(match name {
            "z2" => uniform(Free {}.into(), Free::WIDTH),
            "wide" => uniform(Free {}.into(), 2 * Free::WIDTH),
            "p4-rp" => Self { pool_every_layer: true, ..uniform(P4 {}.into(), 2 * P4::WIDTH) },
            _ => {
                let bank = family(name).filter(|bank| bank.get::<Free>().is_none())?;
                let width = bank.width();
                uniform(bank, width)
            }
        })
    }

    /// A network whose convolutions all have the same width, everything else as in the presets.
    pub fn uniform(skeleton: Skeleton, bank: BankConfig, width: usize) -> Self {
        Self {
            skeleton,
            bank,
            widths: vec![width; skeleton.hidden_layers()],
            scale: 2,
            maps: None,
            group_pooling: GroupPooling::default(),
            pool_every_layer: false,
            scramble_seed: 0,
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
