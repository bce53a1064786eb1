//! `equisplit expand`

use std::path::{Path, PathBuf};

use candle_core::Tensor;
use clap::ValueEnum;
use equisplit::bank::{Bank, CopiesBank, RepeatLinearBank, RepeatMaskBank, RepeatSwishBank, Rescale};
use equisplit::group::{PointGroup, Representation};
use equisplit::{Error, Result, npy};

#[derive(clap::Args)]
pub struct Args {
    /// The bank.
    #[arg(long, value_enum)]
    bank: BankName,
    /// Weights: (out, in, k, k), for p4_p4 and p4m_p4m (out, in, |H|, k, k); the base of repetition banks.
    #[arg(long, value_name = "W.npy")]
    weight: PathBuf,
    /// α of repeat-swish: (tiles out, tiles in).
    #[arg(long, value_name = "A.npy")]
    alpha: Option<PathBuf>,
    /// β of repeat-swish: (tiles out, tiles in).
    #[arg(long, value_name = "B.npy")]
    beta: Option<PathBuf>,
    /// Scores of repeat-mask, whose signs are used: (O, I, k, k).
    #[arg(long, value_name = "M.npy")]
    mask: Option<PathBuf>,
    /// Out and in maps of a repetition bank [default: those of the mask, or whole tiles of α].
    #[arg(long, value_name = "O,I", value_delimiter = ',')]
    shape: Vec<usize>,
    /// Where the filters go: (O, I, k, k), f32.
    #[arg(long, value_name = "FILTERS.npy")]
    out: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum BankName {
    #[value(name = "z2_p4")]
    Z2P4,
    #[value(name = "p4_p4")]
    P4P4,
    #[value(name = "z2_p4m")]
    Z2P4m,
    #[value(name = "p4m_p4m")]
    P4mP4m,
    RepeatLinear,
    RepeatSwish,
    RepeatMask,
}

impl Args {
    /// Ends the program where an option is missing that the bank needs, or given that it would ignore.
    fn check(&self) {
        let (needed, allowed): (&[&str], &[&str]) = match self.bank {
            BankName::Z2P4 | BankName::P4P4 | BankName::Z2P4m | BankName::P4mP4m => (&[], &[]),
            BankName::RepeatLinear => (&["--shape"], &["--shape"]),
            BankName::RepeatSwish => (&["--alpha", "--beta"], &["--alpha", "--beta", "--shape"]),
            BankName::RepeatMask => (&["--mask"], &["--mask", "--shape"]),
        };
        let given = [
            ("--alpha", self.alpha.is_some()),
            ("--beta", self.beta.is_some()),
            ("--mask", self.mask.is_some()),
            ("--shape", !self.shape.is_empty()),
        ];
        let bank = self.bank.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
        for (option, given) in given {
            if given && !allowed.contains(&option) {
                super::wrong_usage(&format!("{option} is of no use to {bank}"));
            }
            if !given && needed.contains(&option) {
                super::wrong_usage(&format!("{bank} needs {option}"));
            }
        }
        if !self.shape.is_empty() && self.shape.len() != 2 {
            super::wrong_usage("--shape takes two numbers: O,I");
        }
    }
}

pub fn run(args: &Args) -> Result<()> {
    args.check();
    use Representation::{Regular, Trivial};
    let (c4, d4) = (PointGroup::c4, PointGroup::d4);
    let filters = match args.bank {
        BankName::Z2P4 => group(args, &c4(), Trivial),
        BankName::P4P4 => group(args, &c4(), Regular),
        BankName::Z2P4m => group(args, &d4(), Trivial),
        BankName::P4mP4m => group(args, &d4(), Regular),
        BankName::RepeatLinear => linear(args),
        BankName::RepeatSwish => swish(args),
        BankName::RepeatMask => mask(args),
    }?;
    npy::write(&args.out, &filters)
}

fn group(args: &Args, group: &PointGroup, input: Representation) -> Result<Tensor> {
    let weight = npy::read(&args.weight)?;
    let components = input.dim(group);
    let [out, inputs, kernel] = match *weight.dims() {
        [out, inputs, k, width] if components == 1 && k == width => [out, inputs, k],
        [out, inputs, found, k, width] if components == found && k == width => [out, inputs, k],
        _ => {
            let wanted =
                if components == 1 { "(out, in, k, k)".into() } else { format!("(out, in, {components}, k, k)") };
            return Err(shape_error(&args.weight, &weight, &wanted));
        }
    };
    check_size([out, inputs, kernel, kernel, group.order(), components])?;
    let bank = CopiesBank::group(group, input, [out, inputs, kernel])?;
    // GrouPy's arrays have a group axis of length 1 on images, too.
    let weight = if components == 1 { weight.reshape((out, inputs, kernel, kernel))? } else { weight };
    bank.filters(&[weight])
}

fn linear(args: &Args) -> Result<Tensor> {
    let base = npy::read(&args.weight)?;
    RepeatLinearBank::new(rescale(args, &base, None)?)?.filters(&[base])
}

fn swish(args: &Args) -> Result<Tensor> {
    let base = npy::read(&args.weight)?;
    let alpha = npy::read(required(&args.alpha)?)?;
    let beta = npy::read(required(&args.beta)?)?;
    let whole_tiles = match (alpha.dims(), base.dims()) {
        (&[rows, columns], &[out, inputs, ..]) => [rows.saturating_mul(out), columns.saturating_mul(inputs)],
        _ => return Err(shape_error(required(&args.alpha)?, &alpha, "(tiles out, tiles in)")),
    };
    RepeatSwishBank::new(rescale(args, &base, Some(whole_tiles))?)?.filters(&[base, alpha, beta])
}

fn mask(args: &Args) -> Result<Tensor> {
    let base = npy::read(&args.weight)?;
    let mask = npy::read(required(&args.mask)?)?;
    let [out, inputs, ..] = *mask.dims() else {
        return Err(shape_error(required(&args.mask)?, &mask, "(O, I, k, k)"));
    };
    RepeatMaskBank::new(rescale(args, &base, Some([out, inputs]))?)?.filters(&[base, mask])
}

/// The rescaling from the base to `--shape`, or to `default`.
fn rescale(args: &Args, base: &Tensor, default: Option<[usize; 2]>) -> Result<Rescale> {
    let scaled = match (args.shape.as_slice(), default) {
        (&[out, inputs], _) => [out, inputs],
        ([], Some(default)) => default,
        _ => super::wrong_usage("--shape O,I is needed here: two numbers"),
    };
    match *base.dims() {
        [out, inputs, kernel, width] if kernel == width => {
            check_size([scaled[0], scaled[1], kernel, kernel])?;
            Ok(Rescale { base: [out, inputs], scaled, kernel })
        }
        _ => Err(shape_error(&args.weight, base, "(out, in, k, k)")),
    }
}

/// Refuses filters of more numbers than can be written.
fn check_size<const N: usize>(sizes: [usize; N]) -> Result<()> {
    let entries = sizes.iter().try_fold(1u64, |entries, &size| entries.checked_mul(size as u64));
    match entries {
        Some(..=npy::MAX_ENTRIES) => Ok(()),
        _ => {
            let found = entries.map_or_else(|| "more".to_owned(), |entries| entries.to_string());
            Err(Error::invalid(format!("the filters would have {found} numbers; at most {}", npy::MAX_ENTRIES)))
        }
    }
}

/// An option that [`Args::check`] has seen.
fn required(path: &Option<PathBuf>) -> Result<&Path> {
    path.as_deref().ok_or_else(|| Error::invalid("an option of this bank is missing"))
}

fn shape_error(path: &Path, found: &Tensor, wanted: &str) -> Error {
    Error::content(path, format!("shape {:?}, but expected {wanted}", found.dims()))
}
