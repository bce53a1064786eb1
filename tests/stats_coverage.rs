//! The intervals hold the truth as often as `docs/coverage.md` says: its simulation with fewer studies.

#[allow(dead_code)]
#[path = "../examples/coverage/cell.rs"]
mod cell;
#[allow(dead_code)]
#[path = "../examples/coverage/methods.rs"]
mod methods;
#[allow(dead_code)]
#[path = "../examples/coverage/simulate.rs"]
mod simulate;
#[path = "../examples/coverage/store.rs"]
mod store;

use cell::{Counts, Outcomes};
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
