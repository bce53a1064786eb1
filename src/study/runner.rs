//! Running what is missing of a study.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use candle_core::Device;

use super::progress::{RunProgress, StudyProgress};
use super::record::{Outcome, SCHEMA_VERSION};
use super::store::RunFolder;
use super::{Arm, DataRecord, Record, RunConfig, RunResult, Store, Study};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::train::{DeviceKind, EpochEnd, EpochMetrics, Progress, Trainer};

/// How to run a study.
#[derive(Clone, Debug)]
pub struct Options {
    /// Runs side by side; at least 1.
    pub jobs: usize,
    /// Threads of each; at least 1.
    pub threads: usize,
    /// Where to train.
    pub device: Device,
    /// Whether to show no progress.
    pub quiet: bool,
}

/// What is there after running a study.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Runs that were done before.
    pub found: usize,
    /// Runs that were made now.
    pub made: usize,
    /// Runs that failed, now or before, as "arm seed: reason".
    pub failed: Vec<String>,
}

/// A run that has to be made.
struct Pending<'a> {
    arm: &'a Arm,
    config: RunConfig,
    folder: RunFolder,
}

/// Runs what `store` doesn't have of `study` yet. Results don't depend on `options`, but for the device.
///
/// # Errors
/// When the store holds runs of another configuration or other images, or can't be written. What was done until then stays.
pub fn run(study: &Study, dataset: &Dataset, store: &Store, options: &Options) -> Result<Summary> {
    let record = Record {
        schema_version: SCHEMA_VERSION,
        crate_version: env!("CARGO_PKG_VERSION").to_owned(),
        study: study.clone(),
        data: DataRecord::of(dataset),
        device: DeviceKind::of(&options.device),
        test_labels: dataset.test.labels.clone(),
    };
    // Nothing is written before everything there is known to fit.
    store.check(&record)?;
    let pending = pending(study, &record, store)?;
    store.begin(&record)?;
    for run in &pending {
        run.folder.begin(&run.config)?;
    }
    let total = study.arms.len() * study.seeds.len();
    let mut summary = Summary { found: total - pending.len(), made: pending.len(), failed: Vec::new() };
    work_off(pending, dataset, options)?;
    for (seed, arm) in runs(study) {
        let result = store.run_folder(&arm.name, seed).result()?;
        if let Some(Outcome::Failed { reason }) = result.map(|result| result.outcome) {
            summary.failed.push(format!("{} seed {seed}: {reason}", arm.name));
        }
    }
    Ok(summary)
}

/// All runs, seed by seed, so that a study that is cut short has whole pairs.
fn runs(study: &Study) -> impl Iterator<Item = (u64, &Arm)> {
    study.seeds.iter().flat_map(|&seed| study.arms.iter().map(move |arm| (seed, arm)))
}

fn pending<'a>(study: &'a Study, record: &Record, store: &Store) -> Result<VecDeque<Pending<'a>>> {
    let mut pending = VecDeque::new();
    for (seed, arm) in runs(study) {
        let config = record.run_config(arm, seed);
        let folder = store.run_folder(&arm.name, seed);
        if !folder.is_done(&config)? {
            pending.push_back(Pending { arm, config, folder });
        }
    }
    Ok(pending)
}

/// Makes the runs on `options.jobs` threads, each with a pool of its own. After the first error no run is started, and
/// those under way stop after their epoch.
fn work_off(pending: VecDeque<Pending>, dataset: &Dataset, options: &Options) -> Result<()> {
    let progress = StudyProgress::new(pending.len(), options.quiet);
    let jobs = options.jobs.clamp(1, pending.len().max(1));
    let queue = Mutex::new(pending);
    let stop = AtomicBool::new(false);
    let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let worker = || -> Result<()> {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(options.threads.max(1)).build();
        let pool = pool.map_err(|e| Error::invalid(format!("--threads {}: {e}", options.threads)))?;
        while let Some(run) = next().filter(|_| !stop.load(Ordering::Relaxed)) {
            let made = pool.install(|| make(&run, dataset, &options.device, &progress, &stop));
            made.inspect_err(|_| stop.store(true, Ordering::Relaxed))?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let start = |_| std::thread::Builder::new().spawn_scoped(scope, worker);
        let workers: Vec<_> = (0..jobs).map(start).collect();
        let ends = workers.into_iter().map(|worker| {
            let worker = worker.map_err(|e| Error::invalid(format!("--jobs {jobs}: {e}")));
            let panicked = || Error::invalid("a run ended in a panic; this is a defect of equisplit");
            worker.and_then(|worker| worker.join().unwrap_or_else(|_| Err(panicked())))
        });
        ends.collect::<Vec<_>>().into_iter().collect()
    })
}

