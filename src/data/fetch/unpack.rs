//! Files out of zip and tar archives. Names in an archive are only looked for, never written to.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use zip::ZipArchive;

use super::super::pixels::Checked;
use crate::error::{Error, Result};
use crate::files;

/// How the names of folders begin that are unpacked into.
const UNFINISHED: &str = ".unpacking-";

/// Bytes that a tar archive may have beside the files that are looked for: headers, texts, padding.
const MOST_BESIDE: u64 = 1 << 20;

/// How an archive is packed.
#[derive(Clone, Copy)]
pub(super) enum Format {
    /// A zip archive.
    Zip,
    /// A tar archive, compressed by gzip.
    TarGz,
}

/// A file that is looked for in an archive.
pub(super) struct Wanted {
    /// Its name there, without folders, and where it's unpacked.
    pub name: String,
    /// The most bytes that it may have.
    pub most: u64,
}

/// What is done with a file of an archive, and its content.
type Take<'a> = &'a mut dyn FnMut(&Wanted, &mut dyn Read) -> Result<()>;

/// Removes what a killed process left half unpacked; nothing else may be unpacking there.
pub(super) fn remove_unfinished(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
        // What can't be removed is in nobody's way.
        let _ = std::fs::remove_dir_all(entry.path());
    }
}

/// Whether an archive holds these files, by their names; if not, why, as the end of a sentence.
pub(super) fn check_names(archive: &Path, format: Format, wanted: &[Wanted]) -> Checked<()> {
    each(archive, format, wanted, &mut |_, _| Ok(())).map_err(|e| format!("can't be unpacked: {e}"))
}

/// Unpacks these files into `folder`. All of them are whole, and `check` is content with the folder that they lie in, before
/// any of them gets its name.
pub(super) fn unpack(
    archive: &Path,
    format: Format,
    wanted: &[Wanted],
    folder: &Path,
    check: &dyn Fn(&Path) -> Result<()>,
) -> Result<Vec<PathBuf>> {
    let staging = tempfile::Builder::new().prefix(UNFINISHED).tempdir_in(folder).map_err(|e| Error::io(folder, e))?;
    let staged = |file: &Wanted| staging.path().join(&file.name);
    each(archive, format, wanted, &mut |file, content| write(archive, file, content, &staged(file)))?;
    check(staging.path())?;
    let name = |file: &Wanted| {
        let path = folder.join(&file.name);
        std::fs::rename(staged(file), &path).map_err(|e| Error::io(&path, e))?;
        Ok(path)
    };
    wanted.iter().map(name).collect()
}

fn write(archive: &Path, file: &Wanted, content: &mut dyn Read, path: &Path) -> Result<()> {
    let mut written = 0;
    // One byte more than there may be tells that there are more.
    let mut content = content.take(file.most + 1);
    files::write_whole(path, |out| {
        written = std::io::copy(&mut content, out)?;
        Ok(())
    })?;
    match written <= file.most {
        true => Ok(()),
        false => Err(Error::content(archive, format!("{} has more than {} bytes", file.name, file.most))),
    }
}

/// Gives each of these files of an archive to `take`, the first that has its name in any folder.
fn each(archive: &Path, format: Format, wanted: &[Wanted], take: Take) -> Result<()> {
    let file = BufReader::new(files::open(archive)?);
    let wrong = |message: String| Error::content(archive, message);
    let mut missing: Vec<&Wanted> = wanted.iter().collect();
    match format {
        Format::Zip => each_of_zip(file, &mut missing, &|e| wrong(format!("is no intact zip archive: {e}")), take)?,
        Format::TarGz => each_of_tar(file, &mut missing, &|e| wrong(format!("is no intact tar archive: {e}")), take)?,
    }
    match missing.first() {
        Some(file) => Err(wrong(format!("holds no {}", file.name))),
        None => Ok(()),
    }
}

fn each_of_zip(
    file: BufReader<File>,
    missing: &mut Vec<&Wanted>,
    wrong: &dyn Fn(zip::result::ZipError) -> Error,
    take: Take,
) -> Result<()> {
    let mut zip = ZipArchive::new(file).map_err(wrong)?;
    for index in 0..zip.len() {
        let Some(Ok(path)) = zip.name_for_index(index) else { continue };
        if let Some(file) = take_out(missing, &path) {
            take(file, &mut zip.by_index(index).map_err(wrong)?)?;
        }
    }
    Ok(())
}

fn each_of_tar(
    file: BufReader<File>,
    missing: &mut Vec<&Wanted>,
    wrong: &dyn Fn(std::io::Error) -> Error,
    take: Take,
) -> Result<()> {
    // Long names are read into memory, and what lies between the files is read through.
    let most = missing.iter().map(|file| file.most).sum::<u64>() + MOST_BESIDE;
    let mut tar = tar::Archive::new(MultiGzDecoder::new(file).take(most));
    for entry in tar.entries().map_err(wrong)? {
        let mut entry = entry.map_err(wrong)?;
        // A link has a name, too, but leads elsewhere.
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if let Some(file) = take_out(missing, &path) {
            take(file, &mut entry)?;
        }
    }
    Ok(())
}

