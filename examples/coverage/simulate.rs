//! Studies of which the truth is known.

use equisplit::model::Budget;
use equisplit::rng::{self, Stream};
use equisplit::stats::attribution::{ArmResults, SeedResult};
use rand::RngExt;
use rand::seq::index;
use rand_distr::{Distribution, Exp1, StandardNormal, StudentT};

/// Test images: enough that an error, in steps of 0.025 points, shows the noise as it was drawn.
const EXAMPLES: usize = 4_000;
/// The first tenth of the images is hard: half of all wrong answers fall on it.
const HARD: usize = EXAMPLES / 10;
/// Error of the baseline.
const BASELINE: f64 = 0.10;
/// Standard deviation over seeds of the difference of baseline and target.
const SPREAD: f64 = 0.003;
/// Own noise of baseline, control and target, in proportion: weaker networks vary more, as they do in the quickstart. Equal
/// ones would hide skewed noise, as it cancels in differences.
const SCALES: [f64; 3] = [1.0, 1.5, 0.5];
/// Noise that a seed moves all arms by, on the same scale: pairing removes it.
const SHARED: f64 = 0.8;
/// Seed of all streams.
const SEED: u64 = 20;

/// What the studies of one cell of the table have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    pub seeds: u64,
    /// True share of the control.
    pub share: f64,
    pub gain: Gain,
    pub noise: Noise,
}

/// The gain in standard deviations of the paired difference over seeds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gain {
    /// 10; that of P4CNN on rot-MNIST is 19, and 11 with turned training images.
    Strong,
    /// 1.5: with normal noise established in a third of studies of three seeds.
    Weak,
}

/// How an arm's own noise over seeds is distributed, with mean 0 and variance 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Noise {
    Normal,
    /// Exponential, minus its mean: a few seeds err much more.
    Skewed,
    /// Student's t at 3 degrees of freedom.
    Heavy,
    /// In one run of ten training collapses, by 10 standard deviations of the others; the true error includes that.
    Collapse,
}

pub const GAINS: [Gain; 2] = [Gain::Strong, Gain::Weak];
pub const NOISES: [Noise; 4] = [Noise::Normal, Noise::Skewed, Noise::Heavy, Noise::Collapse];

impl Gain {
    fn deviations(self) -> f64 {
        match self {
            Self::Strong => 10.0,
            Self::Weak => 1.5,
        }
    }
}

impl Noise {
    fn sample(self, stream: &mut Stream) -> f64 {
        match self {
            Self::Normal => StandardNormal.sample(stream),
            Self::Skewed => {
                let value: f64 = Exp1.sample(stream);
                value - 1.0
            }
            // The parameter is a constant above 0, the only one that is refused.
            Self::Heavy => StudentT::new(3.0).map_or(f64::NAN, |t| t.sample(stream)) / 3.0_f64.sqrt(),
            Self::Collapse => {
                let usual: f64 = StandardNormal.sample(stream);
                let value = if stream.random_bool(0.1) { usual + 10.0 } else { usual };
                // Mean 1, variance 1 + 0.1 · 0.9 · 100.
                (value - 1.0) / 10.0_f64.sqrt()
            }
        }
    }
}

impl Cell {
    /// The stream of one of the cell's studies.
    pub fn stream(&self, study: usize) -> Stream {
        rng::stream(SEED, &format!("coverage/{self:?}/study-{study}"))
    }

    /// Draws one study: arms "baseline", "control" and "target" over seeds 1, 2, ….
    ///
    /// A seed moves the errors of all arms by a shared normal noise, and each by its own. Which images are wrong is random,
    /// except that half of them are hard ones.
    pub fn draw(&self, stream: &mut Stream) -> Vec<ArmResults> {
        let gain = SPREAD * self.gain.deviations();
        let means = [BASELINE, BASELINE - self.share * gain, BASELINE - gain];
        let unit = SPREAD / SCALES[0].hypot(SCALES[2]);
        let shared: Vec<f64> = (0..self.seeds).map(|_| StandardNormal.sample(stream)).collect();
        let mut arm = |name: &str, mean: f64, scale: f64| {
            let mut run = |(seed, shared): (u64, &f64)| {
                let noise = SHARED * shared + scale * self.noise.sample(stream);
                SeedResult { seed, wrong: wrong(mean + unit * noise, stream) }
            };
            ArmResults {
                name: name.to_owned(),
                bank: "free".to_owned(),
                budget: Budget { parameters: 0, one_bit_parameters: 0, maps: 0, multiply_adds: 0 },
                seeds: (1..).zip(&shared).map(&mut run).collect(),
            }
        };
        let names = ["baseline", "control", "target"];
        names
            .into_iter()
            .zip(means.into_iter().zip(SCALES))
            .map(|(name, (mean, scale))| arm(name, mean, scale))
            .collect()
    }
}

/// Which images are wrong at the given error. Rounded up or down at random, so that the mean error is right.
fn wrong(error: f64, stream: &mut Stream) -> Vec<bool> {
    let count = (error * EXAMPLES as f64 + stream.random::<f64>()).clamp(0.0, EXAMPLES as f64) as usize;
    let hard = (count / 2).min(HARD);
    let easy = (count - hard).min(EXAMPLES - HARD);
    let mut wrong = vec![false; EXAMPLES];
    index::sample(stream, HARD, hard).iter().for_each(|image| wrong[image] = true);
    index::sample(stream, EXAMPLES - HARD, easy).iter().for_each(|image| wrong[HARD + image] = true);
    wrong
}
