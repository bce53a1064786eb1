//! Filter banks: how a layer's learned parameters θ become the filters W of a planar convolution.
//!
//! The arms of a study differ in this map alone. A bank is plain data: it declares its parameters and,
//! given their values, returns the filters as a differentiable tensor of shape (out maps, in maps, k, k). What trains, what
//! is counted and what is drawn at the start all follows from the declaration. Its [`Family`] is what studies know of it.

mod config;
mod copies;
mod family;
mod free;
mod group;
mod initial;
mod portrait;
mod random_mask;
mod registry;
mod repeat;
mod repeat_drop;
mod repeat_linear;
mod repeat_mask;
mod repeat_swish;
mod scrambled;
mod steerable;

use std::fmt::Debug;

use candle_core::Tensor;

use crate::error::{Error, Result};
use crate::group::Representation;

pub use config::BankConfig;
pub use copies::CopiesBank;
pub use family::{Family, Site};
pub use free::{Free, FreeBank};
pub use group::{P4, P4m};
pub use initial::{Fan, Initial, Initialisation};
pub use portrait::{Line, Marker, Portrait};
pub use random_mask::{RandomMask, RandomMaskBank};
pub use registry::{RESERVED_KEYS, RESERVED_NAMES, families, family, register};
pub use repeat::Rescale;
pub use repeat_drop::{RepeatDrop, RepeatDropBank};
pub use repeat_linear::{RepeatLinear, RepeatLinearBank};
pub use repeat_mask::{RepeatMask, RepeatMaskBank};
pub use repeat_swish::{RepeatSwish, RepeatSwishBank};
pub use scrambled::{Scramble, Scrambled};
pub use steerable::{BandLimited, RingBasis, Rings, ScrambledSteerable, Steerable, SteerableBank};

/// A map from learned parameters to the filters of a planar convolution.
pub trait Bank: Debug + Send + Sync {
    /// Shape of the filters: (out maps, in maps, k, k).
    fn filter_shape(&self) -> [usize; 4];

    /// The tensors that [`Bank::filters`] takes, in its order.
    fn parameters(&self) -> Vec<Parameter>;

    /// The filters W, differentiable in `values`, which have the shapes of [`Bank::parameters`].
    ///
    /// # Errors
    /// When a tensor is missing, or its shape is another.
    fn filters(&self, values: &[Tensor]) -> Result<Tensor>;

    /// Maps that form one field, on the input and on the output: those share bias, norm and dropout.
    fn field_sizes(&self) -> FieldSizes {
        FieldSizes { input: 1, output: 1 }
    }

    /// Which filters are copies of one another, for pictures; `None` where none are.
    fn copies(&self) -> Option<Copies> {
        None
    }
}

/// Out maps whose filters come from the same weights.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copies {
    /// What the copies of a filter are, as in "each filter and ...".
    pub what: String,
    /// Names of the copies.
    pub names: Vec<String>,
    /// For every filter that has copies, the out maps with its copies, in the order of the names; the last may be missing.
    pub maps: Vec<Vec<usize>>,
}

impl Copies {
    /// Those of so many filters that each have their copies one after the other, `labels` being what they are and their names.
    fn in_a_row((what, names): (String, Vec<String>), filters: usize) -> Self {
        let copies = names.len();
        Self { what, names, maps: (0..filters).map(|n| (n * copies..(n + 1) * copies).collect()).collect() }
    }
}

/// Maps per field, before and after a convolution: |H| for regular fields, 1 for plain maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldSizes {
    /// Maps per input field.
    pub input: usize,
    /// Maps per output field.
    pub output: usize,
}

/// A tensor that a bank needs.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name within the layer, as in checkpoints.
    pub name: &'static str,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Whether and how it's learned.
    pub kind: Kind,
    /// How its initial values are drawn.
    pub initial: Initial,
}

/// How much of a parameter is information that training puts there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A learned real number per entry.
    Real,
    /// A learned sign per entry: trained through a real-valued score, but only the sign is used.
    OneBit,
    /// Drawn once and never learned.
    Frozen,
}

/// Numbers of learned parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParameterCount {
    /// Real parameters.
    pub real: usize,
    /// Learned signs.
    pub one_bit: usize,
}

impl std::ops::Add for ParameterCount {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { real: self.real + other.real, one_bit: self.one_bit + other.one_bit }
    }
}

impl std::iter::Sum for ParameterCount {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), std::ops::Add::add)
    }
}

/// The exact number of learned parameters of a bank; frozen tensors are none.
pub fn count(bank: &dyn Bank) -> ParameterCount {
    let of_kind = |kind| {
        let entries = |p: &Parameter| p.shape.iter().product::<usize>();
        bank.parameters().iter().filter(|p| p.kind == kind).map(entries).sum()
    };
    ParameterCount { real: of_kind(Kind::Real), one_bit: of_kind(Kind::OneBit) }
}

/// Shape of the base of a bank that rescales, or of ordinary filters: what another layer can transform.
pub(crate) fn base(bank: &dyn Bank) -> Option<[usize; 4]> {
    let first = bank.parameters().into_iter().next().filter(|first| first.kind == Kind::Real)?;
    first.shape.try_into().ok()
}

/// Refuses sizes of 0, which no bank can fill.
fn check_sizes(bank: &str, sizes: &[(&str, usize)]) -> Result<()> {
    match sizes.iter().find(|(_, size)| *size == 0) {
        Some((name, _)) => Err(Error::invalid(format!("{bank}: {name} is 0; it must be at least 1"))),
        None => Ok(()),
    }
}

/// Refuses input fields that no bank has filters for.
fn check_input(input: Representation) -> Result<()> {
    match input {
        Representation::Trivial | Representation::Regular => Ok(()),
        other => Err(Error::invalid(format!("group convolutions take trivial and regular fields, not {other:?} ones"))),
    }
}

/// The declared tensors out of `values`, their shapes checked: what [`Bank::filters`] of a bank with `N` parameters starts with.
///
/// # Errors
/// When a tensor is missing, or its shape is another.
pub fn checked<'a, const N: usize>(bank: &dyn Bank, values: &'a [Tensor]) -> Result<&'a [Tensor; N]> {
    let declared = bank.parameters();
    if let Some((parameter, value)) = declared.iter().zip(values).find(|(p, value)| p.shape != value.dims()) {
        let Parameter { name, shape, .. } = parameter;
        return Err(Error::invalid(format!("{name} has the shape {:?}, but this bank takes {shape:?}", value.dims())));
    }
    let message = || format!("{} tensors, but this bank takes {}", values.len(), declared.len());
    values.try_into().map_err(|_| Error::invalid(message()))
}
