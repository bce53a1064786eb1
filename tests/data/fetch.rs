//! Fetching, against a server on the loopback interface that misbehaves in every way a server can.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::data_support::*;
use equisplit::data::fetch::{Options, fetch};

/// What the server does with a request for a file's `content` from byte `start` on.
#[derive(Clone, Copy)]
enum Manner {
    /// Answers as asked.
    Good,
    /// Sends the whole, whatever the range.
    IgnoresRanges,
    /// Answers 416 to any range.
    RefusesRanges,
    /// Claims to continue, but from elsewhere.
    WrongRange,
    /// Hangs up after so many bytes, the first time a file is asked for.
    CutOnce(usize),
    /// Hangs up after so many bytes, always.
    Cut(usize),
    /// Sends so many bytes and then nothing, the line open.
    Stall(usize),
    /// Declares so many bytes more than there are, and hangs up.
    TooLong(usize),
    /// Declares so many bytes fewer than there are.
    TooShort(usize),
    /// Declares more than any file may have.
    Huge,
    /// Sends a byte every 20 milliseconds, of a file that it says has them all.
    Trickle,
    /// Sends zeros for ever, without saying how many.
    Endless,
    /// Sends something else.
    Wrong,
    /// 404.
    Missing,
}

struct Server {
    url: String,
    /// Each request: path, and first byte asked for.
    requests: Arc<Mutex<Vec<(String, usize)>>>,
}

impl Server {
    fn start(manner: Manner, files: Vec<(String, Vec<u8>)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/sets", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (files, seen) = (files.clone(), seen.clone());
                std::thread::spawn(move || {
                    // A client that hangs up early is part of the game.
                    let _ = answer(stream.unwrap(), manner, &files, &seen);
                });
            }
        });
        Self { url, requests }
    }

    fn options(&self) -> Options {
        Options { url: Some(self.url.clone()), timeout: Duration::from_secs(1) }
    }

    fn requests(&self) -> Vec<(String, usize)> {
        self.requests.lock().unwrap().clone()
    }
}

