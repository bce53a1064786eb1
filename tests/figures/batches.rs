//! `equisplit data show`: what it draws is what training sees.

use std::path::Path;

use crate::common::{TINY, equisplit, failure, study_file};
use crate::figure_support::batch;
use crate::pages::page;
use base64::Engine;
use equisplit::candle_core::Device;
use equisplit::data::{Dataset, Draws, Images, cache};
use equisplit::model::InputShape;
use equisplit::report::figure::Figure;
use equisplit::study::{Override, Study, StudyFile, training_images};
use equisplit::train::{PixelStatistics, Trainer};
use resvg::usvg::roxmltree::Document;

/// The images of a page in the order that they're drawn in, `width` pixels wide: bytes of red, green and blue.
fn images(svg: &str, width: usize) -> Vec<Vec<u8>> {
    let document = Document::parse(svg).unwrap();
    let images = document.descendants().filter(|node| node.has_tag_name("image"));
    let decoded = |file: &str| {
        let png = base64::engine::general_purpose::STANDARD.decode(file).unwrap();
        let mut reader = png::Decoder::new(png.as_slice()).read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size()];
        let across = reader.next_frame(&mut rgb).unwrap().width as usize;
        pixels(rgb.as_chunks().0, across, across / width).into_flattened()
    };
    let file = |node: &str| node.strip_prefix("data:image/png;base64,").map(decoded).unwrap();
    images.map(|node| file(node.attribute("href").unwrap())).collect()
}

/// Pixels that are squares of `factor` by `factor` in an image, all of one colour.
fn pixels(image: &[[u8; 3]], across: usize, factor: usize) -> Vec<[u8; 3]> {
    let first = |n: usize| n / across / factor * factor * across + n % across / factor * factor;
    assert!(image.iter().enumerate().all(|(n, colour)| *colour == image[first(n)]), "pixels aren't squares");
    (0..image.len()).filter(|&n| n == first(n)).map(|n| image[n]).collect()
}

fn texts(svg: &str) -> Vec<String> {
    let document = Document::parse(svg).unwrap();
    let texts = document.descendants().filter(|node| node.has_tag_name("text"));
    texts.filter_map(|node| node.text().map(str::to_owned)).collect()
}

/// What the program draws of a study, as SVG.
fn shown(folder: &Path, study: &str, args: &[&str]) -> String {
    let out = folder.join("images.svg");
    let output = equisplit().args(["data", "show", study, "--out"]).arg(&out).args(args).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), out.to_str().unwrap());
    std::fs::read_to_string(out).unwrap()
}

/// Classes and normalised pixels of the images that an arm's trainer learns from in its second epoch.
fn trained(study: &Study, draws: &Draws, arm: &str, seed: u64) -> (Vec<u16>, Vec<Vec<f32>>, PixelStatistics) {
    let arm = study.arms.iter().find(|other| other.name == arm).unwrap();
    let dataset = draws.of(seed).unwrap();
    let images = training_images(&dataset, arm.train.unwrap_or(dataset.train.len()), seed);
    let mut trainer = Trainer::new(&arm.net, &arm.training, &images, dataset.classes, seed, &Device::Cpu).unwrap();
    trainer.train_epoch(&mut || false, &mut |_| ()).unwrap();
    let (mut classes, mut pixels) = (Vec::new(), Vec::new());
    for batch in trainer.batches().shuffled(trainer.draw(), 0) {
        let batch = batch.unwrap();
        pixels.extend(batch.images.flatten_from(1).unwrap().to_vec2::<f32>().unwrap());
        classes.extend(batch.classes);
    }
    (classes, pixels, trainer.statistics().clone())
}

/// Bytes of red, green and blue of an image that was normalised.
fn bytes(pixels: &[f32], statistics: &PixelStatistics, channels: usize) -> Vec<f32> {
    let area = pixels.len() / channels;
    let part = |channel: usize| statistics.parts()[channel % statistics.parts().len()];
    let byte = |channel: usize, pixel: usize| {
        let part = part(channel);
        255.0 * (f64::from(pixels[channel * area + pixel]) * part.deviation + part.mean) as f32
    };
    let colour = |pixel: usize| match channels {
        3 => [0, 1, 2].map(|channel| byte(channel, pixel)),
        _ => [(0..channels).map(|channel| byte(channel, pixel)).sum::<f32>() / channels as f32; 3],
    };
    (0..area).flat_map(colour).collect()
}

