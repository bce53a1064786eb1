//! Images for every seed.

use std::collections::BTreeSet;
use std::path::Path;

use crate::data_support::*;
use equisplit::data::{
    DataConfig, Dataset, Draw, Draws, ImageSize, Images, Rotate, Source, cache, idx, load, mnist_rot, shape,
};

fn draws(source: Source, sizes: [usize; 2], folder: Option<&Path>) -> Draws {
    let [train, test] = sizes.map(Some);
    Draws::load(&DataConfig { train, test, draw: Draw::PerSeed, ..DataConfig::new(source) }, folder).unwrap()
}

/// Pixels and label of every image, as bits.
fn set(images: &Images) -> BTreeSet<(Vec<u32>, u16)> {
    let image = |n: usize| (images.image(n).iter().map(|pixel| pixel.to_bits()).collect(), images.labels[n]);
    (0..images.len()).map(image).collect()
}

fn both(dataset: &Dataset) -> BTreeSet<(Vec<u32>, u16)> {
    set(&dataset.train).union(&set(&dataset.test)).cloned().collect()
}

#[test]
fn a_seed_has_the_images_that_the_source_makes_with_that_seed_added() {
    let folder = small_idx_folder(12, 8);
    let config = |seed| DataConfig { train: Some(9), test: Some(7), seed, ..DataConfig::new(Source::MnistRot) };
    let made = Draws::load(&DataConfig { draw: Draw::PerSeed, ..config(3) }, Some(folder.path())).unwrap();
    let upright = idx::read_folder(folder.path()).unwrap();
    for seed in [0, 1, 4, 1, u64::MAX] {
        let expected = mnist_rot::make(&upright, 3_u64.wrapping_add(seed), 9, 7).unwrap();
        assert_eq!(*made.of(seed).unwrap(), expected, "seed {seed}");
    }
    // One file of decoded images, that of the seed itself, and not one for every seed.
    assert_eq!(names(folder.path()).iter().filter(|name| name.ends_with(".safetensors")).count(), 1);
    let digits = draws(Source::Builtin, [20, 10], None);
    let of =
        |seed| load(&DataConfig { train: Some(20), test: Some(10), seed, ..DataConfig::new(Source::Builtin) }, None);
    assert_eq!(*digits.of(5).unwrap(), of(5).unwrap());
    assert!(set(&digits.of(5).unwrap().train).is_disjoint(&set(&digits.of(6).unwrap().train)));
}

#[test]
fn a_source_without_a_seed_is_split_anew() {
    let folder = small_idx_folder(12, 8);
    let made = draws(Source::Mnist, [12, 8], Some(folder.path()));
    let [one, again, other] = [1, 1, 2].map(|seed| made.of(seed).unwrap());
    assert_eq!(one, again);
    assert_eq!((one.train.len(), one.test.len()), (12, 8));
    assert!(set(&one.train).is_disjoint(&set(&one.test)));
    assert_eq!(both(&one), both(made.first()));
    assert_eq!(both(&one), both(&other));
    assert_ne!(set(&one.test), set(&other.test));
    assert_ne!(one.fingerprint, other.fingerprint);
    // Of a set that's used in part, the draws are from all of it.
    let part = draws(Source::Mnist, [5, 4], Some(folder.path()));
    let used: BTreeSet<_> = (0..40).flat_map(|seed| both(&part.of(seed).unwrap())).collect();
    assert_eq!(used, both(made.first()));
    assert!((0..40).all(|seed| both(&part.of(seed).unwrap()).len() == 9));
}

/// Zeros below and to the right of 3×2 pixels in 4×5, two columns on the right and one on the left, whatever made the images.
#[test]
fn images_are_padded_last_of_all() {
    let folder = small_idx_folder(12, 8);
    let pad = Some(ImageSize::Sides([4, 5]));
    for source in [Source::Mnist, Source::MnistRot] {
        for draw in [Draw::Fixed, Draw::PerSeed] {
            let plain = DataConfig { train: Some(9), test: Some(7), draw, ..DataConfig::new(source) };
            let padded = DataConfig { pad, ..plain.clone() };
            let [plain, made] = [&plain, &padded].map(|config| Draws::load(config, Some(folder.path())).unwrap());
            assert_eq!(
                shape(&padded, Some(folder.path())).unwrap(),
                (made.first().train.shape(), made.first().classes)
            );
            assert_ne!(plain.fingerprint(), made.fingerprint());
            for seed in [0, 3] {
                let [plain, made] = [&plain, &made].map(|draws| draws.of(seed).unwrap());
                assert_eq!((made.test.height, made.test.width, &made.test.labels), (4, 5, &plain.test.labels));
                for n in 0..7 {
                    let framed: Vec<f32> = (plain.test.image(n).chunks(2))
                        .flat_map(|row| [0.0, row[0], row[1], 0.0, 0.0])
                        .chain([0.0; 5])
                        .collect();
                    assert_eq!(*made.test.image(n), framed, "{source:?} {draw:?} seed {seed} image {n}");
                }
            }
        }
    }
    let small = DataConfig { pad: Some(ImageSize::Square(2)), ..DataConfig::new(Source::Mnist) };
    let error = load(&small, Some(folder.path())).unwrap_err().to_string();
    assert!(error.contains("data.pad to 2×2, but the images have 3×2"), "{error}");
    let digits = DataConfig {
        pad: Some(ImageSize::Square(29)),
        train: Some(20),
        test: Some(5),
        ..DataConfig::new(Source::Builtin)
    };
    assert_eq!(load(&digits, None).unwrap().train.image_len(), 841);
}

