//! One file from one address, resumed where an earlier attempt was cut off.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::super::pixels::Checked;
use super::progress::DownloadProgress;
use crate::error::Error;

/// How often a download is taken up again after it was cut off.
const ATTEMPTS: usize = 3;

/// Bytes per second that a server must send on average over the time that it may be silent: MNIST takes three hours at that.
const SLOWEST: f64 = 1024.0;

/// Why there is no file.
pub(super) enum Failure {
    /// The connection broke, stalled, or could not be made: what has come is kept and can be resumed.
    Interrupted(String),
    /// The server answered, but not with the right file.
    Refused(String),
    /// It's not the server's fault: a file can't be written here.
    Local(Error),
}

/// The HTTP client behind all downloads.
pub(super) struct Client {
    agent: Agent,
    timeout: Duration,
}

impl Client {
    pub(super) fn new(timeout: Duration) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .user_agent(concat!("equisplit/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(timeout))
            .timeout_connect(Some(timeout))
            .timeout_recv_response(Some(timeout))
            .timeout_per_read(Some(timeout))
            .timeout_per_write(Some(timeout));
        Self { agent: config.build().new_agent(), timeout }
    }

    /// Asks for a file from byte `start` on.
    fn get(&self, url: &str, start: u64) -> Result<Response<Body>, Failure> {
        let request = self.agent.get(url);
        let request = if start > 0 { request.header(header::RANGE, format!("bytes={start}-")) } else { request };
        request.call().map_err(|e| Failure::Interrupted(e.to_string()))
    }
}

/// Downloads `url` to `part` until `check` is content with it, taking up what lies in `part` already, and nothing where that's
/// the whole. What fails the check
/// is removed; where it began as an earlier download, it is fetched once more from the start.
pub(super) fn download_checked(
    client: &Client,
    url: &str,
    part: &Path,
    max: u64,
    check: &dyn Fn(&Path) -> Checked<()>,
) -> Result<(), Failure> {
    if (1..=max).contains(&length(part)) && check(part).is_ok() {
        return Ok(());
    }
    let mut attempt = 1;
    loop {
        let resumed = length(part) > 0;
        match download(client, url, part, max) {
            Err(Failure::Interrupted(why)) if attempt < ATTEMPTS && length(part) > 0 => {
                log::info!("{url}: {why}; resuming");
            }
            Err(failure) => return Err(failure),
            Ok(()) => match check(part) {
                Ok(()) => return Ok(()),
                Err(wrong) => {
                    remove(part)?;
                    if !resumed || attempt >= ATTEMPTS {
                        return Err(Failure::Refused(format!("what it sent {wrong}")));
                    }
                }
            },
        }
        attempt += 1;
    }
}

fn remove(part: &Path) -> Result<(), Failure> {
    std::fs::remove_file(part).map_err(|e| Failure::Local(Error::io(part, e)))
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn download(client: &Client, url: &str, part: &Path, max: u64) -> Result<(), Failure> {
    // What is longer than the file can be is the beginning of something else.
    if length(part) > max {
        remove(part)?;
    }
    let mut start = length(part);
    let mut response = client.get(url, start)?;
    // A server that can't continue from there is asked for the whole.
    if start > 0 && !continues(&response, start) && response.status() != StatusCode::OK {
        start = 0;
        response = client.get(url, start)?;
    }
    match response.status() {
        StatusCode::PARTIAL_CONTENT if start > 0 => {}
        StatusCode::OK => start = 0,
        status => return Err(Failure::Refused(format!("HTTP status {status}"))),
    }
    let total = response.body().content_length().map(|rest| start.saturating_add(rest));
    if total.is_some_and(|total| total > max) {
        return Err(Failure::Refused(format!("larger than {max} bytes")));
    }
    let local = |e| Failure::Local(Error::io(part, e));
    let mut options = OpenOptions::new();
    let file = if start > 0 { options.append(true) } else { options.write(true).create(true).truncate(true) };
    let mut file = file.open(part).map_err(local)?;
    // One byte more than there may be tells that there are more.
    let body = response.into_body().into_with_config().limit(u64::MAX).reader().take(max - start + 1);
    let received = copy(body, &mut file, part, client.timeout, DownloadProgress::new(url, start, total))?;
    if start + received > max {
        remove(part)?;
        return Err(Failure::Refused(format!("sends more than {max} bytes")));
    }
    file.sync_all().map_err(local)?;
    match total {
        Some(total) if start + received < total => {
            Err(Failure::Interrupted(format!("cut off after {} of {total} bytes", start + received)))
        }
        _ => Ok(()),
    }
}

/// Whether the server sends the rest from byte `start` on.
fn continues(response: &Response<Body>, start: u64) -> bool {
    let range = response.headers().get(header::CONTENT_RANGE).and_then(|range| range.to_str().ok());
    response.status() == StatusCode::PARTIAL_CONTENT
        && range.is_some_and(|range| range.starts_with(&format!("bytes {start}-")))
}

fn copy(
    mut body: impl Read,
    file: &mut File,
    part: &Path,
    timeout: Duration,
    mut progress: DownloadProgress,
) -> Result<u64, Failure> {
    let mut buffer = vec![0; 1 << 16];
    let mut received = 0;
    let (mut since, mut before) = (Instant::now(), 0);
    loop {
        let interrupted = |e| Failure::Interrupted(format!("{e} (after {received} bytes)"));
        let n = body.read(&mut buffer).map_err(interrupted)?;
        if n == 0 {
            progress.finish();
            return Ok(received);
        }
        file.write_all(&buffer[..n]).map_err(|e| Failure::Local(Error::io(part, e)))?;
        received += n as u64;
        progress.advance(n as u64);
        let elapsed = since.elapsed();
        if elapsed >= timeout {
            let sent = received - before;
            if (sent as f64) < SLOWEST * elapsed.as_secs_f64() {
                let seconds = elapsed.as_secs_f64();
                return Err(Failure::Interrupted(format!("too slow: {sent} bytes in {seconds:.1} seconds")));
            }
            (since, before) = (Instant::now(), received);
        }
    }
}
