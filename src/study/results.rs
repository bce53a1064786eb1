//! What the finished runs of a store come to.

use std::collections::{BTreeMap, BTreeSet};

use super::run_folder::RunState;
use super::{Arm, Level, Outcome, Record, Run, RunResult, Store, Study};
use crate::data::{Draw, FiniteSource};
use crate::error::{Error, Result};
use crate::stats::attribution::{ArmResults, Attribution, SeedResult, attribute};
use crate::stats::{Covers, Design, Source};

impl Store {
    /// Attributes the gain from the finished runs, cell by cell of the grid.
    ///
    /// # Errors
    /// When a record can't be read or a run is of another configuration.
    pub fn attribute(&self) -> Result<Vec<Attribution>> {
        self.attribute_as(&self.study()?)
    }

    /// The same, of the study that `record` describes: another process may have taken down another one since.
    ///
    /// # Errors
    /// As [`Store::attribute`].
    pub fn attribute_as(&self, record: &Record) -> Result<Vec<Attribution>> {
        let study = &record.study;
        let runs = self.runs(record)?;
        let cells = cells(record, &runs)?;
        let drawn = drawn(record, &runs);
        let attribute = |(cell, arms): (&[Level], Vec<ArmResults>)| {
            let name = study.title(cell);
            let Study { baseline, target, ladder, .. } = study;
            let covers = covers(record, cell);
            let source = record.source.map(|source| Source { images: source.images, drawn: &drawn });
            let design = Design { study: &name, baseline, target, ladder, covers, source };
            let mut attribution = attribute(&design, &arms)?;
            let tuning = [self.at_ends(record, cell)?, self.undecided(record, cell)?].into_iter().flatten();
            attribution.warnings.splice(0..0, lacking(record, cell, &runs).into_iter().chain(tuning));
            Ok(attribution)
        };
        study.cells().into_iter().zip(cells).map(attribute).collect()
    }

    /// Which arms of a cell were tuned to an end of what was tried, in a sentence.
    fn at_ends(&self, record: &Record, cell: &[Level]) -> Result<Option<String>> {
        let mut arms = Vec::new();
        for arm in record.study.arms_of(cell) {
            let ends = self.tuned(record, arm)?.map_or_else(Vec::new, |tuned| tuned.at_ends());
            if !ends.is_empty() {
                arms.push(format!("{} ({})", arm.name, ends.join("; ")));
            }
        }
        Ok((!arms.is_empty()).then(|| {
            format!("tuning chose an end of what was tried, and better may lie beyond it: {}", arms.join(", "))
        }))
    }

    /// Of which arms of a cell tuning's choice isn't told apart from others, in a sentence: how good an arm could be is uncertain by
    /// that, which no interval counts.
    fn undecided(&self, record: &Record, cell: &[Level]) -> Result<Option<String>> {
        let mut arms = Vec::new();
        for arm in record.study.arms_of(cell) {
            let (near, others) = self.tuned(record, arm)?.map_or((0, 0), |tuned| tuned.undecided());
            if near > 0 {
                arms.push(format!("{} ({near} of {others})", arm.name));
            }
        }
        Ok((!arms.is_empty()).then(|| {
            format!(
                "tuning can't tell what it chose from other settings, whose errors on the held-out images lie within two standard \
                 errors; no interval counts that: {}",
                arms.join(", ")
            )
        }))
    }

    /// The study, and the finished runs of all arms in each of its cells.
    ///
    /// # Errors
    /// When a record can't be read or a run is of another configuration.
    pub fn finished_runs(&self) -> Result<(Study, Vec<Vec<ArmResults>>)> {
        let record = self.study()?;
        let cells = cells(&record, &self.runs(&record)?)?;
        Ok((record.study, cells))
    }

    /// Writes `attribution.json`: one attribution, or the list of a grid's.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn write_attribution(&self, attributions: &[Attribution]) -> Result<()> {
        match attributions {
            [attribution] => self.write("attribution.json", attribution),
            _ => self.write("attribution.json", &attributions),
        }
    }
}

