//! Running what is missing of a study.

use std::collections::{BTreeSet, VecDeque};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use candle_core::Device;

use super::job::{Control, Job};
use super::machine::{Calibration, Wish, Workers};
use super::progress::StudyProgress;
use super::record::{Outcome, SCHEMA_VERSION};
use super::tuning::{Trial, TuningRecord, choose};
use super::{DataRecord, Purpose, Record, Run, RunState, Store, Study};
use crate::data::Draws;
use crate::error::{Error, Result};
use crate::files;
use crate::memory;
use crate::model::{InputShape, Network};
use crate::train::{DeviceKind, Maker, TrainingConfig};

/// How often runs that another process has are looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// How to run a study; by default on the CPU, all cores, with progress on standard error.
#[derive(Clone, Debug)]
pub struct Options {
    /// How to share the cores.
    pub wish: Wish,
    /// Where to train.
    pub device: Device,
    /// Whether to show no progress.
    pub quiet: bool,
    /// Whether to write event files for TensorBoard beside each run's results.
    pub tensorboard: bool,
    /// Set to the number of a signal, it makes all runs stop after their step and a checkpoint.
    pub signal: Arc<AtomicUsize>,
}

impl Default for Options {
    fn default() -> Self {
        Self { wish: Wish::default(), device: Device::Cpu, quiet: false, tensorboard: false, signal: Arc::default() }
    }
}

/// What there is to do, and about how long it takes.
#[derive(Debug)]
pub struct StudyPlan {
    /// The trials of tuning.
    pub trials: Vec<Run>,
    /// The runs that judge the study, as tuned; where an arm isn't tuned yet, as `[training]` says.
    pub runs: Vec<Run>,
    /// Finished runs whose equivariance has to be measured still.
    pub unmeasured: usize,
    /// Finished runs whose equivariance the study asks for, but that left no checkpoint to measure it by.
    pub unmeasurable: usize,
    /// Steps that were tried.
    pub calibration: Calibration,
}

/// What is there after running a study.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Runs that were there before, or that other processes made.
    pub found: usize,
    /// Runs that were made now.
    pub made: usize,
    /// Runs that failed, now or before, as "arm seed: reason".
    pub failed: Vec<String>,
    /// Runs that aren't there although no signal stopped the study: someone removed them meanwhile.
    pub gone: usize,
    /// The signal that stopped the study, if one did.
    pub signal: Option<usize>,
}

impl Record {
    /// The record of a study that runs on `device`.
    pub fn new(study: &Study, draws: &Draws, device: &Device) -> Self {
        let device = DeviceKind::of(device);
        let first = draws.first();
        Self {
            schema_version: SCHEMA_VERSION,
            maker: Maker::here(device, 0, 0),
            study: study.clone(),
            data: DataRecord::of(draws),
            input: Some(InputShape::of(&first.train, first.classes)),
            source: draws.source(),
            device,
            test_labels: if draws.are_per_seed() { Vec::new() } else { first.test.labels.clone() },
        }
    }
}

impl StudyPlan {
    /// Trials and runs that have to be made.
    pub fn pending(&self) -> impl Iterator<Item = &Run> {
        self.trials.iter().chain(&self.runs).filter(|run| run.is_pending())
    }

    /// About how long all that takes, in seconds.
    pub fn seconds(&self, draws: &Draws) -> f64 {
        let Workers { jobs, .. } = self.calibration.workers;
        let seconds = |run: &Run| self.calibration.run_seconds(run, run.epochs_done(), draws);
        let (sum, longest) = self
            .pending()
            .map(seconds)
            .fold((0.0, 0.0f64), |(sum, longest), seconds| (sum + seconds, longest.max(seconds)));
        (sum / jobs as f64).max(longest)
    }
}

/// Looks at what `store` has of a study. Writes nothing.
///
/// # Errors
/// When the store holds runs of another configuration or other images, or a network can't be built.
pub fn plan(record: &Record, draws: &Draws, store: &Store, options: &Options) -> Result<StudyPlan> {
    if options.tensorboard && cfg!(not(feature = "tensorboard")) {
        let message = "this program is built without event files for TensorBoard (feature tensorboard)";
        return Err(Error::invalid(message));
    }
    // What the store would refuse to read is told before anything is trained.
    record.check().map_err(Error::invalid)?;
    store.check(record)?;
    let study = &record.study;
    study.arms.iter().try_for_each(|arm| store.check_tuned(record, arm))?;
    let trials = store.trials(record)?;
    let mut runs = Vec::new();
    for &seed in &study.seeds {
        for arm in study.arms.iter().filter(|arm| study.seeds_of(arm).contains(&seed)) {
            let setting = store.setting(record, arm)?;
            runs.push(store.run(record, arm, setting.as_ref(), seed)?);
        }
    }
    let pending: Vec<&Run> = trials.iter().chain(&runs).filter(|run| run.is_pending()).collect();
    check_memory(&pending, draws, &options.device)?;
    let calibration = Calibration::of(&pending, draws, &options.device, options.wish)?;
    let (mut unmeasured, mut unmeasurable) = (0, 0);
    for run in &runs {
        if run.lacks_measure(study)? {
            *(if run.folder.has_checkpoint() { &mut unmeasured } else { &mut unmeasurable }) += 1;
        }
    }
    Ok(StudyPlan { trials, runs, unmeasured, unmeasurable, calibration })
}

