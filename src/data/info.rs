//! What is found in a data folder.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{CLASSES, Images, amat, cache, hash, histogram, idx, npz};
use crate::error::{Error, Result};

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Images in MNIST's format.
    IdxImages,
    /// Labels in MNIST's format.
    IdxLabels,
    /// Text, one image per line.
    Amat,
    /// A NumPy archive.
    Npz,
    /// A decoded set (`equisplit data make`, or a cache): one entry for its training and one for its test images.
    Decoded,
}

/// One file of a data folder, or one half of a decoded set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileInfo {
    /// The file's name.
    pub file: String,
    /// What it is.
    pub kind: Kind,
    /// "train" or "test" of a decoded set, with the set's name.
    pub part: Option<String>,
    /// Number of images or labels.
    pub count: usize,
    /// Rows and columns of an image; none for labels alone.
    pub size: Option<[usize; 2]>,
    /// How often each class occurs; none for images without labels.
    pub labels: Option<Vec<usize>>,
    /// SHA-256 of the content, decompressed if the file's name ends in `.gz`.
    pub sha256: String,
    /// The published file that this is, to the bit: "MNIST: train-images-idx3-ubyte".
    pub published: Option<String>,
}

/// Describes every data file of a folder, by name, or one file; one whose name says nothing is taken for a decoded set.
///
/// # Errors
/// A folder that can't be read or holds no data files, or a data file that is malformed.
pub fn info(path: &Path) -> Result<Vec<FileInfo>> {
    let mut files = if path.is_file() { vec![path.to_owned()] } else { folder_files(path)? };
    files.sort();
    let mut found = Vec::new();
    for file in files {
        // A set may have any name, where it's asked for by that.
        let named = (file == path).then_some(Kind::Decoded);
        if let Some(kind) = kind(&file).or(named) {
            found.extend(describe(&file, kind)?);
        }
    }
    if found.is_empty() {
        let expected = "no data files; expected *-idx3-ubyte, *-idx1-ubyte (also .gz), *.amat, *.npz or *.safetensors";
        return Err(Error::content(path, expected));
    }
    Ok(found)
}

fn folder_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let fail = |e| Error::io(folder, e);
    let entries = std::fs::read_dir(folder).map_err(fail)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>();
    Ok(paths.map_err(fail)?.into_iter().filter(|path| path.is_file()).collect())
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn kind(path: &Path) -> Option<Kind> {
    let name = name(path);
    let plain = name.strip_suffix(".gz").unwrap_or(&name);
    match () {
        () if plain.ends_with("idx3-ubyte") => Some(Kind::IdxImages),
        () if plain.ends_with("idx1-ubyte") => Some(Kind::IdxLabels),
        () if name.ends_with(".amat") => Some(Kind::Amat),
        () if name.ends_with(".npz") => Some(Kind::Npz),
        () if name.ends_with(".safetensors") => Some(Kind::Decoded),
        () => None,
    }
}

fn describe(path: &Path, kind: Kind) -> Result<Vec<FileInfo>> {
    let of_images = |images: &Images, part, sha256| FileInfo {
        file: name(path),
        kind,
        part,
        count: images.len(),
        size: Some([images.height, images.width]),
        labels: Some(images.histogram(CLASSES)),
        sha256,
        published: None,
    };
    Ok(match kind {
        Kind::IdxImages => vec![idx_images(path)?],
        Kind::IdxLabels => vec![idx_labels(path)?],
        Kind::Amat => vec![of_images(&amat::read(path, false)?, None, hash::of_file(path)?)],
        Kind::Npz => vec![of_images(&npz::read(path)?, None, hash::of_file(path)?)],
        Kind::Decoded => {
            let (set, sha256) = (cache::read(path)?, hash::of_file(path)?);
            let part = |part| Some(format!("{part} of {}", set.name));
            vec![
                of_images(&set.train, part("train"), sha256.clone()),
                of_images(&set.test, part("test"), sha256.clone()),
            ]
        }
    })
}

fn idx_images(path: &Path) -> Result<FileInfo> {
    let images = idx::read_images(path)?;
    Ok(FileInfo {
        file: name(path),
        kind: Kind::IdxImages,
        part: None,
        count: images.count,
        size: Some([images.height, images.width]),
        labels: None,
        published: published(&images.sha256),
        sha256: images.sha256,
    })
}

fn idx_labels(path: &Path) -> Result<FileInfo> {
    let file = idx::read_labels(path)?;
    Ok(FileInfo {
        file: name(path),
        kind: Kind::IdxLabels,
        part: None,
        count: file.labels.len(),
        size: None,
        labels: Some(histogram(&file.labels, CLASSES)),
        published: published(&file.sha256),
        sha256: file.sha256,
    })
}

fn published(sha256: &str) -> Option<String> {
    idx::published_as(sha256).map(|(set, file)| format!("{set}: {file}"))
}
