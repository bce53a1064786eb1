//! `equisplit expand`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::Tensor;
use clap::builder::PossibleValuesParser;
use equisplit::bank::{BankConfig, Parameter, Site, families};
use equisplit::group::{PointGroup, Representation};
use equisplit::{Error, Result, npy};

/// Names of group banks that say what their input is, as GrouPy has them.
const GROUPY: [(&str, &str, Representation); 4] = [
    ("z2_p4", "p4", Representation::Trivial),
    ("p4_p4", "p4", Representation::Regular),
    ("z2_p4m", "p4m", Representation::Trivial),
    ("p4m_p4m", "p4m", Representation::Regular),
];

#[derive(clap::Args)]
pub struct Args {
    /// The bank.
    #[arg(long, value_parser = names())]
    bank: String,
    /// Weights: (out, in, k, k), on regular fields (out, in, |H|, k, k); the base of banks that rescale.
    #[arg(long, value_name = "W.npy")]
    weight: PathBuf,
    /// Rows and columns of filters that are combinations of a basis, as those of steerable; their weights are (out, in, B), on regular fields
    /// (out, in, |H|, B).
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u8).range(1..=63))]
    kernel: Option<u8>,
    /// α of repeat-swish: (tiles out, tiles in).
    #[arg(long, value_name = "A.npy")]
    alpha: Option<PathBuf>,
    /// β of repeat-swish: (tiles out, tiles in).
    #[arg(long, value_name = "B.npy")]
    beta: Option<PathBuf>,
    /// Scores of repeat-mask and random-mask, whose signs are used: (O, I, k, k).
    #[arg(long, value_name = "M.npy")]
    mask: Option<PathBuf>,
    /// Another tensor of the bank, by its name in checkpoints.
    #[arg(long, value_name = "NAME=T.npy", value_parser = named_file)]
    tensor: Vec<(String, PathBuf)>,
    /// A key of the bank, as an arm of a study has it.
    #[arg(long, value_name = "KEY=VALUE", value_parser = named_text)]
    key: Vec<(String, String)>,
    /// Seed of a bank that holds draws, as scrambled does: that of the run.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Name of the layer whose draws a bank holds, as conv2.
    #[arg(long, value_name = "LAYER")]
    layer: Option<String>,
    /// Out and in maps of a bank that rescales [default: those of the mask, or whole tiles of α].
    #[arg(long, value_name = "O,I", value_delimiter = ',')]
    shape: Vec<usize>,
    /// Where the filters go: (O, I, k, k), f32.
    #[arg(long, value_name = "FILTERS.npy")]
    out: PathBuf,
}

fn names() -> PossibleValuesParser {
    let families: Vec<&str> = families().iter().map(BankConfig::name).collect();
    PossibleValuesParser::new(GROUPY.map(|(name, ..)| name).into_iter().chain(families))
}

fn named_text(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a name, = and a value are wanted")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn named_file(text: &str) -> std::result::Result<(String, PathBuf), String> {
    named_text(text).map(|(name, path)| (name, path.into()))
}

pub fn run(args: &Args) -> Result<()> {
    let groupy = GROUPY.into_iter().find(|(name, ..)| *name == args.bank);
    let bank = BankConfig::named(groupy.map_or(args.bank.as_str(), |(_, family, _)| family))?;
    let bank = args.key.iter().try_fold(bank, |bank, (key, value)| {
        if !bank.keys().contains_key(key) {
            super::wrong_usage(&format!("{} has no key {key}", args.bank));
        }
        // A number, or else a word.
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.as_str().into());
        bank.with(key, value).map_err(|e| Error::invalid(format!("--key {key}: {e}")))
    })?;
    bank.check()?;
    if [args.seed.is_some(), args.layer.is_some()] != [bank.draws(); 2] {
        let message = match bank.draws() {
            true => "needs --seed and --layer, which its draws are of",
            false => "takes no --seed or --layer",
        };
        super::wrong_usage(&format!("{} {message}", args.bank));
    }
    let group = bank.symmetry().map_or_else(PointGroup::trivial, |symmetry| symmetry.point_group());
    // The same bank of the smallest layer tells which tensors it has.
    let small = Site {
        is_borrowed: false,
        layer: args.layer.as_deref().unwrap_or("expand"),
        widths: [1, 1],
        rescaled: [2, 2],
        kernel: 3,
        input: Representation::Trivial,
        group: &group,
        seed: args.seed.unwrap_or_default(),
    };
    let parameters = bank.bank(&small)?.parameters();
    let files = args.files(&bank, &parameters);
    let is_combination = parameters.first().is_some_and(|weight| weight.shape.len() == 3);
    if args.kernel.is_some() != is_combination {
        let message = if is_combination { "needs --kernel" } else { "takes no --kernel" };
        super::wrong_usage(&format!("{} {message}", args.bank));
    }
    let (weight, input) = match args.kernel {
        Some(_) => combination(args)?,
        None => weight(args, &group, groupy.map(|(.., input)| input))?,
    };
    let [out, inputs, .., last] = *weight.dims() else {
        return Err(shape_error(&args.weight, &weight, "(out, in, k, k)"));
    };
    let kernel = args.kernel.map_or(last, usize::from);
    let others: Vec<(&Parameter, &Path, Tensor)> =
        files.into_iter().map(|(parameter, path)| Ok((parameter, path, npy::read(path)?))).collect::<Result<_>>()?;
    let [scaled_out, scaled_inputs] = scaled(args, &bank, [out, inputs], &others)?;
    check_size([scaled_out, scaled_inputs, kernel, kernel, group.order(), input.dim(&group)])?;
    let site = Site { widths: [inputs, out], rescaled: [scaled_inputs, scaled_out], kernel, input, ..small };
    let values: Vec<Tensor> = std::iter::once(weight).chain(others.into_iter().map(|(.., value)| value)).collect();
    npy::write(&args.out, &bank.bank(&site)?.filters(&values)?)
}