/// Refuses runs that the free memory can't hold, by arithmetic.
fn check_memory(pending: &[&Run], draws: &Draws, device: &Device) -> Result<()> {
    if !device.is_cpu() {
        return Ok(());
    }
    let first = draws.first();
    let input = InputShape::of(&first.train, first.classes);
    let mut seen = BTreeSet::new();
    for Run { arm, config, .. } in pending {
        let TrainingConfig { batch, images_per_epoch, .. } = config.training;
        let batch = batch.min(images_per_epoch.unwrap_or(config.purpose.images(0).0));
        if !seen.insert((arm.id(), batch)) {
            continue;
        }
        let needed = Network::training_bytes(&config.net, input, batch)?;
        let told = |e| {
            Error::key(
                "training",
                "batch",
                format!("= {batch}: to train {} {e}; take smaller batches or widths", arm.id()),
            )
        };
        memory::check_memory(needed).map_err(told)?;
    }
    Ok(())
}

/// Makes what is missing: first the trials of tuning, then, with what they chose, the runs. Results don't depend on
/// `options`, but for the device.
///
/// # Errors
/// When the store can't be written, or holds runs of another configuration. What was done until then stays.
pub fn run(plan: StudyPlan, record: &Record, draws: &Draws, store: &Store, options: &Options) -> Result<Summary> {
    let StudyPlan { trials, runs, calibration, .. } = plan;
    let Workers { jobs, threads } = calibration.workers;
    let record = &Record { maker: Maker::here(record.device, jobs, threads), ..record.clone() };
    let control = Control { signal: &options.signal, failed: AtomicBool::new(false) };
    let pending = trials.iter().chain(&runs).filter(|run| run.is_pending());
    let work = pending.map(|run| calibration.run_seconds(run, run.epochs_done(), draws)).collect();
    let progress = StudyProgress::new(work, jobs, options.quiet);
    let job = Job {
        study: &record.study,
        draws,
        device: &options.device,
        maker: &record.maker,
        progress: &progress,
        control: &control,
        tensorboard: options.tensorboard,
    };
    let wanted = trials.iter().chain(&runs).map(|run| job.is_wanted(run)).collect::<Result<Vec<bool>>>()?;
    clean_up(store, trials.iter().chain(&runs));
    // A store that is done may be read-only.
    let is_known = |old: Record| old.study == record.study && old.input == record.input;
    if wanted.contains(&true) {
        store.begin(record)?;
    } else if !store.record()?.is_some_and(is_known)
        && let Err(error) = store.begin(record)
    {
        log::warn!("what the study is isn't taken down: {error}");
    }
    let crew = Crew { job, calibration, made: AtomicUsize::new(0) };
    crew.work_off(trials)?;
    if !control.stop() {
        tune(record, store)?;
        let runs = store.runs(record)?;
        crew.work_off(runs)?;
    }
    let made = crew.made.into_inner();
    let signal = Some(options.signal.load(Ordering::Relaxed)).filter(|&signal| signal != 0);
    // Without it the runs are there, but no command finds them.
    if store.record()?.is_none() {
        store.begin(record)?;
    }
    let mut ended: Vec<Run> = store.runs(record)?;
    let untuned = if signal.is_none() { untuned(record, &ended) } else { Vec::new() };
    let all = ended.len();
    ended.retain(|run| !run.is_pending());
    let gone = if signal.is_none() { all - ended.len() } else { 0 };
    ended.extend(store.trials(record)?.into_iter().filter(|run| !run.is_pending()));
    let failures = ended.iter().filter(|run| run.config.purpose.is_final()).filter_map(Run::failure);
    let failed = failures.chain(untuned).collect();
    Ok(Summary { found: ended.len().saturating_sub(made), made, failed, gone, signal })
}

/// Removes what killed processes left half-written in the store's folders, also those that nothing is written into any more.
fn clean_up<'a>(store: &Store, runs: impl Iterator<Item = &'a Run>) {
    let of_runs = runs.flat_map(|run| run.folder.path().ancestors().take_while(|folder| *folder != store.folder()));
    let folders: BTreeSet<&Path> = of_runs.chain([store.folder()]).collect();
    folders.into_iter().for_each(files::remove_unfinished);
}

