//! Rotation, augmentation, and the sets that are made rather than read.

use crate::data_support::*;
use equisplit::data::augment::Published;
use equisplit::data::rotate::{downsample, rotate, upsample};
use equisplit::data::{Augmentation, DataConfig, Images, Source, idx, load, mnist_rot};
use equisplit::rng;
use proptest::prelude::*;

fn close(found: &[f32], expected: &[f32], tolerance: f32) {
    for (i, (f, e)) in found.iter().zip(expected).enumerate() {
        assert!((f - e).abs() <= tolerance, "value {i} is {f}, expected {e}");
    }
}

/// numpy's `rot90` of a square.
fn rot90(image: &[f32], side: usize) -> Vec<f32> {
    (0..side * side).map(|i| image[(i % side) * side + side - 1 - i / side]).collect()
}

proptest! {
    #[test]
    fn quarter_turns_are_exact(side in 1_usize..9, seed: u64, turns in 0_u32..8) {
        use rand::RngExt;
        let mut rng = rng::stream(seed, "image");
        let image: Vec<f32> = (0..side * side).map(|_| rng.random()).collect();
        let mut expected = image.clone();
        for _ in 0..turns {
            expected = rot90(&expected, side);
        }
        let mut found = vec![0.0; side * side];
        rotate(&image, side, side, f64::from(turns) * std::f64::consts::FRAC_PI_2, &mut found);
        close(&found, &expected, 1e-6);
    }

    #[test]
    fn enlarging_and_averaging_back_keeps_the_mean(h in 1_usize..6, w in 1_usize..6, factor in 1_usize..5, seed: u64) {
        use rand::RngExt;
        let mut rng = rng::stream(seed, "image");
        let image: Vec<f32> = (0..h * w).map(|_| rng.random()).collect();
        let (mut large, mut back) = (vec![0.0; h * w * factor * factor], vec![0.0; h * w]);
        upsample(&image, h, w, factor, &mut large);
        downsample(&large, h, w, factor, &mut back);
        let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
        prop_assert!((mean(&large) - mean(&back)).abs() < 1e-5);
        prop_assert!(back.iter().all(|v| (0.0..=1.0).contains(v)));
        if factor == 1 {
            close(&back, &image, 0.0);
        }
    }
}

/// `scipy.ndimage.rotate(image, angle, axes=(1, 0), reshape=False, order=1, mode='grid-constant')` of scipy 1.17.
#[test]
fn rotation_is_scipys() {
    #[rustfmt::skip]
    let image = [
        0.8, 0.6, 0.5, 0.2, 0.3, 0.0, 0.0, 0.0, 0.1, 0.8, 0.6, 0.9, 0.5, 0.6, 0.9, 0.7, 0.6, 0.5, 0.5, 0.9, 0.2, 0.8,
        0.6, 0.0, 0.3, 0.8, 0.5, 0.0, 0.7, 0.7,
    ];
    #[rustfmt::skip]
    let by_30 = [
        0.010168, 0.227748, 0.217108, 0.459095, 0.833975, 0.232051, 0.559567, 0.353349, 0.477516, 0.691627, 0.583975,
        0.257171, 0.183253, 0.180144, 0.701675, 0.725, 0.635168, 0.325721, 0.257171, 0.594495, 0.605625, 0.439351,
        0.413166, 0.618782, 0.167468, 0.579303, 0.81782, 0.515192, 0.052044, 0.008356,
    ];
    #[rustfmt::skip]
    let by_200 = [
        0.185895, 0.095907, 0.339101, 0.684954, 0.604187, 0.231093, 0.617009, 0.555554, 0.533454, 0.508089, 0.670644,
        0.404374, 0.152009, 0.613687, 0.719006, 0.761802, 0.310038, 0.07466, 0.431756, 0.617776, 0.721709, 0.363602,
        0.275723, 0.557466, 0.409833, 0.537691, 0.383157, 0.271342, 0.317493, 0.168112,
    ];
    let mut found = [0.0; 30];
    rotate(&image, 5, 6, 30_f64.to_radians(), &mut found);
    close(&found, &by_30, 2e-6);
    rotate(&image, 5, 6, 200_f64.to_radians(), &mut found);
    close(&found, &by_200, 2e-6);
}

