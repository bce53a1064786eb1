//! Studies: a file that says which arms and seeds, the runs it asks for, and the folder that keeps their results.

mod arm;
mod file;
mod plan;
mod progress;
mod record;
mod runner;
mod store;

pub use arm::ArmFile;
pub use file::{BudgetFile, ModelFile, Seeds, StudyContent, StudyFile, TrainingFile};
pub use plan::{Arm, Study};
pub use record::{DataRecord, Outcome, Record, RunConfig, RunResult, SCHEMA_VERSION};
pub use runner::{Options, Summary, run};
pub use store::Store;
