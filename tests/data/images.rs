//! Folders of PNG and JPEG files, whose pixels are compared with what Pillow reads (tests/fixtures/images.py); images of other sizes.

use std::collections::BTreeSet;
use std::path::Path;

use equisplit::data::{DataConfig, Dataset, Draw, Draws, ImageSize, Images, Source, load, shape};

use crate::common::equisplit;
use crate::data_support::*;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/images");

/// What Pillow says of a file, or of one in another size: a list for each channel.
fn pillow(name: &str) -> Vec<u8> {
    let text = std::fs::read_to_string(Path::new(FIXTURES).join("pixels.json")).unwrap();
    let pixels: serde_json::Value = serde_json::from_str(&text).unwrap();
    let channels = pixels[name].as_array().unwrap().iter().flat_map(|channel| channel.as_array().unwrap());
    channels.map(|value| value.as_u64().unwrap() as u8).collect()
}

/// Copies a fixture to `path` below `folder`.
fn put(folder: &Path, path: &str, fixture: &str) {
    let to = folder.join(path);
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::copy(Path::new(FIXTURES).join(fixture), to).unwrap();
}

fn config() -> DataConfig {
    DataConfig::new(Source::Images)
}

fn set(folder: &Path) -> Dataset {
    load(&config(), Some(folder)).unwrap()
}

/// Values of 255 of the only image with this label.
fn bytes(images: &Images, label: u16) -> Vec<u8> {
    let places: Vec<usize> = (0..images.len()).filter(|&n| images.labels[n] == label).collect();
    assert_eq!(places.len(), 1, "images of class {label}");
    images.image(places[0]).iter().map(|value| (value * 255.0).round() as u8).collect()
}

fn farthest(found: &[u8], expected: &[u8]) -> u8 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

/// A folder for a class, named so that their order is this.
fn folder_of(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (class, file) in files.iter().enumerate() {
        for part in ["train", "test"] {
            let ending = file.rsplit('.').next().unwrap().to_uppercase();
            put(folder.path(), &format!("{part}/class {class}/one.{ending}"), file);
        }
    }
    folder
}

#[test]
fn pixels_are_those_that_pillow_reads() {
    let files = ["colour.png", "palette.png", "clear.png", "colour.jpg"];
    let folder = folder_of(&files);
    let coloured = set(folder.path());
    assert_eq!((coloured.classes, coloured.train.len(), coloured.test.len()), (4, 4, 4));
    assert_eq!((coloured.test.channels, coloured.test.height, coloured.test.width), (3, 12, 16));
    for (class, file) in files.iter().enumerate() {
        // Decoders of JPEG may round another way.
        let tolerance = if file.ends_with("jpg") { 2 } else { 0 };
        let found = bytes(&coloured.test, class as u16);
        assert!(farthest(&found, &pillow(file)) <= tolerance, "{file}");
    }
    let grey = set(folder_of(&["grey.png", "grey.jpg"]).path());
    assert_eq!((grey.classes, grey.train.channels), (2, 1));
    assert_eq!(bytes(&grey.train, 0), pillow("grey.png"));
    assert!(farthest(&bytes(&grey.train, 1), &pillow("grey.jpg")) <= 2);
    // One coloured image makes all coloured.
    let mixed = folder_of(&["grey.png", "colour.png"]);
    let both = set(mixed.path());
    assert_eq!(bytes(&both.train, 0), pillow("grey.png").repeat(3));
    assert_eq!(shape(&config(), Some(mixed.path())).unwrap(), (both.train.shape(), 2));
}

#[test]
fn images_are_resized_as_pillow_does() {
    for (name, channels) in [("colour.png", 3), ("grey.png", 1)] {
        let folder = folder_of(&[name, name]);
        for [columns, rows] in [[7u32, 5], [24, 20]] {
            let config = DataConfig { resize: Some(ImageSize::Sides([rows, columns])), ..config() };
            let set = load(&config, Some(folder.path())).unwrap();
            assert_eq!((set.train.height, set.train.width), (rows as usize, columns as usize));
            assert_eq!(shape(&config, Some(folder.path())).unwrap().0, set.train.shape());
            let far = farthest(&bytes(&set.train, 0), &pillow(&format!("{name} {columns}x{rows}")));
            // Pillow rounds rows before columns.
            assert!(far <= 1, "{name} {columns}×{rows}: {far} of 255");
            assert_eq!(set.train.channels, channels);
        }
    }
}

