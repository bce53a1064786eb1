//! Readers of data files: right content is read exactly, wrong content is one error that names the file.

mod data_support;

use std::fmt::Debug;

use data_support::*;
use equisplit::data::{DataConfig, Source, amat, cache, idx, load, npz};

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
    refuses(labels(&idx_labels(&[1, 10])), &["labels", "image 1", "label 10", "0 to 9"]);
    refuses(labels(&idx_labels(&[])), &["labels", "0 labels"]);
    refuses(labels(&good), &["labels", "2051", "2049"]);
    let half = gzip(&good);
    let path = write(folder.path(), "half.gz", &half[..half.len() / 2]);
    refuses(idx::read_images(&path), &["half.gz"]);
    refuses(idx::read_images(&write(folder.path(), "plain.gz", &good)), &["plain.gz"]);
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
fn malformed_amat_is_refused_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let read = |text: &str| amat::read(&write(folder.path(), "a.amat", text.as_bytes()), false);
    let good = amat_line(&[], "1");
    refuses(read(""), &["a.amat", "empty"]);
    refuses(read(&(good.clone() + &good[..700])), &["a.amat: line 2", "numbers, but expected 785"]);
    refuses(read(&(good.clone() + good.trim_end() + " 1 2\n")), &["a.amat: line 2", "787 numbers"]);
    refuses(read(&(good.clone() + "\n" + &good)), &["a.amat: line 2", "0 numbers"]);
    refuses(read(&amat_line(&[], "10")), &["a.amat: line 1", "label 10"]);
    refuses(read(&amat_line(&[], "1.5")), &["a.amat: line 1", "label 1.5"]);
    refuses(read(&amat_line(&[255.0], "1")), &["a.amat: line 1", "255", "[0, 1]"]);
    refuses(read(&amat_line(&[f32::NAN], "1")), &["a.amat: line 1", "NaN"]);
    refuses(read(&good.replacen("0.0", "zero", 1)), &["a.amat: line 1", "zero"]);
    refuses(read(&" 0".repeat(1 << 16)), &["a.amat: line 1", "too long"]);
    refuses(amat::read(&folder.path().join("missing.amat"), false), &["missing.amat"]);
}

fn archive(descr: &str, shape: &str, data: &[u8], labels: &[u8]) -> Vec<u8> {
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
    refuses(read(&archive("|u1", "(1, 784)", &[0; 784], &[10])), &["a.npz", "labels", "label 10"]);
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

#[test]
fn folders_of_amat_and_npz_have_usual_and_other_names() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = DataConfig::new(Source::Npz);
    refuses(load(&config, Some(folder.path())), &["rotated_train_valid.npz"]);
    write(folder.path(), "rotated_train.npz", &archive("|u1", "(2, 784)", &[0; 1568], &[1, 2]));
    write(folder.path(), "rotated_test.npz", &archive("|u1", "(1, 784)", &[0; 784], &[3]));
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
