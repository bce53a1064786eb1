//! Sources in their published layouts, written here byte by byte: CIFAR, MedMNIST, IDX sets under other names; and sets that are
//! turned once.

use std::path::Path;

use equisplit::data::{DataConfig, Dataset, Draw, Draws, Images, Pixels, Rotate, Source, load, shape};

use crate::data_support::*;

fn refused(config: &DataConfig, folder: &Path, parts: &[&str]) {
    for error in [load(config, Some(folder)).unwrap_err(), shape_or_load(config, folder)] {
        let error = error.to_string();
        assert!(parts.iter().all(|part| error.contains(part)) && !error.contains('\n'), "{parts:?}: {error}");
    }
}

/// What the shape's reader says; where only the images tell, what loading says.
fn shape_or_load(config: &DataConfig, folder: &Path) -> equisplit::Error {
    shape(config, Some(folder)).err().unwrap_or_else(|| load(config, Some(folder)).unwrap_err())
}

fn bytes(images: &Images) -> &[u8] {
    match &images.pixels {
        Pixels::Bytes(bytes) => bytes,
        Pixels::Floats(_) => panic!("images of bytes are held as floats"),
    }
}

/// Records of CIFAR: `labels` bytes before each of `count` images.
fn cifar(count: usize, labels: usize, first: u8) -> Vec<u8> {
    let record = |n: usize| {
        let label = (first as usize + n) % 10;
        std::iter::repeat_n(0, labels - 1)
            .chain([label as u8])
            .chain((0..3072).map(move |p| ((p * 7 + n * 13 + label) % 256) as u8))
    };
    (0..count).flat_map(record).collect()
}

fn cifar10(folder: &Path) {
    for batch in 1..=5 {
        write(folder, &format!("data_batch_{batch}.bin"), &cifar(2, 1, batch));
    }
    write(folder, "test_batch.bin", &cifar(3, 1, 7));
}

#[test]
fn cifar_is_read_as_it_is_published() {
    let folder = tempfile::tempdir().unwrap();
    // Its archive unpacks to a folder of its own.
    let own = folder.path().join("cifar-10-batches-bin");
    std::fs::create_dir(&own).unwrap();
    cifar10(&own);
    let config = DataConfig::new(Source::Cifar10);
    for place in [folder.path(), own.as_path()] {
        let set = load(&config, Some(place)).unwrap();
        assert_eq!((set.name.as_str(), set.classes, set.train.len(), set.test.len()), ("CIFAR-10", 10, 10, 3));
        assert_eq!((set.train.channels, set.train.height, set.train.width), (3, 32, 32));
        assert_eq!(set.train.labels[..4], [1, 2, 2, 3]);
        assert_eq!(bytes(&set.test)[..3072], cifar(3, 1, 7)[1..3073]);
        assert_eq!(shape(&config, Some(place)).unwrap(), (set.train.shape(), 10));
    }
    let few = DataConfig { train: Some(4), ..config.clone() };
    let few = load(&few, Some(&own)).unwrap();
    let all = load(&config, Some(&own)).unwrap();
    assert_eq!((few.train.len(), few.train.image(3)), (4, all.train.image(3)));
    assert_ne!(few.fingerprint, all.fingerprint);
    let hundred = tempfile::tempdir().unwrap();
    write(hundred.path(), "train.bin", &cifar(5, 2, 0));
    write(hundred.path(), "test.bin", &cifar(2, 2, 3));
    let set = load(&DataConfig::new(Source::Cifar100), Some(hundred.path())).unwrap();
    assert_eq!((set.name.as_str(), set.classes, &set.test.labels[..]), ("CIFAR-100", 100, &[3, 4][..]));
}

#[test]
fn what_is_no_cifar_is_told_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let (config, path) = (DataConfig::new(Source::Cifar10), folder.path());
    refused(&config, path, &["no data_batch_1.bin", "test_batch.bin"]);
    cifar10(path);
    write(path, "data_batch_3.bin", &cifar(2, 1, 3)[..6000]);
    refused(&config, path, &["data_batch_3.bin", "6000 bytes", "3073"]);
    write(path, "data_batch_3.bin", &[]);
    refused(&config, path, &["data_batch_3.bin", "0 bytes"]);
    let mut wrong = cifar(2, 1, 3);
    wrong[3073] = 10;
    write(path, "data_batch_3.bin", &wrong);
    refused(&config, path, &["data_batch_3.bin", "image 1: label 10", "0 to 9"]);
    std::fs::remove_file(path.join("data_batch_3.bin")).unwrap();
    refused(&config, path, &["no data_batch_3.bin"]);
}

