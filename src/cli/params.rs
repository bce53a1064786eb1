//! `equisplit params`

use std::path::PathBuf;

use equisplit::Result;
use equisplit::model::InputShape;
use equisplit::report::table::{self, BudgetRow};
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
    let study = StudyFile::read(&args.study)?.resolve(InputShape::DIGITS)?;
    if args.json {
        return super::print_json(&study.arms);
    }
    let rows: Vec<BudgetRow> = study
        .arms
        .iter()
        .map(|arm| BudgetRow {
            name: &arm.name,
            bank: arm.net.bank.name(),
            parameters: arm.budget.parameters,
            one_bit_parameters: arm.budget.one_bit_parameters,
            maps: arm.budget.maps,
            multiply_adds: arm.budget.multiply_adds,
        })
        .collect();
    super::print(&table::budgets(&rows))
}
