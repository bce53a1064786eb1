//! Intervals for a share that were tried beside Fieller's. Each is a test of whether the mean of Z = N − ρD is 0, for pairs
//! (N, D) of a control's and the target's gain, one a seed; its interval holds every ρ that the test doesn't reject at 5 %.

use equisplit::rng::Stream;
use equisplit::stats::significance::paired_t;
use rand::RngExt;

/// Resamples of the seeds.
const RESAMPLES: usize = 999;

/// The intervals compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Student's t: the headline.
    Fieller,
    /// Johnson's t, corrected for skewness (N. J. Johnson, Journal of the American Statistical Association 73, 1978).
    Johnson,
    /// Student's t, judged by its distribution over resampled seeds (symmetric bootstrap-t; Hall 1988).
    BootstrapT,
    /// The mean, judged by its distribution over all flips of signs (Fisher's randomisation test).
    SignFlip,
}

pub const METHODS: [Method; 4] = [Method::Fieller, Method::Johnson, Method::BootstrapT, Method::SignFlip];

/// The tests of one study, with the resamples drawn once: an interval's two ends are found on the same ones.
pub struct Tests<'a> {
    pairs: &'a [(f64, f64)],
    resamples: Vec<Vec<usize>>,
    flips: Vec<Vec<f64>>,
    critical: f64,
}

impl<'a> Tests<'a> {
    pub fn new(pairs: &'a [(f64, f64)], critical: f64, stream: &mut Stream) -> Self {
        let n = pairs.len();
        let resample = |stream: &mut Stream| (0..n).map(|_| stream.random_range(0..n)).collect();
        let resamples = (0..RESAMPLES).map(|_| resample(stream)).collect();
        let sign = |negative: bool| if negative { -1.0 } else { 1.0 };
        let flips = if n <= 10 {
            (0..1_u32 << n).map(|bits| (0..n).map(|bit| sign(bits >> bit & 1 == 1)).collect()).collect()
        } else {
            // The study as it is counts as one of the flips: the test is exact with any number of them.
            let random = (0..RESAMPLES).map(|_| (0..n).map(|_| sign(stream.random())).collect());
            std::iter::once(vec![1.0; n]).chain(random).collect()
        };
        Self { pairs, resamples, flips, critical }
    }

    /// Whether the method's interval holds `rho`.
    pub fn accepts(&self, method: Method, rho: f64) -> bool {
        let z: Vec<f64> = self.pairs.iter().map(|(n, d)| n - rho * d).collect();
        match method {
            Method::Fieller => student(&z).abs() <= self.critical,
            Method::Johnson => johnson(&z).abs() <= self.critical,
            Method::BootstrapT => self.accepts_by_resampling(&z),
            Method::SignFlip => self.accepts_by_flipping(&z),
        }
    }

    /// Width of the set of accepted ρ around `centre`; infinite where an end is further than 100 away.
    pub fn width(&self, method: Method, centre: f64) -> f64 {
        let end = |direction: f64| {
            let mut reach = 0.01;
            while self.accepts(method, centre + direction * reach) {
                reach *= 2.0;
                if reach > 100.0 {
                    return f64::INFINITY;
                }
            }
            let (mut inside, mut outside) = (0.0, reach);
            for _ in 0..12 {
                let middle = 0.5 * (inside + outside);
                if self.accepts(method, centre + direction * middle) { inside = middle } else { outside = middle }
            }
            outside
        };
        end(1.0) + end(-1.0)
    }

    fn accepts_by_resampling(&self, z: &[f64]) -> bool {
        let mean = z.iter().sum::<f64>() / z.len() as f64;
        let observed = student(z).abs();
        let further = |resample: &&Vec<usize>| {
            let centred: Vec<f64> = resample.iter().map(|&seed| z[seed] - mean).collect();
            student(&centred).abs() >= observed
        };
        // 999 resamples: of 1,000 with the study itself, at least 50 lie as far out where the test accepts.
        self.resamples.iter().filter(further).count() + 1 > 50
    }

    fn accepts_by_flipping(&self, z: &[f64]) -> bool {
        // Sums that are the same but for rounding count as equal, as the study's own must.
        let observed = z.iter().sum::<f64>().abs() * (1.0 - 1e-9);
        let sum = |signs: &Vec<f64>| signs.iter().zip(z).map(|(sign, z)| sign * z).sum::<f64>().abs();
        let further = self.flips.iter().filter(|signs| sum(signs) >= observed).count();
        further as f64 > 0.05 * self.flips.len() as f64
    }
}

/// Mean over standard error; infinite where there's no spread.
fn student(z: &[f64]) -> f64 {
    let n = z.len() as f64;
    let mean = z.iter().sum::<f64>() / n;
    let squares: f64 = z.iter().map(|z| (z - mean).powi(2)).sum();
    if squares == 0.0 { f64::INFINITY } else { mean / (squares / (n - 1.0) / n).sqrt() }
}

/// Johnson's t₁ for a mean of 0: (m + μ₃/6s²n + μ₃m²/3s⁴) √n/s.
fn johnson(z: &[f64]) -> f64 {
    let n = z.len() as f64;
    let mean = z.iter().sum::<f64>() / n;
    let variance = z.iter().map(|z| (z - mean).powi(2)).sum::<f64>() / (n - 1.0);
    // Unbiased third central moment.
    let third = z.iter().map(|z| (z - mean).powi(3)).sum::<f64>() * n / ((n - 1.0) * (n - 2.0));
    let corrected = mean + third / (6.0 * variance * n) + third * mean.powi(2) / (3.0 * variance.powi(2));
    corrected * (n / variance).sqrt()
}

/// p of the gain, by the paired t test.
pub fn p_of_gain(pairs: &[(f64, f64)]) -> f64 {
    let gains: Vec<f64> = pairs.iter().map(|pair| pair.1).collect();
    paired_t(&gains).map_or(1.0, |test| test.p)
}
