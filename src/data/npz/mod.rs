//! rot-MNIST and other sets as NumPy archives: one array of images and one of labels in each file.
//!
//! The forms that are passed on are read as they are: `data` and `labels` (E2CNN's examples, GrouPy's experiments), `images`
//! and `labels` (E2CNN's experiments), `x` and `y` (harmonic networks), under the names that they have there, and MedMNIST's
//! single file with `train_images`, `train_labels`, `val_images`, … (Yang et al. 2023).

mod files;

use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::Path;

use npyz::Deserialize;
use zip::ZipArchive;

use self::files::{Part, parts, prefixes};
use super::idx::same_shape;
use super::pixels::{Checked, check_fits, classes, classes_seen};
use super::{CLASSES, DataConfig, Dataset, Images, Label, Pixels, Shape, hash, pixels, stream};
use crate::error::{Error, Result};
use crate::files::open;
use crate::npy::Header;

/// Usual names of the array of images.
const IMAGES: [&str; 3] = ["data", "images", "x"];
/// Usual names of the array of labels.
const LABELS: [&str; 2] = ["labels", "y"];

/// Arrays and files that an error lists.
const LISTED: usize = 12;

/// Reads the files of `folder`; usual validation images are joined to the training images.
///
/// # Errors
/// A file is missing or malformed, or their images differ in size.
pub fn load(folder: &Path, config: &DataConfig) -> Result<Dataset> {
    let (parts, test) = parts(folder, config)?;
    let mut paths: Vec<&Path> = parts.iter().chain([&test]).map(|part| part.path.as_path()).collect();
    paths.dedup();
    let hashes = paths.iter().map(|path| hash::of_file(path)).collect::<Result<Vec<_>>>()?;
    let read = |part: &Part| {
        let mut archive = Archive::open(&part.path, part.prefix, config)?;
        let labels = archive.labels()?;
        archive.images(labels)
    };
    let train = parts.iter().map(read).collect::<Result<Vec<_>>>()?;
    let test_images = read(&test)?;
    let shape = train[0].shape();
    parts.iter().zip(&train).try_for_each(|(part, images)| same_shape(&part.path, images.shape(), shape))?;
    same_shape(&test.path, test_images.shape(), shape)?;
    let train = Images::joined(train);
    let classes = number_of_classes(&test, &[&train.labels, &test_images.labels]);
    let like_digits = shape == Shape { channels: 1, height: 28, width: 28 } && classes == CLASSES;
    let name = match paths.as_slice() {
        [whole] => whole.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        _ if like_digits => "rot-MNIST (npz)".to_owned(),
        _ => "images (npz)".to_owned(),
    };
    // Other arrays of the same files are other images.
    let keys = [("images", &config.images_key), ("labels", &config.labels_key)];
    let keys: Vec<String> =
        keys.iter().filter_map(|(what, key)| Some(format!("{what} in {}", key.as_ref()?))).collect();
    let inputs = hashes.iter().chain(&keys).map(String::as_str);
    let fingerprint = hash::fingerprint(std::iter::once("npz").chain(inputs));
    Ok(Dataset { name, fingerprint, classes, train, test: test_images })
}

/// The shape of a folder's images and the number of classes, without the pixels.
pub(super) fn shape(folder: &Path, config: &DataConfig) -> Result<(Shape, usize)> {
    let (parts, test) = parts(folder, config)?;
    let (mut shape, mut labels) = (None, Vec::new());
    for part in parts.iter().chain([&test]) {
        let mut archive = Archive::open(&part.path, part.prefix, config)?;
        same_shape(&part.path, archive.images.shape, *shape.get_or_insert(archive.images.shape))?;
        labels.push(archive.labels()?);
    }
    let shape = shape.unwrap_or(Shape { channels: 1, height: 1, width: 1 });
    Ok((shape, number_of_classes(&test, &labels)))
}

/// Ten at least of sets in several files, as rot-MNIST is; MedMNIST's, in one, have as many as their labels say.
fn number_of_classes<L: AsRef<[Label]>>(test: &Part, labels: &[L]) -> usize {
    if test.prefix.is_empty() { classes(labels) } else { classes_seen(labels) }
}

/// Reads one archive: images of shape (n, h·h), (n, h, w), (n, c, h, w) or (n, h, w, c) with 1 or 3 channels, either f32 or
/// f64 in [0, 1] or u8, and labels of shape (n) or (n, 1), whole numbers from 0 to 65,535 of any integer or float kind.
///
/// # Errors
/// Anything else, with what was expected and what is there.
pub fn read(path: &Path) -> Result<Images> {
    let mut archive = Archive::open(path, "", &DataConfig::new(super::Source::Npz))?;
    let labels = archive.labels()?;
    archive.images(labels)
}

