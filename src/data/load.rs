//! From the `[data]` table and a folder to images.

use std::borrow::Cow;
use std::path::Path;

use super::cifar::{CIFAR10, CIFAR100};
use super::images::wanted;
use super::padded::{padded, padded_shape};
use super::pixels::classes_seen;
use super::{
    CLASSES, DataConfig, Dataset, ImageSize, Shape, Source, amat, builtin, cache, hash, idx, idx_named, image_folder,
    mnist_rot, npz, turned,
};
use crate::error::{Error, Result};

/// Loads the images that `config` asks for.
///
/// `dir` is the folder that holds the source's files, or a file written by [`cache::write_made`] (`equisplit data make`),
/// which stands in for the source that it was made from: its images are taken as they are, under the name and fingerprint
/// stored in it, and the default sizes are all of them; of [`Source::Npz`] also an archive that has a whole set. [`Source::Builtin`] needs no `dir` and doesn't look into a folder.
///
/// # Errors
/// A missing `dir`, more images asked for than there are, keys that contradict the file, or input files that are missing,
/// unreadable or malformed.
pub fn load(config: &DataConfig, dir: Option<&Path>) -> Result<Dataset> {
    config.check()?;
    let (config, dir) = located(config, dir);
    if let Some(DataPath::File(file)) = place(dir)? {
        let (set, recipe) = cache::read_made(file)?;
        config.check_against(recipe.as_ref(), file)?;
        return padded(set.first(config.train, config.test)?, &config);
    }
    padded(turned::turned(load_upright(&config, dir)?, &config, config.seed)?, &config)
}

/// Of an archive that `dir` names, its folder, and a configuration that names the archive; all else as it is.
pub(super) fn located<'a>(config: &'a DataConfig, dir: Option<&'a Path>) -> (Cow<'a, DataConfig>, Option<&'a Path>) {
    let archive = || {
        let file = dir.filter(|path| config.source == Source::Npz && config.train_file.is_none() && path.is_file())?;
        let name = file.file_name()?.to_str().filter(|name| name.ends_with(".npz"))?;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Some((DataConfig { train_file: Some(name.to_owned()), ..config.clone() }, folder))
    };
    match archive() {
        Some((config, folder)) => (Cow::Owned(config), Some(folder)),
        None => (Cow::Borrowed(config), dir),
    }
}

/// The images before `[data] rotate`, `flip` and `pad`; `dir` is no file.
pub(super) fn load_upright(config: &DataConfig, dir: Option<&Path>) -> Result<Dataset> {
    match (place(dir)?, config.source) {
        (Some(DataPath::File(file)), _) => Err(Error::content(file, "not a folder")),
        (_, Source::Builtin) => {
            builtin::digits(config.seed, config.train.unwrap_or(2_000), config.test.unwrap_or(2_000))
        }
        (Some(DataPath::Folder(folder)), _) => {
            let set = load_folder(config, folder)?;
            match config.resize.map(ImageSize::size) {
                // The images of a folder had different sizes and have this one.
                Some(size) if config.source != Source::Images => image_folder::resized(set, size),
                _ => Ok(set),
            }
        }
        (None, _) => Err(no_folder()),
    }
}

/// The shape of the images that [`load`] would give, and the number of classes: read from headers and labels, without the
/// images.
///
/// # Errors
/// As [`load`], as far as it's seen without the images.
pub fn shape(config: &DataConfig, dir: Option<&Path>) -> Result<(Shape, usize)> {
    config.check()?;
    let (config, dir) = located(config, dir);
    let (shape, classes) = unpadded_shape(&config, dir)?;
    Ok((padded_shape(shape, &config)?, classes))
}

