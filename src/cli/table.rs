//! `equisplit table`

use std::path::PathBuf;

use equisplit::Result;
use equisplit::report::{self, TableFormat};
use equisplit::study::Store;

#[derive(clap::Args)]
pub struct Args {
    /// The store of a study: <out>/<study>.
    #[arg(value_name = "STORE_DIR")]
    store: PathBuf,
    /// What for.
    #[arg(long, value_enum, default_value = "markdown")]
    format: TableFormat,
}

pub fn run(args: &Args) -> Result<()> {
    let store = Store::open(&args.store)?;
    let record = store.study()?;
    let more = report::further(&record, &store.runs(&record)?, &store.choices(&record)?)?;
    let tables = args.format.exporter().export(&store.attribute()?, &more)?;
    super::print(tables.trim_end())
}