fn answer(
    stream: std::net::TcpStream,
    manner: Manner,
    files: &[(String, Vec<u8>)],
    seen: &Mutex<Vec<(String, usize)>>,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let path = lines.next().unwrap()?.split(' ').nth(1).unwrap().trim_start_matches("/sets/").to_owned();
    let headers: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
    let range = headers.iter().find_map(|line| line.to_lowercase().strip_prefix("range: bytes=").map(str::to_owned));
    let mut start: usize = range.map_or(0, |range| range.trim_end_matches('-').parse().unwrap());
    let first = {
        let mut seen = seen.lock().unwrap();
        let first = seen.iter().all(|(earlier, _)| earlier != &path);
        seen.push((path.clone(), start));
        first
    };
    let Some((_, content)) = files.iter().find(|(name, _)| *name == path) else {
        return reply(stream, "404 Not Found", "", 0, b"");
    };
    let other = vec![b'x'; content.len()];
    let total = content.len();
    match manner {
        Manner::Missing => return reply(stream, "404 Not Found", "", 0, b""),
        Manner::RefusesRanges if start > 0 => return reply(stream, "416 Range Not Satisfiable", "", 0, b""),
        Manner::IgnoresRanges => start = 0,
        _ => {}
    }
    let body = if matches!(manner, Manner::Wrong) { &other[start..] } else { &content[start..] };
    let told = if matches!(manner, Manner::WrongRange) { start + 1 } else { start };
    let range = format!("Content-Range: bytes {told}-{}/{total}\r\n", total - 1);
    let (status, range) = if start > 0 { ("206 Partial Content", range.as_str()) } else { ("200 OK", "") };
    let most = |n: usize| &body[..n.min(body.len())];
    match manner {
        Manner::CutOnce(n) if first => reply(stream, status, range, body.len(), most(n)),
        Manner::Cut(n) => reply(stream, status, range, body.len(), most(n)),
        Manner::TooLong(more) => reply(stream, status, range, body.len() + more, body),
        Manner::TooShort(fewer) => reply(stream, status, range, body.len() - fewer, body),
        Manner::Huge => reply(stream, status, range, 1 << 40, body),
        Manner::Trickle => {
            reply(stream.try_clone()?, status, range, body.len(), b"")?;
            body.iter().try_for_each(|byte| {
                std::thread::sleep(Duration::from_millis(20));
                (&stream).write_all(&[*byte])
            })
        }
        Manner::Endless => {
            write!(&stream, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            let zeros = vec![0; 1 << 16];
            loop {
                (&stream).write_all(&zeros)?;
            }
        }
        Manner::Stall(n) => {
            reply(stream.try_clone()?, status, range, body.len(), most(n))?;
            std::thread::sleep(Duration::from_secs(20));
            Ok(())
        }
        _ => reply(stream, status, range, body.len(), body),
    }
}

fn reply(mut out: std::net::TcpStream, status: &str, range: &str, length: usize, body: &[u8]) -> std::io::Result<()> {
    write!(out, "HTTP/1.1 {status}\r\n{range}Content-Length: {length}\r\nConnection: close\r\n\r\n")?;
    out.write_all(body)
}

/// Lines of blank images with these labels.
fn lines(labels: impl Iterator<Item = String>) -> String {
    let zeros = "0 ".repeat(784);
    labels.map(|label| format!("{zeros}{label}\n")).collect()
}

/// An archive like rot-MNIST's of so many training and test images, all blank, with names beside them that must not be
/// trusted.
fn archive_of(train: usize, test: usize) -> Vec<u8> {
    let lines = |n: usize| lines((0..n).map(|i| (i % 10).to_string()));
    zip(&[
        ("../../evil.txt", b"evil"),
        ("sub/mnist_all_rotation_normalized_float_train_valid.amat", lines(train).as_bytes()),
        ("mnist_all_rotation_normalized_float_test.amat", lines(test).as_bytes()),
    ])
}

/// One of the right size.
fn archive() -> Vec<u8> {
    static ARCHIVE: OnceLock<Vec<u8>> = OnceLock::new();
    ARCHIVE.get_or_init(|| archive_of(12_000, 50_000)).clone()
}

const ZIP: &str = "mnist_rotation_new.zip";
const TEXTS: [&str; 2] =
    ["mnist_all_rotation_normalized_float_test.amat", "mnist_all_rotation_normalized_float_train_valid.amat"];

fn zip_server(manner: Manner) -> Server {
    Server::start(manner, vec![(ZIP.to_owned(), archive())])
}

fn fails(server: &Server, name: &str, folder: &Path, part: &str) {
    let message = fetch(name, folder, &server.options()).unwrap_err().to_string();
    assert!(message.contains(&server.url) && message.contains(part), "{message:?} doesn't say {part:?}");
    assert!(!message.contains('\n'), "{message:?} has more than one line");
}

#[test]
fn an_archive_is_unpacked_to_its_two_files_only_and_not_fetched_again() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("a/b");
    let server = zip_server(Manner::Good);
    let files = fetch("mnist-rot", &inner, &server.options()).unwrap();
    assert_eq!(files.len(), 2);
    assert_eq!(names(&inner), TEXTS);
    assert_eq!(names(folder.path()), ["a"]);
    fetch("mnist-rot", &inner, &server.options()).unwrap();
    assert_eq!(server.requests(), [(ZIP.to_owned(), 0)]);
    // A damaged file is not "there".
    write(&inner, TEXTS[0], b"damaged");
    fetch("mnist-rot", &inner, &server.options()).unwrap();
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_download_that_is_cut_off_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let server = zip_server(Manner::CutOnce(500));
    fetch("mnist-rot", folder.path(), &server.options()).unwrap();
    assert_eq!(server.requests(), [(ZIP.to_owned(), 0), (ZIP.to_owned(), 500)]);
    assert_eq!(names(folder.path()), TEXTS);
}

#[test]
fn a_later_call_resumes_what_an_earlier_one_left() {
    let folder = tempfile::tempdir().unwrap();
    fails(&zip_server(Manner::Cut(100)), "mnist-rot", folder.path(), "after");
    assert_eq!(names(folder.path()), [format!("{ZIP}.part")]);
    let server = zip_server(Manner::Good);
    fetch("mnist-rot", folder.path(), &server.options()).unwrap();
    assert_eq!(server.requests(), [(ZIP.to_owned(), 300)]);
    assert_eq!(names(folder.path()), TEXTS);
}

