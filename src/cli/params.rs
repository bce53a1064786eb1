//! `equisplit params`

use std::path::PathBuf;

use equisplit::Result;
use equisplit::model::InputShape;
use equisplit::report::table::{self, BudgetRow};
use equisplit::study::{Arm, StudyFile};

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
    let ids: Vec<String> = study.arms.iter().map(Arm::id).collect();
    let arms = ids.iter().zip(&study.arms);
    let rows: Vec<BudgetRow> =
        arms.map(|(id, arm)| BudgetRow { name: id, bank: arm.net.bank.name(), budget: arm.budget }).collect();
    super::print(&table::budgets(&rows))
}
