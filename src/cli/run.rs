//! `equisplit run`

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;

use equisplit::data;
use equisplit::model::InputShape;
use equisplit::report::table;
use equisplit::study::{self, Options, Store, StudyFile};
use equisplit::train::DeviceChoice;
use equisplit::{Error, Result};

#[derive(clap::Args)]
pub struct Args {
    /// The study file.
    study: PathBuf,
    /// Where results go: DIR/<study>/<arm>/seed-N/.
    #[arg(long, value_name = "DIR", default_value = "runs")]
    out: PathBuf,
    /// Where the images are: the folder of the source's files, or a file made by `data make`.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Runs side by side [default: as many as there are cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Threads of each run [default: the cores divided among the jobs].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Where to train.
    #[arg(long, value_enum, default_value_t)]
    device: DeviceChoice,
    /// Print the attribution as JSON.
    #[arg(long)]
    json: bool,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let device = args.device.device()?;
    let file = StudyFile::read(&args.study)?;
    // What is wrong with the file is told before any data is touched.
    file.resolve(InputShape::DIGITS)?;
    let dataset = data::load(&file.content.data, args.data.as_deref()).map_err(|e| match e {
        // What is asked for in the file is told at its line, but not that --data is missing.
        Error::Invalid(message) if message.starts_with("data.") => file.locate(Error::Invalid(message)),
        other => other,
    })?;
    let study = file.resolve(InputShape::of(&dataset))?;
    let (jobs, threads) = workers(args, study.arms.len() * study.seeds.len(), device.is_cpu());
    equisplit::tell!(
        "{}: {} arms × {} seeds, {} ({} training, {} test images), {jobs} jobs × {threads} threads",
        study.name,
        study.arms.len(),
        study.seeds.len(),
        dataset.name,
        dataset.train.len(),
        dataset.test.len()
    );
    let store = Store::new(&args.out, &study.name);
    let summary = study::run(&study, &dataset, &store, &Options { jobs, threads, device, quiet: false })?;
    equisplit::tell!("{} runs made, {} found in {}", summary.made, summary.found, store.folder().display());
    let attribution = store.attribute()?;
    if args.json {
        super::print_json(&attribution)?;
    } else {
        super::print(&table::attribution(&attribution))?;
    }
    for failed in &summary.failed {
        equisplit::tell!("error: {failed}; delete its folder to run it again");
    }
    Ok(if summary.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One-thread runs side by side use the cores best; a GPU is shared by one run at a time.
fn workers(args: &Args, runs: usize, cpu: bool) -> (usize, usize) {
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let threads = args.threads.map(usize::from);
    let fitting = if cpu { cores / threads.unwrap_or(1) } else { 1 };
    let jobs = args.jobs.map_or(fitting, usize::from).clamp(1, runs.max(1));
    (jobs, threads.unwrap_or((cores / jobs).max(1)))
}
