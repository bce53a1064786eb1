//! The bytes of a data file, decompressed where they are gzip's, whatever the file's name says.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::hash;
use crate::error::{Error, Result};
use crate::files;

/// What gzip's files begin with.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The most bytes that one compressed byte of deflate stands for: 258 of every quarter of a byte.
pub(super) const MOST_PER_BYTE: u64 = 1032;

/// A file that is being read.
pub(super) struct Stream {
    /// Its content.
    pub reader: Box<dyn BufRead>,
    /// The most bytes that it can hold, known before any of them is read.
    pub most: u64,
}

/// Opens a regular file.
pub(super) fn open(path: &Path) -> Result<Stream> {
    let fail = |e| Error::io(path, e);
    let file = files::open(path)?;
    let length = file.metadata().map_err(fail)?.len();
    let mut reader = BufReader::new(file);
    if !reader.fill_buf().map_err(fail)?.starts_with(&GZIP) {
        return Ok(Stream { reader: Box::new(reader), most: length });
    }
    let content = BufReader::new(MultiGzDecoder::new(reader));
    Ok(Stream { reader: Box::new(content), most: length.saturating_mul(MOST_PER_BYTE) })
}

/// SHA-256 of a file's content, of which at most `most` bytes are read.
pub(super) fn sha256(path: &Path, most: u64) -> Result<String> {
    hash::of_reader(open(path)?.reader.take(most)).map_err(|e| Error::io(path, e))
}