#[test]
fn draws_of_all_seeds_have_a_name_and_a_fingerprint_of_their_own() {
    let folder = small_idx_folder(12, 8);
    for source in [Source::Mnist, Source::MnistRot] {
        let config = DataConfig { train: Some(9), test: Some(7), ..DataConfig::new(source) };
        let fixed = Draws::load(&config, Some(folder.path())).unwrap();
        let per_seed = draws(source, [9, 7], Some(folder.path()));
        assert!(!fixed.are_per_seed() && per_seed.are_per_seed());
        assert_eq!(
            (fixed.name(), fixed.fingerprint()),
            (fixed.first().name.clone(), fixed.first().fingerprint.clone())
        );
        assert_eq!(fixed.of(7).unwrap(), fixed.of(8).unwrap());
        assert_eq!(per_seed.first(), fixed.first());
        assert!(per_seed.name().ends_with("anew for every seed"), "{}", per_seed.name());
        assert_ne!(per_seed.fingerprint(), fixed.fingerprint());
    }
}

/// By which images a seed is judged, told without the images.
#[test]
fn the_places_of_test_images_are_those_of_the_draws() {
    let folder = small_idx_folder(12, 8);
    let upright = idx::read_folder(folder.path()).unwrap();
    let labels = [upright.train.labels.as_slice(), &upright.test.labels].concat();
    for source in [Source::Mnist, Source::MnistRot] {
        let config =
            DataConfig { train: Some(9), test: Some(7), seed: 5, draw: Draw::PerSeed, ..DataConfig::new(source) };
        let config = if source == Source::Mnist { DataConfig { seed: 0, ..config } } else { config };
        let made = Draws::load(&config, Some(folder.path())).unwrap();
        let finite = made.source().unwrap();
        assert_eq!((finite.images, finite.split), (20, source == Source::Mnist));
        for seed in [0, 3, 9] {
            let places = finite.test_images(config.seed, [9, 7], seed).unwrap();
            let dataset = made.of(seed).unwrap();
            let told: Vec<u16> = places.iter().map(|&place| labels[place as usize]).collect();
            assert_eq!(told, dataset.test.labels, "{source:?}, seed {seed}");
            if source == Source::Mnist {
                let all = |place: u32| match (place as usize).checked_sub(12) {
                    None => upright.train.image(place as usize),
                    Some(place) => upright.test.image(place),
                };
                let is_there = |(n, &place): (usize, &u32)| all(place) == dataset.test.image(n);
                assert!(places.iter().enumerate().all(is_there));
            }
        }
        assert_eq!(finite.test_images(0, [20, 1], 0), None);
    }
    assert_eq!(draws(Source::Builtin, [20, 10], None).source(), None);
}

#[test]
fn images_that_change_under_a_study_are_refused() {
    let folder = small_idx_folder(12, 8);
    let made = draws(Source::MnistRot, [9, 7], Some(folder.path()));
    assert!(made.of(1).is_ok());
    write(folder.path(), "t10k-labels-idx1-ubyte", &idx_labels(&[9; 8]));
    let error = made.of(2).unwrap_err().to_string();
    assert!(error.contains("aren't those any more that the study began with"), "{error}");
}

/// Images of a decoded set are as they were written: what would change them first is refused, and zeros around them aren't.
#[test]
fn a_decoded_set_is_taken_as_it_is() {
    let folder = small_idx_folder(12, 8);
    let plain = DataConfig::new(Source::Mnist);
    let file = folder.path().join("set.safetensors");
    cache::write(&load(&plain, Some(folder.path())).unwrap(), &file).unwrap();
    let square = Some(ImageSize::Square(4));
    for (key, config) in [
        ("data.resize", DataConfig { resize: square, ..plain.clone() }),
        ("data.rotate", DataConfig { rotate: Some(Rotate::Any), ..plain.clone() }),
        ("data.flip", DataConfig { flip: true, ..plain.clone() }),
    ] {
        for error in [load(&config, Some(&file)).unwrap_err(), shape(&config, Some(&file)).unwrap_err()] {
            assert!(error.to_string().contains(&format!("{key} can't be done to")), "{error}");
        }
    }
    assert_eq!(load(&DataConfig { pad: square, ..plain }, Some(&file)).unwrap().train.image_len(), 16);
}
