//! How much memory there is, and whether that's enough.

use indicatif::DecimalBytes;

use crate::error::{Error, Result};

/// Refuses what takes at least `needed` bytes where fewer are free: who tries ends in the middle, with no word.
///
/// # Errors
/// When they aren't free; both figures, going on from what takes them: "takes at least 8.3 TB, but 22 GB are free".
pub fn check_memory(needed: u64) -> Result<()> {
    let free = free_memory();
    match needed <= free {
        true => Ok(()),
        false => {
            Err(Error::invalid(format!("takes at least {}, but {} are free", DecimalBytes(needed), DecimalBytes(free))))
        }
    }
}

/// Memory that this process has now, in bytes.
pub fn resident_memory() -> u64 {
    let Ok(pid) = sysinfo::get_current_pid() else { return 0 };
    let mut system = sysinfo::System::new();
    let memory = sysinfo::ProcessRefreshKind::nothing().with_memory();
    system.refresh_processes_specifics(sysinfo::ProcessesToUpdate::Some(&[pid]), false, memory);
    system.process(pid).map_or(0, sysinfo::Process::memory)
}

/// Memory that can still be taken, in bytes.
pub fn free_memory() -> u64 {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let limit = system.cgroup_limits().map_or(u64::MAX, |limits| limits.free_memory);
    system.available_memory().min(limit)
}

/// The most memory that this process has taken so far, in bytes; `None` where the system doesn't tell.
pub fn peak_memory() -> Option<u64> {
    #[cfg(unix)]
    {
        use nix::sys::resource::{UsageWho, getrusage};
        let most = u64::try_from(getrusage(UsageWho::RUSAGE_SELF).ok()?.max_rss()).ok()?;
        // Apple's systems tell bytes, the others KiB.
        Some(if cfg!(target_vendor = "apple") { most } else { most << 10 })
    }
    #[cfg(not(unix))]
    None
}
