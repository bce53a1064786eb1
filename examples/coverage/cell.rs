//! One cell of the table: many studies of one kind.

use equisplit::stats::attribution::{ArmResults, Attribution, attribute_resampled};
use equisplit::stats::{Covers, Design, Interval};
use equisplit::{Error, Result};
use rayon::prelude::*;

use super::methods::{METHODS, Method, Tests, p_of_gain};
use super::simulate::Cell;
use super::store::write_and_read;

/// Replicates of the hierarchical bootstrap: its ends move by some 2 % of the width between draws, which evens out.
const REPLICATES: usize = 1_000;

/// How many studies of a cell get what.
#[derive(Clone, Copy)]
pub struct Counts {
    pub studies: usize,
    pub bootstrap: usize,
    pub stored: usize,
}

/// What came of one study.
pub struct Outcome {
    /// Whether the program reports a share at all.
    pub established: bool,
    /// p of the gain.
    pub p: f64,
    /// The headline interval, if the gain is established.
    pub ci95: Option<Interval>,
    /// The bootstrap's.
    pub bootstrap95: Option<Interval>,
    /// Whether the interval of each of [`METHODS`] holds the truth; it may be unbounded.
    pub holds: [bool; METHODS.len()],
    /// Their widths, where they were looked for.
    pub widths: Option<[f64; METHODS.len()]>,
}

/// What came of all studies of a cell.
pub struct Outcomes {
    pub cell: Cell,
    pub studies: Vec<Outcome>,
}

impl Outcomes {
    /// Simulates the studies, on all threads.
    pub fn of(cell: Cell, counts: Counts) -> Result<Self> {
        let critical = critical(cell.seeds)?;
        let studies = (0..counts.studies).into_par_iter().map(|study| outcome(&cell, study, counts, critical));
        Ok(Self { cell, studies: studies.collect::<Result<_>>()? })
    }

    /// Fraction of the studies that `among` picks for which `holds` is true; `None` if it picks none.
    pub fn rate(&self, among: impl Fn(&Outcome) -> bool, holds: impl Fn(&Outcome) -> bool) -> Option<f64> {
        let picked: Vec<&Outcome> = self.studies.iter().filter(|outcome| among(outcome)).collect();
        let held = picked.iter().filter(|outcome| holds(outcome)).count();
        (!picked.is_empty()).then(|| held as f64 / picked.len() as f64)
    }

    /// Median of `width` over the studies that have one.
    pub fn median(&self, width: impl Fn(&Outcome) -> Option<f64>) -> Option<f64> {
        let mut widths: Vec<f64> = self.studies.iter().filter_map(width).collect();
        widths.sort_unstable_by(f64::total_cmp);
        widths.get(widths.len() / 2).copied()
    }

    /// Whether `interval` holds the true share.
    pub fn covered(&self, interval: Option<Interval>) -> bool {
        interval.is_some_and(|[low, high]| low <= self.cell.share && self.cell.share <= high)
    }
}

fn outcome(cell: &Cell, study: usize, counts: Counts, critical: f64) -> Result<Outcome> {
    let mut stream = cell.stream(study);
    let arms = cell.draw(&mut stream);
    let with_bootstrap = study < counts.bootstrap;
    let attribution = attribute(&arms, if with_bootstrap { REPLICATES } else { 0 })?;
    if study < counts.stored {
        same_from_a_store(&arms)?;
    }
    let pairs = pairs(&arms);
    let tests = Tests::new(&pairs, critical, &mut stream);
    let ratio = attribution.shares.first().map(|share| &share.ratio);
    let centre = pairs.iter().map(|pair| pair.0).sum::<f64>() / pairs.iter().map(|pair| pair.1).sum::<f64>();
    let outcome = Outcome {
        established: attribution.reason.is_none(),
        p: p_of_gain(&pairs),
        ci95: ratio.and_then(|ratio| ratio.ci95),
        bootstrap95: ratio.and_then(|ratio| ratio.bootstrap95),
        holds: METHODS.map(|method| tests.accepts(method, cell.share)),
        widths: with_bootstrap.then(|| METHODS.map(|method| tests.width(method, centre))),
    };
    check(cell, study, outcome)
}

/// Where there's a headline interval, it must hold what its own test accepts.
fn check(cell: &Cell, study: usize, outcome: Outcome) -> Result<Outcome> {
    let by_test = METHODS.iter().zip(outcome.holds).any(|(method, holds)| *method == Method::Fieller && holds);
    match outcome.ci95 {
        Some([low, high]) if (low <= cell.share && cell.share <= high) != by_test => {
            Err(Error::invalid(format!("{cell:?}, study {study}: interval {low} to {high} disagrees with its test")))
        }
        _ => Ok(outcome),
    }
}

/// The attribution must be the same, to the bit, once the runs have been through a store.
fn same_from_a_store(arms: &[ArmResults]) -> Result<()> {
    let folder = tempfile::tempdir().map_err(|e| Error::invalid(format!("temporary folder: {e}")))?;
    let stored = attribute(&write_and_read(arms, folder.path())?, 0)?;
    let direct = attribute(arms, 0)?;
    let same = stored.gain == direct.gain
        && stored.shares == direct.shares
        && stored.comparisons == direct.comparisons
        && stored.warnings == direct.warnings;
    if same { Ok(()) } else { Err(Error::invalid("a study read from a store isn't the one that was written to it")) }
}

fn attribute(arms: &[ArmResults], replicates: usize) -> Result<Attribution> {
    let design = Design {
        study: "simulated",
        baseline: "baseline",
        target: "target",
        ladder: &[],
        covers: Covers::default(),
        source: None,
    };
    attribute_resampled(&design, arms, replicates)
}

/// Gains of control and target over the baseline, one pair a seed.
fn pairs(arms: &[ArmResults]) -> Vec<(f64, f64)> {
    let errors = |arm: &ArmResults| arm.seeds.iter().map(|run| run.test_error()).collect::<Vec<f64>>();
    let [baseline, control, target] = [0, 1, 2].map(|arm: usize| errors(&arms[arm]));
    let gains = |arm: Vec<f64>| baseline.iter().zip(arm).map(|(from, to)| from - to).collect::<Vec<f64>>();
    gains(control).into_iter().zip(gains(target)).collect()
}

/// The 97.5 % quantile of Student's t, from printed tables: not the one that is being tested.
fn critical(seeds: u64) -> Result<f64> {
    let table = [(3, 4.302_652_730), (5, 2.776_445_105), (10, 2.262_157_163), (30, 2.045_229_642)];
    let found = table.into_iter().find(|(n, _)| *n == seeds).map(|(_, t)| t);
    found.ok_or_else(|| Error::invalid(format!("no quantile for {seeds} seeds")))
}
