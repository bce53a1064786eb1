//! Readers of data files: right content is read exactly, wrong content is one error that names the file.

mod npz;
mod untrusted;

use std::fmt::Debug;

use crate::data_support::*;
use equisplit::data::{DataConfig, Shape, Source, amat, cache, idx, load, shape};

fn refuses<T>(result: equisplit::Result<T>, parts: &[&str]) {
    let message = match result {
        Ok(_) => panic!("accepted; expected an error with {parts:?}"),
        Err(e) => e.to_string(),
    };
    for part in parts {
        assert!(message.contains(part), "{message:?} doesn't say {part:?}");
    }
    assert!(!message.contains('\n'), "{message:?} has more than one line");
}

fn equal<T: PartialEq + Debug>(found: equisplit::Result<T>, expected: T) {
    assert_eq!(found.unwrap(), expected);
}

#[test]
fn idx_is_read_plain_and_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = idx_images(2, 1, 2, &[0, 51, 255, 7]);
    let plain = idx::read_images(&write(folder.path(), "a-idx3-ubyte", &bytes)).unwrap();
    assert_eq!((plain.count, plain.height, plain.width, &plain.bytes[..]), (2, 1, 2, &[0, 51, 255, 7][..]));
    let compressed = idx::read_images(&write(folder.path(), "a-idx3-ubyte.gz", &gzip(&bytes))).unwrap();
    assert_eq!((compressed.bytes, compressed.sha256), (plain.bytes, plain.sha256));
    equal(idx::read_labels(&write(folder.path(), "l", &idx_labels(&[9, 0]))).map(|file| file.labels), vec![9, 0]);
}

#[test]
fn compression_is_seen_by_content_not_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = idx_images(1, 1, 2, &[3, 4]);
    let read = |name, bytes: &[u8]| idx::read_images(&write(folder.path(), name, bytes)).map(|file| file.bytes);
    equal(read("train-images-idx3-ubyte", &gzip(&bytes)), vec![3, 4]);
    equal(read("plain.gz", &bytes), vec![3, 4]);
    let text = amat_line(&[0.5], "3");
    let images = amat::read(&write(folder.path(), "a.amat", &gzip(text.as_bytes())), false).unwrap();
    equal(amat::read(&write(folder.path(), "b.amat.gz", text.as_bytes()), false), images);
    // What is read doesn't depend on how it's packed, and neither do the results' fingerprints.
    let fingerprint = |name: &str, bytes: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        for part in ["train_valid", "test"] {
            write(folder.path(), &format!("mnist_all_rotation_normalized_float_{part}.{name}"), bytes);
        }
        load(&DataConfig::new(Source::Amat), Some(folder.path())).unwrap().fingerprint
    };
    assert_eq!(fingerprint("amat", text.as_bytes()), fingerprint("amat.gz", &gzip(text.as_bytes())));
}

#[test]
fn sets_have_as_many_classes_as_their_labels_but_ten_at_least() {
    let folder = small_idx_folder(4, 3);
    let config = DataConfig::new(Source::Mnist);
    let classes = || load(&config, Some(folder.path())).unwrap().classes;
    assert_eq!(classes(), 10);
    write(folder.path(), "t10k-labels-idx1-ubyte", &idx_labels(&[0, 46, 1]));
    assert_eq!(classes(), 47);
    write(folder.path(), "train-labels-idx1-ubyte", &idx_labels(&[0, 255, 1, 1]));
    assert_eq!(classes(), 256);
    equal(shape(&config, Some(folder.path())), (Shape { channels: 1, height: 3, width: 2 }, 256));
    let config = DataConfig { train: Some(4), test: Some(2), ..DataConfig::new(Source::MnistRot) };
    equal(load(&config, Some(folder.path())).map(|set| set.classes), 256);
}

