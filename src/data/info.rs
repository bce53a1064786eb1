//! What is found in a data folder.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::cifar::{CIFAR10, Cifar};
use super::images::histogram;
use super::pixels::{classes, classes_seen};
use super::{Images, amat, cache, folder, hash, idx, npz};
use crate::error::{Error, Result};

/// What is told of a folder that has nothing.
const NO_DATA: &str = "no data files; expected *-idx3-ubyte, *-idx1-ubyte, *.amat (also .gz), *.npz, CIFAR's *.bin, *.safetensors, or \
                       folders of PNG and JPEG files";

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
    /// A NumPy archive: one entry for each kind of images that it has.
    Npz,
    /// Records of CIFAR-10 or CIFAR-100.
    Cifar,
    /// A decoded set (`equisplit data make`, or a cache): one entry for its training and one for its test images.
    Decoded,
    /// A folder of PNG and JPEG files: one entry for its training and one for its test images.
    Images,
}

/// One file of a data folder, or one half of a decoded set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FileInfo {
    /// The file's name, or its path from the folder on where it lies in one below.
    pub file: String,
    /// What it is, or should be.
    pub kind: Kind,
    /// "train" or "test" of a decoded set, with the set's name; "train", "val" or "test" of an archive that has several.
    pub part: Option<String>,
    /// Number of images or labels; none of a file that can't be read.
    pub count: Option<usize>,
    /// Rows and columns of an image; none for labels alone, or where the sizes of images differ.
    pub size: Option<[usize; 2]>,
    /// Channels of an image; none for labels alone.
    pub channels: Option<usize>,
    /// How often each class occurs; none for images without labels.
    pub labels: Option<Vec<usize>>,
    /// The names of the classes, where they have some.
    pub classes: Option<Vec<String>>,
    /// SHA-256 of the content, of IDX files decompressed; none of folders of images.
    pub sha256: Option<String>,
    /// The published file that this is, to the bit: "MNIST: train-images-idx3-ubyte".
    pub published: Option<String>,
    /// Why the file can't be read; none of one that can.
    pub error: Option<String>,
}

/// Describes every data file of a folder, by name, or one file; one whose name says nothing is taken for a decoded set. Where
/// the folder has none, those of the folders below it are described. A file that can't be read is in its place, with the
/// reason.
///
/// # Errors
/// A folder that can't be read or holds no data files, or where not one of them can be read.
pub fn info(path: &Path) -> Result<Vec<FileInfo>> {
    if path.exists() && !path.is_dir() {
        // A set may have any name, where it's asked for by that.
        return describe(path, kind(path).unwrap_or(Kind::Decoded), name(path));
    }
    let mut found = data_files(path)?;
    if found.is_empty() {
        for below in folder::below(path)? {
            found.extend(data_files(&below)?);
        }
    }
    if found.is_empty() {
        return image_folder(path);
    }
    let mut described = Vec::new();
    let mut errors = Vec::new();
    for (file, kind) in found {
        let name = file.strip_prefix(path).unwrap_or(&file).display().to_string();
        match describe(&file, kind, name.clone()) {
            Ok(of_file) => described.extend(of_file),
            Err(error) => {
                described.push(FileInfo { error: Some(error.to_string()), ..FileInfo::new(name, kind) });
                errors.push(error);
            }
        }
    }
    if errors.len() < described.len() { Ok(described) } else { Err(errors.swap_remove(0)) }
}

/// The parts of a folder of images.
#[cfg(feature = "images")]
fn image_folder(path: &Path) -> Result<Vec<FileInfo>> {
    if folder::folders(path)?.is_empty() {
        return Err(Error::content(path, NO_DATA));
    }
    let (classes, parts) = super::image_folder::info(path)?;
    let described = |part: super::image_folder::Part| FileInfo {
        part: Some(part.name.to_owned()),
        count: Some(part.count),
        size: part.size,
        channels: Some(part.channels),
        labels: Some(part.labels),
        classes: Some(classes.clone()),
        ..FileInfo::new(name(&path.canonicalize().unwrap_or_else(|_| path.to_owned())), Kind::Images)
    };
    Ok(parts.into_iter().map(described).collect())
}

