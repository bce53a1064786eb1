//! How far the runs are: bars on a terminal, plain lines elsewhere. All on standard error.

use std::time::Instant;

use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressStyle};

use crate::train::{EpochMetrics, Progress};

/// The progress of a study.
pub(super) struct StudyProgress {
    bars: Option<MultiProgress>,
    total: ProgressBar,
    quiet: bool,
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
    /// Of `runs` runs; `quiet` shows nothing at all.
    pub fn new(runs: usize, quiet: bool) -> Self {
        let bars = MultiProgress::new();
        let bars = (!quiet && !bars.is_hidden()).then_some(bars);
        let total = match &bars {
            Some(bars) => bars.add(ProgressBar::new(runs as u64)),
            None => ProgressBar::hidden(),
        };
        total.set_style(style("{msg} {wide_bar} {pos}/{len} runs, {elapsed} so far"));
        total.set_message("study");
        Self { bars, total, quiet }
    }

    /// Starts a run of `epochs` epochs, of which `done` are done.
    pub fn run(&self, label: String, epochs: usize, done: usize) -> RunProgress<'_> {
        let bar = match &self.bars {
            Some(bars) => bars.insert_before(&self.total, ProgressBar::new((epochs as u64).saturating_mul(PARTS))),
            None => ProgressBar::hidden(),
        };
        bar.set_style(style("{prefix} {wide_bar} {msg} {eta} left"));
        bar.set_prefix(label.clone());
        bar.set_position(done as u64 * PARTS);
        bar.reset_eta();
        RunProgress { study: self, bar, label, epochs, start: Instant::now(), first_epoch: done }
    }

    /// Says something that stays.
    pub fn line(&self, line: &str) {
        match &self.bars {
            _ if self.quiet => {}
            Some(bars) => bars.suspend(|| crate::tell!("{line}")),
            None => crate::tell!("{line}"),
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

impl RunProgress<'_> {
    /// After a batch.
    pub fn batch(&self, done: &Progress) {
        let epochs_before = done.epoch.saturating_sub(1) as u64;
        let part = (done.batch as u64 * PARTS) / done.batches.max(1) as u64;
        self.bar.set_position(epochs_before * PARTS + part);
        let epochs = (done.epoch - 1 - self.first_epoch) as f64 + done.batch as f64 / done.batches.max(1) as f64;
        let images = epochs * done.images as f64 * done.batches as f64 / done.batch.max(1) as f64;
        let speed = images / self.start.elapsed().as_secs_f64().max(1e-9);
        self.bar.set_message(format!(
            "epoch {}/{} loss {:.3} error {:.2} % {speed:.0} images/s",
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
        let trained = metrics.epoch.saturating_sub(self.first_epoch).max(1) as u32;
        let left = self.start.elapsed() / trained * self.epochs.saturating_sub(metrics.epoch) as u32;
        let test = metrics.test_error.map_or(String::new(), |e| format!(" test error {:.2} %", 100.0 * e));
        self.study.line(&format!(
            "{}: epoch {}/{} loss {:.3} error {:.2} %{test} {:.0} images/s {} left",
            self.label,
            metrics.epoch,
            self.epochs,
            metrics.train_loss,
            100.0 * metrics.train_error,
            images as f64 / metrics.seconds.max(1e-9),
            HumanDuration(left)
        ));
    }

    /// After the run.
    pub fn finish(self, line: &str) {
        self.bar.finish_and_clear();
        self.study.total.inc(1);
        self.study.line(&format!("{}: {line}", self.label));
    }
}
