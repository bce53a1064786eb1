//! Where the files of a set lie in a folder.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The first of these names that the folder has as a file: some archives unpack to folders that are named like the files.
pub(super) fn file<S: AsRef<Path>>(folder: &Path, names: impl IntoIterator<Item = S>) -> Option<PathBuf> {
    names.into_iter().map(|name| folder.join(name)).find(|path| path.exists() && !path.is_dir())
}

/// The folders in which a set may lie below this one: those one down, and a `raw` in each, as torchvision has them. Sorted.
pub(super) fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = folders(folder)?;
    let raw: Vec<PathBuf> = folders.iter().map(|path| path.join("raw")).filter(|path| path.is_dir()).collect();
    folders.extend(raw);
    Ok(folders)
}

/// The folders in a folder, sorted.
pub(super) fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut folders: Vec<PathBuf> = entries(folder)?.into_iter().filter(|path| path.is_dir()).collect();
    folders.sort();
    Ok(folders)
}

/// What lies in the folder and is no folder, sorted.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = entries(folder)?.into_iter().filter(|path| !path.is_dir()).collect();
    files.sort();
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let fail = |e| Error::io(folder, e);
    let entries = std::fs::read_dir(folder).map_err(fail)?.map(|entry| entry.map(|entry| entry.path()));
    entries.collect::<std::io::Result<_>>().map_err(fail)
}
