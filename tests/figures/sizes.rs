//! Figures from stores of simulated runs, whose errors, differences and shares are known.

#[allow(dead_code)]
#[path = "../../examples/coverage/store.rs"]
mod simulated;

use std::path::Path;

use crate::common::equisplit;
use crate::figure_support::{Shape, shapes};
use equisplit::report::CellResults;
use equisplit::report::figure::Page;
use equisplit::stats::attribution::SeedResult;
use equisplit::study::{Arm, Store};

const STUDY: &str = r#"
name = "sizes"
baseline = "z2"
target = "p4"
seeds = 3
data = { source = "builtin" }

[grid]
train = [5000, 100, 500]

[[arm]]
name = "z2"
match = "p4"

[[arm]]
name = "scrambled"

[[arm]]
name = "p4"
"#;

/// As the theme has it: the green of Okabe & Ito.
const SCRAMBLED: &str = "#009e73";
const TEST_IMAGES: usize = 1000;

/// Wrong test images of a run. Of 5,000 images scrambled matches a quarter of the gain, of 500 a half, and of 100 there's no
/// gain that three seeds establish.
fn wrong(arm: &str, train: &str, seed: u64) -> usize {
    let seed = seed as usize;
    match (arm, train) {
        ("z2", "5000") => 100 + 2 * seed,
        ("scrambled", "5000") => 85 + 2 * ((seed + 1) % 3),
        ("p4", "5000") => 40 + 2 * seed,
        ("z2", "500") => 300 + 2 * seed,
        ("scrambled", "500") => 250 + 2 * ((seed + 1) % 3),
        ("p4", "500") => 200 + 2 * seed,
        ("p4", _) => 600 + 100 * ((seed + 1) % 3),
        _ => 610 + 100 * seed,
    }
}

fn store(folder: &Path) -> Store {
    store_of(STUDY, folder, |arm, seed| wrong(&arm.name, &arm.levels[0].value, seed))
}

/// A store of a study whose runs have `wrong` test images wrong.
fn store_of(study: &str, folder: &Path, wrong: impl Fn(&Arm, u64) -> usize) -> Store {
    let record = simulated::record_of(study, TEST_IMAGES, folder).unwrap();
    let store = Store::new(folder, &record.study.name);
    store.begin(&record).unwrap();
    for arm in &record.study.arms {
        for &seed in &record.study.seeds {
            let count = wrong(arm, seed);
            let run = SeedResult { seed, wrong: (0..TEST_IMAGES).map(|n| n < count).collect() };
            simulated::write_run(&store, &record, arm, &run).unwrap();
        }
    }
    store
}

#[test]
fn a_table_has_all_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path());
    for (format, known) in [
        ("markdown", "| train = 500 | scrambled | 3 | 25.20 ± 0.20 | 50.0 % | "),
        ("latex", r"train = 500 & scrambled & 3 & 25.20 $\pm$ 0.20 & 50.0~\% & "),
    ] {
        let table = ["table", store.folder().to_str().unwrap(), "--format", format];
        let text = String::from_utf8(equisplit().args(table).output().unwrap().stdout).unwrap();
        let cells = &text[text.find("All cells of sizes").unwrap()..];
        assert!(cells.contains(known), "{format}: {cells}");
    }
    let screen = equisplit().args(["attribute", store.folder().to_str().unwrap()]).output().unwrap();
    let screen = String::from_utf8(screen.stdout).unwrap();
    let cells = &screen[screen.rfind("All cells of sizes").unwrap()..];
    let cells: Vec<String> = cells.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for row in ["train = 5000 scrambled 3 8.70 ± 0.20 25.0 % [10.7, 39.3]", "train = 100 scrambled 3 71.00 ± 10.00 – –"]
    {
        assert!(cells.iter().any(|line| line == row), "{row}: {screen}");
    }
}

/// Heights of what is drawn in the right half in a colour: the middles of shapes with `count` corners.
fn middles(shapes: &[Shape], is_in: impl Fn(&Shape) -> bool, count: usize, half: f64) -> Vec<f64> {
    let right = |shape: &&Shape| shape.points.len() == count && shape.points.iter().all(|corner| corner[0] > half);
    let drawn = shapes.iter().filter(|shape| is_in(shape)).filter(right);
    drawn.map(|shape| shape.points.iter().map(|corner| corner[1]).sum::<f64>() / shape.points.len() as f64).collect()
}

