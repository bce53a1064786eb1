//! `equisplit reproduce`

use std::path::PathBuf;
use std::process::ExitCode;

use equisplit::data::Draws;
use equisplit::study::{DataRecord, Run, Store};
use equisplit::train::{DeviceChoice, DeviceKind, EpochEnd, Maker};
use equisplit::{Error, Result};
use rand::RngExt;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;

#[derive(clap::Args)]
pub struct Args {
    /// The store of a study: <out>/<study>. Nothing is written to it.
    #[arg(value_name = "STORE_DIR")]
    store: PathBuf,
    /// The run, as "p4/seed-0" [default: one picked at random].
    run: Option<String>,
    /// Where the study's images are.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let store = Store::open(&args.store)?;
    let record = store.study()?;
    // Processors and GPUs round differently.
    let device = match record.device {
        DeviceKind::Cpu => DeviceChoice::Cpu,
        DeviceKind::Cuda => DeviceChoice::Cuda,
        DeviceKind::Metal => {
            return Err(Error::invalid("the store's runs were made on Metal, which no choice leads to"));
        }
    };
    let device = device.device()?;
    let draws = Draws::load(&record.study.data, args.data.as_deref())?;
    let found = DataRecord::of(&draws);
    if found != record.data {
        let message =
            format!("the store's runs were made with {}, not with {}", record.data.described(), found.described());
        return Err(Error::invalid(message));
    }
    let runs = store.runs(&record)?;
    let finished: Vec<&Run> = runs.iter().filter(|run| run.test_error().is_some()).collect();
    let run = chosen(&finished, args.run.as_deref())?;
    let name = name(run);
    tell_of_others(run, &Maker::here(record.device, 1, 1));
    let epochs = run.config.training.epochs;
    let result = run.reproduce(&record, &draws, &device, &mut |end| {
        if let EpochEnd::Done(done) = end {
            tell!("{name}: epoch {}/{epochs} loss {:.3}", done.epoch, done.loss);
        }
    })?;
    let percent = |error: f64| format!("{:.3} %", 100.0 * error);
    let tested = result.tested;
    if result.differing == 0 {
        super::print(&format!(
            "{name}: the predictions on record, of all {tested} test images; test error {}",
            percent(result.test_error)
        ))?;
        return Ok(ExitCode::SUCCESS);
    }
    super::print(&format!(
        "{name}: other predictions than on record, of {} of {tested} test images; test error {}, on record {}",
        result.differing,
        percent(result.test_error),
        percent(result.recorded)
    ))?;
    let here = Maker::here(record.device, 1, 1);
    let mut makers = run.result().into_iter().flat_map(|result| &result.provenance.past.makers);
    if makers.any(|maker| (&maker.revision, &maker.instructions) != (&here.revision, &here.instructions)) {
        tell!(
            "note: other revisions and vectors may round otherwise, which changes predictions without making them better or worse"
        );
    }
    Ok(ExitCode::FAILURE)
}

/// The run that was asked for, or any.
fn chosen<'a>(finished: &[&'a Run], asked: Option<&str>) -> Result<&'a Run> {
    let Some(asked) = asked else {
        let picked = (!finished.is_empty()).then(|| UnwrapErr(SysRng).random_range(0..finished.len()));
        return picked.map(|place| finished[place]).ok_or_else(|| Error::invalid("the store has no finished run"));
    };
    let run = finished.iter().find(|run| name(run) == asked.trim_end_matches('/'));
    run.copied()
        .ok_or_else(|| Error::invalid(format!("{asked}: no finished run of the store; runs are called as p4/seed-0")))
}

fn name(run: &Run) -> String {
    format!("{}/seed-{}", run.arm.id(), run.config.seed)
}

/// Says so where the run was made by another program, or in other vectors, which round differently.
fn tell_of_others(run: &Run, here: &Maker) {
    for maker in run.result().into_iter().flat_map(|result| &result.provenance.past.makers) {
        if maker.instructions != here.instructions {
            tell!(
                "warning: it was made on {}, and this is {}; EQUISPLIT_SIMD chooses among them",
                maker.instructions,
                here.instructions
            );
        }
        if maker.revision != here.revision {
            tell!("note: it was made by revision {}, and this is {}", maker.revision, here.revision);
        }
    }
}
