//! What determines a network.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Skeleton;
use super::steps::Fault;
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
    /// Width of every step that has a factor as its width, from the image on: maps of the free bank, fields of group banks, base maps
    /// of repetition.
    pub widths: Vec<usize>,
    /// Maps per base map, for the banks that rescale.
    pub scale: usize,
    /// Maps of the same after rescaling, where they aren't `scale` times the widths; no bank rescales matrix products.
    pub maps: Option<Vec<usize>>,
    /// Convolutions without filters of their own: of each, by name, the earlier one whose base it transforms, for the banks that rescale. The
    /// others are ordinary ones where they aren't rescaled themselves.
    #[serde(default)]
    pub filters_of: BTreeMap<String, String>,
    /// What happens to the group axis before the classes.
    pub group_pooling: GroupPooling,
    /// Whether the group axis is pooled after every layer, so that each layer lifts anew (P4CNN-RP).
    pub pool_every_layer: bool,
    /// Seed of what banks draw and don't learn, such as scrambles.
    pub scramble_seed: u64,
    /// Rate of the dropout after every convolution but the head and shortcuts; steps with a rate of their own keep that.
    pub dropout: f64,
    /// Whether convolutions have biases, one a field, also where the skeleton says nothing of them: those of all steps; where the bank
    /// rescales, those that it repeats, shortcuts among them.
    #[serde(default)]
    pub bias: bool,
    /// Which maps share statistics and parameters of a norm: what the skeleton says, or none.
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
    /// A network by name, near 25,000 parameters (but `wide`): see [`presets`]; or one of [`rescalings`](super::rescalings) on its own
    /// skeleton.
    pub fn preset(name: &str) -> Option<Self> {
        let skeleton = Self::skeleton_of(name).and_then(|own| Skeleton::named(own).ok()).unwrap_or_default();
        Self::preset_on(skeleton, name).ok().flatten()
    }

    /// The same on another skeleton: as wide for its base width as the presets are for that of the default one, so that all but `wide`
    /// have about as many parameters. `None` of an unknown name.
    ///
    /// # Errors
    /// When the skeleton has too many steps.
    pub fn preset_on(skeleton: Skeleton, name: &str) -> Result<Option<Self>, Fault> {
        if let Some(rescaling) = Self::rescaling(&skeleton, name)? {
            return Ok(Some(rescaling));
        }
        let (bank, width): (BankConfig, usize) = match name {
            "z2" => (Free {}.into(), Free::WIDTH),
            "wide" => (Free {}.into(), 2 * Free::WIDTH),
            "p4-rp" => (P4 {}.into(), 2 * P4::WIDTH),
            _ => match family(name).filter(|bank| bank.get::<Free>().is_none()) {
                Some(bank) => (bank.clone(), bank.width()),
                None => return Ok(None),
            },
        };
        let base = skeleton.steps().base * width as f64 / Free::WIDTH as f64;
        Ok(Some(Self { pool_every_layer: name == "p4-rp", ..Self::new(skeleton, bank, base)? }))
    }

    /// A network of this base width, everything else as in the presets.
    ///
    /// # Errors
    /// When the skeleton has too many steps.
    pub fn new(skeleton: Skeleton, bank: BankConfig, base: f64) -> Result<Self, Fault> {
        let steps = skeleton.steps();
        let group_pooling = match steps.group_pooling() {
            Some(Reduction::Mean) => GroupPooling::Mean,
            Some(Reduction::Max) | None => GroupPooling::Max,
        };
        Ok(Self {
            widths: steps.widths(base)?,
            skeleton,
            bank,
            scale: 2,
            maps: None,
            filters_of: BTreeMap::new(),
            group_pooling,
            pool_every_layer: false,
            scramble_seed: 0,
            dropout: 0.0,
            bias: false,
            norm: NormSharing::default(),
            initialisation: Initialisation::default(),
        })
    }

    /// What width number `place`, counted from 0, is rescaled to: more where the bank rescales.
    pub(super) fn rescaled(&self, place: usize) -> Option<usize> {
        let width = *self.widths.get(place)?;
        match &self.maps {
            _ if !self.bank.rescales() => Some(width),
            Some(maps) => maps.get(place).copied(),
            None => width.checked_mul(self.scale),
        }
    }
}
