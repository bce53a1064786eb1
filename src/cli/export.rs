//! `equisplit export`

use std::path::PathBuf;

use equisplit::Result;
use equisplit::report::tidy::{Format, epochs, runs};
use equisplit::study::Store;

use super::choice::choice;

#[derive(clap::Args)]
pub struct Args {
    /// The store of a study: <out>/<study>.
    #[arg(value_name = "STORE_DIR")]
    store: PathBuf,
    /// Which kind of file.
    #[arg(long, value_parser = choice::<Format>(), default_value = "csv")]
    format: Format,
    /// Where runs.* and epochs.* go.
    #[arg(long, value_name = "DIR", default_value = "export")]
    out: PathBuf,
}

pub fn run(args: &Args) -> Result<()> {
    let store = Store::open(&args.store)?;
    let record = store.study()?;
    let all = store.runs(&record)?;
    for (name, columns) in [("runs", runs(&record, &all)), ("epochs", epochs(&record, &all)?)] {
        let path = args.out.join(name).with_extension(args.format.extension());
        args.format.write(&path, &columns)?;
        super::print(&path.display().to_string())?;
    }
    Ok(())
}
