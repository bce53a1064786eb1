//! What can't be compared, and why.

use super::results::ArmResults;
use crate::{Error, Result};

/// Baseline and target; refuses names that no arm or two arms have, and ladders that don't lead from one to the other.
pub(super) fn check_names<'a>(
    baseline: &str,
    target: &str,
    ladder: &[String],
    arms: &'a [ArmResults],
) -> Result<(&'a ArmResults, &'a ArmResults)> {
    let (first, last) = (find(baseline, arms)?, find(target, arms)?);
    let there: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
    let rungs: Vec<&str> = ladder.iter().map(String::as_str).collect();
    for rung in &rungs {
        find(rung, arms)?;
    }
    if let Some(twice) = repeated(&there) {
        return Err(Error::invalid(format!("there are two arms named {twice:?}")));
    }
    if baseline == target {
        return Err(Error::invalid(format!("baseline and target are the same arm, {baseline:?}")));
    }
    let whole = rungs.first() == Some(&baseline) && rungs.last() == Some(&target);
    if !rungs.is_empty() && (!whole || repeated(&rungs).is_some()) {
        return Err(Error::invalid(format!(
            "a ladder leads from {baseline} to {target} over each arm once, not {}",
            rungs.join(" → ")
        )));
    }
    Ok((first, last))
}

fn find<'a>(name: &str, arms: &'a [ArmResults]) -> Result<&'a ArmResults> {
    arms.iter().find(|arm| arm.name == name).ok_or_else(|| {
        let there: Vec<&str> = arms.iter().map(|arm| arm.name.as_str()).collect();
        Error::invalid(format!("there is no arm {name:?}; the arms are {}", there.join(", ")))
    })
}

/// Refuses runs over different numbers of test examples, and two runs of one seed.
pub(super) fn check_runs(arms: &[ArmResults]) -> Result<()> {
    let runs = || arms.iter().flat_map(|arm| arm.seeds.iter().map(move |run| (&arm.name, run)));
    let examples = runs().next().map_or(0, |(_, run)| run.wrong.len());
    for (arm, run) in runs() {
        if run.wrong.is_empty() || run.wrong.len() != examples {
            return Err(Error::invalid(format!(
                "all runs need the same number of test examples: {arm}, seed {}, has {}, the first run {examples}",
                run.seed,
                run.wrong.len()
            )));
        }
    }
    for arm in arms {
        let seeds: Vec<u64> = arm.seeds.iter().map(|run| run.seed).collect();
        if let Some(seed) = repeated(&seeds) {
            return Err(Error::invalid(format!("{} has two runs with seed {seed}", arm.name)));
        }
    }
    Ok(())
}

/// The first item that an earlier one equals.
fn repeated<T: PartialEq>(items: &[T]) -> Option<&T> {
    items.iter().enumerate().find(|(index, item)| items[..*index].contains(item)).map(|(_, item)| item)
}
