//! Steps of augmentation: what they do to images whose pixels are known functions of their places.

use equisplit::data::Augmentation;
use equisplit::rng;

fn parsed(steps: &str) -> Result<Augmentation, toml::de::Error> {
    #[derive(serde::Deserialize)]
    struct Table {
        augmentation: Augmentation,
    }
    toml::from_str::<Table>(&format!("augmentation = {steps}")).map(|table| table.augmentation)
}

fn augmentation(steps: &str) -> Augmentation {
    parsed(steps).unwrap()
}

const SIZE: [usize; 2] = [31, 31];

/// An image of the places of its pixels, from the middle: rows in the first channel, columns in the second.
fn places([height, width]: [usize; 2]) -> Vec<f32> {
    let middle = [height, width].map(|pixels| (pixels as f32 - 1.0) / 2.0);
    let of = |axis: usize| (0..height * width).map(move |n| [n / width, n % width][axis] as f32 - middle[axis]);
    of(0).chain(of(1)).collect()
}

fn apply(augmentation: &Augmentation, image: &[f32], [height, width]: [usize; 2], seed: u64) -> Vec<f32> {
    let mut out = vec![9.0; image.len()];
    let channels = image.len() / (height * width);
    augmentation.apply(image, [channels, height, width], &mut out, &mut rng::stream(seed, "augmentation"));
    out
}

/// The matrix by which places near the middle are read, and where the middle is read.
fn matrix(augmentation: &Augmentation, seed: u64) -> ([[f32; 2]; 2], [f32; 2]) {
    let seen = apply(augmentation, &places(SIZE), SIZE, seed);
    let (plane, width) = (SIZE[0] * SIZE[1], SIZE[1]);
    let at = |y: usize, x: usize| [0, 1].map(|axis| seen[axis * plane + y * width + x]);
    let (middle, down, right) = (at(15, 15), at(16, 15), at(15, 16));
    let column = |to: [f32; 2]| [to[0] - middle[0], to[1] - middle[1]];
    let [down, right] = [down, right].map(column);
    ([[down[0], right[0]], [down[1], right[1]]], middle)
}

fn determinant([[a, b], [c, d]]: [[f32; 2]; 2]) -> f32 {
    a * d - b * c
}

