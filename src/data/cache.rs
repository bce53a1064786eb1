//! Decoded sets in one safetensors file: what `equisplit data make` writes, and the cache beside slow sources.
//!
//! Tensors `train.pixels`, `test.pixels` (images, channels, height, width; f32 in [0, 1]) and `train.labels`, `test.labels`
//! (images; u8, or u16 where a label is above 255); the name, fingerprint and a checksum of the tensors are JSON under `equisplit`
//! in the file's metadata, with what `data make` made the set by.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{ErrorKind, Read};
use std::path::Path;

use safetensors::tensor::{Metadata, TensorInfo, TensorView};
use safetensors::{Dtype, SafeTensors, View};
use serde::{Deserialize, Serialize};

use super::pixels::Checked;
use super::{DataConfig, Dataset, Images, Label, MAX_CLASSES, Shape, hash, pixels};
use crate::error::{Error, Result};
use crate::files;
use crate::text;

/// Key of [`Header`] in the file's metadata. One key, because the order of several would change from write to write.
const METADATA_KEY: &str = "equisplit";

/// Version of the layout.
const LAYOUT: u32 = 1;

/// Longest header that is read, in bytes; ours have about a thousand.
const MAX_HEADER: u64 = 1 << 20;

#[derive(Serialize, Deserialize)]
struct Header {
    layout: u32,
    name: String,
    fingerprint: String,
    classes: usize,
    /// SHA-256 of each tensor's bytes, in the order of [`PARTS`].
    sha256: [String; 4],
    /// What `equisplit data make` made the set by; not in caches, nor in files of programs that didn't take it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recipe: Option<DataConfig>,
}

const PARTS: [&str; 4] = ["train.pixels", "train.labels", "test.pixels", "test.labels"];

struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for &Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

/// Writes a decoded set as one file, whole or not at all.
///
/// # Errors
/// Whatever keeps the file from being written.
pub fn write(dataset: &Dataset, path: &Path) -> Result<()> {
    write_with(dataset, None, path)
}

/// The same, with what the set was made by: studies that use the file may not say otherwise.
///
/// # Errors
/// As [`write()`].
pub fn write_made(dataset: &Dataset, recipe: &DataConfig, path: &Path) -> Result<()> {
    write_with(dataset, Some(recipe), path)
}

fn write_with(dataset: &Dataset, recipe: Option<&DataConfig>, path: &Path) -> Result<()> {
    let [train, test] = [&dataset.train, &dataset.test].map(|images| [pixel_tensor(images), label_tensor(images)]);
    let tensors: Vec<Tensor> = train.into_iter().chain(test).collect();
    let header = Header {
        layout: LAYOUT,
        name: dataset.name.clone(),
        fingerprint: dataset.fingerprint.clone(),
        classes: dataset.classes,
        sha256: [0, 1, 2, 3].map(|i| hash::of_bytes(&tensors[i].bytes)),
        recipe: recipe.cloned(),
    };
    let fail = |e: &dyn std::fmt::Display| Error::content(path, e.to_string());
    let header = serde_json::to_string(&header).map_err(|e| fail(&e))?;
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), header)]);
    let file = safetensors::serialize(PARTS.into_iter().zip(&tensors), Some(metadata)).map_err(|e| fail(&e))?;
    drop(tensors);
    files::write_whole(path, |out| out.write_all(&file))
}

fn pixel_tensor(images: &Images) -> Tensor {
    let mut bytes = vec![0; 4 * images.pixels.len()];
    for (bytes, value) in bytes.as_chunks_mut().0.iter_mut().zip(images.pixels.iter()) {
        *bytes = value.to_le_bytes();
    }
    Tensor { dtype: Dtype::F32, shape: vec![images.len(), images.channels, images.height, images.width], bytes }
}

/// As bytes where they fit, else as 16 bits.
fn label_tensor(images: &Images) -> Tensor {
    let bytes: Option<Vec<u8>> = images.labels.iter().map(|&label| label.try_into().ok()).collect();
    let wide = || images.labels.iter().flat_map(|label| label.to_le_bytes()).collect();
    let dtype = if bytes.is_some() { Dtype::U8 } else { Dtype::U16 };
    Tensor { dtype, shape: vec![images.len()], bytes: bytes.unwrap_or_else(wide) }
}

