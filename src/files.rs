//! Reading and writing files so that a crash leaves either the old file or the new one, never half of one.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{BufWriter, ErrorKind, Read, Write};
use std::path::Path;

use serde::Serialize;
use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// How the names of files that are being written begin.
const UNFINISHED: &str = ".writing-";

/// Writes a file whole: into a temporary file in the same folder, synced, then renamed over `path`.
/// Missing parent folders are made, and what a killed process left half-written in the folder is removed.
///
/// A link stays, and what it leads to is written: for paths that a user names.
pub fn write_whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let target = path.is_symlink().then(|| path.canonicalize().map_err(|e| Error::io(path, e))).transpose()?;
    write_own(target.as_deref().unwrap_or(path), write)
}

/// The same for a file of a store or a cache, whose names the program chooses: there a link isn't followed but refused, for it
/// would let whoever made the folder choose what is written.
pub fn write_own(path: &Path, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    refuse_link(path)?;
    // Renaming over a device or a folder would replace it.
    if path.exists() && !path.is_file() {
        return Err(Error::content(path, "is there and not a regular file; give another path"));
    }
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    remove_unfinished(folder);
    let fail = |e| Error::io(path, e);
    let mut writer = BufWriter::new(unfinished(folder).map_err(fail)?);
    write(&mut writer).and_then(|()| writer.flush()).map_err(fail)?;
    let file = writer.into_inner().map_err(|e| fail(e.into_error()))?;
    file.as_file().sync_all().map_err(fail)?;
    file.persist(path).map_err(|e| fail(e.error))?;
    sync_folder(folder)
}

/// Refuses a link in the place of a file or folder of the program's own.
pub fn refuse_link(path: &Path) -> Result<()> {
    match path.is_symlink() {
        true => Err(Error::content(path, "is a symbolic link, which isn't followed here; remove it")),
        false => Ok(()),
    }
}

/// A new file in `folder` that is locked as long as it's open, by which it's told from what a dead process left.
fn unfinished(folder: &Path) -> std::io::Result<NamedTempFile> {
    loop {
        let mut builder = tempfile::Builder::new();
        let file = shared(builder.prefix(UNFINISHED)).tempfile_in(folder)?;
        // Between making and locking it another process may take it for a dead one's. Where the file system has no locks
        // nothing is taken for that.
        if !matches!(file.as_file().try_lock(), Err(TryLockError::WouldBlock)) && file.path().exists() {
            return Ok(file);
        }
    }
}

/// Makes a rename outlast a loss of power.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<()> {
    std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| Error::io(folder, e))
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> Result<()> {
    Ok(())
}

