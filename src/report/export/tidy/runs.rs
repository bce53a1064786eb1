//! What the tables have: runs and epochs.

use super::{Column, Values};
use crate::error::Result;
use crate::study::{Outcome, Record, Run, RunState};
use crate::train::{EpochMetrics, Maker, Past};

/// One row a run, made or not, in the study's order.
pub fn runs(record: &Record, runs: &[Run]) -> Vec<Column> {
    let mut columns = keys(record, runs);
    let text = |get: &dyn Fn(&Run) -> Option<String>| Values::Text(runs.iter().map(get).collect());
    let integer = |get: &dyn Fn(&Run) -> Option<u64>| Values::Integer(runs.iter().map(get).collect());
    let real = |get: &dyn Fn(&Run) -> Option<f64>| Values::Real(runs.iter().map(get).collect());
    let mut add = |name: &str, values| columns.push(Column { name: name.to_owned(), values });

    add("status", text(&|run| Some(status(run).to_owned())));
    add("reason", text(&reason));
    add("test_error", real(&|run| run.test_error()));
    add("epochs", integer(&|run| Some(run.epochs_done() as u64)));
    add("parameters", integer(&|run| Some(run.arm.budget.parameters as u64)));
    add("one_bit_parameters", integer(&|run| Some(run.arm.budget.one_bit_parameters as u64)));
    add("maps", integer(&|run| Some(run.arm.budget.maps as u64)));
    add("multiply_adds", integer(&|run| Some(run.arm.budget.multiply_adds)));
    add("train_images", integer(&|run| Some(run.config.purpose.images(record.data.test).0 as u64)));
    add("test_images", integer(&|_| Some(record.data.test as u64)));
    add("batch", integer(&|run| Some(run.config.training.batch as u64)));
    add("optimiser", text(&|run| Some(run.config.training.optimiser.name().to_owned())));
    add("schedule", text(&|run| Some(run.config.training.schedule.name().to_owned())));
    add("learning_rate", real(&|run| Some(run.config.training.learning_rate)));
    add("weight_decay", real(&|run| Some(run.config.training.weight_decay)));
    add("augmentation", text(&|run| Some(run.config.training.augmentation.to_string())));
    add("rotated", integer(&|run| Some(u64::from(run.config.training.augmentation.rotates()))));
    add("flipped", integer(&|run| Some(u64::from(run.config.training.augmentation.flips()))));

    let past = |run: &Run| -> Option<Past> { Some(run.result()?.provenance.past.clone()) };
    let maker = |run: &Run| -> Option<Maker> { past(run)?.makers.pop() };
    add("started", text(&|run| Some(past(run)?.started)));
    add("seconds", real(&|run| Some(past(run)?.seconds)));
    add("sittings", integer(&|run| Some(past(run)?.sittings as u64)));
    add("peak_memory_bytes", integer(&|run| run.result()?.provenance.peak_memory));
    add("crate_version", text(&|run| Some(maker(run)?.crate_version)));
    add("revision", text(&|run| Some(maker(run)?.revision)));
    add("processor", text(&|run| Some(maker(run)?.processor)));
    add("instructions", text(&|run| Some(maker(run)?.instructions)));
    add("jobs", integer(&|run| Some(maker(run)?.jobs as u64)));
    add("threads", integer(&|run| Some(maker(run)?.threads as u64)));
    add("schema_version", integer(&|run| Some(run.config.schema_version.into())));
    add("config", text(&|run| run.config.hash().ok()));
    columns
}

/// One row an epoch of every run that was begun.
///
/// # Errors
/// When the metrics of a run can't be read.
pub fn epochs(record: &Record, all: &[Run]) -> Result<Vec<Column>> {
    let mut rows: Vec<(Run, EpochMetrics)> = Vec::new();
    for run in all {
        let metrics = run.folder.metrics(run.epochs_done())?;
        // The last epoch's test error is only in the result.
        let with_last = |epoch: EpochMetrics| {
            let last = run.test_error().filter(|_| epoch.epoch == run.epochs_done());
            EpochMetrics { test_error: epoch.test_error.or(last), ..epoch }
        };
        rows.extend(metrics.into_iter().map(|epoch| (run.clone(), with_last(epoch))));
    }
    let (runs, metrics): (Vec<Run>, Vec<EpochMetrics>) = rows.into_iter().unzip();
    let mut columns = keys(record, &runs);
    let mut real = |name: &str, get: fn(&EpochMetrics) -> Option<f64>| {
        columns.push(Column { name: name.to_owned(), values: Values::Real(metrics.iter().map(get).collect()) });
    };
    real("learning_rate", |epoch| Some(epoch.learning_rate));
    real("train_loss", |epoch| Some(epoch.train_loss));
    real("train_error", |epoch| Some(epoch.train_error));
    real("test_error", |epoch| epoch.test_error);
    real("seconds", |epoch| Some(epoch.seconds));
    let epoch = Values::Integer(metrics.iter().map(|epoch| Some(epoch.epoch as u64)).collect());
    let place = columns.len() - 5;
    columns.insert(place, Column { name: "epoch".to_owned(), values: epoch });
    Ok(columns)
}

/// What tells a row's run: study, arm, a column a factor of the grid, bank, seed.
fn keys(record: &Record, runs: &[Run]) -> Vec<Column> {
    let text = |name: &str, get: &dyn Fn(&Run) -> Option<String>| Column {
        name: name.to_owned(),
        values: Values::Text(runs.iter().map(get).collect()),
    };
    let mut columns = vec![
        text("study", &|_| Some(record.study.name.clone())),
        text("arm", &|run| Some(run.arm.name.clone())),
        text("bank", &|run| Some(run.arm.net.bank.name().to_owned())),
    ];
    let factors = record.study.arms.first().map_or(&[][..], |arm| &arm.levels);
    columns.extend(factors.iter().map(|factor| {
        let level = |run: &Run| run.arm.levels.iter().find(|level| level.key == factor.key).cloned();
        text(&format!("grid.{}", factor.key), &|run| Some(level(run)?.value.trim_matches('"').to_owned()))
    }));
    let seeds = Values::Integer(runs.iter().map(|run| Some(run.config.seed)).collect());
    columns.push(Column { name: "seed".to_owned(), values: seeds });
    columns
}

fn status(run: &Run) -> &'static str {
    match &run.state {
        RunState::Missing => "missing",
        RunState::Begun { under_way: true, .. } => "running",
        RunState::Begun { under_way: false, .. } => "begun",
        RunState::Damaged(_) => "damaged",
        RunState::Ended(result) => match result.outcome {
            Outcome::Finished { .. } | Outcome::Validated { .. } => "finished",
            Outcome::Failed { .. } => "failed",
        },
    }
}

fn reason(run: &Run) -> Option<String> {
    match &run.state {
        RunState::Damaged(why) => Some(why.clone()),
        RunState::Ended(result) => match &result.outcome {
            Outcome::Failed { reason } => Some(reason.clone()),
            _ => None,
        },
        _ => None,
    }
}
