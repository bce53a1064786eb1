//! Whether turned sampling grids meet: whole numbers only, before anything runs.
//!
//! A window of k pixels that moves by s pixels over n pixels with p zeros on either side takes
//! m + 1 = ⌊(n + 2p − k)/s⌋ + 1 positions, the first of which starts at −p. Their middle, (ms + k − 1)/2 − p, is the middle
//! of the image, (n − 1)/2, if and only if ms = n + 2p − k: where s doesn't divide n + 2p − k, the remainder is left over at
//! the right and bottom only, turns and mirrors about the centre take positions to places between positions, and a layer
//! with the most equivariant filters isn't equivariant.

use std::fmt;

use candle_core::{DType, Device};
use candle_nn::VarBuilder;
use serde::Serialize;

use crate::error::Result;
use crate::model::{InputShape, NetConfig, Network};
use crate::nn::{Layer, NamedLayer, SlidingWindow};

/// How far from the size at hand others are looked for, in pixels.
const REACH: usize = 64;
/// A size, in pixels, that few skeletons are too deep for.
const ROOMY: usize = 1024;

impl SlidingWindow {
    /// Pixels of an axis of `size` pixels that no position reaches, at its end; `None` where the window doesn't fit once.
    pub fn left_over(&self, size: usize) -> Option<usize> {
        let room = self.padding.checked_mul(2)?.checked_add(size)?.checked_sub(self.size)?;
        room.checked_rem(self.stride)
    }

    /// The stride next to this one that leaves nothing over; the smaller one where two are as near.
    fn nearest_stride(&self, size: usize) -> Option<usize> {
        let room = (2 * self.padding + size).checked_sub(self.size)?;
        let divides = |stride: &usize| room.is_multiple_of(*stride);
        (1..=room.max(1)).filter(divides).min_by_key(|stride| stride.abs_diff(self.stride))
    }
}

/// Where the sampling grids of a network's layers lie for an input size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GridReport {
    /// Height and width of the input, in pixels.
    pub size: [usize; 2],
    /// The layers where turned grids don't meet, from the image on.
    pub faults: Vec<GridFault>,
    /// The nearest smaller and larger square inputs that have no fault.
    pub fitting_sizes: Vec<usize>,
}

/// A layer where turned grids don't meet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GridFault {
    /// Its name.
    pub layer: String,
    /// Height and width of the maps that reach it, in pixels.
    pub size: [usize; 2],
    /// What is wrong.
    pub cause: GridCause,
}

/// Why turned grids don't meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum GridCause {
    /// Quarter turns swap height and width.
    NotSquare,
    /// The layer needs more pixels.
    TooSmall,
    /// Its branches lead to maps of different sizes.
    BranchesDiffer,
    /// It weighs pixels by their place.
    WeighsPixels,
    /// The stride doesn't divide n + 2p − k.
    LeftOver {
        /// The window.
        window: SlidingWindow,
        /// Whether it's a convolution, and not a pool.
        convolution: bool,
        /// Rows and columns left over.
        pixels: [usize; 2],
        /// The nearest stride that leaves nothing over.
        fitting_stride: Option<usize>,
    },
}

impl GridReport {
    /// Follows an input through the network of `config`, also where that can't be built for it.
    ///
    /// # Errors
    /// When the configuration is no network's.
    pub fn analyse(config: &NetConfig, input: InputShape) -> Result<Self> {
        let of =
            |size| Network::new(config, InputShape { size, ..input }, &VarBuilder::zeros(DType::F32, &Device::Cpu));
        // Layers are the same whatever the size, but for a matrix product of several pixels: where the network can't be built for
        // the size at hand, that of another one tells why.
        let network = of(input.size).or_else(|error| {
            let own = config.skeleton.steps().input.map(|[_, height, width]| [height, width]);
            let others = own.into_iter().chain([[ROOMY; 2]]);
            others.map(of).find_map(Result::ok).ok_or(error)
        })?;
        Ok(Self::of(network.layers(), input.size))
    }

    /// All of it in one line, for messages.
    pub fn in_a_line(&self) -> String {
        self.to_string().replace('\n', "; ")
    }

    /// Whether a layer can't take what reaches it, or nothing could be turned.
    pub fn is_impossible(&self) -> bool {
        self.faults.iter().any(|fault| !matches!(fault.cause, GridCause::LeftOver { .. } | GridCause::WeighsPixels))
    }

