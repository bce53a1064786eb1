//! Fetching the published sets: from the publisher, or a mirror where that fails; resumed, checked, never half written.

mod checksum;
mod contents;
mod download;
mod progress;
mod published;
mod unpack;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use self::checksum::Checksum;
use self::download::{Client, Failure};
use self::published::{Archive, Content, PUBLISHED, Published};
use super::idx;
use super::pixels::Checked;
use crate::error::{Error, Result};

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

/// Names that [`fetch`] knows.
pub fn names() -> [&'static str; 7] {
    PUBLISHED.each_ref().map(|set| set.name)
}

/// Fetches the set called `name` into `folder` and returns its files. Files that are there and right are left alone; an
/// interrupted download is kept as `*.part` and resumed. Progress goes to stderr.
///
/// Downloads are checked against SHA-256 (MNIST, Fashion-MNIST, CIFAR-10) or MD5 (KMNIST, EMNIST, CIFAR-100). No checksum is
/// known for mnist-rot, which is told. What comes out of archives (mnist-rot, EMNIST, CIFAR) is read to its end, and its images
/// are counted. That is all that is asked of it in a later call, since archives aren't kept: pixels of CIFAR that have changed
/// aren't noticed.
///
/// Where several processes fetch into one folder, each waits for the one before.
///
/// # Errors
/// An unknown name, no address that yields the right content (all are listed), or a folder that can't be written to.
pub fn fetch(name: &str, folder: &Path, options: &Options) -> Result<Vec<PathBuf>> {
    let set = PUBLISHED.iter().find(|set| set.name == name).ok_or_else(|| {
        Error::invalid(format!("no set called {name:?} can be fetched; there are {}", names().join(", ")))
    })?;
    fetch_set(set, folder, options)
}

fn fetch_set(set: &Published, folder: &Path, options: &Options) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    let _lock = lock(folder);
    unpack::remove_unfinished(folder);
    let bases = match &options.url {
        Some(url) => vec![url.as_str()],
        None => set.bases.to_vec(),
    };
    let source = Source { client: Client::new(options.timeout), bases };
    match &set.content {
        Content::Idx(checksums) => {
            let files = idx::FILES.iter().zip(idx::PUBLISHED_LENGTHS).zip(checksums);
            files
                .map(|((file, length), &checksum)| {
                    let (path, what) = (folder.join(format!("{file}.gz")), format!("{}'s {file}.gz", set.name));
                    idx_file(&source, path, &what, idx::most_compressed(length), checksum)
                })
                .collect()
        }
        Content::Archive(archive) => archive_files(&source, archive, folder),
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

fn idx_file(source: &Source, path: PathBuf, what: &str, most: u64, checksum: Checksum) -> Result<PathBuf> {
    let check = |path: &Path| checksum.check(path, what);
    if path.exists() {
        match check(&path) {
            Ok(()) => {
                log::info!("{}: already there", path.display());
                return Ok(path);
            }
            Err(wrong) => log::info!("{} {wrong}; fetching it again", path.display()),
        }
    }
    let part = source.download(&path, most, &check)?;
    std::fs::rename(&part, &path).map_err(|e| Error::io(&path, e))?;
    Ok(path)
}

fn archive_files(source: &Source, archive: &Archive, folder: &Path) -> Result<Vec<PathBuf>> {
    let &Archive { name, format, most, checksum, holds } = archive;
    let wanted = holds.files();
    let paths: Vec<PathBuf> = wanted.iter().map(|file| folder.join(&file.name)).collect();
    if paths.iter().all(|path| path.exists()) {
        match holds.check(folder) {
            Ok(()) => {
                log::info!("{}: already there", folder.display());
                return Ok(paths);
            }
            Err(e) => log::info!("{e}; fetching it again"),
        }
    }
    if checksum.is_none() {
        log::info!("{name}: no checksum of it is known, so it can't be verified; its content is checked by parsing");
    }
    let check = |path: &Path| match checksum {
        Some(checksum) => checksum.check(path, &format!("the published {name}")),
        None => unpack::check_names(path, format, &wanted),
    };
    let part = source.download(&folder.join(name), most, &check)?;
    let unpacked = unpack::unpack(&part, format, &wanted, folder, &|folder| holds.check(folder));
    // What has the right checksum isn't at fault, but a full disk, say: a later call goes on with it.
    if unpacked.is_ok() || checksum.is_none() {
        std::fs::remove_file(&part).map_err(|e| Error::io(&part, e))?;
    }
    unpacked
}

/// Where files are fetched from.
struct Source<'a> {
    client: Client,
    /// Base addresses, in the order in which they're tried.
    bases: Vec<&'a str>,
}

