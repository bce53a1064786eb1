//! `equisplit compare`

use std::path::PathBuf;

use equisplit::Result;
use equisplit::report::compare;
use equisplit::study::{RunState, Store};

#[derive(clap::Args)]
pub struct Args {
    /// The store of a study.
    #[arg(value_name = "STORE_A")]
    a: PathBuf,
    /// Another.
    #[arg(value_name = "STORE_B")]
    b: PathBuf,
}

pub fn run(args: &Args) -> Result<()> {
    let (a, b) = (Store::open(&args.a)?, Store::open(&args.b)?);
    let (record_a, record_b) = (a.study()?, b.study()?);
    let (runs_a, runs_b) = (a.runs(&record_a)?, b.runs(&record_b)?);
    for run in runs_a.iter().chain(&runs_b) {
        if let RunState::Damaged(why) = &run.state {
            tell!("warning: {} isn't compared: {why}", run.label());
        }
    }
    super::print(compare::table([(&record_a, &runs_a), (&record_b, &runs_b)])?.trim_end())
}
