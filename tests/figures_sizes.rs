//! The figure of training-set sizes, from a store of simulated runs whose errors and shares are known.

mod common;
#[allow(dead_code)]
#[path = "../examples/coverage/store.rs"]
mod simulated;

use std::path::Path;

use common::equisplit;
use equisplit::report::Source;
use equisplit::report::figure::Page;
use equisplit::stats::attribution::SeedResult;
use equisplit::study::Store;
use resvg::usvg::roxmltree::{Document, Node};

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
    let record = simulated::record_of(STUDY, TEST_IMAGES, folder).unwrap();
    let store = Store::new(folder, "sizes");
    store.begin(&record).unwrap();
    for arm in &record.study.arms {
        for &seed in &record.study.seeds {
            let count = wrong(&arm.name, &arm.levels[0].value, seed);
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

/// The corners of a line or a polygon.
fn corners(node: Node) -> Vec<[f64; 2]> {
    let corner = |text: &str| {
        let (x, y) = text.split_once(',').unwrap();
        [x, y].map(|number| number.parse().unwrap())
    };
    node.attribute("points").map_or_else(Vec::new, |points| points.split(' ').map(corner).collect())
}

/// Heights of what is drawn in the right half in a colour: the middles of shapes with `count` corners.
fn middles(document: &Document, attribute: &str, colour: &str, count: usize, half: f64) -> Vec<f64> {
    let drawn = document.descendants().filter(|node| node.attribute(attribute) == Some(colour)).map(corners);
    let right = drawn.filter(|shape| shape.len() == count && shape.iter().all(|corner| corner[0] > half));
    right.map(|shape| shape.iter().map(|corner| corner[1]).sum::<f64>() / shape.len() as f64).collect()
}

#[test]
fn shares_are_drawn_by_size_where_the_gain_is_established() {
    let folder = tempfile::tempdir().unwrap();
    let sources = Source::read(store(folder.path()).folder()).unwrap();
    let figures = Source::across(&sources);
    assert_eq!(figures.len(), 1);
    let caption = figures[0].caption();
    assert!(caption.contains("(b) Share of the gain of p4 over z2"), "{caption}");
    assert!(!caption.contains("as far as it lies between −100"), "no interval is cut: {caption}");

    let page = Page::draw(figures[0].as_ref()).unwrap();
    let document = Document::parse(page.svg()).unwrap();
    let half = 100.0 * page.size()[0] / 2.0;
    let references = middles(&document, "stroke", "#767676", 2, half);
    let [zero, whole] = references[..] else { panic!("lines at 0 and 100 %, found {references:?}") };
    let shares = middles(&document, "fill", SCRAMBLED, 4, half);
    let shares: Vec<f64> = shares.iter().map(|y| (y - zero) / (whole - zero)).collect();
    // From the smallest set on; places are whole units of the page.
    assert_eq!(shares.len(), 2, "none where the gain isn't established: {shares:?}");
    assert!((shares[0] - 0.50).abs() < 0.002 && (shares[1] - 0.25).abs() < 0.002, "{shares:?}");
}