#[test]
fn malformed_idx_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let images = |bytes: &[u8]| idx::read_images(&write(folder.path(), "images", bytes));
    let labels = |bytes: &[u8]| idx::read_labels(&write(folder.path(), "labels", bytes));
    let good = idx_images(2, 2, 2, &[0; 8]);
    refuses(images(&[]), &["images", "too short"]);
    refuses(images(&good[..12]), &["images", "too short"]);
    refuses(images(&good[..good.len() - 1]), &["images", "8 bytes", "only 7"]);
    refuses(images(&[&good[..], &[0]].concat()), &["images", "more"]);
    refuses(images(&idx_labels(&[1; 20])), &["images", "2049", "2051"]);
    refuses(images(&idx_images(0, 2, 2, &[])), &["images", "0 images"]);
    refuses(images(&idx_images(1, 0, 2, &[])), &["images", "0×2"]);
    refuses(images(&idx_images(u32::MAX, u32::MAX, u32::MAX, &[])), &["images", "declares"]);
    refuses(images(&idx_images(340_000, 28, 28, &[1; 784])), &["images", "only 784"]);
    refuses(images(&idx_images(1_000_000, 28, 28, &[0; 784])), &["images", "1000000 images", "holds only 784"]);
    refuses(labels(&idx_labels(&[])), &["labels", "0 labels"]);
    refuses(labels(&good), &["labels", "2051", "2049"]);
    let half = gzip(&good);
    let path = write(folder.path(), "half.gz", &half[..half.len() / 2]);
    refuses(idx::read_images(&path), &["half.gz"]);
    // 266 MB, which 100 kB of gzip can't hold: nothing is unpacked.
    let path = write(folder.path(), "bomb", &gzip(&idx_images(340_000, 28, 28, &[0; 1 << 20])));
    refuses(idx::read_images(&path), &["bomb", "266560000 bytes", "only"]);
    refuses(idx::read_images(&folder.path().join("missing")), &["missing"]);
    refuses(idx::read_images(folder.path()), &[folder.path().to_str().unwrap()]);
}

#[test]
fn idx_folders_must_be_complete_and_consistent() {
    let folder = small_idx_folder(4, 3);
    let set = idx::read_folder(folder.path()).unwrap();
    assert_eq!((set.train.len(), set.test.len(), set.train.height, set.train.width), (4, 3, 3, 2));
    assert_eq!(set.train.image(1)[0], 42.0 / 255.0);
    write(folder.path(), "train-labels-idx1-ubyte", &idx_labels(&[1, 2, 3]));
    refuses(idx::read_folder(folder.path()), &["train-labels-idx1-ubyte", "3 labels", "4 images"]);
    write(folder.path(), "train-labels-idx1-ubyte", &idx_labels(&[1, 2, 3, 4]));
    write(folder.path(), "t10k-images-idx3-ubyte", &idx_images(3, 2, 3, &[0; 18]));
    refuses(idx::read_folder(folder.path()), &["t10k-images-idx3-ubyte", "2×3", "3×2"]);
    std::fs::remove_file(folder.path().join("t10k-images-idx3-ubyte")).unwrap();
    refuses(idx::read_folder(folder.path()), &["t10k-images-idx3-ubyte", "not there"]);
    write(folder.path(), "t10k-images.idx3-ubyte.gz", &gzip(&idx_images(3, 3, 2, &[0; 18])));
    assert!(idx::read_folder(folder.path()).is_ok());
}

/// Moves a folder's files to where `place` says.
fn moved(place: impl Fn(&str) -> String) -> tempfile::TempDir {
    let folder = small_idx_folder(4, 3);
    for name in names(folder.path()) {
        let to = folder.path().join(place(&name));
        std::fs::rename(folder.path().join(&name), folder.path().join("moving")).unwrap();
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::rename(folder.path().join("moving"), to).unwrap();
    }
    folder
}

#[test]
fn idx_files_are_found_in_the_layouts_that_are_passed_on() {
    let wanted = idx::read_folder(small_idx_folder(4, 3).path()).unwrap().into_dataset();
    let read = |folder: &tempfile::TempDir| idx::read_folder(folder.path()).map(|set| set.into_dataset());
    // Kaggle's archive: every file in a folder of its own name, and beside it with a dot.
    let kaggle = moved(|name| format!("{name}/{name}"));
    equal(read(&kaggle), wanted.clone());
    for name in names(kaggle.path()) {
        let bytes = std::fs::read(kaggle.path().join(&name).join(&name)).unwrap();
        write(kaggle.path(), &name.replace("-idx", ".idx"), &bytes);
        std::fs::remove_file(kaggle.path().join(&name).join(&name)).unwrap();
    }
    equal(read(&kaggle), wanted.clone());
    equal(read(&moved(|name| format!("unpacked/{name}"))), wanted.clone());
    let torchvision = moved(|name| format!("MNIST/raw/{name}"));
    equal(read(&torchvision), wanted);
    // One of two sets isn't chosen for the user, and files of different sets aren't mixed.
    std::fs::create_dir_all(torchvision.path().join("FashionMNIST/raw")).unwrap();
    for name in names(&torchvision.path().join("MNIST/raw")) {
        let to = torchvision.path().join("FashionMNIST/raw").join(&name);
        std::fs::copy(torchvision.path().join("MNIST/raw").join(&name), to).unwrap();
    }
    refuses(read(&torchvision), &["MNIST/raw", "FashionMNIST/raw"]);
    std::fs::remove_file(torchvision.path().join("MNIST/raw/t10k-images-idx3-ubyte")).unwrap();
    std::fs::remove_file(torchvision.path().join("FashionMNIST/raw/t10k-labels-idx1-ubyte")).unwrap();
    refuses(read(&torchvision), &["not there"]);
}

