//! `equisplit data`: what is in a folder, what a study makes of it, making a rotated set, fetching published ones.

use std::path::{Path, PathBuf};

#[cfg(feature = "fetch")]
use clap::builder::PossibleValuesParser;
#[cfg(feature = "fetch")]
use equisplit::data::fetch::{self, Options};
use equisplit::data::info::{FileInfo, info};
use equisplit::data::{DataConfig, Source, cache, load};
use equisplit::{Error, Result, text};

/// Look at, show, make and fetch images.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Tell what is found in a folder of data files (or in one file).
    Info {
        /// The folder or file.
        dir: PathBuf,
        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Draw the first training images of an epoch of a study, as they're loaded and as they're augmented.
    Show(super::data_show::Args),
    /// Make a rotated set from MNIST's IDX files, as one file that can be passed wherever a data folder can.
    Make {
        /// Folder with MNIST's four IDX files.
        #[arg(long, value_name = "DIR")]
        source: PathBuf,
        /// The file to write, a safetensors file.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Seed of the draw and of the angles.
        #[arg(long, default_value_t = 0, value_name = "N")]
        seed: u64,
        /// Training images [default: 12000].
        #[arg(long, value_name = "N")]
        train: Option<usize>,
        /// Test images [default: 50000].
        #[arg(long, value_name = "N")]
        test: Option<usize>,
    },
    /// Fetch a published set from the publisher or a mirror.
    ///
    /// Downloads: mnist 12 MB, fashion-mnist 31 MB, kmnist 21 MB, mnist-rot (the original text files) 60 MB, emnist (its six sets)
    /// 560 MB, cifar10 and cifar100 (binary) 170 MB each. What was cut off is resumed, and files that are there and right are left alone.
    #[cfg(feature = "fetch")]
    Fetch {
        /// The set.
        #[arg(value_parser = PossibleValuesParser::new(fetch::names()))]
        name: String,
        /// Folder to put it in [default: data/NAME].
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
        /// Base address to fetch from instead of the known ones.
        #[arg(long, value_name = "BASE")]
        url: Option<String>,
    },
}

pub fn run(args: Args) -> Result<()> {
    match args.command {
        Command::Info { dir, json } => print_info(&dir, json),
        Command::Show(args) => super::data_show::run(&args),
        Command::Make { source, out, seed, train, test } => {
            make(&source, &out, DataConfig { seed, train, test, ..DataConfig::new(Source::MnistRot) })
        }
        #[cfg(feature = "fetch")]
        Command::Fetch { name, out, url } => {
            let out = out.unwrap_or_else(|| Path::new("data").join(&name));
            let options = Options { url, ..Options::default() };
            for path in fetch::fetch(&name, &out, &options)? {
                super::print(&path.display().to_string())?;
            }
            Ok(())
        }
    }
}

fn make(source: &Path, out: &Path, config: DataConfig) -> Result<()> {
    if !source.is_dir() {
        return Err(Error::content(source, "not a folder; expected one with MNIST's four IDX files"));
    }
    if out.extension().is_none_or(|extension| extension != "safetensors") {
        return Err(Error::content(
            out,
            "a set is written as a safetensors file; expected a name that ends in .safetensors",
        ));
    }
    let set = load(&config, Some(source))?;
    cache::write_made(&set, &config, out)?;
    let (train, test) = (set.train.len(), set.test.len());
    super::print(&format!("{}: {}, {train} training and {test} test images", out.display(), set.name))?;
    super::print(&format!("fingerprint {}", set.fingerprint))
}

fn print_info(dir: &Path, json: bool) -> Result<()> {
    let files = info(dir)?;
    if json {
        return super::print_json(&files);
    }
    files.iter().try_for_each(|file| super::print(&describe(file)))
}

fn describe(file: &FileInfo) -> String {
    let part = file.part.as_ref().map_or(String::new(), |part| format!(" ({part})"));
    let mut lines = vec![format!("{}{part}", file.file)];
    lines.extend(file.error.as_ref().map(|error| format!("  can't be read: {error}")));
    lines.extend(file.count.map(|count| match (file.size, file.channels) {
        (Some([height, width]), Some(channels @ 2..)) => {
            format!("  {count} images of {height}×{width} pixels and {channels} channels")
        }
        (Some([height, width]), _) => format!("  {count} images of {height}×{width} pixels"),
        (None, Some(_)) => format!("  {count} images of several sizes; `resize` in [data] gives them one"),
        (None, None) => format!("  {count} labels"),
    }));
    if let Some(labels) = &file.labels {
        let name = |class: usize| match &file.classes {
            Some(names) => format!("{class} ({})", text::line(&names[class])),
            None => class.to_string(),
        };
        let counts: Vec<String> = labels.iter().enumerate().map(|(class, n)| format!("{}: {n}", name(class))).collect();
        lines.push(format!("  labels {}", counts.join(", ")));
    }
    lines.extend(file.sha256.as_ref().map(|sha256| format!("  SHA-256 {sha256}")));
    lines.extend(file.published.as_ref().map(|published| format!("  equal to {published}")));
    lines.join("\n")
}
