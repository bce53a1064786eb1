//! Intervals for a share that were tried beside Fieller's. All but the last test whether the mean of Z = N − ρD is 0, for
//! pairs (N, D) of a control's and the target's gain, one a seed; the interval holds every ρ that the test doesn't reject at
//! 5 %.

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
    /// The middle 95 % of the share over resampled seeds (percentile bootstrap of the seeds alone).
    SeedPercentile,
}

pub const METHODS: [Method; 5] =
    [Method::Fieller, Method::Johnson, Method::BootstrapT, Method::SignFlip, Method::SeedPercentile];

/// The tests of one study. The resamples are drawn once, so that an interval's two ends are found on the same ones.
pub struct Tests<'a> {
    pairs: &'a [(f64, f64)],
    critical: f64,
    study: Moments,
    resamples: Vec<Moments>,
    /// Sums of N and D with flipped signs.
    flips: Vec<(f64, f64)>,
}

/// Means of N and D and (co)variances of those means: all that Student's t of N − ρD needs, at any ρ.
struct Moments {
    means: (f64, f64),
    variances: (f64, f64),
    covariance: f64,
}

impl Moments {
    fn of(pairs: &[(f64, f64)]) -> Self {
        let n = pairs.len() as f64;
        let sum = |value: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(value).sum::<f64>();
        let means = (sum(&|pair| pair.0) / n, sum(&|pair| pair.1) / n);
        let product =
            |value: &dyn Fn(f64, f64) -> f64| sum(&|pair| value(pair.0 - means.0, pair.1 - means.1)) / (n - 1.0) / n;
        let variances = (product(&|n, _| n * n), product(&|_, d| d * d));
        Self { means, variances, covariance: product(&|n, d| n * d) }
    }

    /// Mean of N − ρD.
    fn mean(&self, rho: f64) -> f64 {
        self.means.0 - rho * self.means.1
    }

    /// Variance of that mean; not below 0 by rounding.
    fn variance(&self, rho: f64) -> f64 {
        (self.variances.0 - 2.0 * rho * self.covariance + rho * rho * self.variances.1).max(0.0)
    }
}

impl<'a> Tests<'a> {
    pub fn new(pairs: &'a [(f64, f64)], critical: f64, stream: &mut Stream) -> Self {
        let n = pairs.len();
        let mut resample = || {
            let drawn: Vec<(f64, f64)> = (0..n).map(|_| pairs[stream.random_range(0..n)]).collect();
            Moments::of(&drawn)
        };
        let resamples = (0..RESAMPLES).map(|_| resample()).collect();
        let flip = |negative: &mut dyn FnMut(usize) -> bool| {
            let signed = pairs.iter().enumerate().map(|(seed, pair)| (if negative(seed) { -1.0 } else { 1.0 }, pair));
            signed.fold((0.0, 0.0), |sums, (sign, pair)| (sums.0 + sign * pair.0, sums.1 + sign * pair.1))
        };
        let flips = if n <= 10 {
            (0..1_u32 << n).map(|bits| flip(&mut |seed| bits >> seed & 1 == 1)).collect()
        } else {
            // The study as it is counts as one of the flips: the test is exact with any number of them.
            let random = (0..RESAMPLES).map(|_| flip(&mut |_| stream.random()));
            std::iter::once(flip(&mut |_| false)).chain(random.collect::<Vec<_>>()).collect()
        };
        Self { pairs, critical, study: Moments::of(pairs), resamples, flips }
    }

    /// Whether the method's interval holds `rho`.
    pub fn accepts(&self, method: Method, rho: f64) -> bool {
        match method {
            Method::Fieller => self.study.mean(rho).powi(2) <= self.critical.powi(2) * self.study.variance(rho),
            Method::Johnson => {
                let z: Vec<f64> = self.pairs.iter().map(|(n, d)| n - rho * d).collect();
                johnson(&z).abs() <= self.critical
            }
            Method::BootstrapT => self.accepts_by_resampling(rho),
            Method::SignFlip => self.accepts_by_flipping(rho),
            Method::SeedPercentile => {
                let below = self.resamples.iter().filter(|resample| resample.means.0 / resample.means.1 < rho).count();
                // Of 999 values the 25th from either end.
                (25..=974).contains(&below)
            }
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

    fn accepts_by_resampling(&self, rho: f64) -> bool {
        let (mean, variance) = (self.study.mean(rho), self.study.variance(rho));
        // Squares of t, multiplied out: a resample of one seed over and over has no variance, and lies infinitely far out.
        let further = |resample: &&Moments| {
            (resample.mean(rho) - mean).powi(2) * variance >= mean.powi(2) * resample.variance(rho)
        };
        // 999 resamples: of 1,000 with the study itself, more than 50 lie as far out where the test accepts.
        self.resamples.iter().filter(further).count() + 1 > 50
    }

    fn accepts_by_flipping(&self, rho: f64) -> bool {
        let sum = |sums: &(f64, f64)| (sums.0 - rho * sums.1).abs();
        // Sums that are the same but for rounding count as equal, as the study's own must.
        let observed = self.study.mean(rho).abs() * self.pairs.len() as f64 * (1.0 - 1e-9);
        let further = self.flips.iter().filter(|sums| sum(sums) >= observed).count();
        further as f64 > 0.05 * self.flips.len() as f64
    }
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
