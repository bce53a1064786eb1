//! `equisplit basis`

use std::path::PathBuf;

use clap::ValueEnum;
use equisplit::bank::{Rings, SteerableBank};
use equisplit::group::{Representation, Symmetry};
use equisplit::{Result, npy};

use super::expand::check_size;

#[derive(clap::Args)]
pub struct Args {
    /// The point group: c1 to c64, d1 to d64.
    #[arg(long)]
    group: Symmetry,
    /// Rows and columns of the filters.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u8).range(1..=63))]
    kernel: u8,
    /// The field that the filters take.
    #[arg(long)]
    input: Input,
    /// Radii of the rings in pixels [default: 0,1,…,⌊K/2⌋].
    #[arg(long, value_name = "R,…", value_delimiter = ',')]
    rings: Option<Vec<f64>>,
    /// Widths of the rings in pixels [default: 0.6, the outermost 0.4].
    #[arg(long, value_name = "S,…", value_delimiter = ',')]
    sigma: Option<Vec<f64>>,
    /// Highest angular frequencies of the rings [default: 0,2,2 of 5×5, 0,2,3,2 of 7×7].
    #[arg(long, value_name = "F,…", value_delimiter = ',')]
    cutoff: Option<Vec<u32>>,
    /// Where the basis goes: (dimension, out, in, K, K), f32; out and in are the elements of the group, in is 1 of the trivial field.
    #[arg(long, value_name = "FILE.npy")]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Input {
    /// A map, as images have them.
    Trivial,
    /// A map for each element of the group.
    Regular,
}

pub fn run(args: &Args) -> Result<()> {
    let Args { group, kernel, input, rings, sigma, cutoff, out } = args;
    let (group, kernel) = (group.point_group(), usize::from(*kernel));
    let input = match input {
        Input::Trivial => Representation::Trivial,
        Input::Regular => Representation::Regular,
    };
    let rings = Rings { rings: rings.clone(), sigma: sigma.clone(), cutoff: cutoff.clone() };
    let (functions, maps) = (rings.basis(kernel, &group)?.len(), input.dim(&group));
    check_size([functions, maps, group.order(), maps, kernel, kernel])?;
    npy::write(out, &SteerableBank::basis(&group, input, kernel, &rings)?)
}