/// All images that an archive has: those of [`read`], or training, validation and test images with their names.
///
/// # Errors
/// As [`read`].
pub(super) fn read_all(path: &Path) -> Result<Vec<(Option<&'static str>, Images)>> {
    let prefixes = prefixes(path)?;
    if prefixes.is_empty() {
        return Ok(vec![(None, read(path)?)]);
    }
    let config = DataConfig::new(super::Source::Npz);
    let part = |prefix: &'static str| {
        let mut archive = Archive::open(path, prefix, &config)?;
        let labels = archive.labels()?;
        Ok((Some(prefix.trim_end_matches('_')), archive.images(labels)?))
    };
    prefixes.into_iter().map(part).collect()
}

/// An archive of which the arrays' headers have been read and checked.
struct Archive<'a> {
    path: &'a Path,
    zip: ZipArchive<BufReader<File>>,
    images: ImageArray,
    labels: Array,
}

struct Array {
    entry: String,
    header: Header,
}

struct ImageArray {
    array: Array,
    shape: Shape,
    /// Whether channels come last.
    channels_last: bool,
}

impl<'a> Archive<'a> {
    fn open(path: &'a Path, prefix: &str, config: &DataConfig) -> Result<Self> {
        let wrong = |message: String| Error::content(path, message);
        let file = BufReader::new(open(path)?);
        let mut zip = ZipArchive::new(file).map_err(|e| wrong(format!("no npz archive: {e}")))?;
        let images = find(&mut zip, prefix, "images", config.images_key.as_deref(), &IMAGES).map_err(wrong)?;
        let labels = find(&mut zip, prefix, "labels", config.labels_key.as_deref(), &LABELS).map_err(wrong)?;
        let (count, images) = image_array(images).map_err(wrong)?;
        match labels.header.shape() {
            &[found] | &[found, 1] if found == count => {}
            &[found] | &[found, 1] => return Err(wrong(format!("{count} images, but {found} labels"))),
            shape => return Err(wrong(format!("array {}: shape {shape:?}, but expected (n)", labels.name()))),
        }
        Ok(Self { path, zip, images, labels })
    }

    fn labels(&mut self) -> Result<Vec<Label>> {
        let Self { zip, labels: array, .. } = self;
        let labels = read_labels(zip, array).map_err(|e| format!("array {}: {e}", array.name()));
        labels.map_err(|wrong| Error::content(self.path, wrong))
    }

    fn images(&mut self, labels: Vec<Label>) -> Result<Images> {
        let Self { zip, images: ImageArray { array, shape, channels_last }, .. } = self;
        let values = array.header.shape().iter().product::<u64>();
        let of_each = if array.header.kind().is_ok_and(|kind| kind == ('u', 1)) { 1 } else { size_of::<f32>() as u64 };
        check_fits(self.path, values.saturating_mul(of_each))?;
        let pixels = read_pixels(zip, array).map_err(|e| format!("array {}: {e}", array.name()));
        let mut pixels = pixels.map_err(|wrong| Error::content(self.path, wrong))?;
        let Shape { channels, height, width } = *shape;
        if *channels_last {
            let plane = height * width;
            pixels = pixels.permuted(channels * plane, |n| n % plane * channels + n / plane);
        }
        Ok(Images { channels, height, width, pixels, labels })
    }
}

impl Array {
    fn name(&self) -> &str {
        self.entry.trim_end_matches(".npy")
    }
}

/// The array of this name, or of the first of the usual names that is there.
fn find<R: Read + Seek>(
    zip: &mut ZipArchive<R>,
    prefix: &str,
    what: &str,
    name: Option<&str>,
    usual: &[&str],
) -> Checked<Array> {
    let looked_for = name.map_or_else(|| usual.to_vec(), |name| vec![name]);
    let looked_for: Vec<String> = looked_for.into_iter().map(|name| format!("{prefix}{name}")).collect();
    let entries = looked_for.iter().map(|name| format!("{name}.npy"));
    let Some(entry) = entries.into_iter().find(|entry| zip.index_for_name(entry).is_some()) else {
        let found: Vec<String> = (0..zip.len().min(LISTED)).map(|index| described(zip, index)).collect();
        let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
        let looked_for = looked_for.join(", ");
        return Err(format!(
            "no array of {what}: there's {found}, but no {looked_for}; {what}_key in [data] names another"
        ));
    };
    let header = declared(zip, &entry).map_err(|e| format!("array {}: {e}", entry.trim_end_matches(".npy")))?;
    Ok(Array { entry, header })
}

/// An entry as errors list it: its name and, of an array, shape and type.
fn described<R: Read + Seek>(zip: &mut ZipArchive<R>, index: usize) -> String {
    let name = match zip.name_for_index(index) {
        Some(Ok(name)) => name.into_owned(),
        _ => return "an entry without a name".to_owned(),
    };
    // A name may hold anything, and errors are told on terminals.
    let shown = name.trim_end_matches(".npy").escape_debug();
    match declared(zip, &name) {
        Ok(header) => format!("{shown} {:?} {}", header.shape(), header.type_name()),
        Err(_) => shown.to_string(),
    }
}

