//! Two stores side by side.

use super::progress::makers;
use super::screen::lines;
use crate::error::{Error, Result};
use crate::model::NetConfig;
use crate::stats::student;
use crate::study::{Arm, Outcome, Record, Run, RunConfig, Study};

/// The arms that both studies have: mean test errors, their difference with Student's 95 % interval over the seeds that
/// both finished, whether the runs agree to the bit, and what differs in their configuration.
///
/// # Errors
/// When they have no arm in common.
pub fn table([a, b]: [(&Record, &[Run]); 2]) -> Result<String> {
    let names: Vec<String> = a.0.study.arms.iter().map(|arm| arm.id()).collect();
    let shared: Vec<&String> =
        names.iter().filter(|name| b.0.study.arms.iter().any(|arm| arm.id() == **name)).collect();
    if shared.is_empty() {
        let [a, b] = [a, b].map(|(record, _)| &record.study);
        let names = |study: &Study| study.arms.iter().map(Arm::id).collect::<Vec<_>>().join(", ");
        let message = format!("{} ({}) and {} ({}) have no arm in common", a.name, names(a), b.name, names(b));
        return Err(Error::invalid(message));
    }
    let header = ["arm", "seeds", "A", "B", "B − A", "95 % interval", "equal runs"];
    let rows = shared.iter().map(|name| row(name, a.1, b.1));
    let mut parts = vec![
        format!("A: {}, {}\nB: {}, {}\n", a.0.study.name, a.0.data.name, b.0.study.name, b.0.data.name),
        lines(&header, 1, rows),
        "Test errors in %, over the seeds that both finished; equal runs have the same predictions.\n".to_owned(),
    ];
    let makers = [a.1, b.1].map(|runs| makers(runs).join("; "));
    if makers[0] != makers[1] {
        parts.push(format!("A was made by {}\nB was made by {}\n", makers[0], makers[1]));
    }
    let differences: Vec<String> = shared.iter().filter_map(|name| difference(name, a.1, b.1)).collect();
    if !differences.is_empty() {
        parts.push(format!("{}\n", differences.join("\n")));
    }
    Ok(parts.join("\n"))
}

/// The runs of an arm that both finished, seed by seed.
fn pairs<'a>(name: &str, a: &'a [Run], b: &'a [Run]) -> Vec<(&'a Run, &'a Run)> {
    let finished = |run: &&Run| run.arm.id() == name && run.test_error().is_some();
    let partner = |run: &&'a Run| b.iter().filter(finished).find(|other| other.config.seed == run.config.seed);
    a.iter().filter(finished).filter_map(|run| Some((run, partner(&run)?))).collect()
}

fn row(name: &str, a: &[Run], b: &[Run]) -> Vec<String> {
    let pairs = pairs(name, a, b);
    let errors: Vec<(f64, f64)> = pairs.iter().filter_map(|(a, b)| Some((a.test_error()?, b.test_error()?))).collect();
    let percent =
        |values: &[f64]| student::mean(values).map_or("–".to_owned(), |mean| format!("{:.2}", 100.0 * mean));
    let differences: Vec<f64> = errors.iter().map(|(a, b)| b - a).collect();
    let interval = student::mean_interval(&differences)
        .map_or("–".to_owned(), |[low, high]| format!("[{:.2}, {:.2}]", 100.0 * low, 100.0 * high));
    let equal = pairs.iter().filter(|(a, b)| agree(a, b)).count();
    let (first, second): (Vec<f64>, Vec<f64>) = errors.into_iter().unzip();
    let figures =
        [percent(&first), percent(&second), percent(&differences), interval, format!("{equal}/{}", pairs.len())];
    [name.to_owned(), pairs.len().to_string()].into_iter().chain(figures).collect()
}

/// Whether two finished runs have the same predictions.
fn agree(a: &Run, b: &Run) -> bool {
    let mistakes = |run: &Run| match &run.result()?.outcome {
        Outcome::Finished { mistakes, .. } => Some(mistakes.clone()),
        _ => None,
    };
    mistakes(a).zip(mistakes(b)).is_some_and(|(a, b)| a.predict_as(&b))
}

/// The keys in which the runs of an arm were made differently.
fn difference(name: &str, a: &[Run], b: &[Run]) -> Option<String> {
    let run = |runs: &[Run]| runs.iter().find(|run| run.arm.id() == name).cloned();
    let (a, b) = (run(a)?, run(b)?);
    // Other seeds are no other way of making runs, unless an arm fixes that of its scrambles.
    let plain = |run: &Run| {
        let net = NetConfig { scramble_seed: run.arm.scramble_seed.unwrap_or_default(), ..run.config.net.clone() };
        RunConfig { seed: 0, net, ..run.config.clone() }
    };
    let (a, b) = (plain(&a), plain(&b));
    let differences = a.differences(&b);
    (!differences.is_empty()).then(|| format!("{name}: {}", differences.join(", ")))
}
