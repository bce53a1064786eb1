//! `equisplit attribute`

use std::path::PathBuf;

use equisplit::Result;
use equisplit::report::table;
use equisplit::study::Store;

#[derive(clap::Args)]
pub struct Args {
    /// The store of a study: <out>/<study>.
    #[arg(value_name = "STORE_DIR")]
    store: PathBuf,
    /// Print the attribution as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let attribution = Store::open(&args.store)?.attribute()?;
    match args.json {
        true => super::print_json(&attribution),
        false => super::print(&table::attribution(&attribution)),
    }
}