/// Holds the picture of the second epoch of seed 1 against what a trainer learns from there.
fn compare(text: &str, set: &[&str], data: Option<&Path>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = study_file(folder.path(), text);
    let overrides: Vec<Override> = set.iter().map(|set| set.parse().unwrap()).collect();
    let file = StudyFile::read_with(Path::new(&path), &overrides).unwrap();
    let draws = Draws::load(&file.content.data, data).unwrap();
    let first = draws.first();
    let study = file.resolve(InputShape::of(&first.train, first.classes), Some(first.train.len())).unwrap();
    let (classes, pixels, statistics) = trained(&study, &draws, "p4", 1);

    let mut args = vec!["--seed", "1", "--epoch", "2", "--count", "50", "--arm", "p4"];
    args.extend(set.iter().flat_map(|set| ["--set", set]));
    args.extend(data.iter().flat_map(|data| ["--data", data.to_str().unwrap()]));
    let svg = shown(folder.path(), &path, &args);
    let (count, texts, images) = (classes.len().min(50), texts(&svg), images(&svg, first.train.width));
    let augmented = texts.contains(&"augmented".to_owned());
    let pairs: Vec<_> = images.chunks(if augmented { 2 } else { 1 }).collect();
    assert_eq!(pairs.len(), count);
    for (pair, pixels) in pairs.iter().zip(&pixels) {
        let seen = pair.last().unwrap();
        let expected = bytes(pixels, &statistics, first.train.channels);
        assert_eq!(seen.len(), expected.len());
        let furthest = expected.iter().zip(seen).map(|(a, &b)| (a - f32::from(b)).abs()).fold(0.0, f32::max);
        assert!(furthest < 0.51, "{furthest}");
    }
    // Above each is an image of the set, as it is.
    let all = &draws.of(1).unwrap().train;
    let unit = PixelStatistics::new(vec![equisplit::train::Moments { mean: 0.0, deviation: 1.0 }]);
    let of_set = |n: usize| -> Vec<u8> {
        bytes(&all.image(n), &unit, all.channels).into_iter().map(|byte| byte.round() as u8).collect()
    };
    let set: Vec<(u16, Vec<u8>)> = (0..all.len()).map(|n| (all.labels[n], of_set(n))).collect();
    for (pair, class) in pairs.iter().zip(&classes) {
        assert!(set.contains(&(*class, pair[0].clone())), "class {class}");
    }
    let labels: Vec<String> = classes[..count].iter().map(u16::to_string).collect();
    let told: Vec<String> = texts.into_iter().filter(|text| text.parse::<u16>().is_ok()).collect();
    assert_eq!(told, labels);
    svg
}

#[test]
fn the_images_shown_are_those_that_training_sees() {
    // The published recipe, which the study has.
    let svg = compare(TINY, &[], None);
    for said in ["epoch 2, seed 1, as p4 sees them", "turns by any angle", "Above each as it&apos;s held"] {
        assert!(svg.replace('\'', "&apos;").contains(said), "{said}");
    }
    let steps =
        "training.augmentation=[{ affine = { degrees = 20, scale = [0.8, 1.2], shift = 2 } }, { flip = \"both\" }]";
    // Fewer images than a batch shows, several passes, and images of each seed's own.
    compare(TINY, &[steps, "arm.p4.train=40", "training.images_per_epoch=90"], None);
    compare(TINY, &["data.draw=\"per-seed\"", "data.seed=5"], None);
    let plain = compare(TINY, &["training.augmentation=[]", "arm.p4.train=20"], None);
    assert!(!plain.contains(">augmented<") && plain.contains("Augmentation: none"));
}

/// Noise of so many channels, as a decoded set.
fn noise(file: &Path, channels: usize) {
    let images = |count: usize| {
        let values = (0..count * channels * 28 * 28).map(|n| (n as u32).wrapping_mul(2_654_435_761) as f32);
        let pixels: Vec<f32> = values.map(|value| value / u32::MAX as f32).collect();
        let labels = (0..count as u16).map(|n| n % 10).collect();
        Images { channels, height: 28, width: 28, pixels: pixels.into(), labels }
    };
    let (train, test, fingerprint) = (images(96), images(64), "0".repeat(64));
    cache::write(&Dataset { name: "noise".to_owned(), fingerprint, classes: 10, train, test }, file).unwrap();
}

