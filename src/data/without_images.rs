//! What stands in for `image_folder` where the program is built without the feature `images`.

use std::path::Path;

use super::{DataConfig, Dataset, Shape};
use crate::error::{Error, Result};

pub(super) fn load(folder: &Path, _config: &DataConfig) -> Result<Dataset> {
    Err(missing(folder))
}

pub(super) fn shape(folder: &Path, _config: &DataConfig) -> Result<(Shape, usize)> {
    Err(missing(folder))
}

pub(super) fn resized(_set: Dataset, _size: [usize; 2]) -> Result<Dataset> {
    Err(Error::key("data", "resize", "needs a program that is built with the feature `images`"))
}

fn missing(folder: &Path) -> Error {
    Error::content(folder, "PNG and JPEG files need a program that is built with the feature `images`")
}
