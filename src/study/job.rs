//! One run, from its start or its last checkpoint to its result.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use candle_core::Device;

use super::images::{Purpose, Split, training_images};
use super::progress::{RunProgress, StudyProgress};
use super::record::{Mistakes, Outcome, Provenance, SCHEMA_VERSION};
use super::tensorboard::Events;
use super::{Run, RunFolder, RunResult, RunState, Study};
use crate::data::{Dataset, Draws, Images};
use crate::error::{Error, Result};
use crate::memory::peak_memory;
use crate::train::{EpochEnd, EpochMetrics, Maker, Past, Trainer};

/// Epochs that take longer are saved on their way, too.
const SAVE_EVERY: Duration = Duration::from_secs(60);

/// What tells runs to stop.
#[derive(Debug)]
pub(super) struct Control<'a> {
    /// The number of the signal that asks for it; 0 while none has come.
    pub signal: &'a AtomicUsize,
    /// Set after the first error of any job.
    pub failed: AtomicBool,
}

impl Control<'_> {
    pub fn stop(&self) -> bool {
        self.signal.load(Ordering::Relaxed) != 0 || self.failed.load(Ordering::Relaxed)
    }
}

/// What the runs of a study have in common.
pub(super) struct Job<'a> {
    pub study: &'a Study,
    pub draws: &'a Draws,
    pub device: &'a Device,
    pub maker: &'a Maker,
    pub progress: &'a StudyProgress,
    pub control: &'a Control<'a>,
    /// Whether to write event files for TensorBoard.
    pub tensorboard: bool,
}

/// A run as far as it's trained.
struct Sitting<'a> {
    trainer: Trainer<'a>,
    /// The images that judge the run.
    test: &'a Images,
    metrics: Vec<EpochMetrics>,
    past: Past,
    /// When `past` was last brought up to date.
    since: Instant,
    hash: String,
    events: Option<Events>,
}