#[test]
fn images_of_three_channels_are_in_colour_and_of_others_in_grey() {
    let folder = tempfile::tempdir().unwrap();
    for (channels, said) in [(3, "(channel by channel)"), (2, "Shown is the mean of the channels.")] {
        let data = folder.path().join(format!("{channels}.safetensors"));
        noise(&data, channels);
        let svg = compare(TINY, &["training.normalise=channels"], Some(&data));
        assert!(svg.contains(said), "{said}");
        let is_grey = images(&svg, 28)[0].as_chunks().0.iter().all(|[r, g, b]| r == g && g == b);
        assert_eq!(is_grey, channels == 2);
    }
}

#[test]
fn whatever_the_images_are_nothing_overlaps_or_leaves_the_page() {
    for count in [0, 32, 256] {
        for [width, height] in [[14, 14], [60, 3], [1, 200]] {
            for label in ["7", "65535"] {
                for augmentation in [None, Some("turns by any angle, then ".repeat(32))] {
                    let figure = batch(count, [width, height], label, augmentation);
                    let case = format!("{count}-{width}x{height}-{label}-{}", figure.augmentation.is_some());
                    let page = page(&figure, &case);
                    let [across, down] = page.size();
                    // Names of rows and 256 wide labels take more than a page in any layout.
                    let most = if label == "7" { 225.0 } else { 310.0 };
                    assert!(across <= 178.0 && down <= most, "{case}: {across} × {down} mm");
                    assert!(figure.caption().contains("Black (0) to white (1)"));
                }
            }
        }
    }
}

#[test]
fn an_arm_that_sees_others_is_told_and_can_be_shown() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), TINY);
    let out = folder.path().join("images.svg");
    let told = |args: &[&str]| {
        let output = equisplit().args(["data", "show", &study, "--out"]).arg(&out).args(args).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert_eq!(told(&[]), "");
    let note = told(&["--set", "arm.p4.train=50"]);
    assert_eq!(note, "note: these are the images of z2; p4 sees others, which --arm shows\n");
    assert_eq!(told(&["--set", "arm.p4.train=50", "--arm", "p4"]), "");
}

#[test]
fn what_cannot_be_shown_is_told_in_a_line_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), TINY);
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let out = path("images.svg");
    let gif = path("images.gif");
    let cases: [(&[&str], &str); 7] = [
        (&["--out", &gif], "images.gif: expected a name that ends in .svg, .png or .pdf"),
        (&["--out", &out, "--seed", "2"], "seed 2: z2 is run with 0, 1"),
        (&["--out", &out, "--epoch", "4"], "epoch 4: z2 is trained for the epochs 1 to 3"),
        (&["--out", &out, "--arm", "p5"], "--arm p5: the study has z2, repeat-mask, scrambled, p4"),
        (&["--out", &out, "--set", "training.augment=[]"], "unknown field `augment`"),
        (&["--out", &out, "--set", "training.augmentation=[{ rotate = 200 }]"], "training.augmentation can't be done"),
        (&["--out", &out, "--set", "data.source=\"mnist\""], "--data"),
    ];
    for (args, message) in cases {
        let told = failure(&[&["data", "show", &study], args].concat());
        assert!(told.contains(message), "{args:?}: {told}");
    }
    for wrong in [["--count", "0"], ["--count", "257"], ["--epoch", "0"]] {
        let output = equisplit().args(["data", "show", &study, "--out", &out]).args(wrong).output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(told.starts_with("error: invalid value") && told.contains(wrong[0]), "{told}");
    }
    equisplit().args(["data", "show", &study]).assert().code(2);
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["study.toml"]);
}

#[test]
fn a_picture_can_be_png_and_pdf() {
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), TINY);
    for (name, start) in [("images.PNG", &b"\x89PNG"[..]), ("images.pdf", b"%PDF")] {
        let out = folder.path().join(name);
        equisplit().args(["data", "show", &study, "--count", "3", "--out"]).arg(&out).assert().success();
        assert!(std::fs::read(out).unwrap().starts_with(start));
    }
}
