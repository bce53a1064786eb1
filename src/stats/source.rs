//! Intervals for images beyond a source, where every seed draws its own from it.
//!
//! S seeds draw n test images each from the P of a source, which are themselves some of all images that there are. With a value x_si of
//! each cell (a difference of two arms' mistakes) as in [`crossed`](super::crossed), x_si = μ + a_s + b_i + e_si, the errors of two
//! seeds have the covariance σ_b²/P: by n²/P images that they share, and σ_b² of each. It's the same in all pairs of seeds, so that
//! the variance s² of the seeds' means doesn't show it, and the mean over seeds has
//!
//! ```text
//! Var(mean) = s²/S + σ_b²/P
//! ```
//!
//! σ_b² is the covariance of what two seeds make of an image that both have drawn, over all such pairs. The first term has S − 1 degrees of
//! freedom, the second so many that only the first counts in Satterthwaite's approximation.

use std::collections::BTreeMap;

use super::Interval;
use super::crossed::Mistakes;
use super::fieller::Means;
use super::student::t_value;

/// Where the test images of a study's seeds come from.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Images of the source, training and test images together.
    pub images: usize,
    /// The places in it of each seed's test images, in their order.
    pub drawn: &'a BTreeMap<u64, Vec<u32>>,
}

/// The test images of some seeds.
pub(super) struct Drawn<'a> {
    /// Images of the source.
    pub images: usize,
    /// The places of each seed's.
    pub places: Vec<&'a [u32]>,
}

impl<'a> Source<'a> {
    /// Those of `seeds`; `None` where some aren't known.
    pub(super) fn of(&self, seeds: &[u64]) -> Option<Drawn<'a>> {
        let places = seeds.iter().map(|seed| self.drawn.get(seed).map(Vec::as_slice)).collect::<Option<_>>()?;
        Some(Drawn { images: self.images, places })
    }
}

/// Variances and the covariance NN, ND, DD of the means of two values over seeds.
struct Variances {
    seeds: usize,
    mean: [f64; 2],
    /// s²/S
    over_seeds: [f64; 3],
    /// σ_b²/P
    of_source: [f64; 3],
}

const PRODUCTS: [[usize; 2]; 3] = [[0, 0], [0, 1], [1, 1]];

impl Variances {
    /// `None` of fewer than two seeds, places that aren't the source's, and where no image was drawn twice.
    fn of(values: [&Mistakes; 2], drawn: &Drawn) -> Option<Self> {
        let seeds = values[0].from.len();
        let fits = |(n, places): (usize, &&[u32])| {
            places.len() == values[0].from[n].len() && places.iter().all(|&place| (place as usize) < drawn.images)
        };
        if seeds < 2 || drawn.places.len() != seeds || !drawn.places.iter().enumerate().all(fits) {
            return None;
        }
        let means: Vec<[f64; 2]> = (0..seeds).map(|seed| values.map(|value| value.mean(seed))).collect();
        let mean = [0, 1].map(|n| means.iter().map(|of| of[n]).sum::<f64>() / seeds as f64);
        let over_seeds = PRODUCTS.map(|[a, b]| {
            let products: f64 = means.iter().map(|of| (of[a] - mean[a]) * (of[b] - mean[b])).sum();
            products / (seeds - 1) as f64 / seeds as f64
        });
        // Of every image of the source, its values over the seeds that drew it; their own products are no pairs.
        let mut sums = vec![[0.0; 2]; drawn.images];
        let mut counts = vec![0u32; drawn.images];
        let mut own = [0.0; 3];
        for (seed, places) in drawn.places.iter().enumerate() {
            for (image, &place) in places.iter().enumerate() {
                let x = [0, 1].map(|n| values[n].value(seed, image) - means[seed][n]);
                let sum = &mut sums[place as usize];
                *sum = [sum[0] + x[0], sum[1] + x[1]];
                counts[place as usize] += 1;
                for (own, [a, b]) in own.iter_mut().zip(PRODUCTS) {
                    *own += x[a] * x[b];
                }
            }
        }
        let pairs: f64 = counts.iter().map(|&count| f64::from(count) * (f64::from(count) - 1.0)).sum();
        if pairs <= 0.0 {
            return None;
        }
        let of_source = [0, 1, 2].map(|n| {
            let [a, b] = PRODUCTS[n];
            let all: f64 = sums.iter().map(|sum| sum[a] * sum[b]).sum();
            (all - own[n]) / pairs / drawn.images as f64
        });
        Some(Self { seeds, mean, over_seeds, of_source })
    }

    /// The variances of the means, and the 97.5 % quantile of t for the combination `weights` of them.
    fn total(&self, [n, d]: [f64; 2]) -> Option<([f64; 3], f64)> {
        let of = |[nn, nd, dd]: [f64; 3]| n * n * nn + 2.0 * n * d * nd + d * d * dd;
        let (over_seeds, of_source) = (of(self.over_seeds), of(self.of_source));
        let freedom = (self.seeds - 1) as f64;
        if of_source <= 0.0 {
            return Some((self.over_seeds, t_value(freedom, 0.95)?));
        }
        let total = [0, 1, 2].map(|n| self.over_seeds[n] + self.of_source[n]);
        // Beyond a million degrees of freedom Student's distribution is the normal one.
        let freedom = (freedom * ((over_seeds + of_source) / over_seeds).powi(2)).clamp(freedom, 1e6);
        Some((total, t_value(freedom, 0.95)?))
    }
}

/// The 95 % interval of the mean of `values` for seeds and images beyond the source; `None` where [`Source`] doesn't tell enough.
pub(super) fn mean_interval(values: &Mistakes, drawn: &Drawn) -> Option<Interval> {
    let variances = Variances::of([values, values], drawn)?;
    let ([variance, ..], t) = variances.total([1.0, 0.0])?;
    let half = t * variance.sqrt();
    half.is_finite().then(|| [variances.mean[0] - half, variances.mean[0] + half])
}

/// The same of mean(N) / mean(D) by Fieller's, see [`super::fieller`].
pub(super) fn ratio_interval(numerators: &Mistakes, denominators: &Mistakes, drawn: &Drawn) -> Option<Interval> {
    let variances = Variances::of([numerators, denominators], drawn)?;
    let [n, d] = variances.mean;
    let ratio = n / d;
    if !ratio.is_finite() {
        return None;
    }
    let ([nn, nd, dd], t) = variances.total([1.0, -ratio])?;
    Means { ratio, d, rr: nn - 2.0 * ratio * nd + ratio * ratio * dd, rd: nd - ratio * dd, dd }.interval(t)
}
