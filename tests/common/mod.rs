//! What several test files need.

use std::path::PathBuf;

/// A folder of data that isn't part of the project; tests that need it say so and pass when it's missing.
pub fn shared(folder: &str) -> Option<PathBuf> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared").join(folder);
    if !path.is_dir() {
        eprintln!("skipped: {} isn't there", path.display());
        return None;
    }
    Some(path)
}