#[test]
fn amat_is_read_row_by_row_or_transposed() {
    let folder = tempfile::tempdir().unwrap();
    let text = amat_line(&[0.25, 0.5, 1.0], "3.0000000e+00") + &amat_line(&[], "9");
    let path = write(folder.path(), "a.amat", text.as_bytes());
    let images = amat::read(&path, false).unwrap();
    assert_eq!((images.len(), &images.labels[..], &images.image(0)[..4]), (2, &[3, 9][..], &[0.25, 0.5, 1.0, 0.0][..]));
    let transposed = amat::read(&path, true).unwrap();
    assert_eq!([0, 28, 56, 1].map(|i| transposed.image(0)[i]), [0.25, 0.5, 1.0, 0.0]);
}

#[test]
fn blank_last_lines_and_a_byte_order_mark_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let read = |text: &str| amat::read(&write(folder.path(), "a.amat", text.as_bytes()), false);
    let lines = amat_line(&[0.25], "3") + &amat_line(&[], "11");
    let images = read(&lines).unwrap();
    for text in
        [format!("{lines}\n"), format!("{lines}\r\n \t\n\n"), format!("\u{feff}{lines}"), lines.replace('\n', "\r\n")]
    {
        equal(read(&text), images.clone());
    }
    let config = DataConfig {
        train_file: Some("a.amat".into()),
        test_file: Some("a.amat".into()),
        ..DataConfig::new(Source::Amat)
    };
    equal(shape(&config, Some(folder.path())), (Shape { channels: 1, height: 28, width: 28 }, 12));
}

#[test]
fn malformed_amat_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let read = |text: &str| amat::read(&write(folder.path(), "a.amat", text.as_bytes()), false);
    let good = amat_line(&[], "1");
    refuses(read(""), &["a.amat", "empty"]);
    refuses(read(&(good.clone() + &good[..700])), &["a.amat: line 2", "numbers, but expected 785"]);
    refuses(read(&(good.clone() + good.trim_end() + " 1 2\n")), &["a.amat: line 2", "787 numbers"]);
    refuses(read(&(good.clone() + "\n" + &good)), &["a.amat: line 2", "0 numbers"]);
    refuses(read(&amat_line(&[], "65536")), &["a.amat: line 1", "label 65536"]);
    refuses(read("\n \n"), &["a.amat", "empty"]);
    refuses(read(&amat_line(&[], "1.5")), &["a.amat: line 1", "label 1.5"]);
    refuses(read(&amat_line(&[255.0], "1")), &["a.amat: line 1", "255", "[0, 1]"]);
    refuses(read(&amat_line(&[f32::NAN], "1")), &["a.amat: line 1", "NaN"]);
    refuses(read(&good.replacen("0.0", "zero", 1)), &["a.amat: line 1", "zero"]);
    refuses(read(&" 0".repeat(1 << 16)), &["a.amat: line 1", "too long"]);
    refuses(amat::read(&folder.path().join("missing.amat"), false), &["missing.amat"]);
}

#[test]
fn folders_of_amat_and_npz_have_usual_and_other_names() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = DataConfig::new(Source::Npz);
    refuses(load(&config, Some(folder.path())), &["rotated_train_valid.npz"]);
    write(folder.path(), "rotated_train.npz", &npz::archive("|u1", "(2, 784)", &[0; 1568], &[1, 2]));
    write(folder.path(), "rotated_test.npz", &npz::archive("|u1", "(1, 784)", &[0; 784], &[3]));
    equal(load(&config, Some(folder.path())).map(|set| (set.train.len(), set.test.len())), (2, 1));
    config.train = Some(3);
    refuses(load(&config, Some(folder.path())), &["data.train = 3", "2"]);
    write(folder.path(), "a", amat_line(&[], "1").as_bytes());
    write(folder.path(), "b", amat_line(&[], "2").as_bytes());
    let mut config = DataConfig::new(Source::Amat);
    (config.train_file, config.test_file) = (Some("a".into()), Some("b".into()));
    equal(load(&config, Some(folder.path())).map(|set| set.test.labels), vec![2]);
}

