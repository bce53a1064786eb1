//! The two text files out of rot-MNIST's zip archive. Names in the archive are only looked for, never written to.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::super::amat;
use super::super::pixels::Checked;
use crate::error::{Error, Result};
use crate::files;

/// Where the training and the test file go.
pub(super) fn paths(folder: &Path) -> [PathBuf; 2] {
    [folder.join(amat::TRAIN_FILE), folder.join(amat::TEST_FILE)]
}

/// Parses both files.
pub(super) fn check(paths: &[PathBuf; 2]) -> Result<()> {
    paths.iter().try_for_each(|path| amat::read(path, false).map(drop))
}

/// Whether an archive holds both files; what fails is told as the end of a sentence.
pub(super) fn check_archive(path: &Path) -> Checked<()> {
    let archive = open(path).map_err(|e| format!("is no zip archive: {e}"))?;
    [amat::TRAIN_FILE, amat::TEST_FILE].iter().try_for_each(|name| entry(&archive, name).map(drop))
}

/// Unpacks both files into `folder`, each whole and parsed before any of them gets its name.
pub(super) fn unpack(archive: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let staging =
        tempfile::Builder::new().prefix(".unpacking-").tempdir_in(folder).map_err(|e| Error::io(folder, e))?;
    let staged = paths(staging.path());
    for (name, path) in [amat::TRAIN_FILE, amat::TEST_FILE].iter().zip(&staged) {
        let wrong = |message: String| Error::content(archive, message);
        let mut zip = open(archive).map_err(|e| wrong(e.to_string()))?;
        let index = entry(&zip, name).map_err(wrong)?;
        let mut text = zip.by_index(index).map_err(|e| wrong(e.to_string()))?.take(amat::MAX_TEXT);
        files::write_whole(path, |out| std::io::copy(&mut text, out).map(drop))?;
    }
    check(&staged)?;
    let paths = paths(folder);
    for (from, to) in staged.iter().zip(&paths) {
        std::fs::rename(from, to).map_err(|e| Error::io(to, e))?;
    }
    Ok(paths.into())
}

fn open(path: &Path) -> zip::result::ZipResult<ZipArchive<BufReader<File>>> {
    ZipArchive::new(BufReader::new(File::open(path)?))
}

/// Index of the entry whose name, without folders, is `name`.
fn entry<R: Read + std::io::Seek>(archive: &ZipArchive<R>, name: &str) -> Checked<usize> {
    (0..archive.len())
        .find(|&i| matches!(archive.name_for_index(i), Some(Ok(path)) if path.rsplit('/').next() == Some(name)))
        .ok_or_else(|| format!("holds no {name}"))
}
