//! How far a download has come: a bar on a terminal, a plain line now and then elsewhere. Both on stderr.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{DecimalBytes, ProgressBar, ProgressStyle};

/// Time between plain lines.
const PAUSE: Duration = Duration::from_secs(5);

const BAR: &str = "{bar:30} {decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left";
const SPINNER: &str = "{spinner} {decimal_bytes}, {decimal_bytes_per_sec}";

pub(super) struct DownloadProgress {
    bar: Option<ProgressBar>,
    done: u64,
    total: Option<u64>,
    last_line: Instant,
}

impl DownloadProgress {
    /// Announces `url`, of which `done` bytes are there already.
    pub(super) fn new(url: &str, done: u64, total: Option<u64>) -> Self {
        let from = if done > 0 { format!(" from byte {done} on") } else { String::new() };
        log::info!("fetching {url}{from}");
        let bar = std::io::stderr().is_terminal().then(|| bar(done, total));
        Self { bar, done, total, last_line: Instant::now() }
    }

    pub(super) fn advance(&mut self, bytes: u64) {
        self.done += bytes;
        match &self.bar {
            Some(bar) => bar.inc(bytes),
            None if self.last_line.elapsed() >= PAUSE => {
                let of = self.total.map_or(String::new(), |total| format!(" of {}", DecimalBytes(total)));
                log::info!("  {}{of}", DecimalBytes(self.done));
                self.last_line = Instant::now();
            }
            None => {}
        }
    }

    pub(super) fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(done: u64, total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), BAR),
        None => (ProgressBar::no_length(), SPINNER),
    };
    let bar = bar.with_position(done);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
