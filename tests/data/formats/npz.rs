//! Sets as NumPy archives: the forms that are passed on are read as they are, anything else is told with what is there.

use equisplit::data::{DataConfig, Images, Shape, Source, load, npz, shape};

use super::{equal, refuses};
use crate::data_support::*;

pub fn archive(descr: &str, shape: &str, data: &[u8], labels: &[u8]) -> Vec<u8> {
    let labels = npy("|u1", &format!("({},)", labels.len()), labels);
    zip(&[("data.npy", &npy(descr, shape, data)), ("labels.npy", &labels)])
}

#[test]
fn npz_arrays_of_every_kind_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut values = vec![0.0_f64; 784];
    values[1] = 0.5;
    let f4: Vec<u8> = values.iter().flat_map(|&v| (v as f32).to_le_bytes()).collect();
    let f8: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let big: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
    for (descr, shape, data) in [("<f4", "(1, 784)", &f4), ("<f8", "(1, 28, 28)", &f8), (">f8", "(1, 1, 28, 28)", &big)]
    {
        let images = npz::read(&write(folder.path(), "a.npz", &archive(descr, shape, data, &[7]))).unwrap();
        assert_eq!((&images.image(0)[..3], &images.labels[..]), (&[0.0, 0.5, 0.0][..], &[7][..]), "{descr} {shape}");
    }
    let bytes: Vec<u8> = (0..784).map(|i| if i == 2 { 255 } else { 0 }).collect();
    let labels = npy("<f8", "(1, 1)", &4.0_f64.to_le_bytes());
    let both = zip(&[("labels.npy", &labels), ("data.npy", &npy("|u1", "(1, 784)", &bytes))]);
    let images = npz::read(&write(folder.path(), "a.npz", &both)).unwrap();
    assert_eq!((images.image(0)[2], images.labels[0]), (1.0, 4));
}

#[test]
fn malformed_npz_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let read = |bytes: &[u8]| npz::read(&write(folder.path(), "a.npz", bytes));
    let good = archive("|u1", "(1, 784)", &[0; 784], &[7]);
    assert!(read(&good).is_ok());
    refuses(read(&[]), &["a.npz"]);
    refuses(read(&good[..good.len() / 2]), &["a.npz"]);
    refuses(read(&archive("|u1", "(1, 784)", &[0; 783], &[7])), &["a.npz", "783 bytes", "784"]);
    refuses(read(&archive("|u1", "(1, 783)", &[0; 783], &[7])), &["a.npz", "[1, 783]", "(n, 784)"]);
    refuses(read(&archive("|u1", "(0, 784)", &[], &[])), &["a.npz", "[0, 784]"]);
    let labels = npy("<i8", "(1,)", &65536_i64.to_le_bytes());
    let entries = [("data.npy", &npy("|u1", "(1, 784)", &[0; 784])[..]), ("labels.npy", &labels)];
    refuses(read(&zip(&entries)), &["a.npz", "labels", "label 65536"]);
    refuses(read(&archive("|u1", "(1, 784)", &[0; 784], &[1, 2])), &["a.npz", "1 images", "2 labels"]);
    refuses(read(&archive("<i4", "(1, 784)", &[0; 3136], &[1])), &["a.npz", "'<i4'", "f32, f64 or u8"]);
    refuses(read(&archive("<f4", "(1, 784)", &[0xff; 3136], &[1])), &["a.npz", "entry 0", "NaN"]);
    let overflow = "(9999999999, 9999999999, 9999999999)";
    refuses(read(&archive("|u1", overflow, &[0; 784], &[7])), &["a.npz", "damaged header"]);
    refuses(read(&zip(&[("data.npy", b"\x93NUMPY\x01\x00\xff\xff")])), &["a.npz", "damaged header"]);
    refuses(read(&zip(&[("other.npy", b"")])), &["a.npz", "data"]);
}

