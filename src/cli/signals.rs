//! What happens on ^C and when the system asks the program to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use equisplit::{Error, Result};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

/// SIGINT and SIGTERM under watch. They end the program at once, until there's something to save.
pub struct Watch {
    number: Arc<AtomicUsize>,
    /// Whether the next signal ends the program at once.
    asked: Arc<AtomicBool>,
}

impl Watch {
    pub fn new() -> Result<Self> {
        let fail = |e| Error::invalid(format!("signals can't be watched: {e}"));
        let (number, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal after `begin` finds `asked` unset.
            flag::register_conditional_shutdown(signal, 128 + signal, asked.clone()).map_err(fail)?;
            flag::register(signal, asked.clone()).map_err(fail)?;
            flag::register_usize(signal, number.clone(), signal as usize).map_err(fail)?;
        }
        Ok(Self { number, asked })
    }

    /// From now on the first signal only sets the number that is returned to its own; a second one ends the program.
    pub fn begin(self) -> Arc<AtomicUsize> {
        self.asked.store(false, Ordering::SeqCst);
        self.number
    }
}