/// Makes one run, from its last checkpoint if there is one.
fn make(run: &Pending, dataset: &Dataset, device: &Device, study: &StudyProgress, stop: &AtomicBool) -> Result<()> {
    let Pending { arm, config, folder } = run;
    let hash = config.hash()?;
    let mut trainer = Trainer::new(&config.net, &config.training, dataset, config.seed, device)?;
    let label = format!("{} seed {}", arm.name, config.seed);
    let mut metrics = match resume(&mut trainer, folder, &hash) {
        Ok(metrics) => metrics,
        Err(error) => {
            study.line(&format!("{label}: starts anew, since its checkpoint can't be used: {error}"));
            trainer = Trainer::new(&config.net, &config.training, dataset, config.seed, device)?;
            Vec::new()
        }
    };
    let progress = study.run(label, config.training.epochs, trainer.epoch());
    if trainer.epoch() == 0 {
        folder.write_checkpoint(&trainer.checkpoint(&hash))?;
    }
    while trainer.epoch() < config.training.epochs {
        if let Err(reason) = epoch(&mut trainer, config, &mut metrics, &progress)? {
            folder.write_result(&result(run, &metrics, Outcome::Failed { reason: reason.clone() }))?;
            progress.finish(&format!("stopped: {reason}"));
            return Ok(());
        }
        folder.write_metrics(&metrics)?;
        folder.write_checkpoint(&trainer.checkpoint(&hash))?;
        if stop.load(Ordering::Relaxed) {
            return Ok(());
        }
    }
    let evaluation = trainer.evaluate()?;
    let outcome = Outcome::Finished { test_error: evaluation.error, predictions: evaluation.predictions };
    let result = result(run, &metrics, outcome);
    folder.write_result(&result)?;
    progress.finish(&format!("test error {:.2} % after {:.0} s", 100.0 * evaluation.error, result.seconds));
    Ok(())
}

/// Takes up the last checkpoint; returns the metrics of its epochs.
fn resume(trainer: &mut Trainer, folder: &RunFolder, hash: &str) -> Result<Vec<EpochMetrics>> {
    let Some(checkpoint) = folder.checkpoint()? else { return Ok(Vec::new()) };
    let metrics = match checkpoint.epoch {
        0 => Vec::new(),
        epochs => folder.metrics(epochs)?,
    };
    trainer.resume(&checkpoint, hash)?;
    Ok(metrics)
}

/// Trains one epoch and adds its metrics; the inner error is why the run can't go on.
fn epoch(
    trainer: &mut Trainer,
    config: &RunConfig,
    metrics: &mut Vec<EpochMetrics>,
    progress: &RunProgress,
) -> Result<std::result::Result<(), String>> {
    let start = Instant::now();
    let number = trainer.epoch() + 1;
    let done: Progress = match trainer.train_epoch(&mut |done| progress.batch(done))? {
        EpochEnd::Done(done) => done,
        EpochEnd::Diverged(reason) => return Ok(Err(format!("{reason}, after {} good epochs", number - 1))),
    };
    let seconds = start.elapsed().as_secs_f64();
    let last = number == config.training.epochs;
    let test_error = match config.training.test_every_epoch && !last {
        true => Some(trainer.evaluate()?.error),
        false => None,
    };
    let epoch = EpochMetrics {
        epoch: number,
        learning_rate: config.training.learning_rate_in(number),
        train_loss: done.loss,
        train_error: done.error,
        test_error,
        seconds,
    };
    progress.epoch(&epoch, done.images);
    metrics.push(epoch);
    Ok(Ok(()))
}

fn result(run: &Pending, metrics: &[EpochMetrics], outcome: Outcome) -> RunResult {
    RunResult {
        schema_version: SCHEMA_VERSION,
        crate_version: env!("CARGO_PKG_VERSION").to_owned(),
        arm: run.arm.name.clone(),
        seed: run.config.seed,
        epochs: metrics.len(),
        seconds: metrics.iter().map(|epoch| epoch.seconds).sum(),
        outcome,
    }
}
