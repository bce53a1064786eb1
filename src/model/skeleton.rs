//! Which layers follow each other, and their sizes.

use serde::{Deserialize, Serialize};

/// A network's plan without widths and banks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Skeleton {
    /// The rot-MNIST network of Cohen & Welling (2016, section 8.1): six 3×3 convolutions, a 2×2 max pool after the
    /// second, then a 4×4 convolution to the classes; no padding. 28 pixels become 26, 24, 12, 10, 8, 6, 4, 1.
    #[default]
    Cohen2016,
    /// Two 5×5 convolutions, each followed by a 2×2 max pool as in LeNet (LeCun et al. 1998), then a 4×4 convolution to the
    /// classes; no padding. 28 pixels become 24, 12, 8, 4, 1.
    Lenet,
}

/// A step of a skeleton before its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A convolution without padding, followed by norm and ReLU.
    Conv {
        /// Its kernel size.
        kernel: usize,
    },
    /// A spatial max pool.
    MaxPool {
        /// Pixels of its window in each direction.
        size: usize,
    },
}

impl Skeleton {
    /// The steps before the head.
    pub fn stages(self) -> &'static [Stage] {
        const CONV3: Stage = Stage::Conv { kernel: 3 };
        const CONV5: Stage = Stage::Conv { kernel: 5 };
        const POOL: Stage = Stage::MaxPool { size: 2 };
        match self {
            Self::Cohen2016 => &[CONV3, CONV3, POOL, CONV3, CONV3, CONV3, CONV3],
            Self::Lenet => &[CONV5, POOL, CONV5, POOL],
        }
    }

    /// Kernel size of the convolution to the classes, after which the maximum over group and space is taken.
    pub fn head_kernel(self) -> usize {
        match self {
            Self::Cohen2016 | Self::Lenet => 4,
        }
    }

    /// Number of convolutions before the head, and so of widths.
    pub fn hidden_layers(self) -> usize {
        self.stages().iter().filter(|stage| matches!(stage, Stage::Conv { .. })).count()
    }
}