#[test]
fn servers_that_cannot_resume_start_again() {
    for manner in [Manner::IgnoresRanges, Manner::RefusesRanges, Manner::WrongRange] {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), &format!("{ZIP}.part"), &archive()[..200]);
        fetch("mnist-rot", folder.path(), &zip_server(manner).options()).unwrap();
        assert_eq!(names(folder.path()), TEXTS);
    }
}

#[test]
fn a_leftover_of_something_else_does_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &format!("{ZIP}.part"), &[b'y'; 50]);
    let mut damaged = archive();
    damaged.truncate(damaged.len() - 30);
    write(folder.path(), &format!("{ZIP}.part"), &[&damaged[..], &[b'y'; 500]].concat());
    fetch("mnist-rot", folder.path(), &zip_server(Manner::RefusesRanges).options()).unwrap();
    assert_eq!(names(folder.path()), TEXTS);
}

#[test]
fn a_server_that_stalls_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let start = Instant::now();
    fails(&zip_server(Manner::Stall(100)), "mnist-rot", folder.path(), "timeout");
    assert!(start.elapsed() < Duration::from_secs(10));
    assert_eq!(names(folder.path()), [format!("{ZIP}.part")]);
}

#[test]
fn false_lengths_and_wrong_answers_leave_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let nothing: [&str; 0] = [];
    for (manner, part) in
        [(Manner::TooShort(40), "zip"), (Manner::Wrong, "zip"), (Manner::Missing, "404"), (Manner::Huge, "larger than")]
    {
        fails(&zip_server(manner), "mnist-rot", folder.path(), part);
        assert_eq!(names(folder.path()), nothing);
    }
    fails(&zip_server(Manner::TooLong(40)), "mnist-rot", folder.path(), "");
    assert!(names(folder.path()).iter().all(|name| name.ends_with(".part")));
}

#[test]
fn an_archive_with_malformed_text_or_other_numbers_of_images_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |bytes: Vec<u8>, parts: &[&str]| {
        let server = Server::start(Manner::Good, vec![(ZIP.to_owned(), bytes)]);
        let message = fetch("mnist-rot", folder.path(), &server.options()).unwrap_err().to_string();
        assert!(parts.iter().all(|part| message.contains(part)), "{message}");
        assert!(names(folder.path()).is_empty());
    };
    let of_digits = |text: &str| zip(&TEXTS.map(|name| (name, text.as_bytes())));
    refused(of_digits(&amat_line(&[0.5], "1.5")), &["line 1: label 1.5"]);
    refused(archive_of(20, 20), &["train_valid.amat", "20 images", "12000"]);
    refused(archive_of(12_000, 20), &["float_test.amat", "20 images", "50000"]);
    refused(of_digits(&lines((0..12_000).map(|n| (n % 11).to_string()))), &["label 10", "digits"]);
}

#[test]
fn a_server_that_sends_too_slowly_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let start = Instant::now();
    fails(&zip_server(Manner::Trickle), "mnist-rot", folder.path(), "too slow");
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    // What came is right, and can be taken up from there.
    assert_eq!(names(folder.path()), [format!("{ZIP}.part")]);
}

#[test]
fn an_endless_stream_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(Manner::Endless, vec![("train-images-idx3-ubyte.gz".to_owned(), Vec::new())]);
    fails(&server, "mnist", folder.path(), "more than 47");
    assert!(names(folder.path()).is_empty());
    // Neither does what an earlier program left of one.
    write(folder.path(), &format!("{ZIP}.part"), &[]).metadata().unwrap();
    std::fs::File::options()
        .write(true)
        .open(folder.path().join(format!("{ZIP}.part")))
        .unwrap()
        .set_len(512 << 20)
        .unwrap();
    fails(&zip_server(Manner::Missing), "mnist-rot", folder.path(), "404");
    assert!(names(folder.path()).is_empty());
}

