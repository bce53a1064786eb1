//! How many runs fit on this machine side by side, and how fast they are: found by a few steps of the real thing.

use std::collections::btree_map::{BTreeMap, Entry};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use candle_core::Device;

use super::{Run, RunConfig};
use crate::data::{Dataset, Draws, Images};
use crate::error::{Error, Result};
use crate::memory::{free_memory, resident_memory};
use crate::train::{EVALUATION_BATCH, EpochEnd, Trainer, TrainingConfig};

/// How long a way to share the cores is tried.
const TRIAL: Duration = Duration::from_millis(300);
/// Steps that an arm's time is taken from, after a first one that fetches memory.
const STEPS: usize = 4;
/// Fraction of the free memory that runs may take together.
const MEMORY_SHARE: f64 = 0.8;
/// What classifying an image costs of what a step costs per image: the forward pass of three.
const FORWARD_SHARE: f64 = 0.35;

/// How the cores are shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workers {
    /// Runs side by side.
    pub jobs: usize,
    /// Threads of each.
    pub threads: usize,
}

/// What is asked for of [`Workers`]; what isn't is found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// Runs side by side.
    pub jobs: Option<usize>,
    /// Threads of each.
    pub threads: Option<usize>,
}

/// What a few steps told.
#[derive(Clone, Debug)]
pub struct Calibration {
    /// How the cores are best shared, within the wish and the memory.
    pub workers: Workers,
    /// Seconds of a step alone on that many threads, by [`super::Arm::id`] and batch size.
    step_seconds: BTreeMap<(String, usize), f64>,
    /// How much longer a step takes with the other jobs beside it.
    slowdown: f64,
    /// Memory of a job, in bytes: that of the costliest arm.
    pub job_memory: u64,
    /// Whether the memory allows fewer jobs than the cores do, or than was asked for.
    pub short_of_memory: bool,
}

impl Calibration {
    /// Tries a few steps of the `runs` that have to be made.
    ///
    /// # Errors
    /// When a network can't be built or trained, or the threads not be started.
    pub fn of(runs: &[&Run], draws: &Draws, device: &Device, wish: Wish) -> Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let mut candidates = candidates(wish, cores, runs.len(), device.is_cpu());
        let Some(costliest) = runs.iter().max_by_key(|run| run.arm.budget.multiply_adds) else {
            let workers = candidates[0];
            return Ok(Self {
                workers,
                step_seconds: BTreeMap::new(),
                slowdown: 1.0,
                job_memory: 0,
                short_of_memory: false,
            });
        };
        let bench = Bench { dataset: draws.first(), device };
        let (job_memory, fitting) = bench.memory(&costliest.config)?;
        let short_of_memory = candidates.iter().any(|workers| workers.jobs > fitting);
        candidates.iter_mut().for_each(|workers| workers.jobs = workers.jobs.min(fitting));
        let mut best = (candidates[0], 0.0);
        if candidates.len() > 1 {
            for &workers in &candidates {
                let rate = bench.steps_per_second(&costliest.config, workers)?;
                if rate > best.1 {
                    best = (workers, rate);
                }
            }
        }
        let (workers, rate) = best;
        let mut step_seconds = BTreeMap::new();
        for run in runs {
            if let Entry::Vacant(place) = step_seconds.entry(kind(run)) {
                place.insert(bench.step_seconds(&run.config, workers.threads)?);
            }
        }
        let alone = step_seconds.get(&kind(costliest)).copied().unwrap_or_default();
        let crowded = (workers.jobs * workers.threads) as f64 / cores as f64;
        let slowdown = if rate > 0.0 { workers.jobs as f64 / rate / alone } else { crowded }.max(1.0);
        Ok(Self { workers, step_seconds, slowdown, job_memory, short_of_memory })
    }

    /// About how long a run takes from epoch `done` on, while the other jobs run.
    pub fn run_seconds(&self, run: &Run, done: usize, draws: &Draws) -> f64 {
        let RunConfig { training, purpose, .. } = &run.config;
        let (learned, judged) = purpose.images(draws.first().test.len());
        let per_epoch = training.images_per_epoch.unwrap_or(learned).div_ceil(training.batch);
        let judgements = if training.test_every_epoch { training.epochs.saturating_sub(done) } else { 1 };
        let judging = (judgements * judged) as f64 / training.batch as f64 * FORWARD_SHARE;
        let steps = (training.epochs.saturating_sub(done) * per_epoch) as f64 + judging;
        steps * self.step_seconds.get(&kind(run)).copied().unwrap_or_default() * self.slowdown
    }
}

/// What the time of a run's steps depends on.
fn kind(run: &Run) -> (String, usize) {
    (run.arm.id(), run.config.training.batch)
}

/// Ways to share the cores that are worth a try.
fn candidates(wish: Wish, cores: usize, runs: usize, cpu: bool) -> Vec<Workers> {
    let most = runs.max(1);
    let share = |jobs: usize| Workers { jobs, threads: wish.threads.unwrap_or((cores / jobs).max(1)) };
    if let Some(jobs) = wish.jobs {
        return vec![share(jobs.clamp(1, most))];
    }
    if !cpu {
        // A GPU is shared by one run at a time.
        return vec![share(1)];
    }
    if let Some(threads) = wish.threads {
        return vec![share((cores / threads).clamp(1, most))];
    }
    let powers = std::iter::successors(Some(1), |threads| Some(2 * threads)).take_while(|&threads| threads <= cores);
    let mut all: Vec<Workers> = powers.map(|threads| share((cores / threads).clamp(1, most))).collect();
    all.dedup();
    all
}