#[test]
fn a_decoded_file_holds_exactly_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let set = load(&DataConfig { train: Some(5), test: Some(3), ..DataConfig::new(Source::Builtin) }, None).unwrap();
    let path = folder.path().join("set.safetensors");
    cache::write(&set, &path).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    equal(cache::read(&path), set.clone());
    // Without a recipe it stands for any source.
    equal(load(&DataConfig::new(Source::Amat), Some(&path)), set.clone());
    cache::write(&set, &path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "written twice, the file differs");
    let refused = |bytes: &[u8]| refuses(cache::read(&write(folder.path(), "bad", bytes)), &["bad", "decoded set"]);
    refused(&[]);
    refused(&bytes[..bytes.len() - 1]);
    refused(&[&bytes[..], &[0]].concat());
    refused(&bytes[8..]);
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    refused(&flipped);
}

#[test]
fn a_file_with_a_recipe_stands_for_what_it_was_made_from_alone() {
    let folder = tempfile::tempdir().unwrap();
    let made = DataConfig { train: Some(5), test: Some(3), seed: 2, ..DataConfig::new(Source::Builtin) };
    let set = load(&made, None).unwrap();
    let path = folder.path().join("set.safetensors");
    cache::write_made(&set, &made, &path).unwrap();
    equal(load(&made, Some(&path)), set.clone());
    equal(load(&DataConfig { train: None, test: None, ..made.clone() }, Some(&path)), set);
    equal(load(&DataConfig { train: Some(2), ..made.clone() }, Some(&path)).map(|set| set.train.len()), 2);
    let contradicts = |config: DataConfig, parts: &[&str]| {
        refuses(load(&config, Some(&path)), parts);
    };
    contradicts(DataConfig { seed: 7, ..made.clone() }, &["data.seed = 7", "set.safetensors", "seed = 2"]);
    contradicts(DataConfig { seed: 0, ..made.clone() }, &["data.seed = 0", "seed = 2"]);
    contradicts(DataConfig { train: Some(6), ..made.clone() }, &["data.train = 6"]);
    contradicts(
        DataConfig { transpose: true, ..DataConfig::new(Source::Amat) },
        &["data.source = \"amat\"", "\"builtin\""],
    );
    let made = DataConfig { train_file: Some("a".into()), ..DataConfig::new(Source::Amat) };
    cache::write_made(
        &load(&DataConfig { train: Some(5), test: Some(3), ..DataConfig::new(Source::Builtin) }, None).unwrap(),
        &made,
        &path,
    )
    .unwrap();
    contradicts(DataConfig { transpose: true, ..made.clone() }, &["data.transpose = true", "transpose = false"]);
    contradicts(DataConfig { train_file: Some("b".into()), ..made.clone() }, &["data.train_file = \"b\"", "\"a\""]);
    // What the source doesn't use contradicts nothing.
    assert!(load(&DataConfig { seed: 7, ..made }, Some(&path)).is_ok());
}

#[cfg(unix)]
#[test]
fn the_cache_is_used_rebuilt_when_damaged_and_left_out_in_read_only_folders() {
    use std::os::unix::fs::PermissionsExt;
    let folder = small_idx_folder(8, 4);
    let config = DataConfig { train: Some(6), test: Some(5), ..DataConfig::new(Source::MnistRot) };
    let mode = |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    let set = load(&config, Some(folder.path())).unwrap();
    assert_eq!(names(folder.path()).len(), 4, "wrote into a read-only folder");
    mode(0o755);
    equal(load(&config, Some(folder.path())), set.clone());
    let file = names(folder.path()).into_iter().find(|name| name.ends_with(".safetensors")).expect("no cache");
    assert!(file.contains(&set.fingerprint[..16]));
    equal(load(&config, Some(folder.path())), set.clone());
    write(folder.path(), &file, b"damaged");
    equal(load(&config, Some(folder.path())), set.clone());
    equal(cache::read(&folder.path().join(&file)), set.clone());
    // A changed input is another set: its hash is the cache's key.
    write(folder.path(), "train-labels-idx1-ubyte", &idx_labels(&[9; 8]));
    assert_ne!(load(&config, Some(folder.path())).unwrap().train.labels, set.train.labels);
}