fn unpadded_shape(config: &DataConfig, dir: Option<&Path>) -> Result<(Shape, usize)> {
    let folder = match (place(dir)?, config.source) {
        (Some(DataPath::File(file)), _) => {
            let (shape, classes, recipe) = cache::shape(file)?;
            config.check_against(recipe.as_ref(), file)?;
            return Ok((shape, classes));
        }
        (_, Source::Builtin) => return Ok((Shape { channels: 1, height: 28, width: 28 }, CLASSES)),
        (Some(DataPath::Folder(folder)), _) => folder,
        (None, _) => return Err(no_folder()),
    };
    std::fs::read_dir(folder).map_err(|e| Error::io(folder, e))?;
    let (shape, classes) = match config.source {
        Source::Amat => amat::shape(folder, config),
        Source::Npz => npz::shape(folder, config),
        Source::Cifar10 => CIFAR10.shape(folder),
        Source::Cifar100 => CIFAR100.shape(folder),
        Source::Images => image_folder::shape(folder, config),
        Source::Idx => {
            let (Shape { channels, height, width }, classes) = idx::shape(idx_named::find(folder, config)?)?;
            let [height, width] = if config.transpose { [width, height] } else { [height, width] };
            Ok((Shape { channels, height, width }, classes))
        }
        Source::Mnist | Source::MnistRot | Source::Builtin => {
            let (shape, classes) = idx::shape(idx::find(folder)?)?;
            Ok((shape, classes.max(CLASSES)))
        }
    }?;
    let [height, width] = config.resize.map_or([shape.height, shape.width], ImageSize::size);
    let shape = Shape { height, width, ..shape };
    turned::check_shape(shape, config)?;
    Ok((shape, classes))
}

/// What `--data` names.
enum DataPath<'a> {
    File(&'a Path),
    Folder(&'a Path),
}

/// What isn't there is told as a folder that can't be read.
fn place(dir: Option<&Path>) -> Result<Option<DataPath<'_>>> {
    match dir {
        Some(path) if path.is_file() && path.extension().is_some_and(|extension| extension == "npz") => {
            let message = "is an archive; source = \"npz\" in [data] takes one, without train_file";
            Err(Error::content(path, message))
        }
        Some(path) if path.is_file() => Ok(Some(DataPath::File(path))),
        Some(path) if path.exists() && !path.is_dir() => {
            let message = "is a pipe, device or socket; expected a folder, or a file made by `equisplit data make`";
            Err(Error::content(path, message))
        }
        dir => Ok(dir.map(DataPath::Folder)),
    }
}

fn no_folder() -> Error {
    Error::invalid("this data source needs files: pass --data DIR with the folder that holds them")
}

fn load_folder(config: &DataConfig, folder: &Path) -> Result<Dataset> {
    std::fs::read_dir(folder).map_err(|e| Error::io(folder, e))?;
    match config.source {
        Source::Mnist => idx::read_folder(folder)?.into_dataset().first(config.train, config.test),
        Source::MnistRot => {
            let (train, test) = (config.train.unwrap_or(12_000), config.test.unwrap_or(50_000));
            mnist_rot::load(folder, config.seed, train, test)
        }
        Source::Amat => amat::load(folder, config)?.first(config.train, config.test),
        Source::Npz => npz::load(folder, config)?.first(config.train, config.test),
        Source::Cifar10 => CIFAR10.load(folder)?.first(config.train, config.test),
        Source::Cifar100 => CIFAR100.load(folder)?.first(config.train, config.test),
        Source::Idx => {
            let set = idx::read_files(idx_named::find(folder, config)?)?;
            let set = if config.transpose { set.transposed() } else { set };
            let classes = classes_seen([&set.train.labels, &set.test.labels]);
            Dataset { classes, ..set.into_dataset() }.first(config.train, config.test)
        }
        Source::Images => image_folder::load(folder, config),
        Source::Builtin => Err(Error::invalid("builtin digits are not read from a folder")),
    }
}

impl Dataset {
    /// Keeps the first `train` and `test` images (all where `None`), which changes the fingerprint if anything is cut.
    fn first(mut self, train: Option<usize>, test: Option<usize>) -> Result<Self> {
        let train = wanted("train", train, self.train.len())?;
        let test = wanted("test", test, self.test.len())?;
        if (train, test) != (self.train.len(), self.test.len()) {
            let cut = format!("first {train} of train, first {test} of test");
            self.fingerprint = hash::fingerprint([self.fingerprint.as_str(), &cut]);
            self.train.truncate(train);
            self.test.truncate(test);
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_a_source_would_ignore_are_refused() {
        let mut config = DataConfig::new(Source::Builtin);
        config.transpose = true;
        assert!(load(&config, None).unwrap_err().to_string().contains("amat"));
        config.transpose = false;
        config.test_file = Some("a".into());
        assert!(load(&config, None).unwrap_err().to_string().contains("npz"));
    }
}
