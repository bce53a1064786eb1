//! Event files that TensorBoard reads: TFRecords of protocol buffers, one file a run, appended to after every epoch.
//!
//! Of TensorFlow's `event.proto` and `summary.proto` only what scalars need is declared here.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use prost::Message;

use crate::error::{Error, Result};
use crate::files::write_own;
use crate::train::EpochMetrics;

/// TensorBoard wants `tfevents` in the name.
const FILE: &str = "events.out.tfevents.equisplit";

#[derive(Clone, PartialEq, Message)]
struct Event {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(oneof = "What", tags = "3, 5")]
    what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum What {
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(Summary),
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Scalar>,
}

#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(string, tag = "1")]
    tag: String,
    // One of several in the format, so that it's written also where it's 0.
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
}

/// The event file of a run.
pub(super) struct Events {
    path: PathBuf,
}

impl Events {
    /// Whether a run's folder has the file.
    pub fn exist(folder: &Path) -> bool {
        folder.join(FILE).exists()
    }

    /// Removes the file of an earlier sitting, which would lack what comes.
    pub fn remove(folder: &Path) -> Result<()> {
        let path = folder.join(FILE);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(&path, e)),
            _ => Ok(()),
        }
    }

    /// The file in a run's folder, anew and whole, with the epochs that are done and, of a run that has ended, its error.
    pub fn begin(folder: &Path, done: &[EpochMetrics], end: Option<f64>) -> Result<Self> {
        let path = folder.join(FILE);
        let version = Event { wall_time: now(), step: 0, what: Some(What::FileVersion("brain.Event:2".to_owned())) };
        let epochs = done.iter().map(of_epoch);
        let end = end.map(|error| of_end(done.len(), error));
        let events: Vec<Event> = std::iter::once(version).chain(epochs).chain(end).collect();
        write_own(&path, |file| events.iter().try_for_each(|event| file.write_all(&record(&event.encode_to_vec()))))?;
        Ok(Self { path })
    }

    /// Adds an epoch.
    pub fn add(&self, epoch: &EpochMetrics) -> Result<()> {
        self.append(&of_epoch(epoch))
    }

    /// Adds the error at the end.
    pub fn finish(&self, epochs: usize, error: f64) -> Result<()> {
        self.append(&of_end(epochs, error))
    }

    fn append(&self, event: &Event) -> Result<()> {
        let file = OpenOptions::new().append(true).open(&self.path);
        let written = file.and_then(|mut file| file.write_all(&record(&event.encode_to_vec())));
        written.map_err(|e| Error::io(&self.path, e))
    }
}

fn of_epoch(epoch: &EpochMetrics) -> Event {
    let scalars = [
        ("loss/train", Some(epoch.train_loss)),
        ("error/train", Some(epoch.train_error)),
        ("error/test", epoch.test_error),
        ("learning_rate", Some(epoch.learning_rate)),
    ];
    of_scalars(epoch.epoch, &scalars)
}

fn of_end(epochs: usize, error: f64) -> Event {
    of_scalars(epochs, &[("error/final", Some(error))])
}

fn of_scalars(step: usize, scalars: &[(&str, Option<f64>)]) -> Event {
    let value = scalars
        .iter()
        .filter_map(|(tag, value)| Some(Scalar { tag: (*tag).to_owned(), simple_value: Some((*value)? as f32) }));
    let what = Some(What::Summary(Summary { value: value.collect() }));
    Event { wall_time: now(), step: step as i64, what }
}

fn now() -> f64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0.0, |time| time.as_secs_f64())
}

/// A TFRecord: length, its checksum, the data, their checksum; all little-endian.
fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    [length.as_slice(), &checksum(&length), data, &checksum(data)].concat()
}

/// CRC-32C, masked as TFRecords have it, so that checksums of checksummed data aren't trivial.
fn checksum(data: &[u8]) -> [u8; 4] {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes that TensorFlow's own reader accepts, worked out by hand for one event.
    #[test]
    fn an_event_has_the_bytes_of_the_format() {
        let what = What::Summary(Summary { value: vec![Scalar { tag: "a".to_owned(), simple_value: Some(1.0) }] });
        let event = Event { wall_time: 2.0, step: 3, what: Some(what) };
        let bytes = event.encode_to_vec();
        let expected = [
            0x09, 0, 0, 0, 0, 0, 0, 0, 0x40, // 1: double 2.0
            0x10, 3, // 2: varint 3
            0x2a, 10, // 5: message of 10 bytes
            0x0a, 8, // 1: message of 8 bytes
            0x0a, 1, b'a', // 1: string
            0x15, 0, 0, 0x80, 0x3f, // 2: float 1.0
        ];
        assert_eq!(bytes, expected);
        let none = Scalar { tag: "a".to_owned(), simple_value: Some(0.0) };
        assert_eq!(none.encode_to_vec(), [0x0a, 1, b'a', 0x15, 0, 0, 0, 0], "an error of 0 is one");
        let record = record(&bytes);
        assert_eq!(record.len(), 8 + 4 + bytes.len() + 4);
        assert_eq!(record[..8], (bytes.len() as u64).to_le_bytes());
    }

    /// The header that every TensorFlow event file starts with, but for its time: length 24 and that length's checksum.
    #[test]
    fn a_length_has_the_checksum_that_tensorflow_writes() {
        assert_eq!(checksum(&24u64.to_le_bytes()), [0xa3, 0x7f, 0x4b, 0x22]);
    }
}