#[test]
fn turns_are_turns_and_within_their_range() {
    let (any, narrow) = (augmentation(r#"[{ rotate = "any" }]"#), augmentation("[{ rotate = 20 }]"));
    let mut widest = [0.0f32; 2];
    for seed in 0..200 {
        for (which, augmentation) in [&any, &narrow].into_iter().enumerate() {
            let ([[a, b], [c, d]], middle) = matrix(augmentation, seed);
            assert!(middle.iter().all(|x| x.abs() < 1e-5));
            assert!((a - d).abs() < 1e-5 && (b + c).abs() < 1e-5 && (a * a + b * b - 1.0).abs() < 1e-5);
            widest[which] = widest[which].max(c.atan2(a).abs().to_degrees());
        }
    }
    assert!(widest[0] > 170.0, "{widest:?}");
    assert!(widest[1] <= 20.001 && widest[1] > 18.0, "{widest:?}");
}

#[test]
fn affine_maps_keep_to_their_ranges() {
    let affine = augmentation("[{ affine = { degrees = 20, scale = [0.8, 1.25], shear = 10, shift = 2 } }]");
    let (mut areas, mut shifts) = (Vec::new(), Vec::new());
    for seed in 0..300 {
        let (matrix, middle) = matrix(&affine, seed);
        // The image is scaled by s, so that places are read 1/s apart; shears and turns keep areas.
        areas.push(determinant(matrix));
        shifts.extend(middle);
    }
    let range = |of: &[f32]| (of.iter().copied().fold(9.0, f32::min), of.iter().copied().fold(-9.0, f32::max));
    let (least, most) = range(&areas);
    assert!((0.6399..0.68).contains(&least) && (1.45..1.5626).contains(&most), "{least} {most}");
    let (least, most) = range(&shifts);
    // A shift of two pixels each way, seen through a map that stretches by up to 1.5.
    assert!((-4.5..-1.7).contains(&least) && (1.7..4.5).contains(&most), "{least} {most}");
    // Nothing asked for is nothing done, to the bit.
    let image = places([5, 7]);
    assert_eq!(apply(&augmentation("[{ affine = {} }, { rotate = 0 }]"), &image, [5, 7], 3), image);
}

/// Places are read so much closer together, from the middle on, as the image is larger; a crop that comes after moves by pixels of the larger
/// image, one that comes before by its own.
#[test]
fn a_larger_image_is_seen_through_a_window() {
    let (seen, middle) = matrix(&augmentation("[{ resize = 62 }]"), 0);
    assert_eq!((seen, middle), ([[0.5, 0.0], [0.0, 0.5]], [0.0, 0.0]));
    let (seen, _) = matrix(&augmentation("[{ resize = [62, 31] }]"), 0);
    assert_eq!(seen, [[0.5, 0.0], [0.0, 1.0]]);
    let wholes = |steps: &str| {
        let read: Vec<f32> = (0..60).flat_map(|seed| matrix(&augmentation(steps), seed).1).collect();
        (read.iter().all(|place| place.fract() == 0.0), read.iter().copied().fold(0.0, f32::max))
    };
    assert_eq!(wholes("[{ resize = 62 }, { crop = { padding = 3 } }]"), (false, 1.5));
    assert_eq!(wholes("[{ crop = { padding = 3 } }, { resize = 62 }]"), (true, 3.0));
    for wrong in ["[{ resize = 0 }]", "[{ resize = [5, 9999] }]"] {
        assert!(augmentation(wrong).fault().unwrap().contains("sides must be 1 to 4096"));
    }
}

/// What only moves pixels changes none, in any order, also of oblong images.
#[test]
fn moves_are_exact_and_composed_in_order() {
    let image: Vec<f32> = (0..2 * 35).map(|n| 0.1 + (n as f32 * 0.7).sin()).collect();
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..64 {
        let flipped = apply(&augmentation(r#"[{ flip = "both" }]"#), &image, [5, 7], seed);
        let pixel = |y: usize, x: usize| image[y * 7 + x];
        let corner = [pixel(0, 0), pixel(0, 6), pixel(4, 0), pixel(4, 6)].iter().position(|&p| p == flipped[0]);
        seen.insert(corner.unwrap());
        let mut sorted = [image[..35].to_vec(), flipped[..35].to_vec()];
        sorted.iter_mut().for_each(|pixels| pixels.sort_by(f32::total_cmp));
        assert_eq!(sorted[0], sorted[1]);
    }
    assert_eq!(seen.len(), 4);
    // A window that moved by (dy, dx) has zeros where the image ended.
    let crop = augmentation("[{ crop = { padding = 2 } }]");
    let mut moves = std::collections::BTreeSet::new();
    for seed in 0..200 {
        let cropped = apply(&crop, &image, [5, 7], seed);
        let fits = |dy: i32, dx: i32| {
            (0..5).all(|y| {
                (0..7).all(|x| {
                    let (row, column) = (y + dy, x + dx);
                    let inside = (0..5).contains(&row) && (0..7).contains(&column);
                    let expected = if inside { image[(row * 7 + column) as usize] } else { 0.0 };
                    cropped[(y * 7 + x) as usize] == expected
                })
            })
        };
        let found = (-2..=2).flat_map(|dy| (-2..=2).map(move |dx| (dy, dx))).find(|&(dy, dx)| fits(dy, dx));
        moves.insert(found.expect("a window of the padded image"));
    }
    assert_eq!(moves.len(), 25);
    // A quarter turn and a flip are one of the eight symmetries of a square, and a crop afterwards moves along its rows.
    let square = places([6, 6]);
    let all = augmentation(r#"[{ rotate = "quarter" }, { flip = "horizontal" }]"#);
    let symmetries: std::collections::BTreeSet<String> =
        (0..100).map(|seed| format!("{:?}", apply(&all, &square, [6, 6], seed))).collect();
    assert_eq!(symmetries.len(), 8);
}

/// The image at a place between its pixels, in f64; 0 outside.
fn between(image: &[f32], [y, x]: [f64; 2]) -> f64 {
    let pixel = |y: f64, x: f64| {
        let inside = (0.0..31.0).contains(&y) && (0.0..31.0).contains(&x);
        if inside { f64::from(image[y as usize * 31 + x as usize]) } else { 0.0 }
    };
    let (top, left) = (y.floor(), x.floor());
    let (down, right) = (y - top, x - left);
    let row = |y: f64| pixel(y, left) * (1.0 - right) + pixel(y, left + 1.0) * right;
    row(top) * (1.0 - down) + row(top + 1.0) * down
}

/// Whatever the steps, an image is read once where one map takes its pixels: the map that places are read by, by the same draws.
#[test]
fn steps_are_interpolated_once() {
    let noise: Vec<f32> = (0..31 * 31).map(|n| (n as f32 * n as f32 * 0.37).sin()).collect();
    let steps = augmentation(
        r#"[{ rotate = 30 }, { affine = { scale = [0.9, 1.1], shear = 10 } }, { rotate = 30 }, { flip = "both" }]"#,
    );
    for seed in 0..20 {
        let ([[a, b], [c, d]], [y, x]) = matrix(&steps, seed);
        let [a, b, c, d, y, x] = [a, b, c, d, y, x].map(f64::from);
        let found = apply(&steps, &noise, SIZE, seed);
        for (n, found) in found.into_iter().enumerate() {
            let [row, column] = [(n / 31) as f64 - 15.0, (n % 31) as f64 - 15.0];
            let place = [15.0 + a * row + b * column + y, 15.0 + c * row + d * column + x];
            let expected = between(&noise, place);
            assert!((f64::from(found) - expected).abs() < 1e-3, "seed {seed}, pixel {n}: {found}, not {expected}");
        }
    }
}

#[test]
fn what_is_no_augmentation_is_refused_with_what_would_be() {
    let told = |steps: &str| parsed(steps).map(drop).unwrap_err().to_string();
    assert!(told("3").contains("a list of steps"), "{}", told("3"));
    assert!(told("[{ turn = 3 }]").contains("`rotate`"), "{}", told("[{ turn = 3 }]"));
    assert!(told(r#"[{ rotate = "some" }]"#).contains("\"quarter\""), "{}", told(r#"[{ rotate = "some" }]"#));
    assert!(told("[{ crop = { pad = 3 } }]").contains("`padding`"));
    assert!(told(r#"[{ rotate = 20, flip = "both" }]"#).contains("a step has one key"));
    let told = told("[{ affine = { scale = [0.8, 1, 1.2] } }]");
    assert!(told.contains("3 numbers, but expected 2"), "{told}");
    for (steps, wrong) in [
        ("[{ rotate = -1 }]", "rotate within -1°"),
        ("[{ rotate = nan }]", "rotate within NaN°"),
        ("[{ crop = { padding = 100000 } }]", "padding = 100000"),
        ("[{ affine = { scale = [2, 1] } }]", "scale = [2, 1]"),
        ("[{ affine = { scale = [0, 1] } }]", "scale = [0, 1]"),
        ("[{ affine = { shear = 90 } }]", "shears within 90°"),
        ("[{ affine = { shift = inf } }]", "shift = inf"),
    ] {
        let fault = augmentation(steps).fault().unwrap();
        assert!(fault.contains(wrong), "{steps}: {fault}");
    }
}