/// Arms that can't be trained, since all their trials diverged.
fn untuned(record: &Record, runs: &[Run]) -> Vec<String> {
    let arms = record.study.arms.iter().filter(|arm| !runs.iter().any(|run| run.arm == **arm));
    arms.map(|arm| format!("{}: all trials of tuning diverged", arm.id())).collect()
}

/// Writes down what every arm's trials chose; arms whose trials all diverged choose nothing.
fn tune(record: &Record, store: &Store) -> Result<()> {
    let Some(tuning) = &record.study.tuning else { return Ok(()) };
    for arm in &record.study.arms {
        let mut trials: Vec<Trial> = Vec::new();
        for (place, setting) in tuning.settings.iter().enumerate() {
            let mut validation_errors = Vec::new();
            for run in 0..tuning.seeds {
                let state = store.trial(record, arm, [place, run])?.map(|trial| trial.state);
                validation_errors.push(match state {
                    Some(RunState::Ended(result)) => match result.outcome {
                        Outcome::Validated { validation_error } => Some(validation_error),
                        _ => None,
                    },
                    _ => None,
                });
            }
            trials.push(Trial { setting: *setting, validation_errors });
        }
        let purpose = Purpose::trial(arm.train.unwrap_or(record.data.train), tuning.validation)?;
        if let (Some(chosen), Purpose::HeldOut { train, validation }) = (choose(&trials), purpose) {
            let tuned = TuningRecord { schema_version: SCHEMA_VERSION, train, validation, trials, chosen };
            if store.tuned(record, arm)?.as_ref() != Some(&tuned) {
                store.write_tuned(arm, &tuned)?;
            }
        }
    }
    Ok(())
}

/// The threads that make runs.
struct Crew<'a> {
    job: Job<'a>,
    calibration: Calibration,
    made: AtomicUsize,
}

/// Stops the other jobs when the one that holds it panics.
struct Alarm<'a>(&'a AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

/// Runs that nobody has taken yet.
struct Queue {
    free: VecDeque<Run>,
    /// Those that another process had when they were tried.
    elsewhere: VecDeque<Run>,
}

impl Crew<'_> {
    /// Makes the runs, each on a pool of its own, and waits for those that other processes make; if such a process dies,
    /// its runs are taken over. After the first error no run is started, and those under way stop after their step.
    fn work_off(&self, mut runs: Vec<Run>) -> Result<()> {
        self.sort(&mut runs);
        let mut free = VecDeque::new();
        for run in runs {
            if self.job.is_wanted(&run)? {
                free.push_back(run);
            }
        }
        let Workers { jobs, threads } = self.calibration.workers;
        let jobs = jobs.clamp(1, free.len().max(1));
        let queue = Mutex::new(Queue { free, elsewhere: VecDeque::new() });
        let worker = || -> Result<()> {
            let _alarm = Alarm(&self.job.control.failed);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build();
            let pool = pool.map_err(|e| Error::invalid(format!("--threads {threads}: {e}")))?;
            while let Some(run) = self.next(&queue) {
                let made = pool.install(|| self.take(run, &queue));
                made.inspect_err(|_| self.job.control.failed.store(true, Ordering::Relaxed))?;
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

    /// Seed by seed, so that a study that is cut short has whole pairs; of each seed the longest first, so that no job is
    /// left alone with a long run at the end.
    fn sort(&self, runs: &mut [Run]) {
        let Job { study, draws, .. } = self.job;
        let seed = |run: &Run| study.seeds.iter().position(|&seed| seed == run.config.seed);
        let seconds = |run: &Run| self.calibration.run_seconds(run, 0, draws);
        runs.sort_by(|a, b| seed(a).cmp(&seed(b)).then_with(|| seconds(b).total_cmp(&seconds(a))));
    }

    /// The next run to try; `None` when there's nothing left to do.
    fn next(&self, queue: &Mutex<Queue>) -> Option<Run> {
        if self.job.control.stop() {
            return None;
        }
        let run = {
            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(run) = queue.free.pop_front() {
                return Some(run);
            }
            queue.elsewhere.pop_front()?
        };
        self.job.progress.waiting(&run.label());
        std::thread::sleep(LOOK_AGAIN);
        Some(run)
    }

    /// Makes a run, unless another process has it or has made it.
    fn take(&self, mut run: Run, queue: &Mutex<Queue>) -> Result<()> {
        let Some(_lock) = run.folder.lock()? else {
            queue.lock().unwrap_or_else(PoisonError::into_inner).elsewhere.push_back(run);
            return Ok(());
        };
        let wanted = run.is_pending();
        run.state = run.folder.state(&run.config)?.of_arm(&run.arm);
        if run.is_pending() {
            if self.job.make(&run)? {
                self.made.fetch_add(1, Ordering::Relaxed);
            }
            run.state = run.folder.state(&run.config)?;
        } else if wanted {
            self.job.progress.made_elsewhere();
        }
        self.job.measure(&run)?;
        self.job.log(&run);
        Ok(())
    }
}
