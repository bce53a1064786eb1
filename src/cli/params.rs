//! `equisplit params`

use std::path::PathBuf;

use equisplit::Result;
use equisplit::model::InputShape;
use equisplit::report::budgets;
use equisplit::study::StudyFile;

#[derive(clap::Args)]
pub struct Args {
    /// The study file.
    study: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let study = StudyFile::read(&args.study)?.resolve(InputShape::DIGITS, None)?;
    if args.json {
        return super::print_json(&study.arms);
    }
    super::print(&budgets::table(&study.arms))
}