/// A job that the others wait for before they're timed, until this is dropped: when it takes its first step, or as it fails.
struct Arrival<'a>(&'a AtomicUsize);

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What steps are tried on.
struct Bench<'a> {
    dataset: &'a Dataset,
    device: &'a Device,
}

impl Bench<'_> {
    /// Images enough for a batch.
    fn images(&self, config: &RunConfig) -> Images {
        self.dataset.train.first(config.training.batch)
    }

    /// Takes steps of a fresh network until `stop` says so.
    fn train<'i>(&self, config: &RunConfig, images: &'i Images, stop: &mut dyn FnMut() -> bool) -> Result<Trainer<'i>> {
        // Batches of the size that a run has; long enough for a trial, and should it end sooner, what was seen counts.
        let batch = config.training.batch.min(images.len()).max(1);
        let long = TrainingConfig { batch, images_per_epoch: Some(batch * 1000), ..config.training.clone() };
        let (net, classes) = (&config.net, self.dataset.classes);
        let mut trainer = Trainer::new(net, &long, images, classes, config.seed, self.device)?;
        match trainer.train_epoch(stop, &mut |_| {})? {
            // A run that diverges at once takes as long as any other.
            EpochEnd::Done(_) | EpochEnd::Paused | EpochEnd::Diverged(_) => Ok(trainer),
        }
    }

    fn step_seconds(&self, config: &RunConfig, threads: usize) -> Result<f64> {
        let images = self.images(config);
        let mut times = Vec::new();
        let mut stop = || {
            times.push(Instant::now());
            times.len() > STEPS
        };
        pool(threads)?.install(|| self.train(config, &images, &mut stop).map(|_| ()))?;
        // The fastest of them: what else the machine does only makes steps longer.
        let steps = times.windows(2).map(|ends| (ends[1] - ends[0]).as_secs_f64());
        Ok(steps.min_by(f64::total_cmp).unwrap_or(0.0))
    }

    /// Steps per second of all jobs together.
    fn steps_per_second(&self, config: &RunConfig, workers: Workers) -> Result<f64> {
        let images = self.images(config);
        let missing = AtomicUsize::new(workers.jobs);
        let job = || -> Result<f64> {
            let mut arrival = Some(Arrival(&missing));
            let pool = pool(workers.threads)?;
            let mut begun = None;
            let mut steps = 0;
            let mut stop = || {
                let begun = begun.get_or_insert_with(|| {
                    drop(arrival.take());
                    while missing.load(Ordering::Relaxed) > 0 {
                        std::thread::yield_now();
                    }
                    Instant::now()
                });
                steps += 1;
                steps > 2 && begun.elapsed() > TRIAL
            };
            pool.install(|| self.train(config, &images, &mut stop).map(|_| ()))?;
            Ok(begun.map_or(0.0, |begun| f64::from(steps - 1) / begun.elapsed().as_secs_f64()))
        };
        std::thread::scope(|scope| {
            let start = |_| {
                let job = std::thread::Builder::new().spawn_scoped(scope, job);
                job.map_err(|e| {
                    drop(Arrival(&missing));
                    Error::invalid(format!("--jobs {}: {e}", workers.jobs))
                })
            };
            let jobs: Vec<_> = (0..workers.jobs).map(start).collect();
            let rates = jobs.into_iter().map(|job| {
                let panicked = || Error::invalid("a trial ended in a panic; this is a defect of equisplit");
                job.and_then(|job| job.join().unwrap_or_else(|_| Err(panicked())))
            });
            // All are waited for first: a scope passes on the panic of a thread that nobody did.
            rates.collect::<Vec<_>>().into_iter().sum()
        })
    }

    /// Memory of a job in bytes, and how many such jobs the free memory holds; at least one.
    fn memory(&self, config: &RunConfig) -> Result<(u64, usize)> {
        let images = self.images(config);
        let before = resident_memory();
        let mut most = before;
        let mut steps = 0;
        let trainer = self.train(config, &images, &mut || {
            most = most.max(resident_memory());
            steps += 1;
            steps >= STEPS
        })?;
        // Classifying takes larger batches than training.
        match trainer.evaluate(&self.dataset.test.first(EVALUATION_BATCH), &mut || false) {
            Ok(_) | Err(Error::Diverged(_)) => {}
            Err(error) => return Err(error),
        }
        let most = most.max(resident_memory());
        let job = most.saturating_sub(before);
        let fitting = (free_memory() as f64 * MEMORY_SHARE / job.max(1) as f64) as usize;
        Ok((job, fitting.max(1)))
    }
}

fn pool(threads: usize) -> Result<rayon::ThreadPool> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1)).build();
    pool.map_err(|e| Error::invalid(format!("--threads {threads}: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cores_are_shared_within_the_wish() {
        let wish = |jobs, threads| Wish { jobs, threads };
        let of = |wish, runs, cpu| -> Vec<(usize, usize)> {
            candidates(wish, 8, runs, cpu).iter().map(|workers| (workers.jobs, workers.threads)).collect()
        };
        assert_eq!(of(wish(None, None), 100, true), [(8, 1), (4, 2), (2, 4), (1, 8)]);
        assert_eq!(of(wish(None, None), 3, true), [(3, 2), (2, 4), (1, 8)]);
        assert_eq!(of(wish(None, None), 0, true), [(1, 8)]);
        assert_eq!(of(wish(Some(3), None), 100, true), [(3, 2)]);
        assert_eq!(of(wish(None, Some(4)), 100, true), [(2, 4)]);
        assert_eq!(of(wish(Some(16), Some(2)), 100, true), [(16, 2)]);
        assert_eq!(of(wish(None, None), 100, false), [(1, 8)]);
    }
}
