//! SHA-256 of files and of recipes, and MD5 where a publisher tells no other.

#[cfg(feature = "study")]
use std::io::Read;
#[cfg(feature = "study")]
use std::path::Path;

use sha2::{Digest, Sha256};

#[cfg(feature = "study")]
use crate::error::{Error, Result};
#[cfg(feature = "study")]
use crate::files;

/// Bytes in lower-case hexadecimal.
pub(super) fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of bytes in memory.
#[cfg(feature = "study")]
pub(crate) fn of_bytes(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes))
}

/// SHA-256 of everything a reader yields.
#[cfg(feature = "study")]
pub(super) fn of_reader(reader: impl Read) -> std::io::Result<String> {
    digest::<Sha256>(reader)
}

#[cfg(feature = "study")]
fn digest<D: Digest>(mut reader: impl Read) -> std::io::Result<String> {
    let mut hash = D::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hex(hash.finalize())),
            n => hash.update(&buffer[..n]),
        }
    }
}

/// SHA-256 of a file's content as it lies on disk.
#[cfg(feature = "study")]
pub(super) fn of_file(path: &Path) -> Result<String> {
    of_reader(files::open(path)?).map_err(|e| Error::io(path, e))
}

/// MD5 of a file's content as it lies on disk.
#[cfg(feature = "fetch")]
pub(super) fn md5_of_file(path: &Path) -> Result<String> {
    digest::<md5::Md5>(files::open(path)?).map_err(|e| Error::io(path, e))
}

/// One hash over several texts; each text's length counts, so that texts can't run into each other.
pub(super) fn fingerprint<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(hash.finalize())
}