/// The mean of a smooth image stays what it is, of bytes and of floats; what has the size already is as it was.
#[test]
fn any_source_is_resized() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<f32> = (0..2 * 28 * 28).map(|n| (n / 28 % 28) as f32 / 27.0).collect();
    for name in ["rotated_train_valid.npz", "rotated_test.npz"] {
        let images: Vec<u8> = rows.iter().flat_map(|v| v.to_le_bytes()).collect();
        let data = npy("<f4", "(2, 28, 28)", &images);
        write(folder.path(), name, &zip(&[("data.npy", &data), ("labels.npy", &npy("|u1", "(2,)", &[3, 4]))]));
    }
    let of = |resize| load(&DataConfig { resize, ..DataConfig::new(Source::Npz) }, Some(folder.path())).unwrap();
    let (own, same, half) = (of(None), of(Some(ImageSize::Square(28))), of(Some(ImageSize::Square(14))));
    assert_eq!(own, same);
    assert_ne!(own.fingerprint, half.fingerprint);
    assert!(half.name.ends_with("of 14×14 pixels"), "{}", half.name);
    // Rows rise evenly: away from the border a row of half as many is between two of the old.
    for row in 1..13 {
        let expected = (2.0 * f64::from(row) + 0.5) / 27.0;
        let found = f64::from(half.test.image(1)[row as usize * 14 + 5]);
        assert!((found - expected).abs() < 1e-6, "row {row}: {found}, expected {expected}");
    }
    let refused = |source, resize| DataConfig { resize, ..DataConfig::new(source) }.check().unwrap_err().to_string();
    assert!(refused(Source::MnistRot, Some(ImageSize::Square(14))).contains("28×28"));
    assert!(refused(Source::Npz, Some(ImageSize::Sides([14, 0]))).contains("resize = 14×0"));
    assert!(refused(Source::Npz, Some(ImageSize::Square(4000))).contains("1 to 1024"));
}

#[test]
fn validation_images_are_training_images_where_there_are_test_images() {
    let folder = folder_of(&["grey.png", "grey.jpg"]);
    std::fs::rename(folder.path().join("test"), folder.path().join("val")).unwrap();
    let two = set(folder.path());
    assert_eq!((two.train.len(), two.test.len()), (2, 2));
    for class in 0..2 {
        put(folder.path(), &format!("test/class {class}/one.png"), "grey.png");
    }
    let three = set(folder.path());
    assert_eq!((three.train.len(), three.test.len()), (4, 2));
    assert_eq!(three.test.labels.iter().collect::<BTreeSet<_>>().len(), 2);
}

/// A file that Pillow would read as one grey value, with the class in it.
fn put_flat(folder: &Path, path: &str, value: u8) {
    let mut png = std::io::Cursor::new(Vec::new());
    image::GrayImage::from_pixel(4, 4, image::Luma([value])).write_to(&mut png, image::ImageFormat::Png).unwrap();
    let to = folder.join(path);
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::write(to, png.into_inner()).unwrap();
}

/// First values of all images.
fn values(images: &Images) -> Vec<u8> {
    (0..images.len()).map(|n| (images.image(n)[0] * 255.0).round() as u8).collect()
}

#[test]
fn one_folder_is_split_by_the_seed() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..60 {
        put_flat(folder.path(), &format!("{}/{n}.png", if n < 20 { "cat" } else { "dog" }), n);
    }
    let of = |seed| load(&DataConfig { seed, ..config() }, Some(folder.path())).unwrap();
    let (first, again, other) = (of(0), of(0), of(1));
    assert_eq!((first.train.len(), first.test.len()), (50, 10));
    assert_eq!(first, again);
    assert_ne!(first.fingerprint, other.fingerprint);
    assert_ne!(values(&first.test), values(&other.test));
    let mut all = [values(&first.train), values(&first.test)].concat();
    all.sort_unstable();
    assert_eq!(all, (0..60).collect::<Vec<u8>>());
    for images in [&first.train, &first.test] {
        let right = images.labels.iter().zip(values(images)).all(|(&label, value)| label == u16::from(value >= 20));
        assert!(right, "labels are those of the folders");
    }
    // The first so many are some of every class.
    let few = load(&DataConfig { train: Some(12), ..config() }, Some(folder.path())).unwrap();
    assert_eq!(values(&few.train), values(&first.train)[..12]);
    assert!(few.train.histogram(2).iter().all(|&count| count > 0));
}

