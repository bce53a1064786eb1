//! Published training protocols.

use serde::{Deserialize, Serialize};

use super::{DecayOn, Method, Normalisation, Schedule, TrainingConfig};
use crate::data::augment::{AffineStep, Augmentation, CropStep, Flip, Published, Step};

/// A protocol of a paper; every field of it can be overridden.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Cohen & Welling (2016): Adam at 0.001, batches of 128, no augmentation. The rate stays as it is, and 20 epochs are
    /// our choice.
    #[default]
    Cohen2016,
    /// Chavan et al. (2021): Adam at 0.001 with weight decay 1e-7, the rate × 0.8 per epoch from the tenth on, online
    /// rotations and flips. 40 epochs are our choice.
    Repeatnet2021,
    /// Their training on CIFAR: SGD at 0.1 with momentum 0.9 and weight decay 1e-3, the rate × 0.1 after epochs 80 and 120 of 160,
    /// gradients clipped at 1, a crop out of 4 pixels of padding and horizontal flips.
    #[serde(rename = "repeatnet2021-cifar")]
    Repeatnet2021Cifar,
    /// Their training on TinyImageNet: SGD at 0.1 with momentum 0.9 and weight decay 1e-4, the rate × 0.1 after epochs 30 and 60 of 90,
    /// turns within 20°, scales of 0.8 to 1.2, shears within 20° and horizontal flips.
    #[serde(rename = "repeatnet2021-tinyimagenet")]
    Repeatnet2021Tinyimagenet,
    /// Weiler & Cesa (2019), their comparison of groups on rot-MNIST: Adam at 0.001 without decay, batches of 64, the rate × 0.8 per
    /// epoch after the eleventh of 30, turns by any angle. By their code (`mnist_bench_single.sh` of e2cnn_experiments), which
    /// also stops early by held-out images; nothing is chosen so here.
    #[serde(rename = "weiler-cesa2019")]
    WeilerCesa2019,
    /// Their final networks there: at 0.015, the rate × 0.8 per epoch after the sixteenth of 40, L1 and L2 penalties of 1e-7 on filters
    /// (`mnist_final_single.sh`, whose 1e-8 on hidden matrix products is left out).
    #[serde(rename = "weiler-cesa2019-final")]
    WeilerCesa2019Final,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Cohen2016,
        Self::Repeatnet2021,
        Self::Repeatnet2021Cifar,
        Self::Repeatnet2021Tinyimagenet,
        Self::WeilerCesa2019,
        Self::WeilerCesa2019Final,
    ];

    /// Its name in study files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cohen2016 => "cohen2016",
            Self::Repeatnet2021 => "repeatnet2021",
            Self::Repeatnet2021Cifar => "repeatnet2021-cifar",
            Self::Repeatnet2021Tinyimagenet => "repeatnet2021-tinyimagenet",
            Self::WeilerCesa2019 => "weiler-cesa2019",
            Self::WeilerCesa2019Final => "weiler-cesa2019-final",
        }
    }

    /// The protocol's values.
    pub fn config(self) -> TrainingConfig {
        let plain = TrainingConfig::default();
        let turned = Augmentation::from(Published { rotate: true, flip: false });
        let sgd = TrainingConfig {
            optimiser: Method::Sgd,
            momentum: 0.9,
            learning_rate: 0.1,
            schedule: Schedule::Multistep,
            decay: 0.1,
            normalise: Normalisation::Channels,
            ..plain.clone()
        };
        let steps = |steps: [Step; 2]| Augmentation::Steps(steps.into());
        match self {
            Self::Cohen2016 => plain,
            Self::Repeatnet2021 => TrainingConfig {
                epochs: 40,
                weight_decay: 1e-7,
                decay: 0.8,
                decay_from: 10,
                augmentation: Published { rotate: true, flip: true }.into(),
                ..plain
            },
            Self::Repeatnet2021Cifar => TrainingConfig {
                epochs: 160,
                milestones: vec![80, 120],
                weight_decay: 1e-3,
                clip_norm: Some(1.0),
                augmentation: steps([Step::Crop(CropStep { padding: 4 }), Step::Flip(Flip::Horizontal)]),
                ..sgd
            },
            Self::Repeatnet2021Tinyimagenet => {
                let affine = AffineStep { degrees: 20.0, scale: [0.8, 1.2], shear: 20.0, shift: 0.0 };
                let augmentation = steps([Step::Affine(affine), Step::Flip(Flip::Horizontal)]);
                TrainingConfig { epochs: 90, milestones: vec![30, 60], weight_decay: 1e-4, augmentation, ..sgd }
            }
            Self::WeilerCesa2019 => {
                TrainingConfig { epochs: 30, batch: 64, decay: 0.8, decay_from: 12, augmentation: turned, ..plain }
            }
            Self::WeilerCesa2019Final => TrainingConfig {
                epochs: 40,
                batch: 64,
                learning_rate: 0.015,
                decay: 0.8,
                decay_from: 17,
                weight_decay: 1e-7,
                l1: 1e-7,
                decay_on: DecayOn::Filters,
                augmentation: turned,
                ..plain
            },
        }
    }
}
