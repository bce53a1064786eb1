//! What makes a filter bank part of studies.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Bank, Portrait, Rescale};
use crate::error::Result;
use crate::group::{PointGroup, Representation, Symmetry};

/// A family of filter banks: one bank for every convolution of a network.
///
/// All that anybody needs to know of a bank is said here: what study files call it and which keys they can give it, how it makes the
/// bank of a layer, which symmetry that has, and how sentences and figures show it. A new one is a file and its line in the
/// list of [`families`](super::families), or in another crate a type that is [`register`](super::register)ed.
///
/// The value is the bank's configuration: its fields are keys of an `[[arm]]` table, with their defaults from [`Default`]; they
/// mustn't be called as keys that all arms have. Derive `Serialize` and `Deserialize` with `deny_unknown_fields`; a family
/// without keys is a struct without fields, `struct Mine {}`.
pub trait Family: Clone + Debug + Default + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// What study files, tables and records call it.
    const NAME: &'static str;

    /// How sentences and figures show it.
    const PORTRAIT: Portrait;

    /// Width of every convolution in the preset of the same name: about 25,000 real parameters on the default skeleton.
    const WIDTH: usize = 20;

    /// Whether widths are those of a base that is rescaled to a larger layer, so that arms take `scale`, `maps` and `filters_of`. The base is
    /// then the first of the bank's parameters.
    const RESCALES: bool = false;

    /// Whether a bank holds draws that aren't learned ([`Site::seed`]), so that arms take `scramble_seed`.
    const DRAWS: bool = false;

    /// Whether its filters make layers equivariant under [`Family::symmetry`].
    const IS_EQUIVARIANT: bool = false;

    /// The bank of one convolution.
    ///
    /// # Errors
    /// When the sizes aren't ones that the bank can fill.
    fn bank(&self, site: &Site) -> Result<Box<dyn Bank>>;

    /// The plane group whose feature maps the network's have the layout of; `None` for plain maps.
    fn symmetry(&self) -> Option<Symmetry> {
        None
    }

    /// Refuses values of its keys that no bank has.
    ///
    /// # Errors
    /// The key, its value, and what would be right.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Out and in maps of the rescaled layer, as far as the shape of a tensor beside the base tells them: for single layers
    /// whose tensors come from files.
    fn rescaled_to(_base: [usize; 2], _parameter: &str, _shape: &[usize]) -> Option<[usize; 2]> {
        None
    }
}

/// Where in a network a bank is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// Name of the convolution.
    pub layer: &'a str,
    /// Widths before and after it: fields of group banks, base maps of banks that rescale, maps of others.
    pub widths: [usize; 2],
    /// The same after rescaling; nothing rescales the image and the classes.
    pub rescaled: [usize; 2],
    /// Kernel size.
    pub kernel: usize,
    /// How the fields before it transform.
    pub input: Representation,
    /// The point group of [`Family::symmetry`], or what a skeleton restricts it to; the trivial one where there's none.
    pub group: &'a PointGroup,
    /// Whether the base is another layer's, which the widths are then those of.
    pub is_borrowed: bool,
    /// Seed of draws that aren't learned, by default that of the run.
    pub seed: u64,
}

impl Site<'_> {
    /// Out fields, in fields and kernel size.
    pub fn sizes(&self) -> [usize; 3] {
        let [inputs, outputs] = self.widths;
        [outputs, inputs, self.kernel]
    }

    /// The rescaling of the base.
    pub fn rescale(&self) -> Rescale {
        let ([inputs, outputs], [scaled_inputs, scaled_outputs]) = (self.widths, self.rescaled);
        Rescale { base: [outputs, inputs], scaled: [scaled_outputs, scaled_inputs], kernel: self.kernel }
    }
}
