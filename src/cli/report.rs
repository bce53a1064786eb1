//! `equisplit report`

use std::path::PathBuf;

use equisplit::report::{CellResults, html};
use equisplit::{Result, files};

#[derive(clap::Args)]
pub struct Args {
    /// The store of a study: <out>/<study>.
    #[arg(value_name = "STORE_DIR")]
    store: PathBuf,
    /// Where the study's images are, of which pictures of feature maps show one [default: those that the program draws].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The page.
    #[arg(long, value_name = "FILE", default_value = "report.html")]
    out: PathBuf,
}

pub fn run(args: &Args) -> Result<()> {
    let cells = CellResults::read_with(&args.store, args.data.as_deref())?;
    super::warn_unfinished(CellResults::unfinished(&cells));
    let page = html::page(&cells)?;
    files::write_whole(&args.out, |out| out.write_all(page.as_bytes()))?;
    super::print(&args.out.display().to_string())
}
