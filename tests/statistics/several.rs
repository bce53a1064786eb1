//! Intervals for several controls at once, for other test images, and for a wanted width: by studies of which the truth is known.

use std::collections::BTreeMap;

use equisplit::model::Budget;
use equisplit::rng::{self, Stream};
use equisplit::stats::attribution::{ArmResults, Attribution, SeedResult, attribute_resampled};
use equisplit::stats::fieller::ratio_interval;
use equisplit::stats::seeds::{SeedsNeeded, seeds_for_ratio};
use equisplit::stats::{Covers, Design, Interval, Source};
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};
use statrs::distribution::{ContinuousCDF, Normal};

use crate::stats_support::design;

fn normal(stream: &mut Stream) -> f64 {
    StandardNormal.sample(stream)
}

fn arm(name: &str, seeds: Vec<SeedResult>) -> ArmResults {
    let budget = Budget { parameters: 1, one_bit_parameters: 0, maps: 1, multiply_adds: 1 };
    ArmResults { name: name.to_owned(), bank: "free".to_owned(), budget, seeds }
}

fn holds(interval: Option<Interval>, truth: f64) -> bool {
    interval.is_some_and(|[low, high]| low <= truth && truth <= high)
}

fn rate(studies: usize, mut study: impl FnMut(usize) -> bool) -> f64 {
    (0..studies).filter(|&n| study(n)).count() as f64 / studies as f64
}

/// 14 arms, 5 seeds: 12 controls with shares of −0.5 to 0.6, each with noise of its own over seeds.
fn many_controls(study: usize) -> (Attribution, Vec<f64>) {
    const IMAGES: usize = 4_000;
    let stream = &mut rng::stream(study as u64, "many controls");
    let shares: Vec<f64> = (0..12).map(|n| -0.5 + 0.1 * f64::from(n)).collect();
    let mut of = |name: &str, share: f64| {
        let error = 0.10 - 0.03 * share;
        let seeds = (0..5).map(|seed| {
            let wrong = ((error + 0.002 * normal(stream)) * IMAGES as f64).round() as usize;
            SeedResult { seed, wrong: (0..IMAGES).map(|image| image < wrong).collect() }
        });
        arm(name, seeds.collect())
    };
    let mut arms = vec![of("z2", 0.0), of("p4", 1.0)];
    arms.extend(shares.iter().enumerate().map(|(n, &share)| of(&format!("control-{n}"), share)));
    (attribute_resampled(&design(&[]), &arms, 0).unwrap(), shares)
}

#[test]
fn intervals_of_all_controls_hold_together() {
    const STUDIES: usize = 600;
    let (mut single, mut together) = (0, 0);
    for study in 0..STUDIES {
        let (result, truth) = many_controls(study);
        let all = |of: fn(&equisplit::stats::attribution::Share) -> Option<Interval>| {
            result.shares.iter().zip(&truth).all(|(share, truth)| holds(of(share), *truth))
        };
        single += usize::from(all(|share| share.ratio.ci95));
        together += usize::from(all(|share| share.simultaneous95));
        assert!(result.shares.iter().all(|share| {
            let (Some(alone), Some(all)) = (share.ratio.ci95, share.simultaneous95) else { return false };
            all[0] < alone[0] && alone[1] < all[1]
        }));
    }
    let [single, together] = [single, together].map(|held| held as f64 / STUDIES as f64);
    println!("all of 12 single intervals hold in {single}, all that hold together in {together}");
    assert!((0.55..0.8).contains(&single), "{single}");
    // 95 % less three binomial standard errors.
    assert!(together >= 0.95 - 0.027, "{together}");
}

#[test]
fn one_control_has_nothing_to_hold_together_with() {
    let (result, _) = many_controls(0);
    let arms: Vec<ArmResults> = crate::stats_support::study();
    let alone = attribute_resampled(&design(&[]), &arms, 0).unwrap();
    assert_eq!(alone.shares[0].simultaneous95, alone.shares[0].ratio.ci95);
    assert_eq!(result.shares.len(), 12);
}

/// What the data show of controls doesn't change how many are compared.
#[test]
fn controls_without_a_share_count_too() {
    let mut arms = crate::stats_support::study();
    let alone = attribute_resampled(&design(&[]), &arms, 0).unwrap();
    arms.push(ArmResults { name: "never".to_owned(), seeds: Vec::new(), ..arms[1].clone() });
    let beside = attribute_resampled(&design(&[]), &arms, 0).unwrap();
    assert_eq!(beside.shares[1].ratio.share, None);
    assert_eq!(beside.shares[0].ratio.ci95, alone.shares[0].ratio.ci95);
    let width = |result: &Attribution| result.shares[0].simultaneous95.map(|[low, high]| high - low);
    assert!(width(&beside) > width(&alone) || width(&beside).is_none());
}

/// Where an image is wrong if its difficulty, that for the arm, the seed's luck and chance add up to more than the arm is good for:
/// all normal, so that the error of an arm over all seeds and images is a normal probability.
struct Images {
    /// What each arm is good for: baseline, control, target.
    good: [f64; 3],
    images: usize,
    seeds: u64,
}

