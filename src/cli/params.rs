//! `equisplit params`

use std::path::PathBuf;

use equisplit::Result;
use equisplit::report::budgets;
use equisplit::study::{Override, StudyFile};

use super::study::{input, warn_of_grids};

#[derive(clap::Args)]
pub struct Args {
    /// The study file.
    study: PathBuf,
    /// A key of the study otherwise than in its file, as training.epochs=2 or arm.p4.width=8; several times for several keys.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Override>,
    /// Where the study's images are [default: the source's usual shape, or what the skeleton is meant for, stands for theirs].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let file = StudyFile::read_with(&args.study, &args.set)?;
    let shape = input(&file, args.data.as_deref())?;
    let study = file.resolve(shape, None)?;
    warn_of_grids(&study, shape)?;
    if args.json {
        return super::print_json(&study.arms);
    }
    super::print(&budgets::table(&study.arms))
}