    /// Follows an input of this height and width through the layers.
    pub fn of(layers: &[NamedLayer], size: [usize; 2]) -> Self {
        let faults = faults(layers, size);
        let fits = |size: &usize| self::faults(layers, [*size; 2]).is_empty();
        let mut fitting_sizes = Vec::new();
        if !faults.is_empty() {
            let longest = size[0].max(size[1]);
            fitting_sizes.extend((longest.saturating_sub(REACH).max(1)..longest).rev().find(fits));
            fitting_sizes.extend((longest + 1..=longest + REACH).find(fits));
            if fits(&longest) {
                fitting_sizes.push(longest);
            }
        }
        Self { size, faults, fitting_sizes }
    }
}

fn faults(layers: &[NamedLayer], size: [usize; 2]) -> Vec<GridFault> {
    let mut faults = Vec::new();
    if let Some(first) = layers.first().filter(|_| size[0] != size[1]) {
        faults.push(GridFault { layer: first.name.clone(), size, cause: GridCause::NotSquare });
    }
    follow(layers, size, &mut faults);
    faults
}

/// Follows an input through layers in a row, branches included, as far as it gets; `None` where a layer needs more pixels.
fn follow(layers: &[NamedLayer], mut size: [usize; 2], faults: &mut Vec<GridFault>) -> Option<[usize; 2]> {
    for NamedLayer { name, layer } in layers {
        let fault = |cause| GridFault { layer: name.clone(), size, cause };
        let branches = layer.inner();
        let ends: Vec<Option<[usize; 2]>> = branches.iter().map(|(_, layers)| follow(layers, size, faults)).collect();
        if ends.contains(&None) {
            return None;
        }
        let Some(next) = layer.output_size(size) else {
            faults.push(fault(if branches.is_empty() { GridCause::TooSmall } else { GridCause::BranchesDiffer }));
            return None;
        };
        faults.extend(left_over(layer.as_ref(), size).map(fault));
        faults.extend((layer.weighs_pixels() && size != [1, 1]).then(|| fault(GridCause::WeighsPixels)));
        size = next;
    }
    Some(size)
}

/// What a layer's window leaves over, if anything.
fn left_over(layer: &dyn Layer, size: [usize; 2]) -> Option<GridCause> {
    let window = layer.window()?;
    let pixels = [window.left_over(size[0])?, window.left_over(size[1])?];
    let axis = pixels.iter().position(|&pixels| pixels > 0)?;
    let convolution = layer.filter_shape().is_some();
    Some(GridCause::LeftOver { window, convolution, pixels, fitting_stride: window.nearest_stride(size[axis]) })
}

impl fmt::Display for GridFault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { layer, size: [height, width], cause } = self;
        write!(f, "{layer}: ")?;
        match cause {
            GridCause::NotSquare => {
                write!(f, "{height}×{width} pixels aren't square, so that quarter turns don't map them onto themselves")
            }
            GridCause::TooSmall => write!(f, "{height}×{width} pixels are too few"),
            GridCause::BranchesDiffer => {
                write!(f, "its branches make maps of different sizes of {height}×{width} pixels, which can't be added")
            }
            GridCause::WeighsPixels => {
                write!(
                    f,
                    "a matrix product of {height}×{width} pixels: turns permute them; pool over the pixels before it"
                )
            }
            GridCause::LeftOver { window, convolution, pixels, fitting_stride } => {
                let SlidingWindow { size, stride, padding } = window;
                let kind = if *convolution { "convolution" } else { "pool" };
                let most = pixels[0].max(pixels[1]);
                let padding = if *padding > 0 { format!(", padding {padding}") } else { String::new() };
                write!(
                    f,
                    "{size}×{size} {kind}, stride {stride}{padding}: of {height}×{width} pixels {most} at the right and \
                     bottom are left over, so that turned grids do not meet"
                )?;
                fitting_stride.map_or(Ok(()), |stride| write!(f, " (stride {stride} would fit)"))
            }
        }
    }
}

impl fmt::Display for GridReport {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let [height, width] = self.size;
        if self.faults.is_empty() {
            return write!(
                f,
                "{height}×{width} pixels: quarter turns map the sampling grid of every layer onto itself"
            );
        }
        self.faults.iter().try_for_each(|fault| writeln!(f, "{fault}"))?;
        let sizes: Vec<String> = self.fitting_sizes.iter().map(|size| format!("{size}×{size}")).collect();
        match sizes.as_slice() {
            [] => write!(f, "no input within {REACH} pixels of {height}×{width} fits all layers"),
            _ => write!(f, "use an input of {} instead of {height}×{width}", sizes.join(" or ")),
        }
    }
}
