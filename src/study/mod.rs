//! Studies: a file that says which arms and seeds, the runs it asks for, and the folder that keeps their results.
//!
//! | file | what |
//! | --- | --- |
//! | `file`, `arm`, `grid`, `tables`, `location` | a study file as it's written |
//! | `skeleton_file` | skeletons that aren't the program's: in files of their own, in study files |
//! | `starter` | study files to start from |
//! | `plan`, `resolve`, `checks`, `limits` | the study with everything resolved and checked |
//! | `record`, `spaced`, `images`, `seen`, `tuning` | what determines a run, which images it sees, how its settings are chosen |
//! | `store`, `run`, `run_folder`, `lock` | results on disk, shared by processes |
//! | `results` | the gain, attributed from finished runs |
//! | `reproduce` | a run made once more, held against its record |
//! | `equivariance`, `measure` | how equivariant runs became |
//! | `machine` | how the cores are best shared, and how long a run takes |
//! | `runner`, `job`, `progress`, `tensorboard` | making what is missing, and telling of it |

mod arm;
mod checks;
mod doubts;
mod equivariance;
mod file;
mod grid;
mod images;
mod job;
mod limits;
mod location;
mod lock;
mod machine;
mod measure;
mod overrides;
mod plan;
mod progress;
mod record;
mod reproduce;
mod resolve;
mod results;
mod run;
mod run_folder;
mod runner;
mod seen;
mod skeleton_file;
mod spaced;
mod starter;
mod store;
mod tables;
#[cfg(feature = "tensorboard")]
mod tensorboard;
#[cfg(not(feature = "tensorboard"))]
#[path = "no_tensorboard.rs"]
mod tensorboard;
mod tuning;

pub use arm::ArmFile;
pub use equivariance::EquivarianceRecord;
pub use file::{GridArm, StudyContent, StudyFile};
pub use grid::Level;
pub use images::{Purpose, Split, ValidationError, training_images};
pub use location::StudyText;
pub use machine::{Calibration, Wish, Workers};
pub use overrides::Override;
pub use plan::{Arm, Study};
pub use record::{
    DataRecord, Mistake, Mistakes, Outcome, Provenance, Record, RunConfig, RunResult, SCHEMA_VERSION, TestSet,
};
pub use reproduce::Reproduction;
pub use run::{Run, first_trained};
pub use run_folder::{RunFolder, RunState};
pub use runner::{Options, StudyPlan, Summary, plan, run};
pub use seen::Seen;
pub use skeleton_file::{SkeletonFile, Skeletons};
pub use starter::Starter;
pub use store::Store;
pub use tables::{BudgetFile, EquivarianceFile, ModelFile, Seeds, TrainingFile, TuningFile};
pub use tuning::{Setting, Trial, Tuning, TuningRecord, choose};
