//! Arms whose runs got so many test examples wrong.
#![allow(dead_code, reason = "every test file uses a part of this")]

use equisplit::model::Budget;

use equisplit::stats::attribution::{ArmResults, SeedResult};
use equisplit::stats::{Covers, Design, Interval};

const EXAMPLES: usize = 1_000;

/// An arm whose runs got the given numbers of 1,000 test examples wrong, seeds 1, 2, …; a failed run is `None`.
pub fn arm(name: &str, wrong: &[Option<usize>]) -> ArmResults {
    let run = |(seed, wrong): (u64, &Option<usize>)| {
        wrong.map(|wrong| SeedResult { seed, wrong: (0..EXAMPLES).map(|example| example < wrong).collect() })
    };
    ArmResults {
        name: name.to_owned(),
        bank: "free".to_owned(),
        budget: Budget { parameters: 25_000, one_bit_parameters: 7, maps: 140, multiply_adds: 4_000_000 },
        seeds: (1..).zip(wrong).filter_map(run).collect(),
    }
}

pub fn finished(name: &str, wrong: &[usize]) -> ArmResults {
    arm(name, &wrong.iter().map(|&wrong| Some(wrong)).collect::<Vec<_>>())
}

/// A study of p4 against z2, whose seeds share their images.
pub fn design(ladder: &[String]) -> Design<'_> {
    Design { study: "study", baseline: "z2", target: "p4", ladder, covers: Covers::default(), source: None }
}

pub fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// z2 50 52 51, p4 23 22 24, repeat 40 41 42: gains 27 30 27 (mean 28), control's 10 11 9 (mean 10).
pub fn study() -> Vec<ArmResults> {
    vec![finished("z2", &[50, 52, 51]), finished("repeat", &[40, 41, 42]), finished("p4", &[23, 22, 24])]
}

pub fn close(interval: Option<Interval>, expected: Interval) {
    let [low, high] = interval.unwrap();
    assert!((low - expected[0]).abs() < 1e-6 && (high - expected[1]).abs() < 1e-6, "{low} {high}, not {expected:?}");
}
