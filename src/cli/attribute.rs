//! `equisplit attribute`

use std::path::PathBuf;

use equisplit::Result;
use equisplit::report::table;
use equisplit::stats::attribution::Attribution;
use equisplit::study::{Store, Study};

#[derive(clap::Args)]
pub struct Args {
    /// The store of a study: <out>/<study>.
    #[arg(value_name = "STORE_DIR")]
    store: PathBuf,
    /// Print the attribution as JSON; those of a grid as a list.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let store = Store::open(&args.store)?;
    let record = store.study()?;
    let attributions = store.attribute_as(&record)?;
    write(&store, &attributions);
    print(&record.study, &attributions, args.json)
}

/// Writes the attributions of a study's cells into its store. Where that can't be done, they can be shown all the same.
pub fn write(store: &Store, attributions: &[Attribution]) {
    if let Err(error) = store.write_attribution(attributions) {
        tell!("warning: {error}");
    }
}

/// Prints the attributions of a study's cells.
pub fn print(study: &Study, attributions: &[Attribution], json: bool) -> Result<()> {
    match (json, attributions) {
        (true, [attribution]) => super::print_json(attribution),
        (true, attributions) => super::print_json(&attributions),
        (false, attributions) => super::print(&table::attributions(study, attributions)),
    }
}
