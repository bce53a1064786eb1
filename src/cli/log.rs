//! What the library reports while it works, on standard error.

use log::{LevelFilter, Log, Metadata, Record};

/// Tells of warnings as such, of everything else as it is.
struct Teller;

impl Log for Teller {
    fn enabled(&self, metadata: &Metadata) -> bool {
        metadata.target().starts_with("equisplit")
    }

    fn log(&self, record: &Record) {
        if self.enabled(record.metadata()) {
            let kind = if record.level() == log::Level::Warn { "warning: " } else { "" };
            tell!("{kind}{}", record.args());
        }
    }

    fn flush(&self) {}
}

/// From here on, reports are told.
pub fn begin() {
    if log::set_logger(&Teller).is_ok() {
        log::set_max_level(LevelFilter::Info);
    }
}
