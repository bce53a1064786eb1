//! Which files of a folder are images, of which class, and which of them are test images.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rand::seq::SliceRandom;

use crate::data::{Label, MAX_CLASSES, folder};
use crate::error::{Error, Result};
use crate::files;
use crate::rng;
use crate::text;

/// How the names of images end, in lower case.
const ENDINGS: [&str; 3] = ["png", "jpg", "jpeg"];

/// TinyImageNet's classes of its validation images.
const ANNOTATIONS: &str = "val_annotations.txt";

/// One in so many images is a test image where the folder has none of its own.
const ONE_IN: usize = 6;

/// Classes that an error lists.
const LISTED: usize = 8;

/// An image's file and class.
pub(super) struct Labelled {
    pub path: PathBuf,
    pub class: Label,
}

/// What a folder has.
pub(super) struct Layout {
    /// The names of the classes, sorted.
    pub classes: Vec<String>,
    pub train: Vec<Labelled>,
    pub test: Vec<Labelled>,
}

impl Layout {
    /// Looks through a folder; `seed` draws the order of the images, and the test images where there are none.
    ///
    /// # Errors
    /// A layout that isn't known, a class without images, or one that only test images have.
    pub fn find(folder: &Path, seed: u64) -> Result<Self> {
        let [train, val, test] = ["train", "val", "test"].map(|part| folder.join(part));
        if !train.is_dir() {
            let classes = classes(folder)?;
            let mut train = shuffled(images_of(folder, &classes)?, seed, "split");
            let test = train.split_off(train.len() - train.len() / ONE_IN);
            return Self { classes, train, test }.checked(folder);
        }
        let classes = classes(&train)?;
        let mut train = images_of(&train, &classes)?;
        let annotations = val.join(ANNOTATIONS);
        let test = match (annotations.is_file(), val.is_dir(), test.is_dir()) {
            (true, ..) => annotated(&val, &annotations, &classes)?,
            (_, true, true) => {
                train.extend(same_classes(&val, &classes)?);
                same_classes(&test, &classes)?
            }
            (_, false, true) => same_classes(&test, &classes)?,
            (_, true, false) => same_classes(&val, &classes)?,
            _ => return Err(Error::content(folder, "has a folder train, but neither test nor val beside it")),
        };
        let (train, test) = (shuffled(train, seed, "train"), shuffled(test, seed, "test"));
        Self { classes, train, test }.checked(folder)
    }

    fn checked(self, folder: &Path) -> Result<Self> {
        match self.train.is_empty() || self.test.is_empty() {
            true => {
                let found = format!("{} training and {} test images", self.train.len(), self.test.len());
                Err(Error::content(folder, format!("{found}; at least one of each is needed")))
            }
            false => Ok(self),
        }
    }
}

fn shuffled(mut images: Vec<Labelled>, seed: u64, part: &str) -> Vec<Labelled> {
    images.shuffle(&mut rng::stream(seed, &format!("images/{part}")));
    images
}

/// The names of the folders in a folder, each of which is a class.
fn classes(folder: &Path) -> Result<Vec<String>> {
    let name = |path: PathBuf| match path.file_name().and_then(|name| name.to_str()) {
        Some(name) => Ok(name.to_owned()),
        None => Err(Error::content(&path, "a class whose name isn't UTF-8; rename its folder")),
    };
    let names = folder::folders(folder)?.into_iter().map(name).collect::<Result<Vec<String>>>()?;
    let names: Vec<String> = names.into_iter().filter(|name| !name.starts_with('.')).collect();
    match names.len() {
        0 => {
            let expected = "no folders of classes; expected train/CLASS/… and test/CLASS/…, or CLASS/…";
            Err(Error::content(folder, expected))
        }
        found if found > MAX_CLASSES => {
            Err(Error::content(folder, format!("{found} classes, but at most {MAX_CLASSES} are possible")))
        }
        _ => Ok(names),
    }
}

/// The images of a part beside the training images, which has the same classes.
fn same_classes(folder: &Path, names: &[String]) -> Result<Vec<Labelled>> {
    let found = classes(folder)?;
    let without = |names: &[String], others: &[String]| {
        let names = names.iter().filter(|name| !others.contains(name));
        names.take(LISTED).map(|name| text::line(name)).collect::<Vec<_>>().join(", ")
    };
    let (missing, unknown) = (without(names, &found), without(&found, names));
    match (missing.is_empty(), unknown.is_empty()) {
        (true, true) => images_of(folder, names),
        (false, _) => Err(Error::content(folder, format!("no folders of the classes {missing}"))),
        (_, false) => Err(Error::content(folder, format!("classes without training images: {unknown}"))),
    }
}

/// The images of every class; TinyImageNet has them in a folder `images` of the class.
fn images_of(folder: &Path, classes: &[String]) -> Result<Vec<Labelled>> {
    let mut all = Vec::new();
    for (class, name) in classes.iter().enumerate() {
        let (own, below) = (folder.join(name), folder.join(name).join("images"));
        let mut images = images_in(&own)?;
        if images.is_empty() && below.is_dir() {
            images = images_in(&below)?;
        }
        if images.is_empty() {
            return Err(Error::content(&own, format!("a class without images (.{})", ENDINGS.join(", ."))));
        }
        all.extend(images.into_iter().map(|path| Labelled { path, class: class as Label }));
    }
    Ok(all)
}

fn images_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let is_image = |path: &PathBuf| {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        !hidden && ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
    };
    Ok(folder::files(folder)?.into_iter().filter(is_image).collect())
}

/// TinyImageNet's validation images: lines of a file's name, its class, and a box that isn't used, with tabs between them.
fn annotated(folder: &Path, annotations: &Path, names: &[String]) -> Result<Vec<Labelled>> {
    let by_name: BTreeMap<&str, Label> = names.iter().map(String::as_str).zip(0..).collect();
    let bytes = files::read_record(annotations)?;
    let text = String::from_utf8(bytes).map_err(|_| Error::content(annotations, "not a text"))?;
    let labelled = |(n, line): (usize, &str)| {
        let wrong = |message: String| Error::Line { path: annotations.to_owned(), line: n + 1, message };
        let mut fields = line.split('\t');
        let (Some(file), Some(class)) = (fields.next(), fields.next()) else {
            return Err(wrong("expected the name of an image, a tab, and its class".to_owned()));
        };
        if Path::new(file).file_name().is_none_or(|name| name != file) {
            return Err(wrong(format!("{file:?} isn't the name of a file")));
        }
        let class = by_name.get(class);
        let class = class.ok_or_else(|| wrong("a class that has no training images".to_owned()))?;
        Ok(Labelled { path: folder.join("images").join(file), class: *class })
    };
    text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(labelled).collect()
}
