//! IDX sets under names of their own, with any number of classes: KMNIST, the six sets of EMNIST, and others like them.

use std::path::{Path, PathBuf};

use super::{DataConfig, folder, idx};
use crate::error::{Error, Result};

/// Image files that an error lists.
const LISTED: usize = 12;

/// The four files of a set in the order of [`idx::FILES`]: MNIST's names where the folder has them, else the one pair of image
/// files whose names have `train` and `test` (or `t10k`); the file of labels is called as that of images.
pub(super) fn find(folder: &Path, config: &DataConfig) -> Result<[PathBuf; 4]> {
    let given = |name: &Option<String>| name.as_ref().map(|name| folder.join(name));
    let (train, test) = match (given(&config.train_file), given(&config.test_file)) {
        (None, None) => match idx::find(folder) {
            Ok(files) => return Ok(files),
            Err(_) => (only(folder, "train_file", &["train"])?, only(folder, "test_file", &["test", "t10k"])?),
        },
        (train, test) => (
            train.map_or_else(|| only(folder, "train_file", &["train"]), Ok)?,
            test.map_or_else(|| only(folder, "test_file", &["test", "t10k"]), Ok)?,
        ),
    };
    if let Some(missing) = [&train, &test].into_iter().find(|path| !path.is_file()) {
        return Err(Error::content(missing, "isn't there; train_file and test_file in [data] name files of images"));
    }
    let [train_labels, test_labels] = [&train, &test].map(|images| labels_of(images));
    Ok([train, train_labels?, test, test_labels?])
}

fn is_images(name: &str) -> bool {
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    ["-idx3-ubyte", ".idx3-ubyte"].iter().any(|ending| plain.ends_with(ending))
}

/// The only file of images whose name has one of these words.
fn only(folder: &Path, key: &str, words: &[&str]) -> Result<PathBuf> {
    let names = folder::files(folder)?;
    let names: Vec<&str> =
        names.iter().filter_map(|path| path.file_name()?.to_str()).filter(|name| is_images(name)).collect();
    let found: Vec<&&str> = names.iter().filter(|name| words.iter().any(|word| name.contains(word))).collect();
    match found.as_slice() {
        [name] => Ok(folder.join(name)),
        [] => {
            let there = if names.is_empty() { "none".to_owned() } else { listed(names.iter()) };
            let message = format!(
                "of the IDX files of images (…-idx3-ubyte, also with .gz), {there}, no name has {}; {key} in [data] names one",
                words.join(" or ")
            );
            Err(Error::content(folder, message))
        }
        several => {
            let several = listed(several.iter().copied());
            Err(Error::content(folder, format!("has {several}; {key} in [data] names the one")))
        }
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a &'a str>) -> String {
    names.take(LISTED).copied().collect::<Vec<_>>().join(", ")
}

/// The file of labels that goes with a file of images.
fn labels_of(images: &Path) -> Result<PathBuf> {
    let name = images.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let labels = name.replace("images", "labels").replace("idx3", "idx1");
    let path = images.with_file_name(&labels);
    match labels != name && path.is_file() {
        true => Ok(path),
        false => Err(Error::content(images, format!("no labels beside it, in a file {labels}"))),
    }
}