/// What differs between the seeds of a cell's runs.
fn covers(record: &Record, cell: &[Level]) -> Covers {
    let study = &record.study;
    let is_part = |arm: &Arm| arm.train.is_some_and(|train| train < record.data.train);
    let per_seed = study.data.draw == Draw::PerSeed;
    Covers { training_images: per_seed || study.arms_of(cell).all(is_part), test_images: per_seed }
}

/// The places in the source of every seed's test images, as far as they're known.
fn drawn(record: &Record, runs: &[Run]) -> BTreeMap<u64, Vec<u32>> {
    let Record { study, data, .. } = record;
    let of_seed = |source: &FiniteSource, seed: u64| {
        Some((seed, source.test_images(study.data.seed, [data.train, data.test], seed)?))
    };
    let finished: BTreeSet<u64> =
        runs.iter().filter(|run| run.test_error().is_some()).map(|run| run.config.seed).collect();
    let source = record.source.iter();
    source.flat_map(|source| finished.iter().filter_map(|&seed| of_seed(source, seed))).collect()
}

/// The finished runs of all arms, cell by cell.
fn cells(record: &Record, runs: &[Run]) -> Result<Vec<Vec<ArmResults>>> {
    let results = |arm: &Arm| {
        let runs = runs.iter().filter(|run| run.arm == *arm);
        let seeds = runs.filter_map(|run| seed_result(record, run).transpose());
        Ok(ArmResults {
            name: arm.name.clone(),
            bank: arm.net.bank.name().to_owned(),
            budget: arm.budget,
            seeds: seeds.collect::<Result<_>>()?,
        })
    };
    let cells = record.study.cells().into_iter();
    cells.map(|cell| record.study.arms_of(cell).map(results).collect::<Result<_>>()).collect()
}

/// What the arms of a cell lack of the runs that the study wants, in sentences.
fn lacking(record: &Record, cell: &[Level], runs: &[Run]) -> Vec<String> {
    let study = &record.study;
    let tell = |what: &str, count: fn(&Run) -> bool, is_told: fn(usize, usize) -> bool| {
        let of_arm = |arm: &Arm| runs.iter().filter(|run| run.arm == *arm && count(run)).count();
        let arms = study.arms_of(cell).map(|arm| (arm, of_arm(arm), study.seeds_of(arm).len()));
        let arms = arms.filter(|(_, runs, seeds)| is_told(*runs, *seeds));
        let arms: Vec<String> =
            arms.map(|(arm, runs, seeds)| format!("{} ({runs} of {seeds} runs)", arm.name)).collect();
        (!arms.is_empty()).then(|| format!("{what}: {}", arms.join(", ")))
    };
    let unfinished = tell("not all runs have ended", |run| !run.is_pending(), |ended, seeds| ended < seeds);
    let failed = tell("runs that failed count nowhere", |run| run.failure().is_some(), |failed, _| failed > 0);
    unfinished.into_iter().chain(failed).collect()
}

/// Which test images a finished run got wrong; `None` if it isn't finished.
fn seed_result(record: &Record, run: &Run) -> Result<Option<SeedResult>> {
    let mistakes = match &run.state {
        RunState::Damaged(why) => {
            return Err(Error::invalid(format!("{why}; `equisplit run` makes this run anew")));
        }
        RunState::Ended(result) => match &**result {
            RunResult { outcome: Outcome::Finished { mistakes, .. }, .. } => mistakes,
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    let bad = |why: String| {
        let message = format!("{why}; delete it, and `equisplit run` makes the run anew");
        Error::content(run.folder.path().join("result.json"), message)
    };
    let result = SeedResult { seed: run.config.seed, wrong: mistakes.wrong(&record.test_set()).map_err(bad)? };
    if run.test_error() != Some(result.test_error()) {
        return Err(bad("its test_error isn't that of its mistakes".to_owned()));
    }
    Ok(Some(result))
}