const OF_IMAGE: f64 = 1.0;
const OF_IMAGE_IN_ARM: f64 = 0.4;
const OF_SEED: f64 = 0.06;
const CHANCE: f64 = 0.5;

impl Images {
    fn truth(&self) -> (f64, f64) {
        let spread = [OF_IMAGE, OF_IMAGE_IN_ARM, OF_SEED, CHANCE].iter().map(|sd| sd * sd).sum::<f64>().sqrt();
        let error = self.good.map(|good| Normal::standard().cdf(-good / spread));
        (error[0] - error[2], (error[0] - error[1]) / (error[0] - error[2]))
    }

    fn study(&self, study: usize, covers: Covers) -> Attribution {
        let stream = &mut rng::stream(study as u64, "images");
        let mut draw = |sd: f64, n: usize| (0..n).map(|_| sd * normal(stream)).collect::<Vec<_>>();
        let difficulty = draw(OF_IMAGE, self.images);
        let arms = ["z2", "control", "p4"].into_iter().zip(self.good).map(|(name, good)| {
            let of_arm = draw(OF_IMAGE_IN_ARM, self.images);
            let seeds = (0..self.seeds).map(|seed| {
                let luck = draw(OF_SEED, 1)[0];
                let chance = draw(CHANCE, self.images);
                let wrong = |n: usize| difficulty[n] + of_arm[n] + luck + chance[n] > good;
                SeedResult { seed, wrong: (0..self.images).map(wrong).collect() }
            });
            arm(name, seeds.collect())
        });
        let arms: Vec<ArmResults> = arms.collect();
        attribute_resampled(&Design { covers, ..design(&[]) }, &arms, 0).unwrap()
    }
}

#[test]
fn intervals_over_images_hold_for_other_images_and_those_over_seeds_do_not() {
    const STUDIES: usize = 400;
    for (images, seeds) in [(500, 5), (500, 10), (2_000, 3)] {
        let model = Images { good: [1.7, 1.85, 2.2], images, seeds };
        let (gain, share) = model.truth();
        let results: Vec<Attribution> = (0..STUDIES).map(|study| model.study(study, Covers::default())).collect();
        let established = results.iter().filter(|result| !result.shares.is_empty()).count();
        assert!(established > STUDIES * 9 / 10, "{established}");
        let of_gain = rate(STUDIES, |n| holds(results[n].gain.as_ref().unwrap().interval_over_images, gain));
        let shares: Vec<_> = results.iter().filter_map(|result| Some(&result.shares.first()?.ratio)).collect();
        let over_images = rate(shares.len(), |n| holds(shares[n].interval_over_images, share));
        let over_seeds = rate(shares.len(), |n| holds(shares[n].ci95, share));
        println!("{images} images, {seeds} seeds: gain {of_gain}, share {over_images}, over seeds alone {over_seeds}");
        for coverage in [of_gain, over_images] {
            // 95 % ± three binomial standard errors; more is no fault where intervals are wide.
            assert!((0.917..=0.995).contains(&coverage), "{images} images, {seeds} seeds: {coverage}");
        }
        assert!(over_seeds < over_images - 0.03 || seeds == 3, "{over_seeds}");
        for ratio in shares {
            let ([low, high], Some([wider_low, wider_high])) = (ratio.ci95.unwrap(), ratio.interval_over_images) else {
                continue;
            };
            assert!(
                wider_high - wider_low >= 0.999 * (high - low) || seeds > 3,
                "counting images makes nothing narrower"
            );
        }
    }
}