/// Reads a file written by [`write()`] or [`write_made`].
///
/// # Errors
/// A file that can't be read, is no decoded set, or isn't as it was written.
pub fn read(path: &Path) -> Result<Dataset> {
    read_made(path).map(|(dataset, _)| dataset)
}

/// The same, and what the set was made by, if the file says so.
pub(super) fn read_made(path: &Path) -> Result<(Dataset, Option<DataConfig>)> {
    let (header, _) = declared(path)?;
    let bytes = files::read(path)?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| wrong(path, &e.to_string()))?;
    let part = |part| read_images(&tensors, part, &header).map_err(|e| wrong(path, &e));
    let (train, test) = rayon::join(|| part("train"), || part("test"));
    let (train, test) = (train?, test?);
    Ok((
        Dataset { name: header.name, fingerprint: header.fingerprint, classes: header.classes, train, test },
        header.recipe,
    ))
}

/// The shape of a file's images, the number of classes, and what it was made by: all from its header.
pub(super) fn shape(path: &Path) -> Result<(Shape, usize, Option<DataConfig>)> {
    let (header, shape) = declared(path)?;
    Ok((shape, header.classes, header.recipe))
}

fn wrong(path: &Path, message: &str) -> Error {
    Error::content(path, format!("no intact decoded set: {message}"))
}

/// What a file's header declares, checked before anything else of the file is read.
fn declared(path: &Path) -> Result<(Header, Shape)> {
    let wrong = |message: &str| wrong(path, message);
    let fail = |e| Error::io(path, e);
    let mut file = files::open(path)?;
    let length = file.metadata().map_err(fail)?.len();
    let mut start = [0; 8];
    file.read_exact(&mut start).map_err(|_| wrong("too short"))?;
    let header_length = u64::from_le_bytes(start);
    if header_length > MAX_HEADER {
        return Err(wrong(&format!("a header of {header_length} bytes; expected at most {MAX_HEADER}")));
    }
    let mut json = Vec::new();
    file.take(header_length).read_to_end(&mut json).map_err(fail)?;
    let metadata: Metadata = serde_json::from_slice(&json).map_err(|e| wrong(&e.to_string()))?;
    if (metadata.data_len() as u64).checked_add(8 + header_length) != Some(length) {
        return Err(wrong(&format!("{length} bytes, which isn't what its header declares")));
    }
    let header = metadata.metadata().as_ref().and_then(|entries| entries.get(METADATA_KEY));
    let header = header.ok_or_else(|| wrong("not written by `equisplit data make`"))?;
    let header: Header = serde_json::from_str(header).map_err(|e| wrong(&e.to_string()))?;
    if header.layout != LAYOUT {
        return Err(wrong(&format!("layout {}, but this version reads layout {LAYOUT}", header.layout)));
    }
    if [&header.name, &header.fingerprint].iter().any(|words| words.chars().any(text::is_control)) {
        return Err(wrong(&format!("its name has control characters: {}", text::line(&header.name))));
    }
    if !(1..=MAX_CLASSES).contains(&header.classes) {
        return Err(wrong(&format!("classes = {}, but it must be 1 to {MAX_CLASSES}", header.classes)));
    }
    let [train, test] = ["train", "test"].map(|part| part_shape(&metadata, part).map_err(|e| wrong(&e)));
    let (train, test) = (train?, test?);
    if train != test {
        return Err(wrong(&format!("test images of {test}, but the training images have {train}")));
    }
    Ok((header, train))
}