#[test]
fn npz_with_any_one_byte_changed_never_panics() {
    let folder = tempfile::tempdir().unwrap();
    let good = npy("|u1", "(1, 784)", &[0; 784]);
    for i in 0..128 {
        for value in [0, b'(', b'9', 0xff] {
            let mut data = good.clone();
            data[i] = value;
            let bytes = zip(&[("data.npy", &data), ("labels.npy", &npy("|u1", "(1,)", &[7]))]);
            let _ = npz::read(&write(folder.path(), "a.npz", &bytes));
        }
    }
}

/// An archive of `count` images of bytes that are all different, labelled 0, 1, 2, …, under these names; the first image is
/// number `first`.
fn named(keys: [&str; 2], kind: &str, shape: &str, count: usize, first: usize) -> Vec<u8> {
    let pixels = (0..count * 784).map(|n| ((n / 784 + first) * 3 + n % 7) as f64 / 255.0);
    let labels = (0..count).map(|n| n % 10);
    let (pixels, labels): (Vec<u8>, Vec<u8>) = match kind {
        "<f8" => (pixels.flat_map(f64::to_le_bytes).collect(), labels.flat_map(|n| (n as f64).to_le_bytes()).collect()),
        _ => (
            pixels.flat_map(|v| (v as f32).to_le_bytes()).collect(),
            labels.flat_map(|n| (n as i64).to_le_bytes()).collect(),
        ),
    };
    let label_kind = if kind == "<f8" { "<f8" } else { "<i8" };
    let [images, classes] = keys.map(|key| format!("{key}.npy"));
    zip(&[
        (&images, &npy(kind, &format!("({count}, {shape})"), &pixels)),
        (&classes, &npy(label_kind, &format!("({count},)"), &labels)),
    ])
}

fn first_pixels(images: &Images) -> Vec<u8> {
    (0..images.len()).map(|i| (images.image(i)[0] * 255.0).round() as u8 / 3).collect()
}

#[test]
fn the_forms_of_rot_mnist_that_are_passed_on_are_read_as_they_are() {
    let folder = |files: &[(&str, Vec<u8>)]| {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, bytes)| drop(write(folder.path(), name, bytes)));
        folder
    };
    let e2cnn = ["images", "labels"];
    let e2cnn = folder(&[
        ("mnist_rot_trainval.npz", named(e2cnn, "<f8", "28, 28", 6, 0)),
        ("mnist_rot_test.npz", named(e2cnn, "<f8", "28, 28", 3, 6)),
    ]);
    let gconv = ["data", "labels"];
    let gconv = folder(&[
        ("train_all.npz", named(gconv, "<f8", "1, 28, 28", 6, 0)),
        ("test.npz", named(gconv, "<f8", "1, 28, 28", 3, 6)),
    ]);
    // Its validation images were held out of the training images, where they belong.
    let harmonic = folder(&[
        ("rotated_train.npz", named(["x", "y"], "<f4", "784", 4, 0)),
        ("rotated_valid.npz", named(["x", "y"], "<f4", "784", 2, 4)),
        ("rotated_test.npz", named(["x", "y"], "<f4", "784", 3, 6)),
    ]);
    let config = DataConfig::new(Source::Npz);
    for (folder, labels) in [(e2cnn, [0, 1, 2, 3, 4, 5]), (gconv, [0, 1, 2, 3, 4, 5]), (harmonic, [0, 1, 2, 3, 0, 1])] {
        let set = load(&config, Some(folder.path())).unwrap();
        assert_eq!((first_pixels(&set.train), first_pixels(&set.test)), (vec![0, 1, 2, 3, 4, 5], vec![6, 7, 8]));
        assert_eq!((set.train.labels, set.test.labels), (labels.to_vec(), vec![0, 1, 2]));
        equal(shape(&config, Some(folder.path())), (Shape { channels: 1, height: 28, width: 28 }, 10));
        let named = DataConfig { train_file: Some("rotated_train.npz".into()), ..config.clone() };
        if names(folder.path()).len() == 3 {
            equal(load(&named, Some(folder.path())).map(|set| set.train.len()), 4);
        }
    }
}