#[test]
fn tiny_image_net_is_read_as_it_is_published() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    for (class, name) in ["n01443537", "n02123394", "n07873807"].into_iter().enumerate() {
        put_flat(path, &format!("train/{name}/images/{name}_0.JPEG"), class as u8);
        put_flat(path, &format!("train/{name}/images/{name}_1.JPEG"), class as u8);
        write(&path.join("train").join(name), &format!("{name}_boxes.txt"), b"n0_0.JPEG\t0\t10\t63\t58\n");
    }
    for n in 0..3 {
        put_flat(path, &format!("val/images/val_{n}.JPEG"), 100 + n);
        // Images without labels, which aren't used.
        put_flat(path, &format!("test/images/test_{n}.JPEG"), 200);
    }
    let annotations = "val_0.JPEG\tn07873807\t0\t32\t44\t62\nval_1.JPEG\tn01443537\t52\t55\t57\t59\nval_2.JPEG\tn02123394\t4\t0\t60\t55\n";
    write(&path.join("val"), "val_annotations.txt", annotations.as_bytes());
    let set = set(path);
    assert_eq!((set.classes, set.train.len(), set.test.len()), (3, 6, 3));
    let mut test: Vec<_> = values(&set.test).into_iter().zip(set.test.labels.clone()).collect();
    test.sort_unstable();
    assert_eq!(test, [(100, 2), (101, 0), (102, 1)]);
    assert!(set.train.labels.iter().zip(values(&set.train)).all(|(&label, value)| label == u16::from(value)));
    for (line, message) in [
        ("val_0.JPEG n07873807", "val_annotations.txt:1: expected the name of an image, a tab"),
        ("val_0.JPEG\tn07873807\n\nval_1.JPEG\tn5", "val_annotations.txt:3: a class that has no training images"),
        ("../../x.JPEG\tn07873807", "isn't the name of a file"),
        ("val_9.JPEG\tn07873807", "val_9.JPEG"),
    ] {
        write(&path.join("val"), "val_annotations.txt", line.as_bytes());
        refused(path, &[message]);
    }
}

/// One line, of loading and of looking at headers alone.
fn refused(folder: &Path, parts: &[&str]) {
    let config = config();
    let error = load(&config, Some(folder)).unwrap_err().to_string();
    assert!(parts.iter().all(|part| error.contains(part)) && !error.contains('\n'), "{parts:?}: {error}");
    if let Err(headers) = shape(&config, Some(folder)) {
        assert_eq!(headers.to_string(), error);
    }
}

#[test]
fn what_is_no_set_of_images_is_told_with_its_file() {
    let empty = tempfile::tempdir().unwrap();
    refused(empty.path(), &["no folders of classes", "train/CLASS"]);
    let folder = folder_of(&["grey.png", "grey.jpg"]);
    let path = folder.path();
    put(path, "train/class 0/two.png", "narrow.png");
    refused(path, &["two.png", "12×5 pixels", "12×16 pixels", "`resize` in [data]"]);
    let sized = DataConfig { resize: Some(ImageSize::Square(12)), ..config() };
    assert_eq!(load(&sized, Some(path)).unwrap().train.image_len(), 144);
    std::fs::remove_file(path.join("train/class 0/two.png")).unwrap();

    write(&path.join("train/class 1"), "two.jpg", b"no image");
    refused(path, &["two.jpg"]);
    let jpeg = std::fs::read(Path::new(FIXTURES).join("grey.jpg")).unwrap();
    write(&path.join("train/class 1"), "two.jpg", &jpeg[..60]);
    refused(path, &["two.jpg"]);
    let png = std::fs::read(Path::new(FIXTURES).join("grey.png")).unwrap();
    write(&path.join("train/class 1"), "two.jpg", &png[..100]);
    refused(path, &["two.jpg"]);
    // A header of 4 thousand million by 4 thousand million pixels.
    let huge = [&png[..16], &[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff], &png[24..]].concat();
    write(&path.join("train/class 1"), "two.jpg", &huge);
    refused(path, &["two.jpg"]);
    std::fs::remove_file(path.join("train/class 1/two.jpg")).unwrap();

    std::fs::create_dir(path.join("test/class 2")).unwrap();
    refused(path, &["classes without training images: class 2"]);
    std::fs::create_dir(path.join("train/class 2")).unwrap();
    refused(path, &["class 2: a class without images"]);
    std::fs::remove_dir(path.join("test/class 2")).unwrap();
    put(path, "train/class 2/one.png", "grey.png");
    refused(path, &["no folders of the classes class 2"]);
    std::fs::remove_dir_all(path.join("test")).unwrap();
    refused(path, &["neither test nor val"]);
}

