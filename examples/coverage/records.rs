//! Test images that vary too: studies simulated from the records of a real one.
//!
//! How hard each of the 50,000 test images is for each arm is taken from the study's recorded runs: of R runs that got it wrong w times,
//! (w + ½·e) / (R + ½), e being the arm's error, which shrinks what few runs tell towards it. A seed multiplies the odds of all
//! images by the same factor, as much as the recorded errors vary over seeds. These probabilities are the truth of the simulation,
//! with more spread than the real ones have or less: they are a likely world, not the measured one.

use std::path::Path;

use equisplit::rng::{self, Stream};
use equisplit::stats::attribution::{ArmResults, Attribution, SeedResult, attribute_resampled};
use equisplit::stats::{Covers, Design, Interval, student};
use equisplit::study::Store;
use equisplit::{Error, Result};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

/// Numbers of test images and of seeds.
pub const IMAGES: [usize; 3] = [1_000, 10_000, 50_000];
pub const SEEDS: [u64; 3] = [3, 5, 10];
/// The controls, of which one is told apart from the baseline and one isn't.
pub const CONTROLS: [&str; 2] = ["repeat-swish", "scrambled"];
const STORE: &str = "experiments/results/rot-mnist-p4";
/// Points of the quadrature over the luck of seeds.
const LUCK: usize = 41;

/// An arm of the simulated world.
struct World {
    name: &'static str,
    budget: equisplit::model::Budget,
    /// Log odds that each image is wrong.
    odds: Vec<f64>,
    /// Standard deviation over seeds of what is added to them.
    luck: f64,
}

/// Coverage of the share of a control, by intervals over seeds and over seeds and images.
pub struct Coverage {
    pub control: &'static str,
    pub images: usize,
    pub seeds: u64,
    pub over_seeds: f64,
    pub over_images: f64,
    /// Median half widths.
    pub widths: [f64; 2],
}

/// Coverage in all cells of the table, `studies` studies each.
pub fn coverage(studies: usize) -> Result<Vec<Coverage>> {
    let (_, cells) = Store::open(Path::new(STORE))?.finished_runs()?;
    let arms = cells.first().ok_or_else(|| Error::invalid("no runs"))?;
    let world = |name: &'static str| {
        let arm = arms.iter().find(|arm| arm.name == name);
        arm.map(|arm| World::of(name, arm)).ok_or_else(|| Error::invalid(format!("no arm {name}")))
    };
    let mut all = Vec::new();
    for control in CONTROLS {
        let worlds = [world("z2")?, world(control)?, world("p4")?];
        let errors = worlds.each_ref().map(World::error);
        let truth = (errors[0] - errors[1]) / (errors[0] - errors[2]);
        for (images, seeds) in IMAGES.into_iter().flat_map(|images| SEEDS.map(|seeds| (images, seeds))) {
            all.push(cell(&worlds, truth, [control, "p4"], images, seeds, studies)?);
        }
        eprintln!("{control}, from records: done");
    }
    Ok(all)
}

fn cell(
    worlds: &[World; 3],
    truth: f64,
    [control, target]: [&'static str; 2],
    images: usize,
    seeds: u64,
    studies: usize,
) -> Result<Coverage> {
    let study = |study: usize| -> Result<Option<[Interval; 2]>> {
        let stream = &mut rng::stream(study as u64, &format!("records/{control}/{images}/{seeds}"));
        // The last number of images is that of all, as they are.
        let whole = images == worlds[0].odds.len();
        let drawn: Vec<usize> =
            (0..images).map(|n| if whole { n } else { stream.random_range(0..worlds[0].odds.len()) }).collect();
        let arms: Vec<ArmResults> = worlds.iter().map(|world| world.runs(&drawn, seeds, stream)).collect();
        let design =
            Design { study: "records", baseline: "z2", target, ladder: &[], covers: Covers::default(), source: None };
        let result: Attribution = attribute_resampled(&design, &arms, 0)?;
        Ok(result
            .shares
            .first()
            .and_then(|share| share.ratio.ci95.zip(share.ratio.interval_over_images))
            .map(<[_; 2]>::from))
    };
    let found: Vec<Option<[Interval; 2]>> = (0..studies).into_par_iter().map(study).collect::<Result<_>>()?;
    let found: Vec<[Interval; 2]> = found.into_iter().flatten().collect();
    let rate = |of: usize| {
        let held = found.iter().filter(|both| both[of][0] <= truth && truth <= both[of][1]).count();
        held as f64 / found.len() as f64
    };
    let width = |of: usize| {
        let mut widths: Vec<f64> = found.iter().map(|both| 0.5 * (both[of][1] - both[of][0])).collect();
        widths.sort_unstable_by(f64::total_cmp);
        widths.get(widths.len() / 2).copied().unwrap_or(f64::NAN)
    };
    Ok(Coverage { control, images, seeds, over_seeds: rate(0), over_images: rate(1), widths: [width(0), width(1)] })
}

impl World {
    fn of(name: &'static str, arm: &ArmResults) -> Self {
        let errors: Vec<f64> = arm.seeds.iter().map(SeedResult::test_error).collect();
        let error = student::mean(&errors).unwrap_or_default();
        let runs = errors.len() as f64;
        let wrong = |image: usize| arm.seeds.iter().filter(|run| run.wrong[image]).count() as f64;
        let chance = |image: usize| (wrong(image) + 0.5 * error) / (runs + 0.5);
        let images = arm.seeds.first().map_or(0, |run| run.wrong.len());
        let chances: Vec<f64> = (0..images).map(chance).collect();
        // A small change of all log odds by x moves the error by x · mean(p(1 − p)).
        let slope = chances.iter().map(|p| p * (1.0 - p)).sum::<f64>() / images as f64;
        let luck = student::sd(&errors).unwrap_or_default() / slope;
        Self { name, budget: arm.budget, odds: chances.iter().map(|p| (p / (1.0 - p)).ln()).collect(), luck }
    }

    /// Its error over all images and seeds.
    fn error(&self) -> f64 {
        // Normal luck by points of equal distance, out to four deviations.
        let points: Vec<f64> = (0..LUCK).map(|n| 8.0 * n as f64 / (LUCK - 1) as f64 - 4.0).collect();
        let weights: Vec<f64> = points.iter().map(|z| (-0.5 * z * z).exp()).collect();
        let at =
            |z: f64| self.odds.iter().map(|odds| chance(odds + self.luck * z)).sum::<f64>() / self.odds.len() as f64;
        points.iter().zip(&weights).map(|(&z, weight)| weight * at(z)).sum::<f64>() / weights.iter().sum::<f64>()
    }

    /// Runs with new seeds on the images at these places.
    fn runs(&self, images: &[usize], seeds: u64, stream: &mut Stream) -> ArmResults {
        let seeds = (0..seeds).map(|seed| {
            let luck: f64 = StandardNormal.sample(stream);
            let wrong =
                images.iter().map(|&n| stream.random::<f64>() < chance(self.odds[n] + self.luck * luck)).collect();
            SeedResult { seed, wrong }
        });
        ArmResults { name: self.name.to_owned(), bank: "free".to_owned(), budget: self.budget, seeds: seeds.collect() }
    }
}

fn chance(odds: f64) -> f64 {
    1.0 / (1.0 + (-odds).exp())
}
