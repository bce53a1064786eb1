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
    let exporter = args.format.exporter();
    let attributions = Store::open(&args.store)?.attribute()?;
    let tables = attributions.iter().map(|attribution| exporter.export(attribution)).collect::<Result<Vec<_>>>()?;
    super::print(tables.join("\n").trim_end())
}
