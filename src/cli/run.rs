//! `equisplit run`

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use equisplit::Result;
use equisplit::model::InputShape;
use equisplit::report;
use equisplit::stats::few_seeds;
use equisplit::study::{self, Options, Override, Record, Run, Store, StudyFile, StudyPlan, Wish};
use equisplit::train::DeviceChoice;

use super::choice::choice;
use super::signals::Watch;
use super::study::{warn_of_grids, with_images};

#[derive(clap::Args)]
pub struct Args {
    /// The study file.
    study: PathBuf,
    /// A key of the study otherwise than in its file, as training.epochs=2 or arm.p4.width=8; several times for several keys.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Override>,
    /// Where results go: DIR/<study>/<arm>/seed-N/.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
    /// Where the images are: the folder of the source's files, or a file made by `data make`.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Runs side by side [default: what a few steps show to be fastest].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Threads of each run [default: what a few steps show to be fastest].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Show what there is to do and about how long it takes, and stop.
    #[arg(long)]
    dry_run: bool,
    /// Write event files for TensorBoard beside each run's results.
    #[arg(long)]
    tensorboard: bool,
    /// Where to train.
    #[arg(long, value_parser = choice::<DeviceChoice>(), default_value = "auto")]
    device: DeviceChoice,
    /// Print the attribution as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    super::check_threads(args.jobs, args.threads)?;
    let watch = Watch::new()?;
    let device = args.device.device()?;
    if args.device == DeviceChoice::Auto && device.is_cpu() && candle_core::utils::cuda_is_available() {
        tell!("note: there's no GPU that this program can use, it trains on the CPU; --device cuda tells why");
    }
    let file = StudyFile::read_with(&args.study, &args.set)?;
    let (study, draws) = with_images(&file, args.data.as_deref())?;
    let first = draws.first();
    let input = InputShape::of(&first.train, first.classes);
    warn_of_grids(&study, input)?;
    if let Some(warning) = few_seeds(study.seeds.len()).filter(|_| study.arms.len() > 1 && study.seeds.len() < 3) {
        tell!("warning: {warning}");
    }
    for doubt in study.doubts(first) {
        tell!("warning: {doubt}");
    }
    let record = Record::new(&study, &draws, &device);
    let store = Store::new(&args.out, &study.name);
    let wish = Wish { jobs: args.jobs.map(usize::from), threads: args.threads.map(usize::from) };
    let tensorboard = args.tensorboard;
    let mut options = Options { wish, device, quiet: false, tensorboard, signal: Arc::default() };
    let plan = study::plan(&record, &draws, &store, &options).map_err(|e| file.text.locate(e))?;
    let table = report::plan::table(&plan, &record, &draws);
    tell_of_left_out(&store, &record);
    if args.dry_run {
        super::print(&table)?;
        return Ok(ExitCode::SUCCESS);
    }
    tell!("{table}");
    tell_of_other_vectors(&plan, &record);
    options.signal = watch.begin();
    let store = store.interrupted_by(options.signal.clone());
    // A store that is done may be read-only.
    if let Err(error) = store.keep_file(&file) {
        tell!("warning: the study file isn't kept: {error}");
    }
    let summary = match study::run(plan, &record, &draws, &store, &options) {
        // A signal ends the waiting for a store, too.
        Err(error) if options.signal.load(Ordering::Relaxed) != 0 => {
            tell!("{error}");
            return Ok(exit_code(options.signal.load(Ordering::Relaxed)));
        }
        summary => summary?,
    };
    tell!("{} runs made, {} found in {}", summary.made, summary.found, store.folder().display());
    if let Some(signal) = summary.signal {
        tell!("stopped by a signal; the same command goes on from here");
        return Ok(exit_code(signal));
    }
    if let Some(choices) = report::progress::choices(&store.choices(&record)?) {
        tell!("{choices}");
    }
    let attributions = store.attribute_as(&record)?;
    super::attribute::write(&store, &attributions);
    super::attribute::print(&study, &attributions, args.json)?;
    for failed in &summary.failed {
        tell!("error: {failed}; delete its folder to run it again");
    }
    if summary.gone > 0 {
        tell!("error: {} runs were removed meanwhile; the same command makes them again", summary.gone);
    }
    Ok(if summary.failed.is_empty() && summary.gone == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The exit code of a program that a signal ended.
fn exit_code(signal: usize) -> ExitCode {
    ExitCode::from(128 + signal as u8)
}

/// Says so where the store has runs that the study file doesn't ask for: they're in no table.
fn tell_of_left_out(store: &Store, record: &Record) {
    let runs = store.left_out(record);
    if let Some(first) = runs.first() {
        let count = if runs.len() == 1 { "1 run".to_owned() } else { format!("{} runs", runs.len()) };
        tell!("note: left out of this study: {count} of other arms or seeds, as {}", first.display());
    }
}

/// Says so where finished runs were made with other vector instructions: runs to come won't agree with them to the bit.
fn tell_of_other_vectors(plan: &StudyPlan, record: &Record) {
    let here = record.maker.instructions.as_str();
    let results = plan.runs.iter().filter_map(Run::result);
    let makers = results.flat_map(|result| &result.provenance.past.makers);
    let others: BTreeSet<&str> = makers.map(|maker| maker.instructions.as_str()).filter(|of| *of != here).collect();
    if plan.pending().next().is_some() && !others.is_empty() {
        let others: Vec<&str> = others.into_iter().collect();
        tell!("note: finished runs were made on {}; those to come are made on {here}", others.join(" and "));
    }
}