#[cfg(not(feature = "images"))]
fn image_folder(path: &Path) -> Result<Vec<FileInfo>> {
    Err(Error::content(path, NO_DATA))
}

/// The files of a folder whose names say what they are.
fn data_files(folder: &Path) -> Result<Vec<(PathBuf, Kind)>> {
    Ok(folder::files(folder)?.into_iter().filter_map(|file| kind(&file).map(|kind| (file, kind))).collect())
}

impl FileInfo {
    fn new(file: String, kind: Kind) -> Self {
        Self {
            file,
            kind,
            part: None,
            count: None,
            size: None,
            channels: None,
            labels: None,
            classes: None,
            sha256: None,
            published: None,
            error: None,
        }
    }

    fn with_images(mut self, images: &Images, classes: usize, sha256: String) -> Self {
        self.count = Some(images.len());
        self.size = Some([images.height, images.width]);
        self.channels = Some(images.channels);
        self.labels = Some(images.histogram(classes));
        self.sha256 = Some(sha256);
        self
    }
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
        () if plain.ends_with(".amat") => Some(Kind::Amat),
        () if name.ends_with(".npz") => Some(Kind::Npz),
        () if name.ends_with(".safetensors") => Some(Kind::Decoded),
        () if Cifar::of_file(path).is_some() => Some(Kind::Cifar),
        () => None,
    }
}

fn describe(path: &Path, kind: Kind, name: String) -> Result<Vec<FileInfo>> {
    let plain = FileInfo::new(name, kind);
    let whole = |images: &Images| -> Result<FileInfo> {
        Ok(plain.clone().with_images(images, classes([&images.labels]), hash::of_file(path)?))
    };
    Ok(match kind {
        Kind::Images => return Err(Error::content(path, "not a folder")),
        Kind::IdxImages => vec![idx_images(path, plain)?],
        Kind::IdxLabels => vec![idx_labels(path, plain)?],
        Kind::Amat => vec![whole(&amat::read(path, false)?)?],
        Kind::Npz => {
            let sha256 = hash::of_file(path)?;
            let all = npz::read_all(path)?;
            // A whole set has the classes of all its parts.
            let of_set = classes_seen(all.iter().map(|(_, images)| &images.labels));
            let part = |(part, images): (Option<&str>, Images)| {
                let classes = if part.is_some() { of_set } else { classes([&images.labels]) };
                let part = part.map(str::to_owned);
                FileInfo { part, ..plain.clone() }.with_images(&images, classes, sha256.clone())
            };
            all.into_iter().map(part).collect()
        }
        Kind::Cifar => {
            let set = Cifar::of_file(path).unwrap_or(&CIFAR10);
            let images = set.read_file(path)?;
            vec![plain.clone().with_images(&images, set.classes(), hash::of_file(path)?)]
        }
        Kind::Decoded => {
            let (set, sha256) = (cache::read(path)?, hash::of_file(path)?);
            let part = |part, images| {
                let part = Some(format!("{part} of {}", set.name));
                FileInfo { part, ..plain.clone() }.with_images(images, set.classes, sha256.clone())
            };
            vec![part("train", &set.train), part("test", &set.test)]
        }
    })
}

fn idx_images(path: &Path, plain: FileInfo) -> Result<FileInfo> {
    let images = idx::read_images(path)?;
    Ok(FileInfo {
        count: Some(images.count),
        size: Some([images.height, images.width]),
        channels: Some(1),
        published: published(&images.sha256),
        sha256: Some(images.sha256),
        ..plain
    })
}

fn idx_labels(path: &Path, plain: FileInfo) -> Result<FileInfo> {
    let file = idx::read_labels(path)?;
    Ok(FileInfo {
        count: Some(file.labels.len()),
        labels: Some(histogram(&file.labels, classes([&file.labels]))),
        published: published(&file.sha256),
        sha256: Some(file.sha256),
        ..plain
    })
}

fn published(sha256: &str) -> Option<String> {
    idx::published_as(sha256).map(|(set, file)| format!("{set}: {file}"))
}