/// Pillow's `resize((9, 6), BILINEAR)` of the same float image.
#[test]
fn enlargement_is_pillows() {
    #[rustfmt::skip]
    let expected = [
        0.0, 0.0, 0.333333, 0.666667, 1.0, 0.833333, 0.666667, 0.5, 0.5,
        0.0, 0.0, 0.333333, 0.666667, 1.0, 0.833333, 0.666667, 0.5, 0.5,
        0.083333, 0.083333, 0.361111, 0.638889, 0.916667, 0.722222, 0.527778, 0.333333, 0.333333,
        0.166667, 0.166667, 0.388889, 0.611111, 0.833333, 0.611111, 0.388889, 0.166667, 0.166667,
        0.25, 0.25, 0.416667, 0.583333, 0.75, 0.5, 0.25, 0.0, 0.0,
        0.25, 0.25, 0.416667, 0.583333, 0.75, 0.5, 0.25, 0.0, 0.0,
    ];
    let mut found = [9.0; 54];
    upsample(&[0.0, 1.0, 0.5, 0.25, 0.75, 0.0], 2, 3, 3, &mut found);
    close(&found, &expected, 1e-6);
}

#[test]
fn augmentation_changes_all_channels_alike_and_keeps_a_round_blob() {
    let side = 15;
    let blob = |i: usize| {
        let off = |at: usize| at as f32 - 7.0;
        (-(off(i / side).powi(2) + off(i % side).powi(2)) / 12.0).exp()
    };
    let plane: Vec<f32> = (0..side * side).map(blob).collect();
    let image = plane.repeat(2);
    let mut out = vec![0.0; image.len()];
    let mut rng = rng::stream(1, "augment");
    for _ in 0..20 {
        Augmentation::from(Published { rotate: true, flip: true }).apply(&image, [2, side, side], &mut out, &mut rng);
        assert_eq!(out[..side * side], out[side * side..]);
        close(&out, &image, 0.05);
    }
    Augmentation::default().apply(&image, [2, side, side], &mut out, &mut rng);
    assert_eq!(out, image);
}

#[test]
fn flips_alone_reach_all_four_mirror_images_and_nothing_else() {
    let image = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    let mut seen = std::collections::BTreeSet::new();
    let mut rng = rng::stream(1, "flips");
    for _ in 0..100 {
        let mut out = [0.0; 6];
        Augmentation::from(Published { rotate: false, flip: true }).apply(&image, [1, 2, 3], &mut out, &mut rng);
        seen.insert(out.map(|value| value as u8));
    }
    let expected = [[1, 2, 3, 4, 5, 6], [3, 2, 1, 6, 5, 4], [4, 5, 6, 1, 2, 3], [6, 5, 4, 3, 2, 1]];
    assert_eq!(seen, expected.into());
}

#[test]
fn builtin_digits_depend_on_seed_and_index_alone() {
    let config = |seed, train, test| {
        load(&DataConfig { seed, train: Some(train), test: Some(test), ..DataConfig::new(Source::Builtin) }, None)
            .unwrap()
    };
    let (large, mut small) = (config(1, 300, 200), config(1, 40, 30));
    assert_eq!((large.train.image(39), large.test.labels[29]), (small.train.image(39), small.test.labels[29]));
    assert_ne!(large.fingerprint, small.fingerprint);
    assert_ne!(small.train.image(0), small.test.image(0));
    assert_ne!(small.train.pixels, config(2, 40, 30).train.pixels);
    assert!(large.train.histogram(10).iter().all(|&n| n > 10));
    assert!(large.train.pixels.iter().all(|value| (0.0..=1.0).contains(&value)));
    assert!((0..300).all(|i| (20.0..300.0).contains(&large.train.image(i).iter().sum::<f32>())));
    small.train.truncate(7);
    assert_eq!((small.train.len(), small.train.pixels.len()), (7, 7 * 784));
}

/// Share of test images whose nearest training image has another label.
fn nearest_neighbour_error(train: &Images, test: &Images) -> f32 {
    let distance = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
    let wrong = (0..test.len()).filter(|&i| {
        let near = |&j: &usize| distance(&train.image(j), &test.image(i));
        let nearest = (0..train.len()).min_by(|a, b| near(a).total_cmp(&near(b))).unwrap();
        train.labels[nearest] != test.labels[i]
    });
    wrong.count() as f32 / test.len() as f32
}

#[test]
fn builtin_digits_can_be_learned_but_not_trivially() {
    let config = DataConfig { train: Some(1000), test: Some(200), ..DataConfig::new(Source::Builtin) };
    let set = load(&config, None).unwrap();
    let error = nearest_neighbour_error(&set.train, &set.test);
    assert!((0.1..0.5).contains(&error), "nearest-neighbour error {error}");
}

