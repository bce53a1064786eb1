//! `equisplit table`

use std::path::PathBuf;

use equisplit::Result;
use equisplit::report::TableFormat;
use equisplit::study::Store;

#[derive(clap::Args)]
pub struct Args {
    /// The store of a study: <out>/<study>.
    #[arg(value_name = "STORE_DIR")]
    store: PathBuf,
    /// What for.
    #[arg(long, value_enum)]
    format: TableFormat,
}

pub fn run(args: &Args) -> Result<()> {
    let attribution = Store::open(&args.store)?.attribute()?;
    super::print(args.format.exporter().export(&attribution)?.trim_end())
}
