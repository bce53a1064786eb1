//! `equisplit table`

use std::path::PathBuf;

use equisplit::Result;
use equisplit::report::{TableFormat, Tables};
use equisplit::study::Store;

use super::choice::choice;

#[derive(clap::Args)]
pub struct Args {
    /// The store of a study: <out>/<study>.
    #[arg(value_name = "STORE_DIR")]
    store: PathBuf,
    /// What for.
    #[arg(long, value_parser = choice::<TableFormat>(), default_value = "markdown")]
    format: TableFormat,
}

pub fn run(args: &Args) -> Result<()> {
    let tables = Tables::read(&Store::open(&args.store)?)?;
    super::print(args.format.exporter().export(&tables)?.trim_end())
}