/// Takes the file that has the name at the end of `path` out of those that are missing.
fn take_out<'a>(missing: &mut Vec<&'a Wanted>, path: &str) -> Option<&'a Wanted> {
    let name = path.rsplit('/').next()?;
    let place = missing.iter().position(|file| file.name == name)?;
    Some(missing.remove(place))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Files with their paths in an archive.
    type Files<'a> = &'a [(&'a str, &'a [u8])];

    /// What writes an archive of them.
    type Pack = fn(&Path, Files);

    fn zip(path: &Path, entries: Files) {
        let mut zip = zip::ZipWriter::new(File::create(path).unwrap());
        for (name, bytes) in entries {
            zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap();
    }

    fn tar_gz(path: &Path, entries: Files) {
        let gzip = flate2::write::GzEncoder::new(File::create(path).unwrap(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gzip);
        for (name, bytes) in entries {
            let mut header = tar::Header::new_gnu();
            // The crate doesn't write names that leave the folder, so they're put there byte by byte.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(bytes.len() as u64);
            header.set_cksum();
            tar.append(&header, *bytes).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap();
    }

    const FORMATS: [(Format, Pack); 2] = [(Format::Zip, zip), (Format::TarGz, tar_gz)];

    const FILES: Files = &[
        ("../../evil.bin", b"evil"),
        ("set/", b""),
        ("set/a.bin", b"first"),
        ("/tmp/b.bin", b"2"),
        ("other/a.bin", b"second"),
    ];

    fn wanted(names: &[&str], most: u64) -> Vec<Wanted> {
        names.iter().map(|name| Wanted { name: (*name).to_owned(), most }).collect()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A folder `in` for what is unpacked, and an archive beside it.
    fn place(pack: Pack, entries: Files) -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let (archive, inner) = (folder.path().join("archive"), folder.path().join("in"));
        std::fs::create_dir(&inner).unwrap();
        pack(&archive, entries);
        (folder, archive, inner)
    }

    #[test]
    fn wanted_files_are_unpacked_by_their_last_names_and_no_others() {
        for (format, pack) in FORMATS {
            let (folder, archive, inner) = place(pack, FILES);
            let wanted = wanted(&["b.bin", "a.bin"], 5);
            check_names(&archive, format, &wanted).unwrap();
            let seen = |staging: &Path| {
                assert_eq!(names(staging), ["a.bin", "b.bin"]);
                assert!(!inner.join("a.bin").exists(), "has its name before it's checked");
                Ok(())
            };
            let paths = unpack(&archive, format, &wanted, &inner, &seen).unwrap();
            assert_eq!(paths, [inner.join("b.bin"), inner.join("a.bin")]);
            assert_eq!([&paths[0], &paths[1]].map(|path| std::fs::read(path).unwrap()), [&b"2"[..], b"first"]);
            assert_eq!(names(&inner), ["a.bin", "b.bin"]);
            assert_eq!(names(folder.path()), ["archive", "in"]);
        }
    }

    #[test]
    fn what_is_missing_too_long_damaged_or_fails_its_check_leaves_nothing() {
        for (format, pack) in FORMATS {
            let (_folder, archive, inner) = place(pack, FILES);
            let refused = |wanted: &[Wanted], check: &dyn Fn(&Path) -> Result<()>, part: &str| {
                let message = unpack(&archive, format, wanted, &inner, check).unwrap_err().to_string();
                assert!(message.contains(part) && !message.contains('\n'), "{message}");
                assert!(names(&inner).is_empty());
            };
            refused(&wanted(&["a.bin", "c.bin"], 9), &|_| Ok(()), "archive: holds no c.bin");
            refused(&wanted(&["evil"], 9), &|_| Ok(()), "holds no evil");
            refused(&wanted(&["b.bin", "a.bin"], 4), &|_| Ok(()), "archive: a.bin has more than 4 bytes");
            refused(&wanted(&["b.bin"], 9), &|_| Err(Error::invalid("not that")), "not that");
            assert!(check_names(&archive, format, &wanted(&["c.bin"], 9)).unwrap_err().contains("holds no c.bin"));
            std::fs::write(&archive, b"something else, which is neither of them").unwrap();
            refused(&wanted(&["b.bin"], 9), &|_| Ok(()), "is no intact");
        }
    }

    #[test]
    fn links_in_a_tar_archive_are_passed_over() {
        let (_folder, archive, inner) = place(tar_gz, FILES);
        let gzip = flate2::write::GzEncoder::new(File::create(&archive).unwrap(), flate2::Compression::fast());
        let mut tar = tar::Builder::new(gzip);
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, "a.bin", "/etc/passwd").unwrap();
        tar.into_inner().unwrap().finish().unwrap();
        let message = unpack(&archive, Format::TarGz, &wanted(&["a.bin"], 9), &inner, &|_| Ok(())).unwrap_err();
        assert!(message.to_string().contains("holds no a.bin"), "{message}");
    }

    #[test]
    fn a_tar_archive_that_unpacks_to_far_more_than_it_should_is_not_read_through() {
        let padding = vec![0; 2 << 20];
        let (_folder, archive, inner) = place(tar_gz, &[("padding", &padding), ("a.bin", b"1")]);
        assert!(unpack(&archive, Format::TarGz, &wanted(&["a.bin"], 9), &inner, &|_| Ok(())).is_err());
        assert!(names(&inner).is_empty());
    }
}