/// The header of an array. What it declares is what the archive says of the entry's length, and can be unpacked of it.
fn declared<R: Read + Seek>(zip: &mut ZipArchive<R>, entry: &str) -> Checked<Header> {
    let mut entry = zip.by_name(entry).map_err(|e| e.to_string())?;
    let (length, packed) = (entry.size(), entry.compressed_size());
    if length > packed.saturating_mul(stream::MOST_PER_BYTE) {
        return Err(format!("{length} bytes, which can't be packed into {packed}"));
    }
    let header = Header::read(&mut entry)?;
    header.check_length(length)?;
    Ok(header)
}

/// How many images an array has, and what they're like.
fn image_array(array: Array) -> Checked<(u64, ImageArray)> {
    let channels = |n: u64| matches!(n, 1 | 3);
    let (count, image, channels_last) = match *array.header.shape() {
        [n, size] if size.isqrt().pow(2) == size => (n, [1, size.isqrt(), size.isqrt()], false),
        [n, height, width] => (n, [1, height, width], false),
        [n, c, height, width] if channels(c) => (n, [c, height, width], false),
        [n, height, width, c] if channels(c) => (n, [c, height, width], true),
        _ => {
            let expected =
                "expected (n, h·h), as in (n, 784), (n, h, w), (n, c, h, w) or (n, h, w, c), of 1 or 3 channels";
            return Err(format!("array {}: shape {:?}, but {expected}", array.name(), array.header.shape()));
        }
    };
    let wrong = |wrong| format!("array {}: shape {:?} {wrong}", array.name(), array.header.shape());
    let shape = pixels::shape(count, image).map_err(wrong)?;
    Ok((count, ImageArray { array, shape, channels_last }))
}

fn read_pixels<R: Read + Seek>(zip: &mut ZipArchive<R>, array: &Array) -> Checked<Pixels> {
    Ok(match array.header.kind()? {
        ('f', 4) => entries::<f32, _, _>(zip, array, |v| pixels::pixel(f64::from(v)))?.into(),
        ('f', 8) => entries::<f64, _, _>(zip, array, pixels::pixel)?.into(),
        ('u', 1) => entries::<u8, _, _>(zip, array, Ok)?.into(),
        _ => return Err(format!("type {}, but expected f32, f64 or u8", array.header.type_name())),
    })
}

fn read_labels<R: Read + Seek>(zip: &mut ZipArchive<R>, array: &Array) -> Checked<Vec<Label>> {
    match array.header.kind()? {
        ('i', 1) => entries::<i8, _, _>(zip, array, |v| pixels::label(f64::from(v))),
        ('i', 2) => entries::<i16, _, _>(zip, array, |v| pixels::label(f64::from(v))),
        ('i', 4) => entries::<i32, _, _>(zip, array, |v| pixels::label(f64::from(v))),
        ('i', 8) => entries::<i64, _, _>(zip, array, |v| pixels::label(v as f64)),
        ('u', 1) => entries::<u8, _, _>(zip, array, |v| pixels::label(f64::from(v))),
        ('u', 2) => entries::<u16, _, _>(zip, array, |v| pixels::label(f64::from(v))),
        ('u', 4) => entries::<u32, _, _>(zip, array, |v| pixels::label(f64::from(v))),
        ('u', 8) => entries::<u64, _, _>(zip, array, |v| pixels::label(v as f64)),
        ('f', 4) => entries::<f32, _, _>(zip, array, |v| pixels::label(f64::from(v))),
        ('f', 8) => entries::<f64, _, _>(zip, array, pixels::label),
        _ => Err(format!("type {}, but expected integers or floats", array.header.type_name())),
    }
}

/// The entries of an array as they're unpacked; the first that is wrong is told with its position.
fn entries<T: Deserialize, R: Read + Seek, V>(
    zip: &mut ZipArchive<R>,
    array: &Array,
    value: impl Fn(T) -> Checked<V>,
) -> Checked<Vec<V>> {
    let mut entry = zip.by_name(&array.entry).map_err(|e| e.to_string())?;
    // Past the header, which is the same that was read before.
    Header::read(&mut entry)?;
    let values = array.header.numbers::<T>(&mut entry)?.enumerate().map(|(n, entry)| {
        let entry = entry.map_err(|e| e.to_string())?;
        value(entry).map_err(|wrong| format!("entry {n}: {wrong}"))
    });
    let values = values.collect::<Checked<Vec<V>>>()?;
    // The archive's checksum is looked at where the entry ends.
    let rest = std::io::copy(&mut entry.take(1), &mut std::io::sink()).map_err(|e| e.to_string())?;
    if rest > 0 { Err("more bytes than its header declares".to_owned()) } else { Ok(values) }
}