impl Source<'_> {
    /// Downloads a file of at most `most` bytes from the first address whose content passes `check`; returns the path of the
    /// `.part` file beside it.
    fn download(&self, file: &Path, most: u64, check: &dyn Fn(&Path) -> Checked<()>) -> Result<PathBuf> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let part = file.with_file_name(format!("{name}.part"));
        let mut failures = Vec::new();
        for base in &self.bases {
            let url = format!("{}/{name}", base.trim_end_matches('/'));
            match download::download_checked(&self.client, &url, &part, most, check) {
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
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::contents::Holds;
    use super::unpack::Format;
    use super::*;
    use crate::data::cifar::CIFAR10;

    fn gzip(parts: &[&[u8]]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        parts.iter().for_each(|part| gzip.write_all(part).unwrap());
        gzip.finish().unwrap()
    }

    /// CIFAR-10's archive with black images that are all of the first class.
    fn cifar() -> Vec<u8> {
        let length = 10_000 * 3073_usize;
        // All files are the same, so they're compressed once: gzip's files can be joined.
        let zeros = gzip(&[&vec![0; length.next_multiple_of(512)]]);
        let files = (1..=5).map(|n| format!("data_batch_{n}")).chain(["test_batch".to_owned()]);
        let entries = files.flat_map(|name| {
            let mut header = tar::Header::new_ustar();
            header.set_path(format!("cifar-10-batches-bin/{name}.bin")).unwrap();
            header.set_size(length as u64);
            header.set_cksum();
            [gzip(&[header.as_bytes()]), zeros.clone()].concat()
        });
        entries.chain(gzip(&[&[0; 1024]])).collect()
    }

    /// A published set like CIFAR-10 whose archive is this one. Nobody listens at its address.
    fn published(archive: &Path, bytes: &[u8]) -> Published {
        std::fs::write(archive, bytes).unwrap();
        let md5 = super::super::hash::md5_of_file(archive).unwrap();
        let checksum = Some(Checksum::Md5(md5.leak()));
        let (name, most) = ("cifar.tar.gz", bytes.len() as u64);
        let archive = Archive { name, format: Format::TarGz, most, checksum, holds: Holds::Cifar(&CIFAR10) };
        Published { name: "cifar", bases: &["http://127.0.0.1:9/"], content: Content::Archive(archive) }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn an_archive_that_is_there_whole_is_unpacked_and_what_came_out_is_left_alone_while_it_is_right() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let part = folder.join("cifar.tar.gz.part");
        let set = published(&part, &cifar());
        let fetch = || fetch_set(&set, folder, &Options { timeout: Duration::from_millis(200), ..Options::default() });
        assert_eq!(fetch().unwrap().len(), 6);
        let files = [1, 2, 3, 4, 5].map(|n| format!("data_batch_{n}.bin"));
        assert_eq!(names(folder), [&files[..], &["test_batch.bin".to_owned()]].concat());
        assert!(names(folder).iter().all(|name| folder.join(name).metadata().unwrap().len() == 30_730_000));
        assert_eq!(fetch().unwrap().len(), 6);
        // A label that CIFAR-10 doesn't have.
        std::fs::write(folder.join("data_batch_3.bin"), vec![10; 30_730_000]).unwrap();
        assert!(fetch().unwrap_err().to_string().contains("127.0.0.1:9/cifar.tar.gz"));
    }

    #[test]
    fn an_archive_with_the_right_checksum_is_kept_where_it_cannot_be_unpacked() {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("cifar.tar.gz.part");
        let set = published(&part, &gzip(&[&[0; 1024]]));
        let message = fetch_set(&set, folder.path(), &Options::default()).unwrap_err().to_string();
        assert!(message.contains("cifar.tar.gz.part: holds no data_batch_1.bin"), "{message}");
        assert_eq!(names(folder.path()), ["cifar.tar.gz.part"]);
    }
}
