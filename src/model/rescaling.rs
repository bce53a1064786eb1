//! The networks of Chavan et al. (ICIP 2021) that a small network is rescaled to.

use std::collections::BTreeMap;

use super::steps::Fault;
use super::{NetConfig, Skeleton};
use crate::bank::RepeatMask;

const RESNET: &str = "rep-resnet16";

/// Names of presets on a skeleton of their own: `rep-vgg4` to `rep-vgg10`, VGG11 with no more convolutions of its own than the smaller
/// network has, and `rep-resnet16`, every block of which is repeated to `scale` times its maps.
pub fn rescalings() -> Vec<String> {
    (4..=10).map(|n| format!("rep-vgg{n}")).chain([RESNET.to_owned()]).collect()
}

/// Of VGG11's ten convolutions those after VGG_n's own, with the ones that they take their filters of.
fn of_vgg(n: usize) -> &'static [(usize, usize)] {
    match n {
        4 => &[(4, 3), (5, 3), (6, 3), (7, 3), (8, 3), (9, 3), (10, 3)],
        5 => &[(5, 3), (6, 4), (7, 3), (8, 4), (9, 3), (10, 4)],
        6 => &[(6, 3), (7, 4), (8, 5), (9, 4), (10, 5)],
        7 => &[(7, 3), (8, 4), (9, 5), (10, 6)],
        8 => &[(8, 5), (9, 6), (10, 7)],
        9 => &[(9, 7), (10, 8)],
        10 => &[(10, 9)],
        _ => &[],
    }
}

impl NetConfig {
    /// The skeleton of a preset that has one of its own.
    pub fn skeleton_of(preset: &str) -> Option<&'static str> {
        match preset {
            RESNET => Some("resnet16-cifar"),
            _ => vgg(preset).map(|_| "vgg11"),
        }
    }

    /// One of [`rescalings`] with learned signs, as in the authors' code, on a skeleton with such convolutions; `None` of another name.
    pub(super) fn rescaling(skeleton: &Skeleton, name: &str) -> Result<Option<Self>, Fault> {
        let net = || Self::new(skeleton.clone(), RepeatMask {}.into(), skeleton.steps().base);
        if name == RESNET {
            return Ok(Some(Self { bias: true, ..net()? }));
        }
        let Some(pairs) = vgg(name).map(of_vgg) else { return Ok(None) };
        let layer = |n: usize| format!("conv{n}");
        let filters_of: BTreeMap<_, _> =
            pairs.iter().map(|&(borrower, owner)| (layer(borrower), layer(owner))).collect();
        Ok(Some(Self { scale: 1, filters_of, ..net()? }))
    }
}

/// The n of `rep-vgg` and a number.
fn vgg(preset: &str) -> Option<usize> {
    let n = preset.strip_prefix("rep-vgg")?.parse().ok()?;
    (format!("rep-vgg{n}") == preset && !of_vgg(n).is_empty()).then_some(n)
}
