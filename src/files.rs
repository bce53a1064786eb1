//! Reading and writing files so that a crash leaves either the old file or the new one, never half of one.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use serde::Serialize;

use crate::error::{Error, Result};

/// How the names of files that are being written begin.
const UNFINISHED: &str = ".writing-";

/// Writes a file whole: into a temporary file in the same folder, synced, then renamed over `path`.
/// Missing parent folders are made.
pub fn write_whole(path: &Path, write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>) -> Result<()> {
    // A link stays, and what it leads to is written.
    let target = path.is_symlink().then(|| path.canonicalize().map_err(|e| Error::io(path, e))).transpose()?;
    let path = target.as_deref().unwrap_or(path);
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    // Renaming over a device or a folder would replace it.
    if path.exists() && !path.is_file() {
        return Err(Error::content(path, "is there and not a regular file; give another path"));
    }
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    let fail = |e| Error::io(path, e);
    let mut builder = tempfile::Builder::new();
    let file = shared(builder.prefix(UNFINISHED)).tempfile_in(folder).map_err(fail)?;
    let mut writer = BufWriter::new(file);
    write(&mut writer).and_then(|()| writer.flush()).map_err(fail)?;
    let file = writer.into_inner().map_err(|e| fail(e.into_error()))?;
    file.as_file().sync_all().map_err(fail)?;
    file.persist(path).map_err(|e| fail(e.error))?;
    sync_folder(folder)
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

/// Removes what a killed process left half-written in `folder`; nothing else may be writing there.
pub fn remove_unfinished(folder: &Path) -> Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(e) => return Err(Error::io(folder, e)),
    };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
        std::fs::remove_file(entry.path()).map_err(|e| Error::io(entry.path(), e))?;
    }
    Ok(())
}

/// Writes `value` as indented JSON, whole (see [`write_whole`]).
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    write_whole(path, |out| {
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
            write_json(&link, &[3]).unwrap();
            assert!(link.is_symlink() && numbers(&path) == [3]);
        }
        std::fs::write(path.with_file_name(".writing-a1b2c3"), "half").unwrap();
        remove_unfinished(path.parent().unwrap()).unwrap();
        assert_eq!(files(), 1);
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