/// Temporary files are private to their owner; results have the permissions of any new file, as the umask says.
#[cfg(unix)]
fn shared<'a, 'b>(builder: &'a mut tempfile::Builder<'b, 'b>) -> &'a mut tempfile::Builder<'b, 'b> {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(std::fs::Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn shared<'a, 'b>(builder: &'a mut tempfile::Builder<'b, 'b>) -> &'a mut tempfile::Builder<'b, 'b> {
    builder
}

/// Removes what killed processes left half-written in `folder`, as far as that's possible; what somebody writes now stays.
pub fn remove_unfinished(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        let file = is_file.then(|| OpenOptions::new().write(true).open(entry.path()).ok()).flatten();
        if file.is_some_and(|file| file.try_lock().is_ok()) {
            // Another command may be cleaning up, too.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Writes `value` as indented JSON, whole, into a file of the program's own (see [`write_own`]).
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    write_own(path, |out| {
        serde_json::to_writer_pretty(&mut *out, value)?;
        out.write_all(b"\n")
    })
}

/// Opens a regular file for reading. A pipe could keep us waiting for ever, a device could send for ever.
///
/// # Errors
/// When the file can't be opened, or is of another type.
pub fn open(path: &Path) -> Result<File> {
    let fail = |e| Error::io(path, e);
    // Even to open a device can do something, so its type is looked at first, and again once nobody can change it.
    regular(path, &std::fs::metadata(path).map_err(fail)?)?;
    let file = without_waiting(OpenOptions::new().read(true)).open(path).map_err(fail)?;
    regular(path, &file.metadata().map_err(fail)?)?;
    Ok(file)
}

fn regular(path: &Path, metadata: &Metadata) -> Result<()> {
    let what = match metadata.file_type() {
        of if of.is_file() => return Ok(()),
        of if of.is_dir() => "a directory",
        _ => "a pipe, device or socket",
    };
    Err(Error::content(path, format!("is {what}; expected a regular file")))
}

/// Opening a pipe doesn't wait for someone to write to it.
#[cfg(unix)]
fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    options.custom_flags(nix::libc::O_NONBLOCK)
}

#[cfg(not(unix))]
fn without_waiting(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Largest record that is read: a store's files and study files have kilobytes, or megabytes where a test set has millions of
/// images.
const MOST_RECORD: u64 = 1 << 28;

/// Reads a record, a file of a store or a study file: a regular one, of a size that records have.
pub fn read_record(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(MOST_RECORD + 1).read_to_end(&mut bytes).map_err(|e| Error::io(path, e))?;
    match bytes.len() as u64 <= MOST_RECORD {
        true => Ok(bytes),
        false => Err(Error::content(path, format!("larger than {} MiB, which no such file is", MOST_RECORD >> 20))),
    }
}

/// The same where there may be no file: `None`. Any other reason why it can't be read is an error, and no sign that it's gone.
pub fn read_record_if_there(path: &Path) -> Result<Option<Vec<u8>>> {
    match read_record(path) {
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Reads a regular file into memory (see [`open`]).
pub fn read(path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.read_to_end(&mut bytes).map_err(|e| Error::io(path, e))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(path: &Path) -> Vec<i32> {
        serde_json::from_slice(&read(path).unwrap()).unwrap()
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/result.json");
        write_json(&path, &[1, 2]).unwrap();
        let failed = write_whole(&path, |out| {
            out.write_all(b"half")?;
            Err(std::io::Error::other("no space"))
        });
        assert!(failed.unwrap_err().to_string().contains("result.json: no space"));
        assert_eq!(numbers(&path), [1, 2]);
        assert!(write_json(folder.path(), &[1]).unwrap_err().to_string().contains("not a regular file"));
        let files = || std::fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(files(), 1);
        #[cfg(unix)]
        {
            let link = folder.path().join("link.json");
            std::os::unix::fs::symlink(&path, &link).unwrap();
            write_whole(&link, |out| out.write_all(b"[3]")).unwrap();
            assert!(link.is_symlink() && numbers(&path) == [3]);
            assert!(write_json(&link, &[4]).unwrap_err().to_string().contains("link.json: is a symbolic link"));
            assert_eq!(numbers(&path), [3]);
        }
    }

    #[test]
    fn what_a_dead_process_left_goes_with_the_next_write_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let written = || {
            let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
            names.filter(|name| name.to_string_lossy().starts_with(UNFINISHED)).count()
        };
        std::fs::write(folder.path().join(".writing-a1b2c3"), "half").unwrap();
        write_json(&folder.path().join("outer.json"), &[1]).unwrap();
        assert_eq!(written(), 0);
        write_whole(&folder.path().join("outer.json"), |out| {
            write_json(&folder.path().join("inner.json"), &[2]).map_err(std::io::Error::other)?;
            assert_eq!(written(), 1, "of outer.json");
            out.write_all(b"[3]")
        })
        .unwrap();
        assert_eq!(numbers(&folder.path().join("outer.json")), [3]);
        assert_eq!(written(), 0);
    }

    #[test]
    fn records_have_the_size_of_records() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("result.json");
        assert_eq!(read_record_if_there(&path).unwrap(), None);
        std::fs::write(&path, "{}").unwrap();
        assert_eq!(read_record_if_there(&path).unwrap().unwrap(), b"{}");
        File::create(&path).unwrap().set_len(MOST_RECORD + 1).unwrap();
        assert!(read_record(&path).unwrap_err().to_string().contains("larger than 256 MiB"));
    }

    #[test]
    fn only_regular_files_are_opened() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |path: &Path| open(path).unwrap_err().to_string();
        assert!(refused(folder.path()).ends_with("is a directory; expected a regular file"));
        assert!(matches!(open(&folder.path().join("missing")), Err(Error::Io { .. })));
        let path = folder.path().join("file");
        std::fs::write(&path, "content").unwrap();
        assert_eq!(read(&path).unwrap(), b"content");
        #[cfg(unix)]
        {
            let pipe = folder.path().join("pipe");
            assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            assert!(refused(&pipe).contains("a pipe, device or socket") && read(&pipe).is_err());
            let link = folder.path().join("link");
            std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
            assert!(refused(&link).contains("a pipe, device or socket"));
        }
    }
}
