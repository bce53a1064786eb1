//! The two text files out of rot-MNIST's zip archive. Names in the archive are only looked for, never written to.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::super::pixels::Checked;
use super::super::{CLASSES, amat};
use crate::error::{Error, Result};
use crate::files;

/// Numbers of images of the training and the test file.
const IMAGES: [usize; 2] = [12_000, 50_000];

/// How the names of folders begin that are unpacked into.
const UNFINISHED: &str = ".unpacking-";

/// Where the training and the test file go.
pub(super) fn paths(folder: &Path) -> [PathBuf; 2] {
    [folder.join(amat::TRAIN_FILE), folder.join(amat::TEST_FILE)]
}

/// Parses both files and counts their images.
pub(super) fn check(paths: &[PathBuf; 2]) -> Result<()> {
    let check = |file: usize| {
        let (path, wanted) = (&paths[file], IMAGES[file]);
        let images = amat::read(path, false)?;
        if images.len() != wanted {
            return Err(Error::content(path, format!("{} images, but rot-MNIST has {wanted} there", images.len())));
        }
        match images.labels.iter().find(|&&label| usize::from(label) >= CLASSES) {
            Some(label) => Err(Error::content(path, format!("label {label}, but rot-MNIST's are digits"))),
            None => Ok(()),
        }
    };
    let (train, test) = rayon::join(|| check(0), || check(1));
    train.and(test)
}

/// Removes what a killed process left half unpacked; nothing else may be unpacking there.
pub(super) fn remove_unfinished(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
        // What can't be removed is in nobody's way.
        let _ = std::fs::remove_dir_all(entry.path());
    }
}

/// Whether an archive holds both files; what fails is told as the end of a sentence.
pub(super) fn check_archive(path: &Path) -> Checked<()> {
    let archive = open(path).map_err(|e| format!("is no zip archive: {e}"))?;
    [amat::TRAIN_FILE, amat::TEST_FILE].iter().try_for_each(|name| entry(&archive, name).map(drop))
}

/// Unpacks both files into `folder`, each whole and parsed before any of them gets its name.
pub(super) fn unpack(archive: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let staging = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(folder).map_err(|e| Error::io(folder, e))?;
    let staged = paths(staging.path());
    for (name, path) in [amat::TRAIN_FILE, amat::TEST_FILE].iter().zip(&staged) {
        let wrong = |message: String| Error::content(archive, message);
        let mut zip = open(archive).map_err(|e| wrong(e.to_string()))?;
        let index = entry(&zip, name).map_err(wrong)?;
        let text = zip.by_index(index).map_err(|e| wrong(e.to_string()))?;
        if text.size() > amat::MAX_TEXT {
            return Err(wrong(format!("{name} has {} bytes; at most {}", text.size(), amat::MAX_TEXT)));
        }
        let mut text = text.take(amat::MAX_TEXT);
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
    ZipArchive::new(BufReader::new(files::open(path).map_err(std::io::Error::other)?))
}

/// Index of the entry whose name, without folders, is `name`.
fn entry<R: Read + std::io::Seek>(archive: &ZipArchive<R>, name: &str) -> Checked<usize> {
    (0..archive.len())
        .find(|&i| matches!(archive.name_for_index(i), Some(Ok(path)) if path.rsplit('/').next() == Some(name)))
        .ok_or_else(|| format!("holds no {name}"))
}
