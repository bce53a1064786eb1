//! A network's plan as data: the steps that a skeleton file lists, whatever the bank and the width.
//!
//! ```
//! use equisplit::bank::Free;
//! use equisplit::model::{InputShape, NetConfig, Skeleton, steps::Steps};
//!
//! # fn main() -> equisplit::Result<()> {
//! let text =
//!     r#"{"base": 8, "steps": [
//!         {"conv": {"kernel": 3, "padding": 1}},
//!         {"residual": {"steps": [{"conv": {"kernel": 3, "padding": 1}}]}},
//!         {"global-pool": "mean"},
//!         {"linear": {"width": "classes"}}
//!     ]}"#;
//! let steps: Steps = serde_json::from_str(text).expect("a skeleton");
//! let base = steps.base;
//! let config = NetConfig::new(Skeleton::new("mine", steps)?, Free {}.into(), base)?;
//! let rows = config.costs(InputShape::DIGITS)?;
//! // 3×3 from 1 to 8 maps with a norm, from 8 to 8 with another, and 8 numbers to 10 classes.
//! assert_eq!(rows.iter().map(|row| row.parameters).sum::<usize>(), 72 + 16 + 576 + 16 + 90);
//! # Ok(())
//! # }
//! ```

mod builtin;
mod factors;

use serde::{Deserialize, Serialize};

use crate::group::Symmetry;
use crate::kernel::Activation;
use crate::nn::{NormSharing, Reduction};
use crate::number;

pub use builtin::{builtin, builtins};
pub use factors::Fault;
pub(super) use factors::{DEEPEST, MOST_LAYERS, scaled, too_deep, too_many};

/// A skeleton as it's written: steps from the image to the classes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Steps {
    /// Channels, height and width of the images that it's meant for, if it says so.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "three")]
    pub input: Option<[usize; 3]>,
    /// Width of a step whose factor is 1: maps of plain convolutions, fields of group convolutions, base maps of repetition. Widths
    /// are rounded down.
    #[serde(deserialize_with = "number::told")]
    pub base: f64,
    /// The steps.
    pub steps: Vec<Step>,
}

fn three<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<[usize; 3]>, D::Error> {
    number::exactly(deserializer).map(Some)
}

/// One step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// A convolution with what follows it.
    Conv(ConvStep),
    /// A norm by itself, as one that comes before a convolution.
    Norm(NormStep),
    /// A pool over windows of pixels.
    Pool(PoolStep),
    /// The maximum or mean over all pixels.
    GlobalPool(Reduction),
    /// The maximum or mean over the group; does nothing to maps without one.
    GroupPool(Reduction),
    /// A matrix product with what follows it; maps over a group are pooled before it.
    Linear(LinearStep),
    /// Steps whose output is added to their input.
    Residual(ResidualStep),
    /// Steps several times.
    Repeat(RepeatStep),
}

/// How wide a step's output is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a width is a factor on the base width, { fixed = N }, or \"classes\"")]
pub enum Width {
    /// So many times the base width.
    Factor(f64),
    /// The same whatever the base width is.
    Fixed(FixedWidth),
    /// As many as there are classes.
    Classes(ClassesWord),
}

/// A width that doesn't follow the base width.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedWidth {
    /// The width.
    #[serde(deserialize_with = "number::told")]
    pub fixed: usize,
}

/// The word for as many outputs as there are classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassesWord {
    /// "classes"
    Classes,
}

impl Width {
    /// As many outputs as there are classes.
    pub const CLASSES: Self = Self::Classes(ClassesWord::Classes);
}

/// Which maps share a norm, if there's one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// The maps of a field.
    #[default]
    Field,
    /// Each map has its own.
    Map,
    /// There's none.
    None,
}

impl Norm {
    /// The sharing, if there's a norm.
    pub fn sharing(self) -> Option<NormSharing> {
        match self {
            Self::Field => Some(NormSharing::Field),
            Self::Map => Some(NormSharing::Map),
            Self::None => None,
        }
    }
}

/// A convolution.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct ConvStep {
    /// Height and width of its filters, in pixels.
    #[serde(deserialize_with = "number::told")]
    pub kernel: usize,
    /// Pixels from one position to the next.
    #[serde(default = "one", deserialize_with = "number::told")]
    pub stride: usize,
    /// Zeros added on every side, in pixels.
    #[serde(default, deserialize_with = "number::told")]
    pub padding: usize,
    /// Its output.
    #[serde(default = "base_width")]
    pub width: Width,
    /// The group that the network is restricted to from here on: what reaches the convolution is seen as fields of what both this and the
    /// arm's group have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Symmetry>,
    /// The norm behind it.
    #[serde(default)]
    pub norm: Norm,
    /// The non-linearity behind that.
    #[serde(default = "relu")]
    pub activation: Activation,
    /// Whether every field has a bias.
    #[serde(default)]
    pub bias: bool,
    /// Rate of the dropout behind all that.
    #[serde(default, deserialize_with = "number::told")]
    pub dropout: f64,
}

/// A norm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct NormStep {
    /// Which maps share it.
    #[serde(default)]
    pub sharing: NormSharing,
    /// The non-linearity behind it.
    #[serde(default = "relu")]
    pub activation: Activation,
}

/// A pool.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct PoolStep {
    /// What it takes of a window.
    #[serde(default = "max")]
    pub reduce: Reduction,
    /// Height and width of its window, in pixels.
    #[serde(deserialize_with = "number::told")]
    pub size: usize,
    /// Pixels from one window to the next; the window's size by default.
    #[serde(default, deserialize_with = "number::told", skip_serializing_if = "Option::is_none")]
    pub stride: Option<usize>,
    /// Pixels added on every side, which never are the maximum and count as 0 in means.
    #[serde(default, deserialize_with = "number::told")]
    pub padding: usize,
}

/// A matrix product of all numbers that reach it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct LinearStep {
    /// Its outputs.
    pub width: Width,
    /// The norm behind it, of every output by itself.
    #[serde(default = "no_norm")]
    pub norm: Norm,
    /// The non-linearity behind that.
    #[serde(default)]
    pub activation: Activation,
    /// Whether every output has a bias.
    #[serde(default = "yes")]
    pub bias: bool,
}

/// Steps whose output is added to their input.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct ResidualStep {
    /// The main branch.
    pub steps: Vec<Step>,
    /// The other one.
    #[serde(default)]
    pub shortcut: Shortcut,
    /// The norm of the shortcut's convolution, if it has one.
    #[serde(default)]
    pub shortcut_norm: Norm,
    /// The non-linearity behind the sum.
    #[serde(default = "relu")]
    pub activation: Activation,
}

/// What is added to the main branch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shortcut {
    /// The input where it has the output's shape, else a 1×1 convolution of it.
    #[default]
    Auto,
    /// The input, which must have the output's shape.
    Identity,
    /// A 1×1 convolution.
    Conv,
}

/// Steps several times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct RepeatStep {
    /// How often.
    #[serde(deserialize_with = "number::told")]
    pub times: usize,
    /// Which.
    pub steps: Vec<Step>,
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

fn base_width() -> Width {
    Width::Factor(1.0)
}

fn relu() -> Activation {
    Activation::Relu
}

fn max() -> Reduction {
    Reduction::Max
}

fn no_norm() -> Norm {
    Norm::None
}
