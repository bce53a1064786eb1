//! Which archives, and which arrays in them, a set's images are in.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::LISTED;
use crate::data::{DataConfig, folder};
use crate::error::{Error, Result};
use crate::files;

/// Usual names of the files of a set.
struct Names {
    train: &'static str,
    /// Images that were held out of the training file, and belong to the training images.
    validation: Option<&'static str>,
    test: &'static str,
}

const fn names(train: &'static str, validation: Option<&'static str>, test: &'static str) -> Names {
    Names { train, validation, test }
}

/// The first set whose files are there is read.
const USUAL: [Names; 6] = [
    names("rotated_train_valid.npz", None, "rotated_test.npz"),
    names("rotated_train.npz", Some("rotated_valid.npz"), "rotated_test.npz"),
    names("mnist_rot_trainval.npz", None, "mnist_rot_test.npz"),
    names("mnist_rot_train.npz", Some("mnist_rot_valid.npz"), "mnist_rot_test.npz"),
    names("train_all.npz", None, "test.npz"),
    names("train.npz", Some("valid.npz"), "test.npz"),
];

/// What is before the names of arrays in an archive that has a whole set.
const TRAIN: &str = "train_";
const VALIDATION: &str = "val_";
const TEST: &str = "test_";

/// Where some images of a set are.
pub(super) struct Part {
    pub path: PathBuf,
    /// What is before the names of their arrays.
    pub prefix: &'static str,
}

impl Part {
    fn of_file(path: PathBuf) -> Self {
        Self { path, prefix: "" }
    }
}

/// Where training images are, in at least one place, and where test images are.
pub(super) fn parts(folder: &Path, config: &DataConfig) -> Result<(Vec<Part>, Part)> {
    let there = |name: &str| folder::file(folder, [name]);
    let whole = USUAL.iter().find(|names| there(names.train).is_some() && there(names.test).is_some());
    let usual = whole.or_else(|| USUAL.iter().find(|names| there(names.train).is_some()));
    let may_be_whole = config.test_file.is_none() && (config.train_file.is_some() || usual.is_none());
    if may_be_whole && let Some(set) = whole_set(folder, config.train_file.as_deref())? {
        return Ok(set);
    }
    let train = match (&config.train_file, usual) {
        (Some(name), _) => vec![folder.join(name)],
        (None, Some(Names { train, validation, .. })) => {
            std::iter::once(folder.join(train)).chain(validation.and_then(there)).collect()
        }
        (None, None) => return Err(missing(folder, "training", "train_file", |names| names.train)),
    };
    let test = match (&config.test_file, usual) {
        (Some(name), _) => folder.join(name),
        (None, Some(Names { test, .. })) if there(test).is_some() => folder.join(test),
        _ => match USUAL.iter().find_map(|names| there(names.test)) {
            Some(path) if usual.is_none() => path,
            _ => return Err(missing(folder, "test", "test_file", |names| names.test)),
        },
    };
    Ok((train.into_iter().map(Part::of_file).collect(), Part::of_file(test)))
}

/// The archive of this name that has a whole set, or the only one in the folder that does.
fn whole_set(folder: &Path, name: Option<&str>) -> Result<Option<(Vec<Part>, Part)>> {
    let archives = match name {
        Some(name) => vec![folder.join(name)],
        None => archives(folder),
    };
    // What is wrong with the only archive is told; others may be of no set.
    if let [only] = archives.as_slice() {
        let found = prefixes(only)?;
        if found.contains(&TRAIN) && !found.contains(&TEST) {
            return Err(Error::content(only, "has train_images, but no test_images"));
        }
    }
    let mut sets = archives.into_iter().filter_map(|path| {
        let mut found = prefixes(&path).ok().filter(|found| found.contains(&TRAIN))?;
        (found.pop() == Some(TEST)).then_some((path, found))
    });
    let (first, second) = (sets.next(), sets.next());
    if let (Some((first, _)), Some((second, _))) = (&first, &second) {
        let [first, second] = [first, second].map(|path| path.file_name().unwrap_or_default().to_string_lossy());
        let message = format!("has sets in {first} and {second}; train_file in [data] names the one");
        return Err(Error::content(folder, message));
    }
    Ok(first.map(|(path, prefixes)| {
        let part = |prefix| Part { path: path.clone(), prefix };
        (prefixes.into_iter().map(part).collect(), part(TEST))
    }))
}

/// Which of the prefixes an archive has images of, in their order.
///
/// # Errors
/// When it's no archive.
pub(super) fn prefixes(path: &Path) -> Result<Vec<&'static str>> {
    let zip = ZipArchive::new(BufReader::new(files::open(path)?));
    let zip = zip.map_err(|e| Error::content(path, format!("no npz archive: {e}")))?;
    let has = |prefix: &&str| zip.index_for_name(&format!("{prefix}images.npy")).is_some();
    Ok([TRAIN, VALIDATION, TEST].into_iter().filter(has).collect())
}

fn archives(folder: &Path) -> Vec<PathBuf> {
    let mut files = folder::files(folder).unwrap_or_default();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "npz"));
    files
}

fn missing(folder: &Path, what: &str, key: &str, name: fn(&Names) -> &'static str) -> Error {
    let mut usual: Vec<&str> = USUAL.iter().map(name).collect();
    usual.dedup();
    let archives = archives(folder);
    let archives = archives.iter().filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
    let archives: Vec<String> = archives.take(LISTED).collect();
    let found = if archives.is_empty() { "no archive".to_owned() } else { archives.join(", ") };
    let usual = usual.join(", ");
    Error::content(
        folder,
        format!("no {what} images: there's {found}, but none of {usual}; {key} in [data] names another"),
    )
}
