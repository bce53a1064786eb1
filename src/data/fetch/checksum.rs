//! By what a published file is known.

use std::io::{BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::super::hash;
use super::super::pixels::Checked;
use crate::files;

/// A checksum in lower-case hexadecimal, and of what.
#[derive(Clone, Copy)]
pub(super) enum Checksum {
    /// SHA-256 of a file.
    Sha256(&'static str),
    /// MD5 of a file. A file can't be made to have a given one, as far as is known, though two can be made that share one.
    Md5(&'static str),
    /// SHA-256 of the content of a gzip file, and its length in bytes: mirrors compress the same content in their own ways.
    Unpacked(&'static str, u64),
}

impl Checksum {
    /// Whether the file at `path` is `what`; if not, why, as the end of a sentence.
    pub(super) fn check(self, path: &Path, what: &str) -> Checked<()> {
        let (of, wanted, found) = match self {
            Self::Sha256(wanted) => ("its SHA-256", wanted, hash::of_file(path).map_err(|e| e.to_string())?),
            Self::Md5(wanted) => ("its MD5", wanted, hash::md5_of_file(path).map_err(|e| e.to_string())?),
            Self::Unpacked(wanted, length) => ("SHA-256 of its content", wanted, unpacked_sha256(path, length)?),
        };
        if found == wanted { Ok(()) } else { Err(format!("is not {what}: {of} is {found}, not {wanted}")) }
    }
}

/// SHA-256 of a gzip file's content, which should be of this length: what comes after it is left out but for one byte, that
/// makes it another.
fn unpacked_sha256(path: &Path, length: u64) -> Checked<String> {
    let file = files::open(path).map_err(|e| e.to_string())?;
    let content = MultiGzDecoder::new(BufReader::new(file));
    hash::of_reader(content.take(length + 1)).map_err(|e| format!("is no intact gzip file: {e}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn each_checksum_passes_its_own_file_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.gz");
        let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let md5 = Checksum::Md5("900150983cd24fb0d6963f7d28e17f72");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(md5.check(&path, "it"), Ok(()));
        assert_eq!(Checksum::Sha256(sha256).check(&path, "it"), Ok(()));
        assert!(Checksum::Unpacked(sha256, 3).check(&path, "it").unwrap_err().contains("gzip"));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"abc").unwrap();
        std::fs::write(&path, gzip.finish().unwrap()).unwrap();
        assert_eq!(Checksum::Unpacked(sha256, 3).check(&path, "it"), Ok(()));
        // Content that goes on after its length is another.
        assert!(Checksum::Unpacked(sha256, 1).check(&path, "it").is_err());
        let wrong = md5.check(&path, "the file").unwrap_err();
        assert!(wrong.starts_with("is not the file: its MD5 is ") && wrong.ends_with("28e17f72"), "{wrong}");
        assert!(Checksum::Sha256(sha256).check(&path, "it").unwrap_err().contains("SHA-256"));
        assert!(md5.check(&folder.path().join("missing"), "it").unwrap_err().contains("missing"));
    }
}