#[test]
fn shares_are_drawn_by_size_where_the_gain_is_established() {
    let folder = tempfile::tempdir().unwrap();
    let cells = CellResults::read(store(folder.path()).folder()).unwrap();
    let figures = CellResults::across(&cells);
    assert_eq!(figures.len(), 1);
    let caption = figures[0].caption();
    assert!(caption.contains("(b) Share of the gain of p4 over z2"), "{caption}");
    assert!(!caption.contains("as far as it lies between −100"), "no interval is cut: {caption}");

    let page = Page::draw(figures[0].as_ref()).unwrap();
    let shapes = shapes(&page);
    let half = 100.0 * page.size()[0] / 2.0;
    let references = middles(&shapes, |shape| shape.stroke == "#767676", 2, half);
    let [zero, whole] = references[..] else { panic!("lines at 0 and 100 %, found {references:?}") };
    let shares = middles(&shapes, |shape| shape.fill == SCRAMBLED && shape.opaque, 4, half);
    let shares: Vec<f64> = shares.iter().map(|y| (y - zero) / (whole - zero)).collect();
    // From the smallest set on; places are whole units of the page.
    assert_eq!(shares.len(), 2, "none where the gain isn't established: {shares:?}");
    assert!((shares[0] - 0.50).abs() < 0.002 && (shares[1] - 0.25).abs() < 0.002, "{shares:?}");
}

/// Wrong images of three seeds of 1,000 images each, and the figures of them.
fn ladder(folder: &Path) -> Vec<Page> {
    let (start, end) = (STUDY.find("[grid]").unwrap(), STUDY.find("[[arm]]").unwrap());
    let study = format!("ladder = [\"z2\", \"scrambled\", \"p4\"]{}{}", &STUDY[..start], &STUDY[end..]);
    let store = store_of(&study, folder, |arm, seed| match arm.name.as_str() {
        "z2" => [100, 104, 111][seed as usize],
        "scrambled" => [90, 80, 97][seed as usize],
        _ => [40, 49, 44][seed as usize],
    });
    let cells = CellResults::read(store.folder()).unwrap();
    let figures = cells[0].figures().unwrap();
    let named = |name: &str| figures.iter().find(|figure| figure.name() == name).unwrap();
    assert!(named("pairs").caption().contains("each by itself, not corrected for there being 3"));
    ["attribution", "paired", "pairs"].map(|name| Page::draw(named(name).as_ref()).unwrap()).to_vec()
}

#[test]
fn steps_have_students_intervals_of_their_own_differences() {
    let folder = tempfile::tempdir().unwrap();
    let [attribution, ..] = &ladder(folder.path())[..] else { panic!("three figures") };
    // By hand: differences of 10, 24 and 14 images have the mean 16 and the standard deviation 7.2111, and 4.302653 · 7.2111 / √3
    // is 17.914; likewise 50, 31, 53 and 60, 55, 67.
    for text in ["1.60 points [−0.19, 3.39]", "4.47 points [1.50, 7.43]", "Gain: 6.07 points [4.57, 7.56]"] {
        let found: Vec<&str> = attribution.texts().iter().map(|found| found.text.as_str()).collect();
        assert!(found.contains(&text), "{text}: {found:?}");
    }
}

#[test]
fn seeds_are_joined_across_arms_and_pairs_have_their_intervals() {
    let folder = tempfile::tempdir().unwrap();
    let [_, paired, pairs] = &ladder(folder.path())[..] else { panic!("three figures") };
    // A line a seed, from what scrambled gains over z2 to what p4 does, in images.
    let all = shapes(paired);
    let lines: Vec<[f64; 2]> = all
        .iter()
        .filter(|shape| shape.stroke == "#aaaaaa")
        .map(|shape| [shape.points[0][0], shape.points[1][0]])
        .collect();
    assert_eq!(lines.len(), 3);
    let zero = all.iter().find(|shape| shape.stroke == "#000000" && shape.points[0][0] == shape.points[1][0]).unwrap();
    let zero = zero.points[0][0];
    let scale = (lines[2][1] - zero) / 67.0;
    for (line, gains) in lines.iter().zip([[10.0, 60.0], [24.0, 55.0], [14.0, 67.0]]) {
        for (place, gain) in line.iter().zip(gains) {
            assert!((place - zero - scale * gain).abs() < 2.0, "{lines:?}, {gains:?}");
        }
    }
    assert_eq!(paired.texts().iter().filter(|text| text.text == "n = 3").count(), 2);
    // z2 minus scrambled: 16 images, from −1.914 to 33.914.
    let all = shapes(pairs);
    let zero = all.iter().find(|shape| shape.stroke == "#767676").unwrap().points[0][0];
    let flat = |shape: &&Shape| shape.stroke == SCRAMBLED && shape.points[0][1] == shape.points[1][1];
    let [a, b] = all.iter().find(flat).unwrap().points[..] else { panic!("a whisker") };
    assert!(((zero - a[0]) / (b[0] - a[0]) - 1.914 / 35.828).abs() < 0.002, "{a:?} {b:?} {zero}");
    let texts: Vec<&str> = pairs.texts().iter().map(|text| text.text.as_str()).collect();
    assert!(texts.contains(&"z2 −") && texts.contains(&"scrambled −"), "{texts:?}");
}
