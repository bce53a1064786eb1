//! Tests, corrections and intervals against published examples, and where there's none that can be trusted to the digit,
//! against SciPy 1.17, statsmodels 0.15 and rliable 1.2.

use equisplit::rng;
use equisplit::stats::fieller::ratio_interval;
use equisplit::stats::improvement::{improvement_interval, probability_of_improvement};
use equisplit::stats::outlier::grubbs;
use equisplit::stats::seeds::{SeedsNeeded, seeds_for_mean, seeds_for_ratio};
use equisplit::stats::significance::{holm, paired_t};
use rand_distr::{Distribution, StandardNormal};

/// Extra hours of sleep of ten patients on two drugs (Student 1908).
const SLEEP: [(f64, f64); 10] = [
    (0.7, 1.9),
    (-1.6, 0.8),
    (-0.2, 1.1),
    (-1.2, 0.1),
    (-0.1, -0.1),
    (3.4, 4.4),
    (3.7, 5.5),
    (0.8, 1.6),
    (0.0, 4.6),
    (2.0, 3.4),
];

fn close(values: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(values.len(), expected.len());
    let near = values.iter().zip(expected).all(|(value, expected)| (value - expected).abs() <= tolerance);
    assert!(near, "{values:?}, not {expected:?}");
}

#[test]
fn students_own_paired_test() {
    let differences: Vec<f64> = SLEEP.iter().map(|(first, second)| second - first).collect();
    let test = paired_t(&differences).unwrap();
    // As R prints it under ?sleep, and SciPy's ttest_rel with more digits.
    close(&[test.t, test.p], &[4.062_127_683_4, 0.002_832_890_2], 1e-9);
    assert_eq!(test.freedom, 9);
    let swapped = paired_t(&differences.iter().map(|difference| -difference).collect::<Vec<_>>()).unwrap();
    assert_eq!((swapped.t, swapped.p), (-test.t, test.p));
}

#[test]
fn no_test_without_a_spread() {
    assert_eq!(paired_t(&[]), None);
    assert_eq!(paired_t(&[0.3]), None);
    // The same difference twice, but for rounding.
    assert_eq!(paired_t(&[0.050 - 0.023, 0.052 - 0.025]), None);
}

#[test]
fn very_small_p_keeps_its_digits() {
    // SciPy: ttest_1samp([1, 1.01, 0.99, 1.02, 0.98, 1, 1.01, 0.99, 1, 1], 0).
    let test = paired_t(&[1.0, 1.01, 0.99, 1.02, 0.98, 1.0, 1.01, 0.99, 1.0, 1.0]).unwrap();
    assert!((test.p / 5.873296956843374e-19 - 1.0).abs() < 1e-6, "{:e}", test.p);
}

#[test]
fn holms_steps() {
    // The example of Wikipedia's "Holm–Bonferroni method": four hypotheses, of which the first and the fourth fall at 5 %.
    close(&holm(&[0.01, 0.04, 0.03, 0.005]), &[0.03, 0.06, 0.06, 0.02], 1e-15);
    // statsmodels: multipletests(…, method="holm").
    close(&holm(&[0.01, 0.02, 0.03, 0.04, 0.05]), &[0.05, 0.08, 0.09, 0.09, 0.09], 1e-15);
    close(&holm(&[0.9, 0.6, 0.7]), &[1.0, 1.0, 1.0], 0.0);
    assert_eq!(holm(&[0.02]), [0.02]);
    assert!(holm(&[]).is_empty());
}

#[test]
fn fiellers_interval_of_the_sleep_data() {
    // Ends where SciPy's ttest_1samp of first − ρ · second has p = 0.05, found by brentq.
    let interval = ratio_interval(&SLEEP).unwrap();
    close(&interval, &[-0.484_919_775, 0.656_596_685], 1e-9);
}

#[test]
fn grubbs_test_of_the_mass_spectrometer_data() {
    // Tietjen & Moore 1972, as in the NIST/SEMATECH handbook, 1.3.5.17.1: G = 2.4687; critical values for n = 8 in Grubbs'
    // table: 2.126 two-sided at 5 %, and 2.032 at 10 %.
    let mass = [199.31, 199.53, 200.19, 200.82, 201.92, 201.95, 202.18, 245.57];
    assert_eq!(grubbs(&mass, 0.05), Some(7));
    // The largest G that eight values can have is 7/√8 = 2.4749, so that 2.4687 is one in some 10,000.
    assert_eq!(grubbs(&mass, 1e-8), None);
    assert_eq!(grubbs(&mass[..7], 0.05), None);

    // G of {−1, …, −1, x, 1, …, 1} on both sides of the critical value.
    let with_g = |x: f64| [-1.0, 1.0, -1.0, 1.0, -1.0, 1.0, 0.0, x];
    let g = |values: &[f64; 8]| {
        let mean = values.iter().sum::<f64>() / 8.0;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 7.0;
        (values[7] - mean) / variance.sqrt()
    };
    for x in (100..800).map(|x| f64::from(x) * 0.01) {
        let values = with_g(x);
        if (g(&values) - 2.1266).abs() > 2e-4 {
            assert_eq!(grubbs(&values, 0.05), (g(&values) > 2.1266).then_some(7), "x = {x}, G = {}", g(&values));
        }
    }
    assert_eq!(grubbs(&[1.0, 9.0], 0.05), None);
    assert_eq!(grubbs(&[1.0; 5], 0.05), None);
}