/// A file with a hole in it has any length, and is as long as it says: what no memory holds isn't begun.
#[test]
fn what_does_not_fit_into_memory_is_told_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    cifar10(folder.path());
    let file = std::fs::OpenOptions::new().write(true).open(folder.path().join("data_batch_2.bin")).unwrap();
    if file.set_len(3073 << 30).is_err() {
        eprintln!("skipped: this file system has no files of 3 TB");
        return;
    }
    let error = load(&DataConfig::new(Source::Cifar10), Some(folder.path())).unwrap_err().to_string();
    assert!(
        error.contains("data_batch_1.bin: to hold its images takes at least 3.3") && error.contains("free"),
        "{error}"
    );
}

/// As the set's authors say: 1,024 bytes of red, then green, then blue.
#[test]
fn red_comes_before_green_and_blue() {
    let folder = tempfile::tempdir().unwrap();
    let record = [vec![4u8], vec![255; 1024], vec![128; 1024], vec![0; 1024]].concat();
    for batch in 1..=5 {
        write(folder.path(), &format!("data_batch_{batch}.bin"), &record);
    }
    write(folder.path(), "test_batch.bin", &record);
    let set = load(&DataConfig::new(Source::Cifar10), Some(folder.path())).unwrap();
    assert_eq!([0, 1024, 2048].map(|value| set.test.image(0)[value]), [1.0, 128.0 / 255.0, 0.0]);
}

fn medmnist(channels: usize, parts: &[(&str, usize)]) -> Vec<u8> {
    let entry = |(part, count): &(&str, usize)| {
        let size = if channels == 1 { String::new() } else { format!(", {channels}") };
        let pixels: Vec<u8> = (0..count * 28 * 28 * channels).map(|n| (n * 31 % 251) as u8).collect();
        let labels: Vec<u8> = (0..*count).map(|n| (n % 4) as u8).collect();
        [
            (format!("{part}_images.npy"), npy("|u1", &format!("({count}, 28, 28{size})"), &pixels)),
            (format!("{part}_labels.npy"), npy("|u1", &format!("({count}, 1)"), &labels)),
        ]
    };
    let entries: Vec<_> = parts.iter().flat_map(entry).collect();
    zip(&entries.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect::<Vec<_>>())
}

#[test]
fn a_whole_set_in_one_archive_is_read_with_its_validation_images() {
    let folder = tempfile::tempdir().unwrap();
    let config = DataConfig::new(Source::Npz);
    write(folder.path(), "pathmnist.npz", &medmnist(3, &[("train", 5), ("val", 2), ("test", 3)]));
    let set = load(&config, Some(folder.path())).unwrap();
    assert_eq!((set.name.as_str(), set.train.len(), set.test.len()), ("pathmnist", 7, 3));
    assert_eq!((set.train.channels, set.train.width), (3, 28));
    // Pixel (0, 1) of channel 2 is the value at place 5 of an image whose channels come last: 5 · 31.
    assert_eq!(bytes(&set.test)[2 * 784 + 1], 155);
    assert_eq!(shape(&config, Some(folder.path())).unwrap().0, set.train.shape());
    write(folder.path(), "breastmnist.npz", &medmnist(1, &[("train", 4), ("test", 2)]));
    refused(&config, folder.path(), &["sets in breastmnist.npz and pathmnist.npz", "train_file"]);
    let named = DataConfig { train_file: Some("breastmnist.npz".to_owned()), ..config.clone() };
    let set = load(&named, Some(folder.path())).unwrap();
    assert_eq!((set.name.as_str(), set.train.len(), set.train.channels), ("breastmnist", 4, 1));
    let other = tempfile::tempdir().unwrap();
    write(other.path(), "a.npz", &medmnist(1, &[("train", 4), ("val", 2)]));
    refused(&config, other.path(), &["a.npz: has train_images, but no test_images"]);
    let whole = medmnist(1, &[("train", 4), ("test", 2)]);
    write(other.path(), "a.npz", &whole[..whole.len() - 30]);
    refused(&config, other.path(), &["a.npz: no npz archive"]);
}

