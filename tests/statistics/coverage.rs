//! The intervals hold the truth as often as `docs/coverage.md` says: its simulation with fewer studies.

#[allow(dead_code)]
#[path = "../../examples/coverage/cell.rs"]
mod cell;
#[allow(dead_code)]
#[path = "../../examples/coverage/methods.rs"]
mod methods;
#[allow(dead_code)]
#[path = "../../examples/coverage/simulate.rs"]
mod simulate;
#[path = "../../examples/coverage/store.rs"]
mod store;

use crate::stats_support::design;
use cell::{Counts, Outcomes};
use equisplit::model::Budget;
use equisplit::rng;
use equisplit::stats::attribution::{ArmResults, SeedResult, attribute_resampled};
use rand::RngExt;
use rand_distr::{Binomial, Distribution, StandardNormal};
use simulate::{Cell, GAINS, Gain, Noise};

const SHARES: [f64; 5] = [-0.5, 0.0, 0.38, 1.0, 1.5];
const COUNTS: Counts = Counts { studies: 400, bootstrap: 0, stored: 0 };

/// Coverage over all shares: of the set that Fieller's test accepts, in all studies.
fn coverage(seeds: u64, gain: Gain, noise: Noise) -> f64 {
    let rate = |share| {
        let outcomes = Outcomes::of(Cell { seeds, share, gain, noise }, COUNTS).unwrap();
        outcomes.rate(|_| true, |study| study.holds[0]).unwrap()
    };
    SHARES.map(rate).iter().sum::<f64>() / SHARES.len() as f64
}

#[test]
fn holds_95_percent_with_normal_noise_and_no_less_with_heavy_tails() {
    for (gain, seeds) in GAINS.into_iter().flat_map(|gain| [3, 5, 10].map(|seeds| (gain, seeds))) {
        // 2,000 studies: 0.95 ± 4 binomial standard errors is 0.93 to 0.97.
        let normal = coverage(seeds, gain, Noise::Normal);
        assert!((0.93..=0.97).contains(&normal), "{seeds} seeds, {gain:?} gain, normal noise: {normal}");
        let heavy = coverage(seeds, gain, Noise::Heavy);
        assert!((0.93..=0.985).contains(&heavy), "{seeds} seeds, {gain:?} gain, heavy tails: {heavy}");
    }
}

/// If this fails because coverage is better, docs/coverage.md and the README say too little of the interval.
#[test]
fn holds_less_where_training_collapses() {
    let cell = Cell { seeds: 10, share: 1.0, gain: Gain::Strong, noise: Noise::Collapse };
    let rate = Outcomes::of(cell, COUNTS).unwrap().rate(|_| true, |study| study.holds[0]).unwrap();
    assert!((0.75..0.92).contains(&rate), "{rate}");
}

/// The program compares the two for every study that it stores, and stops where they differ.
#[test]
fn studies_come_out_of_a_store_as_they_went_in() {
    let cell = Cell { seeds: 3, share: 0.38, gain: Gain::Weak, noise: Noise::Skewed };
    let outcomes = Outcomes::of(cell, Counts { studies: 4, bootstrap: 0, stored: 4 }).unwrap();
    assert_eq!(outcomes.studies.len(), 4);
}

/// Studies of four arms with 1,000 test images: errors of `error`, binomial, and beside that normal noise over seeds.
fn warned_of_an_outlier(seeds: usize, error: f64, noise: f64, collapse: bool) -> f64 {
    const STUDIES: usize = 500;
    let mut stream = rng::stream(seeds as u64, "outliers");
    let mut run = |seed: u64, collapsed: bool| {
        let noisy = error + noise * stream.sample::<f64, _>(StandardNormal) + if collapsed { 0.3 } else { 0.0 };
        let wrong = Binomial::new(1_000, noisy.clamp(0.0, 1.0)).unwrap().sample(&mut stream) as usize;
        SeedResult { seed, wrong: (0..1_000).map(|image| image < wrong).collect() }
    };
    let mut study = || {
        let arms = ["z2", "a", "b", "p4"].map(|name| ArmResults {
            name: name.to_owned(),
            bank: "free".to_owned(),
            budget: Budget { parameters: 1, one_bit_parameters: 0, maps: 1, multiply_adds: 1 },
            seeds: (0..seeds as u64).map(|seed| run(seed, collapse && name == "a" && seed == 0)).collect(),
        });
        attribute_resampled(&design(&[]), &arms, 0).unwrap().warnings
    };
    let warned = (0..STUDIES).filter(|_| study().iter().any(|warning| warning.contains("lies apart"))).count();
    warned as f64 / STUDIES as f64
}

/// Ties of a few seeds are no outliers, and of more seeds a study of a hundred is warned of; 2.6 % are 1 % and 3.6 binomial
/// standard errors.
#[test]
fn no_seed_of_a_sound_study_lies_apart_and_a_collapsed_one_does() {
    for (error, noise) in [(0.05, 0.0), (0.45, 0.0), (0.05, 0.01), (0.45, 0.03)] {
        for seeds in [3, 4, 5] {
            assert_eq!(warned_of_an_outlier(seeds, error, noise, false), 0.0, "{seeds} seeds");
        }
        for seeds in [6, 10, 30] {
            let rate = warned_of_an_outlier(seeds, error, noise, false);
            println!("{seeds} seeds, error {error}, noise {noise}: {rate}");
            assert!(rate <= 0.026, "{seeds} seeds, error {error}, noise {noise}: {rate}");
        }
    }
    assert!(warned_of_an_outlier(6, 0.05, 0.01, true) > 0.95);
}
