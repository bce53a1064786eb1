//! `equisplit report`

use std::io::Write;
use std::path::{Path, PathBuf};

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
    /// The page [default: report.html].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<()> {
    let cells = CellResults::read_with(&args.store, args.data.as_deref())?;
    super::warn_unfinished(CellResults::unfinished(&cells));
    let page = html::page(&cells)?;
    let path = args.out.as_deref().unwrap_or(Path::new("report.html"));
    let write = |out: &mut dyn Write| out.write_all(page.as_bytes());
    // A link in the place of a name that the program chooses was made by somebody else.
    if args.out.is_some() { files::write_whole(path, write) } else { files::write_own(path, write) }?;
    super::print(&path.display().to_string())
}
