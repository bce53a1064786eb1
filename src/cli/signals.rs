//! What happens on ^C and when the system asks the program to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use equisplit::{Error, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// A number that the first SIGINT or SIGTERM sets to its own; a second one ends the program at once.
pub fn watch() -> Result<Arc<AtomicUsize>> {
    let fail = |e| Error::invalid(format!("signals can't be watched: {e}"));
    let number = Arc::new(AtomicUsize::new(0));
    let asked = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds `asked` unset.
        flag::register_conditional_shutdown(signal, 128 + signal, asked.clone()).map_err(fail)?;
        flag::register(signal, asked.clone()).map_err(fail)?;
        flag::register_usize(signal, number.clone(), signal as usize).map_err(fail)?;
    }
    Ok(number)
}
