//! `equisplit man`

use std::path::PathBuf;

use clap::CommandFactory;
use equisplit::{Error, Result};

#[derive(clap::Args)]
pub struct Args {
    /// Where the pages go: equisplit.1 and one for every command.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

pub fn run(args: &Args) -> Result<()> {
    std::fs::create_dir_all(&args.folder).map_err(|e| Error::io(&args.folder, e))?;
    clap_mangen::generate_to(super::Cli::command(), &args.folder).map_err(|e| Error::io(&args.folder, e))
}
