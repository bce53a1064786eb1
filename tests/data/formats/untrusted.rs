//! Files that declare more than there is, and files that aren't regular: refused from their headers and types alone.

use std::path::Path;

use equisplit::data::{DataConfig, Dataset, Images, Source, cache, idx, info, load, npz, shape};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::{equal, refuses};
use crate::data_support::*;

/// A zip archive whose entry claims to be of another length, in its directory too.
fn claiming(mut zip: Vec<u8>, length: u32, claimed: u32) -> Vec<u8> {
    let places: Vec<usize> = (0..zip.len() - 4).filter(|&n| zip[n..n + 4] == length.to_le_bytes()).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|n| zip[n..n + 4].copy_from_slice(&claimed.to_le_bytes()));
    zip
}

#[test]
fn archives_that_would_unpack_to_gigabytes_are_refused_by_their_headers() {
    let folder = tempfile::tempdir().unwrap();
    let read = |bytes: &[u8]| npz::read(&write(folder.path(), "a.npz", bytes));
    let labels = npy("|u1", "(1,)", &[7]);
    // 2 GB of images with one label: no number of it has to be read to see that.
    let images = npy("|u1", "(2739137, 784)", &[0; 5003]);
    let length = images.len() as u32;
    let bomb = |claimed| claiming(zip(&[("data.npy", &images), ("labels.npy", &labels)]), length, claimed);
    refuses(read(&bomb(length)), &["a.npz", "5003 bytes", "2147483408"]);
    refuses(read(&bomb(2_147_483_408 + length - 5003)), &["a.npz", "can't be packed"]);
    let many = npy("|u1", "(342393, 784)", &[0; 4]);
    refuses(read(&zip(&[("data.npy", &many), ("labels.npy", &labels)])), &["a.npz", "4 bytes"]);
    let wide = npy("|u1", "(1, 1, 4096)", &[0; 4096]);
    refuses(read(&zip(&[("data.npy", &wide), ("labels.npy", &labels)])), &["a.npz", "1×4096"]);
}

fn dataset(classes: usize) -> Dataset {
    let images = |n: u16| Images {
        channels: 1,
        height: 2,
        width: 2,
        pixels: vec![0.5; 4 * usize::from(n)].into(),
        labels: (0..n).collect(),
    };
    Dataset { name: "set".to_owned(), fingerprint: "0".repeat(64), classes, train: images(3), test: images(2) }
}

#[test]
fn decoded_sets_have_classes_sizes_and_pixels_that_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set.safetensors");
    let refused = |set: &Dataset, parts: &[&str]| {
        cache::write(set, &path).unwrap();
        refuses(cache::read(&path), parts);
        refuses(load(&DataConfig::new(Source::Mnist), Some(&path)), parts);
    };
    for classes in [0, 65_537, 1_000_000_000, usize::MAX] {
        refused(&dataset(classes), &["set.safetensors", &format!("classes = {classes}"), "1 to 65536"]);
    }
    refused(&dataset(2), &["train.labels", "label 2", "2 classes"]);
    for value in [-0.5, 1.5, f32::NAN, f32::INFINITY] {
        let mut set = dataset(10);
        set.test.pixels = vec![0.5, 0.5, 0.5, 0.5, 0.5, value, 0.5, 0.5].into();
        refused(&set, &["set.safetensors", "test.pixels", "[0, 1]"]);
    }
    let mut set = dataset(10);
    (set.test.height, set.test.width) = (4, 1);
    refused(&set, &["4×1", "2×2"]);
    cache::write(&dataset(10), &path).unwrap();
    equal(cache::read(&path), dataset(10));
    assert_eq!(shape(&DataConfig::new(Source::Mnist), Some(&path)).unwrap().1, 10);
    // A header of a terabyte, and tensors that the file is too short for.
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[5] = 1;
    refuses(cache::read(&write(folder.path(), "long", &bytes)), &["long", "a header of"]);
    bytes[5] = 0;
    bytes.truncate(bytes.len() - 1);
    refuses(cache::read(&write(folder.path(), "short", &bytes)), &["short", "what its header declares"]);
    // Another's file.
    let view = TensorView::new(Dtype::U8, vec![2], &[1, 2]).unwrap();
    let foreign = safetensors::serialize([("a", view)], None).unwrap();
    assert!(SafeTensors::deserialize(&foreign).is_ok());
    refuses(cache::read(&write(folder.path(), "foreign", &foreign)), &["foreign", "not written by"]);
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused_by_their_type() {
    let folder = small_idx_folder(4, 3);
    let pipe = |path: &Path| assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    let own = folder.path().join("pipe");
    pipe(&own);
    let config = DataConfig::new(Source::Mnist);
    for path in [own.as_path(), Path::new("/dev/zero")] {
        for result in [load(&config, Some(path)).map(drop), shape(&config, Some(path)).map(drop)] {
            refuses(result, &[path.to_str().unwrap(), "a pipe, device or socket"]);
        }
        refuses(load(&DataConfig::new(Source::Builtin), Some(path)), &["a pipe, device or socket"]);
        refuses(info::info(path), &[path.to_str().unwrap(), "a pipe, device or socket"]);
        refuses(cache::read(path), &["a pipe, device or socket"]);
        refuses(npz::read(path), &["a pipe, device or socket"]);
        refuses(equisplit::npy::read(path), &["a pipe, device or socket"]);
    }
    let labels = folder.path().join("train-labels-idx1-ubyte");
    std::fs::remove_file(&labels).unwrap();
    pipe(&labels);
    refuses(load(&config, Some(folder.path())), &["train-labels-idx1-ubyte", "a pipe"]);
    let described = info::info(folder.path()).unwrap();
    let found = described.iter().find(|file| file.file == "train-labels-idx1-ubyte").unwrap();
    assert!(found.error.as_ref().unwrap().contains("a pipe"), "{found:?}");
    std::fs::remove_file(&labels).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &labels).unwrap();
    refuses(idx::read_folder(folder.path()), &["train-labels-idx1-ubyte", "device"]);
    std::os::unix::fs::symlink("/dev/zero", folder.path().join("a.amat")).unwrap();
    let config = DataConfig {
        train_file: Some("a.amat".into()),
        test_file: Some("a.amat".into()),
        ..DataConfig::new(Source::Amat)
    };
    refuses(load(&config, Some(folder.path())), &["a.amat", "device"]);
}

#[test]
fn sets_of_hundreds_of_classes_are_kept_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("set.safetensors");
    for (label, classes) in [(255, 256), (256, 257), (65_535, 65_536)] {
        let mut set = dataset(classes);
        set.train.labels[1] = label;
        cache::write(&set, &file).unwrap();
        assert_eq!(cache::read(&file).unwrap(), set, "{label}");
    }
}