/// Other arrays of the same files are other images, which no store may take for the same.
#[test]
fn arrays_that_are_named_are_part_of_the_fingerprint() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["train.npz", "test.npz"] {
        let arrays: Vec<_> = ["one", "two"].map(|key| (format!("{key}.npy"), npy("|u1", "(2, 2, 2)", &[7; 8]))).into();
        let labels = npy("|u1", "(2,)", &[0, 1]);
        let entries =
            [(&arrays[0].0[..], &arrays[0].1[..]), (&arrays[1].0[..], &arrays[1].1[..]), ("labels.npy", &labels)];
        write(folder.path(), name, &zip(&entries));
    }
    let of = |key: &str| {
        let config = DataConfig { images_key: Some(key.to_owned()), ..DataConfig::new(Source::Npz) };
        load(&config, Some(folder.path())).unwrap().fingerprint
    };
    assert_ne!(of("one"), of("two"));
    assert_eq!(of("one"), of("one"));
}

fn idx(folder: &Path, names: [&str; 2], count: u32, offset: u32, classes: u32) {
    let pixels: Vec<u8> = (0..count * 6).map(|n| ((n * 7 + offset) % 256) as u8).collect();
    let labels: Vec<u8> = (0..count).map(|n| (n % classes) as u8).collect();
    write(folder, names[0], &gzip(&idx_images(count, 3, 2, &pixels)));
    write(folder, names[1], &gzip(&idx_labels(&labels)));
}

fn emnist(folder: &Path, set: &str) {
    for (part, count) in [("train", 47), ("test", 5)] {
        let [images, labels] =
            ["images-idx3", "labels-idx1"].map(|kind| format!("emnist-{set}-{part}-{kind}-ubyte.gz"));
        idx(folder, [&images, &labels], count, 3, 47);
    }
}

#[test]
fn idx_sets_of_other_names_and_classes_are_read_and_transposed() {
    let folder = tempfile::tempdir().unwrap();
    let config = DataConfig::new(Source::Idx);
    refused(&config, folder.path(), &["none", "train_file"]);
    emnist(folder.path(), "balanced");
    let set = load(&config, Some(folder.path())).unwrap();
    assert_eq!((set.classes, set.train.len(), set.test.len()), (47, 47, 5));
    assert_eq!((set.train.height, set.train.width), (3, 2));
    let turned = DataConfig { transpose: true, ..config.clone() };
    let transposed = load(&turned, Some(folder.path())).unwrap();
    assert_eq!(shape(&turned, Some(folder.path())).unwrap(), (transposed.train.shape(), 47));
    assert_eq!((transposed.train.height, transposed.train.width), (2, 3));
    for (y, x) in (0..3).flat_map(|y| (0..2).map(move |x| (y, x))) {
        assert_eq!(transposed.train.image(46)[x * 3 + y], set.train.image(46)[y * 2 + x]);
    }
    assert_ne!(transposed.fingerprint, set.fingerprint);
    emnist(folder.path(), "letters");
    refused(&config, folder.path(), &["emnist-balanced-train", "emnist-letters-train", "train_file"]);
    let named = DataConfig {
        train_file: Some("emnist-letters-train-images-idx3-ubyte.gz".to_owned()),
        test_file: Some("emnist-letters-test-images-idx3-ubyte.gz".to_owned()),
        ..config.clone()
    };
    assert_eq!(load(&named, Some(folder.path())).unwrap().train, set.train);
    std::fs::remove_file(folder.path().join("emnist-letters-test-labels-idx1-ubyte.gz")).unwrap();
    refused(&named, folder.path(), &["emnist-letters-test-images", "no labels", "emnist-letters-test-labels-idx1"]);
    let typo = DataConfig { train_file: Some("emnist-letter-train-images-idx3-ubyte.gz".to_owned()), ..named };
    refused(&typo, folder.path(), &["emnist-letter-train-images", "isn't there"]);
    // MNIST's own names need none.
    let usual = small_idx_folder(12, 4);
    let as_mnist = load(&DataConfig::new(Source::Mnist), Some(usual.path())).unwrap();
    assert_eq!(load(&config, Some(usual.path())).unwrap(), as_mnist);
}