#[test]
fn the_program_tells_what_a_folder_of_images_has() {
    let folder = folder_of(&["colour.png", "grey.jpg"]);
    let output = equisplit().args(["data", "info"]).arg(folder.path()).assert().success();
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    for part in ["(train)", "(test)", "2 images of 12×16 pixels and 3 channels", "0 (class 0): 1, 1 (class 1): 1"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    put(folder.path(), "train/class 0/two.png", "narrow.png");
    let output = equisplit().args(["data", "info"]).arg(folder.path()).assert().success();
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    assert!(text.contains("3 images of several sizes"), "{text}");
}

/// A set of two classes has two outputs, and an archive can be named itself.
#[test]
fn an_archive_of_a_whole_set_is_data_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let images = npy("|u1", "(4, 5, 5)", &[7; 100]);
    let labels = npy("|u1", "(4, 1)", &[0, 1, 1, 0]);
    let entries: Vec<(String, &[u8])> = ["train", "val", "test"]
        .iter()
        .flat_map(|part| [(format!("{part}_images.npy"), &images[..]), (format!("{part}_labels.npy"), &labels[..])])
        .collect();
    let entries: Vec<(&str, &[u8])> = entries.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    let file = write(folder.path(), "breastmnist.npz", &zip(&entries));
    write(folder.path(), "other.npz", b"no archive");
    let config = DataConfig::new(Source::Npz);
    let set = load(&config, Some(&file)).unwrap();
    assert_eq!((set.classes, set.train.len(), set.test.len()), (2, 8, 4));
    assert_eq!(shape(&config, Some(&file)).unwrap(), (set.train.shape(), 2));
    let named = DataConfig { train_file: Some("breastmnist.npz".to_owned()), ..config };
    assert_eq!(load(&named, Some(folder.path())).unwrap(), set);
}

/// What is taken of a folder says nothing of what its images are: a coloured one that is left out makes all coloured, so that every seed's
/// draw, and what is said before any image is read, have the same shape.
#[test]
fn the_shape_is_that_of_all_images() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..30 {
        put_flat(folder.path(), &format!("{}/{n}.png", if n < 15 { "cat" } else { "dog" }), n);
    }
    put(folder.path(), "dog/colour.png", "colour.png");
    let config = DataConfig {
        train: Some(4),
        test: Some(2),
        draw: Draw::PerSeed,
        resize: Some(ImageSize::Square(4)),
        ..config()
    };
    let draws = Draws::load(&config, Some(folder.path())).unwrap();
    let declared = shape(&config, Some(folder.path())).unwrap().0;
    assert_eq!(declared.channels, 3);
    for seed in 0..4 {
        let set = draws.of(seed).unwrap();
        assert_eq!((set.train.shape(), set.test.shape(), set.train.len()), (declared, declared, 4));
    }
}

/// The decoder fills what is missing with grey; a file that ends before its image does is refused.
#[test]
fn a_jpeg_that_was_cut_off_is_refused() {
    let folder = folder_of(&["grey.png", "grey.jpg"]);
    let jpeg = std::fs::read(Path::new(FIXTURES).join("grey.jpg")).unwrap();
    for missing in [2, 10, jpeg.len() / 4] {
        write(&folder.path().join("train/class 1"), "one.JPG", &jpeg[..jpeg.len() - missing]);
        refused(folder.path(), &["one.JPG", "cut off after"]);
    }
    // Something behind the image is nobody's loss.
    write(&folder.path().join("train/class 1"), "one.JPG", &[&jpeg[..], b"more"].concat());
    set(folder.path());
}

/// Three million images of a pixel are small, and of 1024×1024 pixels 3 TB.
#[test]
fn what_no_memory_holds_is_refused_before_it_is_made() {
    let folder = tempfile::tempdir().unwrap();
    for prefix in ["train", "t10k"] {
        let count = 1_500_000;
        let pixels: Vec<u8> = (0..count).map(|n| (n % 256) as u8).collect();
        let labels: Vec<u8> = (0..count).map(|n| (n % 10) as u8).collect();
        write(folder.path(), &format!("{prefix}-images-idx3-ubyte"), &idx_images(count, 1, 1, &pixels));
        write(folder.path(), &format!("{prefix}-labels-idx1-ubyte"), &idx_labels(&labels));
    }
    let large = Some(ImageSize::Square(1024));
    for (key, config) in [
        ("data.pad", DataConfig { pad: large, ..DataConfig::new(Source::Mnist) }),
        ("data.resize", DataConfig { resize: large, ..DataConfig::new(Source::Mnist) }),
    ] {
        let error = load(&config, Some(folder.path())).unwrap_err().to_string();
        assert!(error.contains(key) && error.contains("takes at least 3.1") && error.contains("TB, but"), "{error}");
    }
}
