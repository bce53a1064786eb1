//! `equisplit params`

use std::path::PathBuf;

use equisplit::Result;
use equisplit::report::budgets;
use equisplit::study::{Override, StudyFile};

use super::study::input;

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
    let study = file.resolve(input(&file, args.data.as_deref())?, None)?;
    if args.json {
        return super::print_json(&study.arms);
    }
    super::print(&budgets::table(&study.arms))
}