impl Args {
    /// The files of the tensors beside the weights, in the bank's order. Ends the program where an option is missing that the bank
    /// needs, or given that it would ignore.
    fn files<'a>(&'a self, bank: &BankConfig, parameters: &'a [Parameter]) -> Vec<(&'a Parameter, &'a Path)> {
        let others = parameters.get(1..).unwrap_or_default();
        let options =
            [("alpha", "--alpha", &self.alpha), ("beta", "--beta", &self.beta), ("sign", "--mask", &self.mask)];
        let option = |name: &str| match options.iter().find(|(parameter, ..)| *parameter == name) {
            Some((_, option, _)) => (*option).to_owned(),
            None => format!("--tensor {name}=T.npy"),
        };
        let given = options.iter().filter_map(|(name, _, path)| Some((*name, path.as_deref()?)));
        let further = self.tensor.iter().map(|(name, path)| (name.as_str(), path.as_path()));
        let mut files: BTreeMap<&str, &Path> = BTreeMap::new();
        for (name, path) in given.chain(further) {
            if files.insert(name, path).is_some() {
                super::wrong_usage(&format!("{} is given twice", option(name)));
            }
        }
        let given = files;
        if let Some(name) = given.keys().find(|name| !others.iter().any(|parameter| parameter.name == **name)) {
            super::wrong_usage(&format!("{} is of no use to {}", option(name), self.bank));
        }
        match self.shape.len() {
            0 | 2 => {}
            _ => super::wrong_usage("--shape takes two numbers: O,I"),
        }
        if !self.shape.is_empty() && !bank.rescales() {
            super::wrong_usage(&format!("--shape is of no use to {}", self.bank));
        }
        let told = |parameter: &Parameter| bank.rescaled_to([1, 1], parameter.name, &parameter.shape).is_some();
        if self.shape.is_empty() && bank.rescales() && !others.iter().any(told) {
            super::wrong_usage(&format!("{} needs --shape", self.bank));
        }
        let file = |parameter: &'a Parameter| match given.get(parameter.name) {
            Some(path) => (parameter, *path),
            None => super::wrong_usage(&format!("{} needs {}", self.bank, option(parameter.name))),
        };
        others.iter().map(file).collect()
    }
}

/// Weights of a basis, and how the fields that they take transform.
fn combination(args: &Args) -> Result<(Tensor, Representation)> {
    let weight = npy::read(&args.weight)?;
    match weight.rank() {
        3 => Ok((weight, Representation::Trivial)),
        4 => Ok((weight, Representation::Regular)),
        _ => Err(shape_error(&args.weight, &weight, "(out, in, B) or (out, in, |H|, B)")),
    }
}

/// The weights, and how the fields that they take transform.
fn weight(args: &Args, group: &PointGroup, input: Option<Representation>) -> Result<(Tensor, Representation)> {
    let weight = npy::read(&args.weight)?;
    let input = match input {
        Some(input) => input,
        None if weight.rank() == 5 => Representation::Regular,
        None => Representation::Trivial,
    };
    let components = input.dim(group);
    match *weight.dims() {
        [_, _, k, width] if components == 1 && k == width => Ok((weight, input)),
        // GrouPy's arrays have a group axis of length 1 on images, too.
        [out, inputs, 1, k, width] if components == 1 && k == width && group.order() > 1 => {
            Ok((weight.reshape((out, inputs, k, k))?, input))
        }
        [_, _, found, k, width] if components == found && k == width => Ok((weight, input)),
        _ => {
            let wanted =
                if components == 1 { "(out, in, k, k)".into() } else { format!("(out, in, {components}, k, k)") };
            Err(shape_error(&args.weight, &weight, &wanted))
        }
    }
}

/// Out and in maps after rescaling: those of `--shape`, or as the tensors beside the base tell.
fn scaled(
    args: &Args,
    bank: &BankConfig,
    base: [usize; 2],
    others: &[(&Parameter, &Path, Tensor)],
) -> Result<[usize; 2]> {
    if let [out, inputs] = *args.shape {
        return Ok([out, inputs]);
    }
    if let Some((parameter, path, value)) = others.iter().find(|(p, _, value)| p.shape.len() != value.rank()) {
        let wanted = format!("{} dimensions for {}", parameter.shape.len(), parameter.name);
        return Err(shape_error(path, value, &wanted));
    }
    let mut told = others.iter().filter_map(|(p, _, value)| bank.rescaled_to(base, p.name, value.dims()));
    Ok(told.next().unwrap_or(base))
}

/// Refuses filters of more numbers than can be written.
pub(super) fn check_size<const N: usize>(sizes: [usize; N]) -> Result<()> {
    let entries = sizes.iter().try_fold(1u64, |entries, &size| entries.checked_mul(size as u64));
    match entries {
        Some(..=npy::MAX_ENTRIES) => Ok(()),
        _ => {
            let found = entries.map_or_else(|| "more".to_owned(), |entries| entries.to_string());
            Err(Error::invalid(format!("the filters would have {found} numbers; at most {}", npy::MAX_ENTRIES)))
        }
    }
}

fn shape_error(path: &Path, found: &Tensor, wanted: &str) -> Error {
    Error::content(path, format!("shape {:?}, but expected {wanted}", found.dims()))
}