/// Seeds that draw two thirds each of 600 images, which are some of all that there are: intervals over seeds are for these 600, those
/// that follow the draws for all.
#[test]
fn intervals_that_follow_draws_from_a_source_hold_beyond_it() {
    const STUDIES: usize = 300;
    const SOURCE: usize = 600;
    const TESTED: usize = 400;
    for seeds in [5, 12] {
        let model = Images { good: [1.7, 1.85, 2.2], images: TESTED, seeds };
        let (gain, _) = model.truth();
        let (mut beyond, mut over_seeds) = (0, 0);
        for study in 0..STUDIES {
            let stream = &mut rng::stream(study as u64, &format!("source/{seeds}"));
            let drawn: BTreeMap<u64, Vec<u32>> = (0..seeds)
                .map(|seed| {
                    let mut order: Vec<u32> = (0..SOURCE as u32).collect();
                    order.shuffle(stream);
                    (seed, order[..TESTED].to_vec())
                })
                .collect();
            let mut draw = |sd: f64, n: usize| (0..n).map(|_| sd * normal(stream)).collect::<Vec<_>>();
            let difficulty = draw(OF_IMAGE, SOURCE);
            let arms: Vec<ArmResults> = ["z2", "control", "p4"]
                .into_iter()
                .zip(model.good)
                .map(|(name, good)| {
                    let of_arm = draw(OF_IMAGE_IN_ARM, SOURCE);
                    let runs = drawn.iter().map(|(&seed, places)| {
                        let (luck, chance) = (draw(OF_SEED, 1)[0], draw(CHANCE, TESTED));
                        let is_wrong = |(n, &place): (usize, &u32)| {
                            difficulty[place as usize] + of_arm[place as usize] + luck + chance[n] > good
                        };
                        SeedResult { seed, wrong: places.iter().enumerate().map(is_wrong).collect() }
                    });
                    arm(name, runs.collect())
                })
                .collect();
            let covers = Covers { training_images: true, test_images: true };
            let source = Some(Source { images: SOURCE, drawn: &drawn });
            let result = attribute_resampled(&Design { covers, source, ..design(&[]) }, &arms, 0).unwrap();
            let found = result.gain.unwrap();
            beyond += usize::from(holds(found.interval_over_images, gain));
            over_seeds += usize::from(holds(found.ci95, gain));
            if let Some(share) = result.shares.first().filter(|share| share.ratio.share.is_some()) {
                let ([low, high], [wide_low, wide_high]) =
                    (share.ratio.ci95.unwrap(), share.ratio.interval_over_images.unwrap_or([-9.0, 9.0]));
                assert!(wide_low <= low && high <= wide_high);
            }
        }
        let [beyond, over_seeds] = [beyond, over_seeds].map(|held| held as f64 / STUDIES as f64);
        println!("{seeds} seeds: beyond the source {beyond}, over seeds {over_seeds}");
        // 95 % less three binomial standard errors.
        assert!(beyond >= 0.912, "{seeds} seeds: {beyond}");
        // Few seeds make intervals wide enough for any images.
        assert!(over_seeds < beyond - 0.05 || seeds == 5, "{seeds} seeds: {over_seeds}");
    }
}

#[test]
fn seeds_with_images_of_their_own_need_no_interval_over_images() {
    let model = Images { good: [1.7, 1.85, 2.2], images: 500, seeds: 5 };
    let of = |test_images| model.study(0, Covers { training_images: true, test_images });
    let (own, shared) = (of(true), of(false));
    assert_eq!(own.gain.as_ref().unwrap().interval_over_images, None);
    assert_eq!(own.shares[0].ratio.interval_over_images, None);
    assert!(shared.shares[0].ratio.interval_over_images.is_some());
    assert_eq!(own.shares[0].ratio.ci95, shared.shares[0].ratio.ci95);
}

/// Pairs (N, D) of one seed: D of mean 1 and deviation `of_gain`, N = 0.4·D plus noise that `correlation` ties to D's.
fn pairs(seeds: usize, [of_gain, of_part, correlation]: [f64; 3], stream: &mut Stream) -> Vec<(f64, f64)> {
    let pair = |_| {
        let (d, own) = (normal(stream), normal(stream));
        let part = correlation * d + (1.0 - correlation * correlation).sqrt() * own;
        (0.4 + of_part * part, 1.0 + of_gain * d)
    };
    (0..seeds).map(pair).collect()
}

/// With a strong gain and a weak one, numerator and denominator correlated or not: half of all pilots of 5 seeds ask for fewer seeds
/// than it takes, half for more, and the cautious number is enough in 80 %.
#[test]
fn seeds_needed_are_those_that_give_the_wanted_width() {
    const HALF_WIDTH: f64 = 0.1;
    for (n, kind) in [[0.1, 0.2, 0.0], [0.3, 0.3, 0.8], [0.6, 0.4, 0.0], [0.6, 0.4, -0.6]].into_iter().enumerate() {
        let stream = &mut rng::stream(n as u64, "seeds needed");
        let mut median_half_width = |seeds: usize| {
            let half = |_| ratio_interval(&pairs(seeds, kind, stream)).map_or(f64::INFINITY, |[a, b]| 0.5 * (b - a));
            let mut halves: Vec<f64> = (0..1_000).map(half).collect();
            halves.sort_unstable_by(f64::total_cmp);
            halves[500]
        };
        let (mut few, mut enough) = (2_usize, 2_000);
        while enough - few > 1 {
            let middle = few.midpoint(enough);
            if median_half_width(middle) <= HALF_WIDTH { enough = middle } else { few = middle }
        }
        let pilots: Vec<SeedsNeeded> =
            (0..1_000).filter_map(|_| seeds_for_ratio(&pairs(5, kind, stream), HALF_WIDTH)).collect();
        let fraction = |is: &dyn Fn(&SeedsNeeded) -> bool| {
            pilots.iter().filter(|pilot| is(pilot)).count() as f64 / pilots.len() as f64
        };
        let (seeds, cautious) = (fraction(&|p| p.seeds >= enough), fraction(&|p| p.cautious >= enough));
        println!(
            "{kind:?}: {enough} seeds; enough are told by {seeds} of the pilots, by the cautious number {cautious}"
        );
        assert!((0.4..0.68).contains(&seeds), "{kind:?}, {enough} seeds: {seeds}");
        assert!(cautious > 0.7, "{kind:?}: {cautious}");
    }
}
