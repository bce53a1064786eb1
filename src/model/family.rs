//! A bank for every convolution of a network.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::NetConfig;
use crate::bank::{
    Bank, CopiesBank, FreeBank, RandomMaskBank, RepeatDropBank, RepeatLinearBank, RepeatMaskBank, RepeatSwishBank,
    Rescale,
};
use crate::error::{Error, Result};
use crate::group::{PointGroup, Representation};
use crate::rng;

/// The kinds of filter bank; the [crate's page](crate) has their table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Ordinary convolutions.
    Free,
    /// Group convolutions over p4.
    P4,
    /// Group convolutions over p4m.
    P4m,
    /// As the group bank that `mimics` names, but without the group.
    Scrambled,
    /// Plain repetition.
    RepeatLinear,
    /// Repetition through a learned swish per tile.
    RepeatSwish,
    /// Repetition with learned signs.
    RepeatMask,
    /// Repetition with a fixed Bernoulli mask.
    RepeatDrop,
    /// Learned signs on frozen random kernels.
    RandomMask,
}

/// A plane group that a bank can have or mimic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Symmetry {
    /// Quarter turns.
    #[default]
    P4,
    /// Quarter turns and mirrors.
    P4m,
}

impl Symmetry {
    /// The point group: C4 or D4.
    pub fn point_group(self) -> PointGroup {
        match self {
            Self::P4 => PointGroup::c4(),
            Self::P4m => PointGroup::d4(),
        }
    }
}

/// Where a convolution sits in the network.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// Its name.
    pub layer: &'a str,
    /// Widths before and after it: fields of group banks, base maps of repetition banks, maps of free ones.
    pub widths: [usize; 2],
    /// The same after repetition, where the bank repeats; no bank repeats the image and the classes.
    pub rescaled: [usize; 2],
    /// Kernel size.
    pub kernel: usize,
    /// How the fields before it transform.
    pub input: Representation,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Free,
        Self::P4,
        Self::P4m,
        Self::Scrambled,
        Self::RepeatLinear,
        Self::RepeatSwish,
        Self::RepeatMask,
        Self::RepeatDrop,
        Self::RandomMask,
    ];

    /// The family that study files call `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }

    /// The name as study files spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::P4 => "p4",
            Self::P4m => "p4m",
            Self::Scrambled => "scrambled",
            Self::RepeatLinear => "repeat-linear",
            Self::RepeatSwish => "repeat-swish",
            Self::RepeatMask => "repeat-mask",
            Self::RepeatDrop => "repeat-drop",
            Self::RandomMask => "random-mask",
        }
    }

    /// The plane group whose feature maps the bank's have the layout of; `None` for plain maps.
    pub fn symmetry(self, mimics: Symmetry) -> Option<Symmetry> {
        match self {
            Self::P4 => Some(Symmetry::P4),
            Self::P4m => Some(Symmetry::P4m),
            Self::Scrambled => Some(mimics),
            _ => None,
        }
    }

    /// Whether its filters make layers equivariant.
    pub fn is_equivariant(self) -> bool {
        matches!(self, Self::P4 | Self::P4m)
    }

    /// Whether widths are those of a base that is rescaled to a larger layer.
    pub fn rescales(self) -> bool {
        self.repeats() || self == Self::RandomMask
    }

    /// Whether its filters repeat those of a smaller layer.
    pub fn repeats(self) -> bool {
        matches!(self, Self::RepeatLinear | Self::RepeatSwish | Self::RepeatMask | Self::RepeatDrop)
    }
}

/// The bank of one convolution.
pub(super) fn bank(config: &NetConfig, group: &Arc<PointGroup>, place: Place) -> Result<Box<dyn Bank>> {
    let Place { widths: [inputs, outputs], kernel, .. } = place;
    let rescale = || {
        let [scaled_inputs, scaled_outputs] = place.rescaled;
        Rescale { base: [outputs, inputs], scaled: [scaled_outputs, scaled_inputs], kernel }
    };
    Ok(match config.bank {
        Family::Free => Box::new(FreeBank::new(outputs, inputs, kernel)?),
        Family::P4 | Family::P4m => Box::new(CopiesBank::group(group, place.input, [outputs, inputs, kernel])?),
        Family::Scrambled => {
            let sizes = [outputs, inputs, kernel];
            let mut stream = rng::stream(config.scramble_seed, &format!("scramble/{}", place.layer));
            let bank = CopiesBank::scrambled(group, place.input, sizes, config.scramble, &mut stream);
            Box::new(bank.map_err(|e| Error::invalid(format!("{}: {e}", place.layer)))?)
        }
        Family::RepeatLinear => Box::new(RepeatLinearBank::new(rescale())?),
        Family::RepeatSwish => Box::new(RepeatSwishBank::new(rescale())?),
        Family::RepeatMask => Box::new(RepeatMaskBank::new(rescale())?),
        Family::RepeatDrop => Box::new(RepeatDropBank::new(rescale(), config.keep)?),
        Family::RandomMask => Box::new(RandomMaskBank::new(rescale())?),
    })
}

#[cfg(test)]
mod tests {
    use super::Family;

    #[test]
    fn families_are_found_by_the_names_that_files_have() {
        for family in Family::ALL {
            assert_eq!(serde_json::to_value(family).unwrap(), family.name());
            assert_eq!(Family::named(family.name()), Some(family));
        }
        assert_eq!(Family::named("p5"), None);
    }
}
