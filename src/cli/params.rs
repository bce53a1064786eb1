//! `equisplit params`

use std::path::PathBuf;

use equisplit::Result;
use equisplit::data::{self, Source};
use equisplit::model::InputShape;
use equisplit::report::budgets;
use equisplit::study::{Override, StudyFile};

#[derive(clap::Args)]
pub struct Args {
    /// The study file.
    study: PathBuf,
    /// A key of the study otherwise than in its file, as training.epochs=2 or arm.p4.width=8; several times for several keys.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Override>,
    /// Where the study's images are [default: 28×28 grey images of ten classes stand for those that are read from files].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<()> {
    let file = StudyFile::read_with(&args.study, &args.set)?;
    let study = file.resolve(input(args, &file)?, None)?;
    if args.json {
        return super::print_json(&study.arms);
    }
    super::print(&budgets::table(&study.arms))
}

fn input(args: &Args, file: &StudyFile) -> Result<InputShape> {
    let config = &file.content.data;
    if args.data.is_none() && config.source != Source::Builtin {
        tell!("note: for 28×28 grey images of ten classes; --data DIR takes the shape of the study's own");
        return Ok(InputShape::DIGITS);
    }
    let (shape, classes) = data::shape(config, args.data.as_deref()).map_err(|e| file.text.locate(e))?;
    Ok(InputShape::new(shape, classes))
}
