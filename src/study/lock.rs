//! Advisory locks, so that processes share a store. The system lets go of them when a process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::files;

/// Name of the file that is locked in a folder; it stays, since removing it would let two processes in.
pub(super) const LOCK_FILE: &str = ".lock";

/// How long a wait is nothing to tell of, and how often the lock is tried.
const SILENCE: Duration = Duration::from_secs(1);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A folder that no other process writes to while this lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Waits for the folder; it's made if it isn't there. Who waits long is told what for, and needn't wait on after `stop`.
    pub fn wait(folder: &Path, stop: &dyn Fn() -> bool) -> Result<Self> {
        let begun = Instant::now();
        let mut told = false;
        loop {
            if let Some(lock) = Self::attempt(folder)? {
                return Ok(lock);
            }
            if stop() {
                return Err(Error::content(
                    folder,
                    "another process is writing to it, and waiting for that was stopped",
                ));
            }
            if !told && begun.elapsed() >= SILENCE {
                log::info!("waiting for another process that is writing to {}", folder.display());
                told = true;
            }
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// The folder, unless another process or job has it.
    pub fn attempt(folder: &Path) -> Result<Option<Self>> {
        let file = open(folder)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) => Err(refused(folder, e)),
        }
    }

    /// Whether something has the folder now; changes nothing.
    pub fn is_held(folder: &Path) -> bool {
        let file = files::open(&folder.join(LOCK_FILE));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

fn open(folder: &Path) -> Result<File> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    let path = folder.join(LOCK_FILE);
    files::refuse_link(&path)?;
    if path.exists() && !path.is_file() {
        return Err(Error::content(&path, "is there and not a regular file; remove it"));
    }
    OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(|e| Error::io(&path, e))
}

fn refused(folder: &Path, error: std::io::Error) -> Error {
    let message = format!("can't be locked ({error}), but the runs of a study need that; use an --out on another disk");
    Error::content(folder.join(LOCK_FILE), message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_owner_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("z2/seed-0");
        assert!(!Lock::is_held(&run));
        let lock = Lock::attempt(&run).unwrap().unwrap();
        assert!(Lock::attempt(&run).unwrap().is_none());
        assert!(Lock::is_held(&run));
        let stopped = Lock::wait(&run, &|| true).unwrap_err().to_string();
        assert!(stopped.contains("waiting for that was stopped"), "{stopped}");
        drop(lock);
        assert!(!Lock::is_held(&run));
        assert!(Lock::attempt(&run).unwrap().is_some());
    }
}
