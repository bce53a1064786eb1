//! How far the runs are: bars on a terminal, plain lines elsewhere. All on standard error.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressStyle};

use crate::train::{EpochMetrics, EpochProgress};

/// The progress of a study.
pub(super) struct StudyProgress {
    bars: Option<MultiProgress>,
    total: ProgressBar,
    quiet: bool,
    /// Runs that were said to be made elsewhere.
    elsewhere: Mutex<BTreeSet<String>>,
}

/// The progress of one run.
pub(super) struct RunProgress<'a> {
    study: &'a StudyProgress,
    bar: ProgressBar,
    label: String,
    epochs: usize,
    start: Instant,
    first_epoch: usize,
}

/// Positions of a run's bar per epoch: fine enough to move, the same for every batch size.
const PARTS: u64 = 1000;

impl StudyProgress {
    /// Of runs that take about so many seconds each, `jobs` of them side by side; `quiet` shows nothing at all.
    pub fn new(seconds: Vec<f64>, jobs: usize, quiet: bool) -> Self {
        let bars = MultiProgress::new();
        let bars = (!quiet && !bars.is_hidden()).then_some(bars);
        let total = match &bars {
            Some(bars) => bars.add(ProgressBar::new(seconds.len() as u64)),
            None => ProgressBar::hidden(),
        };
        let about = seconds.iter().sum::<f64>() / jobs.max(1) as f64;
        total.set_style(style("study {wide_bar} {pos}/{len} runs, {elapsed} {msg}"));
        total
            .set_message(format!("of about {}", HumanDuration(Duration::try_from_secs_f64(about).unwrap_or_default())));
        total.enable_steady_tick(Duration::from_secs(1));
        Self { bars, total, quiet, elsewhere: Mutex::default() }
    }

    /// Starts a run of `epochs` epochs, of which `done` are done.
    pub fn run(&self, label: &str, epochs: usize, done: usize) -> RunProgress<'_> {
        let bar = match &self.bars {
            Some(bars) => bars.insert_before(&self.total, ProgressBar::new((epochs as u64).saturating_mul(PARTS))),
            None => ProgressBar::hidden(),
        };
        bar.set_style(style("{prefix} {bar:16} {msg} {eta} left"));
        bar.set_prefix(label.to_owned());
        bar.set_position(done as u64 * PARTS);
        bar.reset_eta();
        RunProgress { study: self, bar, label: label.to_owned(), epochs, start: Instant::now(), first_epoch: done }
    }

    /// Says something that stays.
    pub fn line(&self, line: &str) {
        match &self.bars {
            _ if self.quiet => {}
            Some(bars) => bars.suspend(|| log::info!("{line}")),
            None => log::info!("{line}"),
        }
    }

    /// Nothing is left to do but to wait for a run of another process; told once a run.
    pub fn waiting(&self, label: &str) {
        if self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner).insert(label.to_owned()) {
            self.line(&format!("{label}: another process is at it; waiting"));
        }
    }

    /// A run was made by another process.
    pub fn made_elsewhere(&self) {
        self.total.inc(1);
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl RunProgress<'_> {
    /// After a batch.
    pub fn batch(&self, done: &EpochProgress) {
        let epochs_before = done.epoch.saturating_sub(1) as u64;
        let part = (done.batch as u64 * PARTS) / done.batches.max(1) as u64;
        self.bar.set_position(epochs_before * PARTS + part);
        self.bar.set_message(format!(
            "epoch {}/{} loss {:.3} training error {:.2} %",
            done.epoch,
            self.epochs,
            done.loss,
            100.0 * done.error
        ));
    }

    /// After an epoch of `images` images.
    pub fn epoch(&self, metrics: &EpochMetrics, images: usize) {
        if self.study.bars.is_some() {
            return;
        }
        let trained = metrics.epoch.saturating_sub(self.first_epoch).max(1) as f64;
        let left = self.start.elapsed().as_secs_f64() / trained * self.epochs.saturating_sub(metrics.epoch) as f64;
        let test = metrics.test_error.map_or(String::new(), |e| format!(" test error {:.2} %", 100.0 * e));
        self.study.line(&format!(
            "{}: epoch {}/{} loss {:.3} training error {:.2} %{test} {:.0} images/s {} left",
            self.label,
            metrics.epoch,
            self.epochs,
            metrics.train_loss,
            100.0 * metrics.train_error,
            images as f64 / metrics.seconds.max(1e-9),
            HumanDuration(Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX))
        ));
    }

    /// After the run.
    pub fn finish(self, line: &str) {
        self.study.total.inc(1);
        self.study.line(&format!("{}: {line}", self.label));
    }
}

impl Drop for RunProgress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