impl Job<'_> {
    /// Makes a run that is locked; `false` if it was told to stop, after a checkpoint.
    pub fn make(&self, run: &Run) -> Result<bool> {
        if let Some(aside) = run.folder.set_aside(&run.state)? {
            let why = match &run.state {
                RunState::Damaged(why) => why.as_str(),
                _ => "its result is gone",
            };
            self.progress.line(&format!("{}: {why}; its old records are in {}", run.label(), aside.display()));
        }
        run.folder.begin(&run.config)?;
        let stop = &mut || self.control.stop();
        let dataset = &self.draws.of(run.config.seed)?;
        match run.config.purpose {
            Purpose::TestSet { train } => {
                let images = training_images(dataset, train, run.config.seed);
                self.train(run, dataset, &images, |trainer| {
                    let labels = &dataset.test.labels;
                    let outcome = trainer.evaluate(&dataset.test, stop)?.map(|found| {
                        let mistakes = Mistakes::of(&found.predictions, labels);
                        let per_seed = self.draws.are_per_seed();
                        let mistakes = if per_seed { mistakes.labelled(labels) } else { mistakes };
                        Outcome::Finished { test_error: found.error, mistakes }
                    });
                    Ok(outcome)
                })
            }
            Purpose::HeldOut { train, validation } => {
                let split = Split::new(dataset, train, validation, run.config.seed);
                self.train(run, dataset, split.learn(), |trainer| {
                    let error = split.judge(trainer, stop)?;
                    Ok(error.map(|validation_error| Outcome::Validated { validation_error }))
                })
            }
        }
    }

    /// Whether there's anything to do for a run.
    pub fn is_wanted(&self, run: &Run) -> Result<bool> {
        Ok(run.is_pending() || self.is_unlogged(run) || run.is_unmeasured(self.study)?)
    }

    /// Whether a run has ended without the event file that is asked for.
    fn is_unlogged(&self, run: &Run) -> bool {
        self.tensorboard && !run.is_pending() && !Events::exist(run.folder.path())
    }

    /// Writes the event file of a run that was made without one. That it can't be written takes nothing from the run, and is
    /// only told.
    pub fn log(&self, run: &Run) {
        let Some(result) = run.result().filter(|_| self.is_unlogged(run)) else { return };
        let metrics = run.folder.metrics(result.epochs);
        if let Err(error) = metrics.and_then(|done| Events::begin(run.folder.path(), &done, result.outcome.error())) {
            self.progress.line(&format!("{}: it has no event file: {error}", run.label()));
        }
    }

    /// Measures how equivariant a finished run became, where the study asks for it. That it can't be measured takes nothing
    /// from the run itself, and is only told.
    pub fn measure(&self, run: &Run) -> Result<()> {
        let Some(turning) = self.study.equivariance else { return Ok(()) };
        if self.control.stop() || !run.is_unmeasured(self.study)? {
            return Ok(());
        }
        let label = run.label();
        let measured = self
            .draws
            .of(run.config.seed)
            .and_then(|dataset| run.measure(self.study, &dataset, turning, &mut || self.control.stop()));
        match measured {
            Ok(Some(record)) => {
                run.folder.write_equivariance(&record)?;
                self.progress.line(&format!("{label}: equivariance measured"));
            }
            Ok(None) if self.control.stop() => {}
            Ok(None) => self.progress.line(&format!("{label}: no checkpoint left to measure its equivariance with")),
            Err(error) => self.progress.line(&format!("{label}: its equivariance can't be measured: {error}")),
        }
        Ok(())
    }

    fn train(
        &self,
        run: &Run,
        dataset: &Dataset,
        images: &Images,
        judge: impl FnOnce(&Trainer) -> Result<Option<Outcome>>,
    ) -> Result<bool> {
        let epochs = run.config.training.epochs;
        let mut sitting = self.sit_down(run, dataset, images)?;
        let progress = self.progress.run(&run.label(), epochs, sitting.trainer.epoch());
        sitting.save(&run.folder)?;
        while sitting.trainer.epoch() < epochs {
            match self.go_on(run, &mut sitting, &progress) {
                Ok(Advance::Trained) => {}
                Ok(Advance::Dropped) => return Ok(false),
                Err(Error::Diverged(reason)) => {
                    return self.finish(run, &mut sitting, progress, Outcome::Failed { reason });
                }
                Err(error) => return Err(error),
            }
            sitting.save(&run.folder)?;
            if self.control.stop() {
                return Ok(false);
            }
        }
        match judge(&sitting.trainer) {
            Ok(None) => Ok(false),
            Ok(Some(outcome)) => self.finish(run, &mut sitting, progress, outcome),
            Err(Error::Diverged(reason)) => self.finish(run, &mut sitting, progress, Outcome::Failed { reason }),
            Err(error) => Err(error),
        }
    }

    /// Takes up the last checkpoint, if there's one that can be used.
    fn sit_down<'i>(&self, run: &Run, dataset: &'i Dataset, images: &'i Images) -> Result<Sitting<'i>> {
        let Run { config, folder, .. } = run;
        let hash = config.hash()?;
        let fresh = || Trainer::new(&config.net, &config.training, images, dataset.classes, config.seed, self.device);
        let mut trainer = fresh()?;
        let (metrics, mut past) = match resume(&mut trainer, folder, &hash) {
            Ok(past) => past,
            // What can't be read now may be readable later: a new beginning would be saved in its place.
            Err(Error::Io { path, source }) if source.kind() != ErrorKind::NotFound => {
                return Err(Error::Io { path, source });
            }
            Err(error) => {
                let (label, aside) = (run.label(), folder.set_checkpoint_aside()?);
                self.progress.line(&format!(
                    "{label}: starts anew, since its checkpoint can't be used: {error}; it's in {}",
                    aside.display()
                ));
                trainer = fresh()?;
                (Vec::new(), Past::default())
            }
        };
        if let Some(others) = other_vectors(&past, self.maker) {
            self.progress.line(&format!(
                "{}: begun on {others}, goes on on {}; it will agree to the bit with no run made on one of them alone",
                run.label(),
                self.maker.instructions
            ));
        }
        if past.sittings == 0 {
            past.started = jiff::Timestamp::now().to_string();
        }
        past.sittings += 1;
        if past.makers.last() != Some(self.maker) {
            past.makers.push(self.maker.clone());
        }
        let events = self.begin_events(run, &metrics);
        Ok(Sitting { trainer, test: &dataset.test, metrics, past, since: Instant::now(), hash, events })
    }

    /// The event file of a sitting, if one is asked for and can be written.
    fn begin_events(&self, run: &Run, done: &[EpochMetrics]) -> Option<Events> {
        let folder = run.folder.path();
        let begin = || self.tensorboard.then(|| Events::begin(folder, done, None)).transpose();
        Events::remove(folder).and_then(|()| begin()).unwrap_or_else(|error| {
            self.progress.line(&format!("{}: its event file is given up: {error}", run.label()));
            None
        })
    }

    /// Trains to the end of the epoch, or until it's time to save; [`Error::Diverged`] where the run can't go on.
    fn go_on(&self, run: &Run, sitting: &mut Sitting, progress: &RunProgress) -> Result<Advance> {
        let start = Instant::now();
        let stop = &mut || self.control.stop() || start.elapsed() >= SAVE_EVERY;
        let end = sitting.trainer.train_epoch(stop, &mut |done| progress.batch(done))?;
        sitting.trained();
        let done = match end {
            EpochEnd::Done(done) => done,
            EpochEnd::Paused => return Ok(Advance::Trained),
            EpochEnd::Diverged(reason) => {
                return Err(Error::Diverged(format!("{reason}, after {} good epochs", sitting.trainer.epoch())));
            }
        };
        let training = &run.config.training;
        let seconds = std::mem::take(&mut sitting.past.epoch_seconds);
        let mut test_error = None;
        if training.test_every_epoch && done.epoch < training.epochs {
            let evaluation = sitting.trainer.evaluate(sitting.test, &mut || self.control.stop())?;
            let Some(evaluation) = evaluation else { return Ok(Advance::Dropped) };
            test_error = Some(evaluation.error);
        }
        let epoch = EpochMetrics {
            epoch: done.epoch,
            learning_rate: training.learning_rate_at(done.epoch, done.batches.saturating_sub(1), done.batches),
            train_loss: done.loss,
            train_error: done.error,
            test_error,
            seconds,
        };
        progress.epoch(&epoch, done.images);
        self.log_to(run, sitting, |events| events.add(&epoch));
        sitting.metrics.push(epoch);
        run.folder.write_metrics(&sitting.metrics)?;
        Ok(Advance::Trained)
    }

    /// Takes down how a run ended; `true`, for it has.
    fn finish(&self, run: &Run, sitting: &mut Sitting, progress: RunProgress, outcome: Outcome) -> Result<bool> {
        let result = sitting.result(run, outcome)?;
        if let Some(error) = result.outcome.error() {
            self.log_to(run, sitting, |events| events.finish(result.epochs, error));
        }
        run.folder.write_result(&result)?;
        progress.finish(&format!("{} after {:.0} s", in_words(&result.outcome), result.provenance.past.seconds));
        Ok(true)
    }

    /// Writes to the event file, if there's one. That it can't be written takes nothing from the run: it's told, and what there
    /// is of it goes, so that `--tensorboard` writes it whole another time.
    fn log_to(&self, run: &Run, sitting: &mut Sitting, write: impl FnOnce(&Events) -> Result<()>) {
        let Some(Err(error)) = sitting.events.as_ref().map(write) else { return };
        self.progress.line(&format!("{}: its event file is given up: {error}", run.label()));
        sitting.events = None;
        if let Err(error) = Events::remove(run.folder.path()) {
            self.progress.line(&format!("{}: {error}", run.label()));
        }
    }
}

