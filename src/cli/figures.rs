//! `equisplit figures`

use std::path::PathBuf;

use equisplit::report::Source;
use equisplit::report::figure::{Figure, Format, Page};
use equisplit::{Result, files};

#[derive(clap::Args)]
pub struct Args {
    /// The store of a study: <out>/<study>.
    #[arg(value_name = "STORE_DIR")]
    store: PathBuf,
    /// Where the files go.
    #[arg(long, value_name = "DIR", default_value = "figures")]
    out: PathBuf,
    /// Kinds of files.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "svg,png,pdf")]
    format: Vec<Format>,
}

pub fn run(args: &Args) -> Result<()> {
    let sources = Source::read(&args.store)?;
    super::warn_unfinished(Source::unfinished(&sources));
    write(args, "", &Source::across(&sources))?;
    sources.iter().try_for_each(|source| write(args, &source.label(), &source.figures()?))
}

/// Writes figures under their names, those of a grid's cell with its label in front.
fn write(args: &Args, label: &str, figures: &[Box<dyn Figure>]) -> Result<()> {
    let prefix = if label.is_empty() { String::new() } else { format!("{label}.") };
    for figure in figures {
        let page = Page::draw(figure.as_ref())?;
        for format in &args.format {
            let path = args.out.join(format!("{prefix}{}.{}", figure.name(), format.extension()));
            let bytes = page.encode(*format)?;
            files::write_whole(&path, |out| out.write_all(&bytes))?;
            super::print(&path.display().to_string())?;
        }
    }
    Ok(())
}
