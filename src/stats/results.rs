//! What a study's finished runs come with: which test examples each got wrong.

use crate::model::Budget;

/// What one arm of a study costs, and how its finished runs did.
#[derive(Debug, Clone)]
pub struct ArmResults {
    /// Name in the study file.
    pub name: String,
    /// Filter bank, as the study file calls it.
    pub bank: String,
    /// What its network costs.
    pub budget: Budget,
    /// Finished runs, one a seed.
    pub seeds: Vec<SeedResult>,
}

/// One finished run.
#[derive(Debug, Clone)]
pub struct SeedResult {
    /// The run's seed.
    pub seed: u64,
    /// For each test example, whether the prediction missed its label.
    pub wrong: Vec<bool>,
}

impl SeedResult {
    /// Wrong test examples as a fraction of all.
    pub fn test_error(&self) -> f64 {
        self.wrong.iter().filter(|wrong| **wrong).count() as f64 / self.wrong.len() as f64
    }
}
