//! How often the interval of a share covers the truth.

use equisplit::rng;
use equisplit::stats::fieller::ratio_interval;
use rand_distr::{Distribution, Normal};

/// Fraction of 2,000 simulated studies of five seeds whose interval holds the true share.
///
/// Errors in percentage points, as on rot-MNIST: baseline 5.03, target 2.28. Seeds move all arms together by 0.10 and each
/// arm on its own by 0.125.
fn coverage(share: f64) -> f64 {
    let (baseline, target) = (5.03, 2.28);
    let control = baseline - share * (baseline - target);
    let (common, own) = (Normal::new(0.0, 0.10).unwrap(), Normal::new(0.0, 0.125).unwrap());
    let mut stream = rng::stream(11, &format!("coverage/{share}"));
    let mut pair = || {
        let shift = common.sample(&mut stream);
        let mut error = |mean: f64| mean + shift + own.sample(&mut stream);
        let (baseline, control, target) = (error(baseline), error(control), error(target));
        (baseline - control, baseline - target)
    };
    let covered = (0..2_000).filter(|_| {
        let pairs: Vec<(f64, f64)> = (0..5).map(|_| pair()).collect();
        ratio_interval(&pairs).is_some_and(|[low, high]| low <= share && share <= high)
    });
    covered.count() as f64 / 2_000.0
}

#[test]
fn covers_the_true_share_in_95_percent_of_studies() {
    for share in [-0.1, 0.0, 0.2, 0.38, 0.6, 0.9, 1.0, 1.2] {
        let coverage = coverage(share);
        println!("true share {share}: covered in {:.1} % of studies", 100.0 * coverage);
        assert!((0.93..=0.97).contains(&coverage), "true share {share}: {coverage}");
    }
}