#[test]
fn probability_of_improvement_as_in_rliable() {
    let (from, to) = ([5.0, 5.2, 4.9, 5.1, 5.0], [4.8, 5.0, 4.7, 5.1, 4.6]);
    // rliable.metrics.probability_of_improvement of the negated errors, one task.
    assert!((probability_of_improvement(&from, &to).unwrap() - 0.78).abs() < 1e-15);
    assert!((probability_of_improvement(&to, &from).unwrap() - 0.22).abs() < 1e-15);
    // rliable.library.get_interval_estimates gives [0.44, 1.0] with 20,000 replicates; values come in steps of 0.02.
    let interval = improvement_interval(&from, &to, 20_000, &mut rng::stream(1, "test")).unwrap();
    close(&interval, &[0.44, 1.0], 0.021);
    let again = improvement_interval(&from, &to, 20_000, &mut rng::stream(1, "test")).unwrap();
    assert_eq!(again, interval);
}

#[test]
fn no_interval_where_resampling_shows_nothing() {
    let interval = |from: &[f64], to: &[f64]| improvement_interval(from, to, 100, &mut rng::stream(1, "test"));
    assert_eq!(interval(&[3.0, 4.0], &[1.0, 2.0]), None);
    assert_eq!(interval(&[1.0, 2.0], &[3.0, 4.0]), None);
    assert_eq!(interval(&[3.0], &[1.0, 4.0]), None);
    assert_eq!(interval(&[], &[1.0]), None);
    assert!(interval(&[1.0, 3.0], &[2.0, 4.0]).is_some());
    assert_eq!(probability_of_improvement(&[], &[1.0]), None);
    assert_eq!(probability_of_improvement(&[1.0], &[1.0]), Some(0.5));
}

#[test]
fn cautious_seeds_are_enough_in_80_percent_of_pilot_studies() {
    // Variance 1, ± 0.5: 18 seeds (t = 2.1098 at 17 degrees of freedom: 0.4973; 2.1199 at 16: 0.5142).
    let mut stream = rng::stream(5, "pilot");
    let mut pilot = || -> Vec<f64> { (0..5).map(|_| StandardNormal.sample(&mut stream)).collect() };
    let needed: Vec<_> = (0..4_000).map(|_| seeds_for_mean(&pilot(), 0.5).unwrap()).collect();
    let enough = needed.iter().filter(|needed| needed.cautious >= 18).count() as f64 / 4_000.0;
    // Five binomial standard errors; a little more than 0.8 because seeds come in whole numbers.
    assert!((0.8 - 0.032..=0.85).contains(&enough), "{enough}");
    assert!(needed.iter().all(|needed| needed.seeds <= needed.cautious && needed.half_width == 0.5));
}

#[test]
fn seeds_for_a_share_are_those_of_its_interval() {
    // N = 0.5·D + ε, ε = ± 1, D = 10 in all: only the residuals over the gain, ± 0.1, have a spread.
    let pairs = [(6.0, 10.0), (4.0, 10.0), (6.0, 10.0), (4.0, 10.0)];
    let residuals = [0.1, -0.1, 0.1, -0.1];
    assert_eq!(seeds_for_ratio(&pairs, 0.05), seeds_for_mean(&residuals, 0.05));
    assert!(seeds_for_ratio(&pairs, 0.05).is_some());
    // A gain that varies makes intervals wider, and so takes more seeds.
    let weak = [(7.0, 12.0), (3.0, 8.0), (8.0, 14.0), (2.0, 6.0)];
    let alike: Vec<f64> = weak.iter().map(|(n, d)| (n - 0.5 * d) / 10.0).collect();
    let seeds = |needed: Option<SeedsNeeded>| needed.unwrap().seeds;
    assert!(seeds(seeds_for_ratio(&weak, 0.2)) > seeds(seeds_for_mean(&alike, 0.2)));
    assert_eq!(seeds_for_ratio(&[(1.0, 2.0), (1.0, 2.0)], 0.1), None);
    assert_eq!(seeds_for_ratio(&[], 0.1), None);
    assert_eq!(seeds_for_ratio(&[(1.0, 0.0), (2.0, 0.0)], 0.1), None);
    assert_eq!(seeds_for_mean(&[1.0, 2.0], 0.0), None);
}