fn sorted(images: &Images, n: usize) -> Vec<u32> {
    let mut pixels: Vec<u32> = images.image(n).iter().map(|pixel| pixel.to_bits()).collect();
    pixels.sort_unstable();
    pixels
}

#[test]
fn images_of_any_source_are_turned_once_by_draws_of_the_seed() {
    let folder = tempfile::tempdir().unwrap();
    cifar10(folder.path());
    let config = DataConfig::new(Source::Cifar10);
    let with = |rotate, flip, seed| -> Dataset {
        load(&DataConfig { rotate, flip, seed, ..config.clone() }, Some(folder.path())).unwrap()
    };
    let upright = with(None, false, 0);
    let quarters = with(Some(Rotate::Quarter), true, 1);
    // Moved only, and held as they were; labels and places stay.
    assert_eq!((quarters.train.labels.as_slice(), bytes(&quarters.train).len()), (&upright.train.labels[..], 30_720));
    let moved = (0..10).filter(|&n| quarters.train.image(n) != upright.train.image(n)).count();
    assert!((6..=10).contains(&moved), "{moved}");
    assert!((0..10).all(|n| sorted(&quarters.train, n) == sorted(&upright.train, n)));
    assert_eq!(with(Some(Rotate::Quarter), true, 1), quarters);
    assert_ne!(with(Some(Rotate::Quarter), true, 2).train, quarters.train);
    let any = with(Some(Rotate::Any), false, 1);
    assert!((0..10).all(|n| any.train.image(n) != upright.train.image(n)));
    let names: std::collections::BTreeSet<_> = [&upright, &quarters, &any].map(|set| set.name.clone()).into();
    let prints: std::collections::BTreeSet<_> = [&upright, &quarters, &any].map(|set| set.fingerprint.clone()).into();
    assert_eq!((names.len(), prints.len()), (3, 3));
    // Every seed of a study has a split and turns of its own.
    let draws = DataConfig { rotate: Some(Rotate::Quarter), draw: Draw::PerSeed, ..config };
    let draws = Draws::load(&draws, Some(folder.path())).unwrap();
    let [one, two] = [1, 2].map(|seed| draws.of(seed).unwrap());
    assert_eq!((one.train.len(), one.test.len()), (10, 3));
    assert!(one.train != two.train && one.fingerprint != two.fingerprint);
    assert_eq!(draws.of(1).unwrap(), one);
}

#[test]
fn turns_that_give_other_shapes_or_are_there_already_are_refused() {
    let folder = small_idx_folder(12, 4);
    let config = DataConfig { rotate: Some(Rotate::Quarter), ..DataConfig::new(Source::Mnist) };
    let error = load(&config, Some(folder.path())).unwrap_err().to_string();
    assert!(error.contains("data.rotate") && error.contains("3×2"), "{error}");
    let config = DataConfig { flip: true, ..DataConfig::new(Source::Builtin) };
    assert!(load(&config, None).unwrap_err().to_string().contains("data.flip"));
}

#[test]
fn data_info_describes_each_of_them() {
    let folder = tempfile::tempdir().unwrap();
    cifar10(folder.path());
    write(folder.path(), "pathmnist.npz", &medmnist(3, &[("train", 5), ("val", 2), ("test", 3)]));
    let found = equisplit::data::info::info(folder.path()).unwrap();
    let rows: Vec<_> = found
        .iter()
        .map(|file| (file.file.as_str(), file.part.as_deref(), file.count.unwrap(), file.channels, file.size.unwrap()))
        .collect();
    assert_eq!(rows[0], ("data_batch_1.bin", None, 2, Some(3), [32, 32]));
    assert_eq!(rows[5], ("pathmnist.npz", Some("train"), 5, Some(3), [28, 28]));
    assert_eq!(rows[7], ("pathmnist.npz", Some("test"), 3, Some(3), [28, 28]));
    assert_eq!((rows[8].0, rows.len()), ("test_batch.bin", 9));
}
