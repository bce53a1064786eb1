//! The records under `experiments/results` say what README.md, RESULTS.md and docs/further-results.md say of them.

use std::path::{Path, PathBuf};

use equisplit::stats::attribution::{ArmSummary, Attribution, Ratio};
use equisplit::study::Store;

fn stores() -> Vec<PathBuf> {
    let entries = std::fs::read_dir("experiments/results").unwrap().map(|entry| entry.unwrap().path());
    let mut stores: Vec<PathBuf> = entries.filter(|path| path.join("study.json").is_file()).collect();
    stores.sort();
    stores
}

/// A text without its line breaks, quote marks and doubled spaces.
fn text(file: &str) -> String {
    let text = std::fs::read_to_string(file).unwrap().replace("\n> ", " ");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn recorded(store: &Path) -> Vec<Attribution> {
    let json = std::fs::read_to_string(store.join("attribution.json")).unwrap();
    serde_json::from_str(&json).or_else(|_| serde_json::from_str(&json).map(|one| vec![one])).unwrap()
}

/// "5.83 ± 0.13", as in tables.
fn error(arm: &ArmSummary) -> String {
    format!("{:.2} ± {:.2}", 100.0 * arm.mean_error.unwrap(), 100.0 * arm.sd_error.unwrap())
}

/// "−10.4 [−25.7, 3.4]" with `unit` behind the share.
fn share(ratio: &Ratio, unit: &str) -> String {
    let [low, high] = ratio.ci95.unwrap().map(|end| 100.0 * end);
    format!("{:.1}{unit} [{low:.1}, {high:.1}]", 100.0 * ratio.share.unwrap()).replace('-', "−")
}

#[test]
fn attributions_come_out_of_the_records() {
    let stores = stores();
    assert!(!stores.is_empty());
    for folder in stores {
        assert_eq!(Store::open(&folder).unwrap().attribute().unwrap(), recorded(&folder), "{}", folder.display());
    }
}

#[test]
fn results_have_the_numbers_of_every_finished_study() {
    let results = [text("RESULTS.md"), text("docs/further-results.md")].join(" ");
    let index = text("experiments/results/README.md");
    for folder in stores() {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(index.contains(&format!("`{name}`")), "experiments/results/README.md doesn't list {name}");
        for attribution in recorded(&folder) {
            if attribution.warnings.iter().any(|warning| warning.starts_with("not all runs have ended")) {
                continue;
            }
            for arm in &attribution.arms {
                assert!(results.contains(&error(arm)), "no results with {} of {}", error(arm), arm.name);
            }
            for control in &attribution.shares {
                let share = share(&control.ratio, "");
                assert!(
                    results.contains(&share),
                    "no results with {share} of {} in {}",
                    control.control,
                    attribution.study
                );
            }
        }
    }
}

#[test]
fn the_readme_quotes_the_records() {
    let readme = text("README.md");
    let attribution = &recorded(Path::new("experiments/results/rot-mnist-p4"))[0];
    for name in ["repeat-swish", "scrambled", "repeat-mask", "random-mask"] {
        let control = attribution.shares.iter().find(|share| share.control == name).unwrap();
        let share = share(&control.ratio, " %");
        assert!(readme.contains(&share), "README.md lacks {share} of {name}");
        let [low, high] = control.simultaneous95.unwrap().map(|end| 100.0 * end);
        let together = format!("[{low:.1}, {high:.1}]").replace('-', "−");
        assert!(readme.contains(&together), "README.md lacks {together} of {name}");
    }
}

/// Errors of an arm by seed.
fn errors(attribution: &Attribution, name: &str) -> Vec<f64> {
    let arm = attribution.arms.iter().find(|arm| arm.name == name).unwrap();
    arm.seeds.iter().map(|run| run.test_error).collect()
}

fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    a.iter().zip(b).map(|(x, y)| (x - mean(a)) * (y - mean(b))).sum::<f64>() / (a.len() - 1) as f64
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    covariance(a, b) / (covariance(a, a) * covariance(b, b)).sqrt()
}

/// What RESULTS.md says the narrow interval of scrambled rests on.
#[test]
fn results_say_what_the_narrow_interval_of_scrambled_rests_on() {
    let results = text("RESULTS.md");
    let of = |store: &str| recorded(&Path::new("experiments/results").join(store));
    let main = &of("rot-mnist-p4")[0];
    let [z2, scrambled, p4] = ["z2", "scrambled", "p4"].map(|name| errors(main, name));
    let here = correlation(&z2, &scrambled);
    assert!(results.contains(&format!("a correlation of {here:.2}")), "{here}");
    // Independent seeds: the variance of (1 − r)·z2 − scrambled + r·p4 over five of them, t = 2.776445 at 4 degrees of freedom.
    let control = main.shares.iter().find(|share| share.control == "scrambled").unwrap();
    let (r, gain) = (control.ratio.share.unwrap(), main.gain.as_ref().unwrap().value);
    let [z2, scrambled, p4] = [z2, scrambled, p4].map(|errors| covariance(&errors, &errors));
    let half = 2.776_445 * (((1.0 - r).powi(2) * z2 + scrambled + r * r * p4) / 5.0).sqrt() / gain;
    assert!(results.contains(&format!("about ± {:.1} points", 100.0 * half)), "{half}");
    let cells = of("rot-mnist-size");
    let others = cells.iter().map(|cell| correlation(&errors(cell, "z2"), &errors(cell, "scrambled")));
    let augmented = &of("rot-mnist-p4-augmented")[0];
    let others = others.chain([correlation(&errors(augmented, "z2"), &errors(augmented, "scrambled"))]);
    let others: Vec<String> = others.map(|other| format!("{other:.2}").replace('-', "−")).collect();
    let listed = format!("{} with 500 to 12,000 images and {} with turned ones", others[..4].join(", "), others[4]);
    assert!(results.contains(&listed), "{listed}");
}