#[test]
fn rotated_sets_draw_without_overlap_and_smaller_ones_begin_larger_ones() {
    // Every image is one value all over, so that its centre tells which one it is, whatever the angle.
    let folder = tempfile::tempdir().unwrap();
    for (prefix, range) in [("train", 1..31_u8), ("t10k", 31..41)] {
        let pixels: Vec<u8> = range.clone().flat_map(|value| [value; 9]).collect();
        let labels: Vec<u8> = range.clone().map(|value| value % 10).collect();
        let images = idx_images(range.len() as u32, 3, 3, &pixels);
        write(folder.path(), &format!("{prefix}-images-idx3-ubyte"), &images);
        write(folder.path(), &format!("{prefix}-labels-idx1-ubyte"), &idx_labels(&labels));
    }
    let upright = idx::read_folder(folder.path()).unwrap();
    let values = |images: &Images| -> Vec<u8> {
        (0..images.len()).map(|i| (images.image(i)[4] * 255.0).round() as u8).collect()
    };
    let all = mnist_rot::make(&upright, 3, 25, 15).unwrap();
    let (train, test) = (values(&all.train), values(&all.test));
    let mut drawn = [&train[..], &test[..]].concat();
    assert!(
        drawn
            .iter()
            .zip(all.train.labels.iter().chain(&all.test.labels))
            .all(|(value, label)| u16::from(value % 10) == *label)
    );
    drawn.sort_unstable();
    assert_eq!(drawn, (1..41).collect::<Vec<u8>>());
    let few = mnist_rot::make(&upright, 3, 4, 2).unwrap();
    let beginning = |images: &Images, n: usize| images.pixels.floats(0..n).into_owned();
    assert_eq!(few.train.pixels, beginning(&all.train, 36).into());
    assert_eq!(few.test.pixels, beginning(&all.test, 18).into());
    assert_ne!(values(&mnist_rot::make(&upright, 4, 25, 15).unwrap().train), train);
    for (train, test, key) in [(41, 1, "data.train"), (1, 41, "data.test"), (30, 11, "only 40"), (0, 1, "data.train")] {
        let message = mnist_rot::make(&upright, 3, train, test).unwrap_err().to_string();
        assert!(message.contains(key), "{message}");
    }
}

#[test]
fn threads_do_not_change_rotated_sets() {
    let folder = small_idx_folder(30, 10);
    let upright = idx::read_folder(folder.path()).unwrap();
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| mnist_rot::make(&upright, 0, 20, 20).unwrap())
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn canonical_mnist_is_recognised_and_rotated_mnist_has_its_sizes() {
    let Some(folder) = crate::common::mnist() else { return };
    let set = load(&DataConfig::new(Source::Mnist), Some(folder.path())).unwrap();
    assert_eq!((set.name.as_str(), set.train.len(), set.test.len()), ("MNIST", 60_000, 10_000));
    assert_eq!(set.train.labels[..5], [5, 0, 4, 1, 9]);
    // Published statistics of the training set.
    let mean = set.train.pixels.iter().map(f64::from).sum::<f64>() / set.train.pixels.len() as f64;
    assert!((mean - 0.1307).abs() < 1e-4, "mean {mean}");
    let rotated = load(&DataConfig::new(Source::MnistRot), Some(folder.path())).unwrap();
    assert_eq!((rotated.train.len(), rotated.test.len()), (12_000, 50_000));
    assert_eq!(rotated.name, "rotated MNIST (own draw, seed 0)");
    let files = equisplit::data::info::info(folder.path()).unwrap();
    let published: Vec<_> = files.iter().filter_map(|file| file.published.as_deref()).collect();
    assert_eq!(published.len(), 4);
    assert!(published.contains(&"MNIST: t10k-labels-idx1-ubyte"));
    let labels = files.iter().find(|file| file.file.starts_with("t10k-labels")).unwrap();
    assert_eq!(labels.labels, Some(vec![980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]));
}

#[test]
fn a_source_with_files_needs_a_folder() {
    for source in [Source::Mnist, Source::MnistRot, Source::Amat, Source::Npz] {
        let config = DataConfig::new(source);
        assert!(load(&config, None).unwrap_err().to_string().contains("--data DIR"));
        let missing = std::path::Path::new("no/such/folder");
        assert!(load(&config, Some(missing)).unwrap_err().to_string().contains("no/such/folder"));
    }
}