/// What came of going on.
enum Advance {
    /// It can be saved.
    Trained,
    /// It was told to stop while it tested the epoch: what came after the last checkpoint is dropped.
    Dropped,
}

impl Sitting<'_> {
    /// Adds the time since it was last added: of testing, saving and the like, that's no epoch's. Returns it in seconds.
    fn passed(&mut self) -> f64 {
        let seconds = self.since.elapsed().as_secs_f64();
        self.since = Instant::now();
        self.past.seconds += seconds;
        seconds
    }

    /// The same, of training.
    fn trained(&mut self) {
        self.past.epoch_seconds += self.passed();
    }

    fn save(&mut self, folder: &RunFolder) -> Result<()> {
        self.passed();
        let checkpoint = self.trainer.checkpoint(&self.hash);
        folder.write_checkpoint(&crate::train::Checkpoint { past: self.past.clone(), ..checkpoint })?;
        self.passed();
        Ok(())
    }

    fn result(&mut self, run: &Run, outcome: Outcome) -> Result<RunResult> {
        self.passed();
        Ok(RunResult {
            schema_version: SCHEMA_VERSION,
            arm: run.arm.id(),
            seed: run.config.seed,
            config: self.hash.clone(),
            epochs: self.metrics.len(),
            provenance: Provenance { past: self.past.clone(), peak_memory: peak_memory() },
            outcome,
        })
    }
}

/// The vectors that a run was made on so far, where they aren't those of `maker` alone.
fn other_vectors(past: &Past, maker: &Maker) -> Option<String> {
    let of_past = past.makers.iter().map(|maker| maker.instructions.as_str());
    let others: BTreeSet<&str> = of_past.filter(|instructions| *instructions != maker.instructions).collect();
    (!others.is_empty()).then(|| others.into_iter().collect::<Vec<_>>().join(" and "))
}

/// Takes up the last checkpoint; returns the metrics of its epochs, and its past.
fn resume(trainer: &mut Trainer, folder: &RunFolder, hash: &str) -> Result<(Vec<EpochMetrics>, Past)> {
    let Some(checkpoint) = folder.checkpoint()? else { return Ok(Default::default()) };
    let metrics = folder.metrics(checkpoint.epoch)?;
    trainer.resume(&checkpoint, hash)?;
    Ok((metrics, checkpoint.past))
}

fn in_words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Finished { test_error, .. } => format!("test error {:.2} %", 100.0 * test_error),
        Outcome::Validated { validation_error } => {
            format!("validation error {:.2} %", 100.0 * validation_error.value())
        }
        Outcome::Failed { reason } => format!("stopped: {reason}"),
    }
}
