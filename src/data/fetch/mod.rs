//! Fetching the published sets: from the publisher, or a mirror where that fails; resumed, checked, never half written.

mod download;
mod progress;
mod unpack;

use std::fs::{File, TryLockError};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::download::{Client, Failure};
use super::pixels::Checked;
use super::{hash, idx};
use crate::error::{Error, Result};
use crate::files;

/// How to fetch.
#[derive(Clone, Debug)]
pub struct Options {
    /// Base address to use instead of the known ones; the files' names are appended to it.
    pub url: Option<String>,
    /// How long a server may take to connect, to answer, or to go on sending. Over so long a time it must also send a
    /// kibibyte per second on average.
    pub timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { url: None, timeout: Duration::from_secs(60) }
    }
}

/// A published set.
struct Published {
    name: &'static str,
    /// Base addresses, the publisher's first.
    bases: &'static [&'static str],
    content: Content,
}

enum Content {
    /// The four gzip-compressed IDX files of [`idx::FILES`], with the hashes of the set of this name.
    Idx(&'static str),
    /// One zip archive of amat files.
    AmatZip(&'static str),
}

const PUBLISHED: [Published; 3] = [
    Published {
        name: "mnist",
        bases: &[
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ],
        content: Content::Idx("MNIST"),
    },
    Published {
        name: "fashion-mnist",
        bases: &[
            // Plain http is good enough here, since the content is checked against known hashes.
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
            "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        ],
        content: Content::Idx("Fashion-MNIST"),
    },
    Published {
        name: "mnist-rot",
        bases: &["http://www.iro.umontreal.ca/~lisa/icml2007data/"],
        content: Content::AmatZip("mnist_rotation_new.zip"),
    },
];

/// Largest archive that is downloaded, in bytes; rot-MNIST's has about 60 MB.
const MAX_ARCHIVE: u64 = 128 << 20;

/// Names that [`fetch`] knows.
pub fn names() -> [&'static str; 3] {
    PUBLISHED.each_ref().map(|set| set.name)
}

/// Fetches the set called `name` into `folder` and returns its files. Files that are there and right are left alone; an
/// interrupted download is kept as `*.part` and resumed. Progress goes to stderr.
///
/// MNIST and Fashion-MNIST are checked against their SHA-256. None is known for mnist-rot: its content is checked by
/// parsing it, which is told, and its numbers of images.
///
/// Where several processes fetch into one folder, each waits for the one before.
///
/// # Errors
/// An unknown name, no address that yields the right content (all are listed), or a folder that can't be written to.
pub fn fetch(name: &str, folder: &Path, options: &Options) -> Result<Vec<PathBuf>> {
    let set = PUBLISHED.iter().find(|set| set.name == name).ok_or_else(|| {
        Error::invalid(format!("no set called {name:?} can be fetched; there are {}", names().join(", ")))
    })?;
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    let _lock = lock(folder);
    unpack::remove_unfinished(folder);
    let client = Client::new(options.timeout);
    let bases: Vec<&str> = match &options.url {
        Some(url) => vec![url.as_str()],
        None => set.bases.to_vec(),
    };
    match set.content {
        Content::Idx(published) => {
            idx::FILES.iter().map(|file| idx_file(&client, &bases, published, file, folder)).collect()
        }
        Content::AmatZip(archive) => amat_files(&client, &bases, archive, folder),
    }
}

/// Waits until no other process fetches into the folder; goes on without a lock where the file system has none. It's the
/// folder that is locked, so that no file is left behind.
fn lock(folder: &Path) -> Option<File> {
    let file = File::open(folder).ok()?;
    if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
        log::info!("{}: waiting for another process that fetches into it", folder.display());
        file.lock().ok()?;
    }
    Some(file)
}

fn idx_file(client: &Client, bases: &[&str], set: &str, file: &str, folder: &Path) -> Result<PathBuf> {
    let name = format!("{file}.gz");
    let path = folder.join(&name);
    let length = idx::published_length(file).unwrap_or(0);
    let check = |path: &Path| match (decompressed_sha256(path, length)?, idx::published_sha256(set, file)) {
        (found, Some(known)) if found == known => Ok(()),
        (found, _) => Err(format!("is not {set}'s {file}: SHA-256 of the decompressed content is {found}")),
    };
    if path.exists() {
        match check(&path) {
            Ok(()) => {
                log::info!("{}: already there", path.display());
                return Ok(path);
            }
            Err(wrong) => log::info!("{} {wrong}; fetching it again", path.display()),
        }
    }
    // What can't be compressed is hardly longer in gzip's format.
    let max = length + length / 100 + 4096;
    let part = download_any(client, bases, &folder.join(&name), max, &check)?;
    std::fs::rename(&part, &path).map_err(|e| Error::io(&path, e))?;
    Ok(path)
}

/// SHA-256 of a gzip-compressed file's content, which should be of this length: what comes after it is left out but for
/// one byte, that makes it another.
fn decompressed_sha256(path: &Path, length: u64) -> Checked<String> {
    let file = files::open(path).map_err(|e| e.to_string())?;
    let content = flate2::read::MultiGzDecoder::new(std::io::BufReader::new(file));
    hash::of_reader(content.take(length + 1)).map_err(|e| format!("is no intact gzip file: {e}"))
}

fn amat_files(client: &Client, bases: &[&str], archive: &str, folder: &Path) -> Result<Vec<PathBuf>> {
    let paths = unpack::paths(folder);
    if paths.iter().all(|path| path.exists()) {
        match unpack::check(&paths) {
            Ok(()) => {
                log::info!("{}: already there", folder.display());
                return Ok(paths.into());
            }
            Err(e) => log::info!("{e}; fetching it again"),
        }
    }
    log::info!("{archive}: no checksum of it is known, so it can't be verified; its content is checked by parsing");
    let part = download_any(client, bases, &folder.join(archive), MAX_ARCHIVE, &|path| unpack::check_archive(path))?;
    let unpacked = unpack::unpack(&part, folder);
    std::fs::remove_file(&part).map_err(|e| Error::io(&part, e))?;
    unpacked
}

/// Downloads a file of at most `max` bytes from the first address whose content passes `check`; returns the path of the
/// `.part` file beside it.
fn download_any(
    client: &Client,
    bases: &[&str],
    file: &Path,
    max: u64,
    check: &dyn Fn(&Path) -> Checked<()>,
) -> Result<PathBuf> {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let part = file.with_file_name(format!("{name}.part"));
    let mut failures = Vec::new();
    for base in bases {
        let url = format!("{}/{name}", base.trim_end_matches('/'));
        match download::download_checked(client, &url, &part, max, check) {
            Ok(()) => return Ok(part),
            Err(Failure::Local(e)) => return Err(e),
            Err(Failure::Interrupted(why) | Failure::Refused(why)) => {
                log::info!("{url}: {why}");
                failures.push(format!("{url}: {why}"));
            }
        }
    }
    Err(Error::invalid(format!("{name} could not be fetched: {}", failures.join("; "))))
}
