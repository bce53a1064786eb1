//! `equisplit figures`

use std::path::{Path, PathBuf};

use equisplit::report::CellResults;
use equisplit::report::figure::{Figure, Format, Page};
use equisplit::{Result, files};

use super::choice::choice;

/// All that the program is built with.
const FORMATS: &str = if cfg!(feature = "print") { "svg,png,pdf" } else { "svg" };

#[derive(clap::Args)]
pub struct Args {
    /// The store of a study: <out>/<study>.
    #[arg(value_name = "STORE_DIR")]
    store: PathBuf,
    /// Where the study's images are, of which pictures of feature maps show one [default: those that the program draws].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where the files go [default: figures/<study>].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Arms to draw beside baseline and target, as in z2,scrambled,p4 [default: all].
    #[arg(long, value_name = "ARM", value_delimiter = ',')]
    arms: Vec<String>,
    /// Kinds of files.
    #[arg(long, value_parser = choice::<Format>(), value_delimiter = ',', default_value = FORMATS)]
    format: Vec<Format>,
}

pub fn run(args: &Args) -> Result<()> {
    let mut cells = CellResults::read_with(&args.store, args.data.as_deref())?;
    if !args.arms.is_empty() {
        cells.iter_mut().try_for_each(|cell| cell.keep(&args.arms))?;
    }
    super::warn_unfinished(CellResults::unfinished(&cells));
    let study = cells.first().map_or("", |cell| cell.record.study.name.as_str());
    let out = args.out.clone().unwrap_or_else(|| Path::new("figures").join(study));
    write(args, &out, "", &CellResults::across(&cells))?;
    cells.iter().try_for_each(|cell| write(args, &out, &cell.label(), &cell.figures()?))
}

/// Writes figures under their names, those of a grid's cell with its label in front.
fn write(args: &Args, out: &Path, label: &str, figures: &[Box<dyn Figure>]) -> Result<()> {
    let prefix = if label.is_empty() { String::new() } else { format!("{label}.") };
    for figure in figures {
        let page = Page::draw(figure.as_ref())?;
        for format in &args.format {
            let path = out.join(format!("{prefix}{}.{}", figure.name(), format.extension()));
            let bytes = page.encode(*format)?;
            files::write_own(&path, |out| out.write_all(&bytes))?;
            super::print(&path.display().to_string())?;
        }
    }
    Ok(())
}
