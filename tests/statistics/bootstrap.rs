//! The bootstrap against a direct implementation of the same resampling.

use equisplit::rng;
use equisplit::stats::Interval;
use equisplit::stats::bootstrap::Replicates;
use rand::RngExt;

type Wrong = Vec<Vec<Vec<bool>>>;

/// Runs whose errors share hard examples, as those of real networks do: an example has a difficulty, an arm a skill, and a
/// run its luck. `rates` are the arms' error rates.
fn simulate(rates: &[f64], seeds: usize, examples: usize, name: &str) -> Wrong {
    let mut stream = rng::stream(1, name);
    let hard: Vec<bool> = (0..examples).map(|_| stream.random_bool(0.15)).collect();
    let mut run = |rate: f64| {
        let luck = stream.random_range(0.9..1.1);
        let chance = |hard: bool| if hard { 5.0 * rate * luck } else { 0.25 * rate * luck };
        hard.iter().map(|&hard| stream.random_bool(chance(hard))).collect()
    };
    rates.iter().map(|&rate| (0..seeds).map(|_| run(rate)).collect()).collect()
}

fn borrowed(wrong: &Wrong) -> Vec<Vec<&[bool]>> {
    wrong.iter().map(|arm| arm.iter().map(Vec::as_slice).collect()).collect()
}

fn gain(errors: &[f64]) -> Option<f64> {
    Some(errors[0] - errors[1])
}

fn share(errors: &[f64]) -> Option<f64> {
    Some((errors[0] - errors[2]) / (errors[0] - errors[1]))
}

/// Draws seeds and examples one by one, and averages over what was drawn.
fn directly(wrong: &Wrong, replicates: usize, statistic: fn(&[f64]) -> Option<f64>) -> Interval {
    let (seeds, examples) = (wrong[0].len(), wrong[0][0].len());
    let mut stream = rng::stream(2, "direct");
    let mut values: Vec<f64> = (0..replicates)
        .map(|_| {
            let drawn_seeds: Vec<usize> = (0..seeds).map(|_| stream.random_range(0..seeds)).collect();
            let drawn: Vec<usize> = (0..examples).map(|_| stream.random_range(0..examples)).collect();
            let error = |arm: &Vec<Vec<bool>>| {
                let wrong =
                    drawn_seeds.iter().map(|&seed| drawn.iter().filter(|&&x| arm[seed][x]).count()).sum::<usize>();
                wrong as f64 / (seeds * examples) as f64
            };
            statistic(&wrong.iter().map(error).collect::<Vec<f64>>()).unwrap()
        })
        .collect();
    values.sort_by(f64::total_cmp);
    [values[replicates / 40], values[replicates - 1 - replicates / 40]]
}

#[test]
fn agrees_with_direct_resampling() {
    let wrong = simulate(&[0.15, 0.07, 0.12], 4, 600, "agreement");
    let fast = Replicates::draw(&borrowed(&wrong), 10_000, 3).unwrap();
    for statistic in [gain, share] {
        let [low, high] = fast.interval(statistic).unwrap();
        let direct = directly(&wrong, 10_000, statistic);
        // The Monte Carlo error of the difference of two such ends is about 1 % of the width.
        let tolerance = 0.04 * (direct[1] - direct[0]);
        assert!((low - direct[0]).abs() < tolerance, "{low} {direct:?}");
        assert!((high - direct[1]).abs() < tolerance, "{high} {direct:?}");
    }
}

#[test]
fn bits_do_not_depend_on_threads() {
    let wrong = simulate(&[0.10, 0.05], 3, 500, "threads");
    let draw = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Replicates::draw(&borrowed(&wrong), 1_000, 7).unwrap())
    };
    assert_eq!(draw(1), draw(2));
    assert_ne!(draw(1), Replicates::draw(&borrowed(&wrong), 1_000, 8).unwrap());
}

#[test]
fn no_errors_leave_a_share_undefined() {
    let wrong = vec![vec![vec![false; 50]; 3]; 3];
    let replicates = Replicates::draw(&borrowed(&wrong), 500, 0).unwrap();
    assert_eq!(replicates.interval(gain), Some([0.0, 0.0]));
    assert_eq!(replicates.interval(share), None);
}

#[test]
fn all_wrong_leaves_no_spread() {
    let wrong = vec![vec![vec![true; 50]; 3], vec![vec![false; 50]; 3]];
    assert_eq!(Replicates::draw(&borrowed(&wrong), 500, 0).unwrap().interval(gain), Some([1.0, 1.0]));
}

#[test]
fn a_few_undefined_replicates_do_not_move_the_rest() {
    // One example of 50 right in the target: 0.98^50 = 36 % of the replicates miss it and have no denominator.
    let mut wrong = vec![vec![vec![true; 50]; 2], vec![vec![true; 50]; 2], vec![vec![true; 50]; 2]];
    wrong[1].iter_mut().for_each(|run| run[0] = false);
    assert_eq!(Replicates::draw(&borrowed(&wrong), 2_000, 0).unwrap().interval(share), None);
    // Five: 0.9^50 = 0.5 % miss all, fewer than an end of the interval.
    wrong[1].iter_mut().for_each(|run| run[..5].fill(false));
    assert_eq!(Replicates::draw(&borrowed(&wrong), 2_000, 0).unwrap().interval(share), Some([0.0, 0.0]));
}

#[test]
fn refuses_runs_that_do_not_pair() {
    let short = vec![vec![vec![true; 50]; 2], vec![vec![true; 49]; 2]];
    assert!(Replicates::draw(&borrowed(&short), 10, 0).is_err());
    let fewer = vec![vec![vec![true; 50]; 2], vec![vec![true; 50]; 1]];
    assert!(Replicates::draw(&borrowed(&fewer), 10, 0).is_err());
    assert!(Replicates::draw(&[], 10, 0).is_err());
    assert!(Replicates::draw(&[vec![&[]]], 10, 0).is_err());
}

/// Seeds whose examples are their own: the interval is that of resampled seeds alone.
#[test]
fn seeds_alone_are_drawn_where_examples_are_theirs() {
    let (a, b) = ([0.10, 0.12, 0.11, 0.15, 0.09], [0.05, 0.06, 0.04, 0.07, 0.05]);
    let replicates = Replicates::draw_seeds(&[&a, &b], 20_000, 1).unwrap();
    let [low, high] = replicates.interval(|errors| Some(errors[0] - errors[1])).unwrap();
    // The same by draws of another stream.
    let mut stream = rng::stream(2, "independent");
    let mut means: Vec<f64> = (0..20_000)
        .map(|_| (0..5).map(|_| stream.random_range(0..5)).map(|n: usize| a[n] - b[n]).sum::<f64>() / 5.0)
        .collect();
    means.sort_unstable_by(f64::total_cmp);
    assert!((low - means[500]).abs() < 1.5e-3 && (high - means[19_500]).abs() < 1.5e-3, "{low} {high}");
    assert!(Replicates::draw_seeds(&[&a, &b[..4]], 10, 1).is_err() && Replicates::draw_seeds(&[], 10, 1).is_err());
}