#[test]
fn several_at_once_into_one_folder_wait_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let server = zip_server(Manner::CutOnce(500));
    let options = Options { timeout: Duration::from_secs(60), ..server.options() };
    write(
        &std::fs::create_dir(folder.path().join(".unpacking-killed"))
            .map(|()| folder.path().join(".unpacking-killed"))
            .unwrap(),
        "half",
        b"",
    );
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..3).map(|_| scope.spawn(|| fetch("mnist-rot", folder.path(), &options))).collect();
        all.into_iter().for_each(|one| assert_eq!(one.join().unwrap().unwrap().len(), 2));
    });
    assert_eq!(names(folder.path()), TEXTS);
    // One fetched, in two parts; the others found what it had.
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn idx_files_with_another_hash_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let content = gzip(&idx_images(1, 2, 2, &[0; 4]));
    let server = Server::start(Manner::Good, vec![("train-images-idx3-ubyte.gz".to_owned(), content)]);
    fails(&server, "mnist", folder.path(), "SHA-256");
    fails(&server, "fashion-mnist", folder.path(), "SHA-256");
    assert!(names(folder.path()).is_empty());
}

#[test]
fn other_files_than_the_published_ones_are_refused_with_their_checksums() {
    let folder = tempfile::tempdir().unwrap();
    let archive = zip(&[("gzip/emnist-mnist-test-labels-idx1-ubyte.gz", &gzip(&idx_labels(&[1])))]);
    for (set, file, bytes, part) in [
        ("kmnist", "train-images-idx3-ubyte.gz", gzip(&idx_images(1, 2, 2, &[0; 4])), "kmnist's train-images"),
        ("emnist", "gzip.zip", archive, "MD5 is "),
        ("cifar10", "cifar-10-binary.tar.gz", gzip(&[0; 1024]), "SHA-256 is "),
        ("cifar100", "cifar-100-binary.tar.gz", gzip(&[0; 1024]), "not 03b5dce01913d631647c71ecec9e9cb8"),
    ] {
        let server = Server::start(Manner::Good, vec![(file.to_owned(), bytes)]);
        fails(&server, set, folder.path(), part);
        assert!(names(folder.path()).is_empty());
        assert_eq!(server.requests(), [(file.to_owned(), 0)]);
    }
    let server = Server::start(Manner::Endless, vec![("cifar-100-binary.tar.gz".to_owned(), Vec::new())]);
    fails(&server, "cifar100", folder.path(), "more than 168513733 bytes");
    assert!(names(folder.path()).is_empty());
}

#[test]
fn canonical_files_pass_and_are_not_fetched_again() {
    let Some(source) = crate::common::mnist() else { return };
    let read = |name: String| (name.clone(), std::fs::read(source.path().join(name)).unwrap());
    let server = Server::start(Manner::CutOnce(1000), names(source.path()).into_iter().map(read).collect());
    let folder = tempfile::tempdir().unwrap();
    let options = Options { timeout: Duration::from_secs(10), ..server.options() };
    assert_eq!(fetch("mnist", folder.path(), &options).unwrap().len(), 4);
    assert_eq!(names(folder.path()), names(source.path()));
    assert_eq!(server.requests().len(), 8);
    fetch("mnist", folder.path(), &options).unwrap();
    assert_eq!(server.requests().len(), 8);
    write(folder.path(), "t10k-labels-idx1-ubyte.gz", b"damaged");
    fetch("mnist", folder.path(), &options).unwrap();
    assert_eq!(server.requests().len(), 9);
}

#[test]
fn unknown_sets_and_unwritable_folders_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let message = fetch("cifar", folder.path(), &Options::default()).unwrap_err().to_string();
    assert!(message.contains("cifar") && message.contains("fashion-mnist"), "{message}");
    let file = write(folder.path(), "file", b"");
    let message = fetch("mnist", &file.join("sub"), &Options::default()).unwrap_err().to_string();
    assert!(message.contains("file"), "{message}");
    // No one listens here.
    let options = Options { url: Some("http://127.0.0.1:9/".into()), timeout: Duration::from_millis(400) };
    let message = fetch("mnist", folder.path(), &options).unwrap_err().to_string();
    assert!(message.contains("http://127.0.0.1:9/train-images-idx3-ubyte.gz"), "{message}");
}
