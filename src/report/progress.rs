//! What a store has: runs done, failed, left.

use std::collections::BTreeSet;

use super::{screen, sheet};
use crate::study::{Outcome, Record, Run, RunState, TuningRecord};
use crate::text;

/// The runs of every arm, its trials of tuning, and what went wrong with which.
pub fn table(record: &Record, runs: &[Run], trials: &[Run]) -> String {
    let header = ["arm", "runs", "finished", "failed", "running", "begun", "left"];
    let rows = record.study.arms.iter().flat_map(|arm| {
        let of_arm = |runs: &[Run]| runs.iter().filter(|run| run.arm == *arm).cloned().collect::<Vec<_>>();
        let trials = of_arm(trials);
        let tuning = (!trials.is_empty()).then(|| row(format!("{}, trials", arm.id()), trials.len(), &trials));
        [row(arm.id(), record.study.seeds_of(arm).len(), &of_arm(runs))].into_iter().chain(tuning)
    });
    let made = record.maker.crate_version.as_str();
    let head = format!("{}, {}, run by equisplit {made}\n", record.study.name, record.data.name);
    let troubles: Vec<String> = runs.iter().chain(trials).filter_map(trouble).chain(mixture(runs)).collect();
    let troubles = if troubles.is_empty() { String::new() } else { format!("\n{}\n", troubles.join("\n")) };
    format!("{head}\n{}{troubles}", screen::lines(&header, 1, rows))
}

/// What tuning chose, as text.
pub fn choices(choices: &[(String, TuningRecord)]) -> Option<String> {
    sheet::choices(choices).map(screen::sheet)
}

/// Says so where a study has runs left: what is told of it rests on the others.
pub fn unfinished(record: &Record, runs: &[Run]) -> Option<String> {
    let study = &record.study;
    let all: usize = study.arms.iter().map(|arm| study.seeds_of(arm).len()).sum();
    let ended = runs.iter().filter(|run| !run.is_pending()).count();
    (ended < all).then(|| format!("{ended} of the study's {all} runs have ended; all that is shown rests on these"))
}

fn row(name: String, all: usize, runs: &[Run]) -> Vec<String> {
    let count = |what: fn(&RunState) -> bool| runs.iter().filter(|run| what(&run.state)).count();
    let failed = |state: &RunState| matches!(state, RunState::Ended(r) if matches!(r.outcome, Outcome::Failed { .. }));
    let finished =
        |state: &RunState| matches!(state, RunState::Ended(r) if !matches!(r.outcome, Outcome::Failed { .. }));
    let running = |state: &RunState| matches!(state, RunState::Begun { under_way: true, .. });
    let begun = |state: &RunState| matches!(state, RunState::Begun { under_way: false, .. });
    let counts = [count(finished), count(failed), count(running), count(begun)];
    let left = all.saturating_sub(counts.iter().sum());
    let numbers = [all].into_iter().chain(counts).chain([left]);
    std::iter::once(name).chain(numbers.map(|number| number.to_string())).collect()
}

fn trouble(run: &Run) -> Option<String> {
    match &run.state {
        RunState::Damaged(why) => Some(format!("{}: damaged, will be made anew: {}", run.label(), text::line(why))),
        _ => run.failure(),
    }
}

/// Says so where runs were made by programs or processors that may round differently.
fn mixture(runs: &[Run]) -> Option<String> {
    let makers = makers(runs);
    (makers.len() > 1).then(|| format!("the runs were made by different programs or processors: {}", makers.join("; ")))
}

/// The programs and processors that made runs, each once.
pub(super) fn makers(runs: &[Run]) -> Vec<String> {
    let results = runs.iter().filter_map(Run::result);
    let makers = results.flat_map(|result| &result.provenance.past.makers);
    let names = makers.map(|maker| {
        let name = format!("equisplit {} {} on {}", maker.crate_version, maker.revision, maker.instructions);
        text::line(&name).into_owned()
    });
    names.collect::<BTreeSet<String>>().into_iter().collect()
}