/// The shape of the images of a part, if its tensors are what they should be.
fn part_shape(metadata: &Metadata, part: &str) -> Checked<Shape> {
    let tensor = |what: &str| -> Checked<&TensorInfo> {
        metadata.info(&format!("{part}.{what}")).ok_or_else(|| format!("no {part}.{what}"))
    };
    let (images, labels) = (tensor("pixels")?, tensor("labels")?);
    let &[count, channels, height, width] = images.shape.as_slice() else {
        return Err(format!("{part}.pixels has shape {:?}; expected 4 dimensions", images.shape));
    };
    if images.dtype != Dtype::F32 || !matches!(labels.dtype, Dtype::U8 | Dtype::U16) || labels.shape != [count] {
        return Err(format!("{part} must have f32 pixels and one u8 or u16 label per image"));
    }
    let [images, channels, height, width] = [count, channels, height, width].map(|n| n as u64);
    pixels::shape(images, [channels, height, width]).map_err(|e| format!("{part}.pixels {e}"))
}

fn read_images(tensors: &SafeTensors, part: &str, header: &Header) -> Checked<Images> {
    let tensor = |what| intact(tensors, &format!("{part}.{what}"), header);
    let (pixels, labels) = (tensor("pixels")?, tensor("labels")?);
    let &[_, channels, height, width] = pixels.shape() else { return Err(format!("{part}.pixels has no images")) };
    let labels: Vec<Label> = match labels.dtype() {
        Dtype::U16 => labels.data().as_chunks().0.iter().map(|&label| Label::from_le_bytes(label)).collect(),
        _ => labels.data().iter().map(|&label| label.into()).collect(),
    };
    let (bytes, _) = pixels.data().as_chunks::<4>();
    let pixels: Vec<f32> = bytes.iter().map(|&value| f32::from_le_bytes(value)).collect();
    if let Some(label) = labels.iter().find(|&&label| usize::from(label) >= header.classes) {
        return Err(format!("{part}.labels has label {label}, but there are {} classes", header.classes));
    }
    // They stay as they are to the bit: results are tied to them.
    let checked = pixels.iter().try_for_each(|&value| pixels::pixel(f64::from(value)).map(drop));
    checked.map_err(|e| format!("{part}.pixels: {e}"))?;
    Ok(Images { channels, height, width, pixels: pixels.into(), labels })
}

/// A tensor whose bytes have the checksum they were written with.
fn intact<'a>(tensors: &SafeTensors<'a>, name: &str, header: &Header) -> Checked<TensorView<'a>> {
    let tensor = tensors.tensor(name).map_err(|e| e.to_string())?;
    let sha256 = PARTS.iter().position(|&part| part == name).map(|part| &header.sha256[part]);
    if sha256 != Some(&hash::of_bytes(tensor.data())) {
        return Err(format!("{name} doesn't match its checksum"));
    }
    Ok(tensor)
}

/// Takes the set with this fingerprint from the cache in `folder`, or makes it and keeps it there.
///
/// A folder that can't be written to just has no cache. A damaged cache file is told on stderr and made again.
pub(super) fn cached(folder: &Path, fingerprint: &str, make: impl FnOnce() -> Result<Dataset>) -> Result<Dataset> {
    let path = folder.join(format!("equisplit-{}.safetensors", fingerprint.get(..16).unwrap_or(fingerprint)));
    if path.exists() {
        match read(&path) {
            Ok(dataset) if dataset.fingerprint == fingerprint => return Ok(dataset),
            Ok(_) => log::info!("{}: holds another set than its name says; making it again", path.display()),
            Err(e) => log::info!("{e}; making it again"),
        }
    }
    let dataset = make()?;
    if let Err(e) = keep(&dataset, folder, &path) {
        log::info!("{e}; going on without a cache");
    }
    Ok(dataset)
}

fn keep(dataset: &Dataset, folder: &Path, path: &Path) -> Result<()> {
    // Root may write where no one should, so the permission bits are asked and not only the attempt.
    let permissions = std::fs::metadata(folder).map_err(|e| Error::io(folder, e))?.permissions();
    if permissions.readonly() {
        return Ok(());
    }
    files::refuse_link(path)?;
    match write(dataset, path) {
        Err(Error::Io { source, .. })
            if matches!(source.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) =>
        {
            Ok(())
        }
        result => result,
    }
}
