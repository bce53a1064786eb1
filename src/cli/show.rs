//! `equisplit show`

use std::path::PathBuf;

use equisplit::Result;
use equisplit::report::progress;
use equisplit::study::Store;

#[derive(clap::Args)]
pub struct Args {
    /// The store of a study: <out>/<study>.
    #[arg(value_name = "STORE_DIR")]
    store: PathBuf,
}

pub fn run(args: &Args) -> Result<()> {
    let store = Store::open(&args.store)?;
    let record = store.study()?;
    let runs = progress::table(&record, &store.runs(&record)?, &store.trials(&record)?);
    let parts: Vec<String> = [runs].into_iter().chain(progress::choices(&store.choices(&record)?)).collect();
    super::print(parts.join("\n").trim_end())
}
