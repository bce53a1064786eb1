//! `equisplit skeleton`

use std::path::{Path, PathBuf};

use equisplit::bank::BankConfig;
use equisplit::model::steps::{Fault, builtin, builtins};
use equisplit::model::{InputShape, NetConfig, Skeleton, StepCost};
use equisplit::report::skeleton;
use equisplit::study::SkeletonFile;
use equisplit::{Error, Result};

#[derive(clap::Args)]
pub struct Args {
    /// A skeleton of the program, or a file [default: list those of the program].
    skeleton: Option<PathBuf>,
    /// Height and width of the images in pixels, as "32" or "32x48" [default: as the skeleton says].
    #[arg(long, value_name = "N", value_parser = size)]
    size: Option<[u16; 2]>,
    /// Channels of the images [default: as the skeleton says, else 1].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    channels: Option<u16>,
    /// Number of classes.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    classes: u16,
    /// The bank of all convolutions, as studies call it.
    #[arg(long, value_name = "BANK", default_value = "free")]
    bank: String,
    /// The base width [default: as the skeleton says].
    #[arg(long, value_name = "WIDTH")]
    base: Option<f64>,
    /// Print the skeleton's text.
    #[arg(long, conflicts_with_all = ["size", "channels", "base", "json"])]
    text: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// "32" or "32x48".
pub fn size(text: &str) -> std::result::Result<[u16; 2], String> {
    let (height, width) = text.split_once('x').unwrap_or((text, text));
    let pixels = |text: &str| text.parse().ok().filter(|pixels| *pixels > 0);
    match [pixels(height), pixels(width)] {
        [Some(height), Some(width)] => Ok([height, width]),
        _ => Err(format!("{text:?} isn't a size in pixels, as 32 or 32x48")),
    }
}

pub fn run(args: &Args) -> Result<()> {
    let Some(path) = &args.skeleton else { return list() };
    let own = path.to_str().and_then(builtin);
    if args.text {
        let text = own.ok_or_else(|| Error::invalid("--text prints skeletons of the program; a file has its own"))?;
        return super::print(text.trim_end());
    }
    let found = Found::read(path)?;
    let steps = costs(args, &found.skeleton)?.map_err(|fault| found.error(fault))?;
    if args.json {
        return super::print_json(&steps);
    }
    super::print(skeleton::table(&steps).trim_end())
}

fn list() -> Result<()> {
    let first = |name| builtin(name).and_then(|text| text.lines().next()).unwrap_or_default().trim_start_matches("# ");
    let lines: Vec<String> = builtins().map(|name| format!("{name:15} {}", first(name))).collect();
    super::print(&lines.join("\n"))
}

/// A skeleton, and the file that it's from, if it's not the program's.
pub struct Found {
    pub skeleton: Skeleton,
    file: Option<SkeletonFile>,
}

impl Found {
    /// A skeleton of the program by name, or a file.
    pub fn read(path: &Path) -> Result<Self> {
        if let Some(name) = path.to_str().filter(|name| builtin(name).is_some()) {
            return Ok(Self { skeleton: Skeleton::named(name)?, file: None });
        }
        let file = SkeletonFile::read(path).map_err(|error| known(path, error))?;
        Ok(Self { skeleton: file.skeleton.clone(), file: Some(file) })
    }

    /// What is wrong with it, with the line where it's said.
    pub fn error(&self, fault: Fault) -> Error {
        match &self.file {
            Some(file) => file.error(&fault),
            None => fault.into(),
        }
    }
}

fn costs(args: &Args, skeleton: &Skeleton) -> Result<std::result::Result<Vec<StepCost>, Fault>> {
    let bank = BankConfig::named(&args.bank)?;
    let steps = skeleton.steps();
    let base = args.base.unwrap_or(steps.base);
    if !(base.is_finite() && base > 0.0) {
        return Err(Error::invalid(format!("base = {base}, but it must be above 0")));
    }
    let input = input(steps.input, args.size, args.channels, args.classes)?;
    Ok(NetConfig::new(skeleton.clone(), bank, base).and_then(|config| config.costs(input)))
}

/// What is asked for, else what the skeleton is meant for.
pub fn input(
    own: Option<[usize; 3]>,
    size: Option<[u16; 2]>,
    channels: Option<u16>,
    classes: u16,
) -> Result<InputShape> {
    let size = size.map(|size| size.map(usize::from)).or(own.map(|[_, height, width]| [height, width]));
    let size =
        size.ok_or_else(|| Error::invalid("the skeleton has no input = [channels, height, width]; say --size"))?;
    let channels = channels.map(usize::from).or(own.map(|[channels, ..]| channels)).unwrap_or(1);
    Ok(InputShape { channels, size, classes: usize::from(classes) })
}

/// What isn't there may be meant as a name.
fn known(path: &Path, error: Error) -> Error {
    if path.exists() {
        return error;
    }
    let names = builtins().collect::<Vec<_>>().join(", ");
    Error::invalid(format!("{}: neither a file nor a skeleton of the program ({names})", path.display()))
}