#[test]
fn other_sizes_and_colours_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let read =
        |shape: &str, pixels: &[u8]| npz::read(&write(folder.path(), "a.npz", &archive("|u1", shape, pixels, &[7])));
    let bytes: Vec<u8> = (0..24).collect();
    let of = |images: Images| {
        (
            images.channels,
            images.height,
            images.width,
            images.image(0).iter().map(|v| (v * 255.0).round() as u8).collect::<Vec<_>>(),
        )
    };
    equal(read("(1, 4, 6)", &bytes).map(of), (1, 4, 6, bytes.clone()));
    equal(read("(1, 3, 2, 4)", &bytes).map(of), (3, 2, 4, bytes.clone()));
    equal(read("(1, 8, 3, 1)", &bytes).map(of), (1, 8, 3, bytes.clone()));
    // Channel by channel, as everything here: each third byte.
    let channels = (0..3).flat_map(|c| (0..8).map(move |n| 3 * n + c)).collect();
    equal(read("(1, 2, 4, 3)", &bytes).map(of), (3, 2, 4, channels));
    equal(read("(1, 16)", &bytes[..16]).map(of), (1, 4, 4, bytes[..16].to_vec()));
    refuses(read("(1, 24)", &bytes), &["a.npz", "array data", "[1, 24]", "expected (n, h·h)"]);
    refuses(read("(1, 2, 4, 3, 1)", &bytes), &["[1, 2, 4, 3, 1]"]);
    refuses(read("(1, 2, 6, 2)", &bytes), &["[1, 2, 6, 2]", "1 or 3 channels"]);
    let config = DataConfig::new(Source::Npz);
    write(folder.path(), "train_all.npz", &archive("|u1", "(1, 4, 6)", &bytes, &[7]));
    write(folder.path(), "test.npz", &archive("|u1", "(1, 6, 4)", &bytes, &[7]));
    refuses(load(&config, Some(folder.path())), &["test.npz", "6×4 pixels", "4×6 pixels"]);
    refuses(shape(&config, Some(folder.path())), &["test.npz", "6×4 pixels", "4×6 pixels"]);
    write(folder.path(), "test.npz", &archive("|u1", "(1, 4, 6)", &bytes, &[12]));
    equal(load(&config, Some(folder.path())).map(|set| (set.name, set.classes)), ("images (npz)".to_owned(), 13));
}

#[test]
fn errors_say_what_is_there_what_was_looked_for_and_the_key_that_helps() {
    let folder = tempfile::tempdir().unwrap();
    let config = DataConfig::new(Source::Npz);
    write(folder.path(), "mine.npz", &named(["X", "classes"], "<f4", "28, 28", 2, 0));
    refuses(
        load(&config, Some(folder.path())),
        &["mine.npz", "rotated_train_valid.npz", "train_all.npz", "train_file"],
    );
    let mine = Some("mine.npz".to_owned());
    let config = DataConfig { train_file: mine.clone(), ..config };
    refuses(load(&config, Some(folder.path())), &["mine.npz", "rotated_test.npz", "test_file"]);
    let config = DataConfig { test_file: mine, ..config };
    let parts = ["mine.npz", "X [2, 28, 28] '<f4'", "classes [2] '<i8'", "data, images, x", "images_key"];
    refuses(load(&config, Some(folder.path())), &parts);
    let config = DataConfig { images_key: Some("X".into()), ..config };
    refuses(load(&config, Some(folder.path())), &["labels, y", "labels_key"]);
    let config = DataConfig { labels_key: Some("classes".into()), ..config };
    equal(load(&config, Some(folder.path())).map(|set| set.test.labels), vec![0, 1]);
    let config = DataConfig { source: Source::Amat, ..config };
    refuses(load(&config, Some(folder.path())), &["images_key", "\"npz\""]);
}
