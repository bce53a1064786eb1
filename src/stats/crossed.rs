//! Intervals over seeds and test images at once.
//!
//! Where all seeds are judged by the same test images, an interval over seeds is for these images. Other images would give other
//! errors, and a mean over S seeds and I images of a value x_si of each cell (here a difference of two arms' mistakes) has two
//! sources of error, crossed with each other:
//!
//! ```text
//! x_si = μ + a_s + b_i + e_si,     Var(mean) = σ_a²/S + σ_b²/I + σ_e²/(SI)
//! ```
//!
//! With the mean squares of the two-way table without replication (Searle, Casella & McCulloch, "Variance Components", 1992,
//! chapter 4), of seeds M_a, of images M_b and of the rest M_e, that variance is estimated without bias by
//!
//! ```text
//! (M_a + M_b − M_e) / (SI)
//! ```
//!
//! and its degrees of freedom are those of Satterthwaite ("An approximate distribution of estimates of variance components",
//! Biometrics Bulletin 2, 1946). M_a / (SI) alone is the variance that Student's and Fieller's intervals over seeds have. Where
//! images seem to add nothing (M_b < M_e) that one is taken, so that counting images never makes an interval narrower.

use super::Interval;
use super::fieller::Means;
use super::student::t_value;

/// Mistakes of two arms, one list of test images a seed, as a value x_si = from − to in {−1, 0, 1}.
pub(super) struct Mistakes<'a> {
    pub from: Vec<&'a [bool]>,
    pub to: Vec<&'a [bool]>,
}

impl Mistakes<'_> {
    /// The mean over a seed's images.
    pub fn mean(&self, seed: usize) -> f64 {
        let images = self.from[seed].len();
        (0..images).map(|image| self.value(seed, image)).sum::<f64>() / images as f64
    }

    /// x_si
    pub fn value(&self, seed: usize, image: usize) -> f64 {
        f64::from(u8::from(self.from[seed][image])) - f64::from(u8::from(self.to[seed][image]))
    }
}

/// Mean squares, or mean products, of a two-way table of seeds and images.
#[derive(Clone, Copy, Debug, PartialEq)]
struct MeanSquares {
    seeds: f64,
    images: f64,
    rest: f64,
}

/// Sums over a table of (N, D) that mean products are made of.
struct Table {
    seeds: usize,
    images: usize,
    mean: [f64; 2],
    /// Sums of products of deviations from the mean: NN, ND, DD.
    products: [MeanSquares; 3],
}

const PRODUCTS: [[usize; 2]; 3] = [[0, 0], [0, 1], [1, 1]];

impl Table {
    /// `None` of fewer than two seeds or images.
    fn of(values: [&Mistakes; 2]) -> Option<Self> {
        let (seeds, images) = (values[0].from.len(), values[0].from.first()?.len());
        if seeds < 2 || images < 2 {
            return None;
        }
        let mut of_seeds = vec![[0.0; 2]; seeds];
        let mut of_images = vec![[0.0; 2]; images];
        let mut of_cells = [0.0; 3];
        for (seed, of_seed) in of_seeds.iter_mut().enumerate() {
            for (image, of_image) in of_images.iter_mut().enumerate() {
                let cell = values.map(|value| value.value(seed, image));
                for n in [0, 1] {
                    of_seed[n] += cell[n];
                    of_image[n] += cell[n];
                }
                for (sum, [a, b]) in of_cells.iter_mut().zip(PRODUCTS) {
                    *sum += cell[a] * cell[b];
                }
            }
        }
        let (s, i) = (seeds as f64, images as f64);
        let mean = [0, 1].map(|n| of_seeds.iter().map(|sums| sums[n]).sum::<f64>() / (s * i));
        // Sums of squares about the mean, of row means, column means and cells.
        let about = |sums: &[[f64; 2]], per: f64, [a, b]: [usize; 2]| -> f64 {
            sums.iter().map(|sum| (sum[a] / per - mean[a]) * (sum[b] / per - mean[b])).sum::<f64>() * per
        };
        let products = [0, 1, 2].map(|n| {
            let [a, b] = PRODUCTS[n];
            let (of_seeds, of_images) = (about(&of_seeds, i, [a, b]), about(&of_images, s, [a, b]));
            let all = of_cells[n] - s * i * mean[a] * mean[b];
            MeanSquares {
                seeds: of_seeds / (s - 1.0),
                images: of_images / (i - 1.0),
                rest: (all - of_seeds - of_images) / ((s - 1.0) * (i - 1.0)),
            }
        });
        Some(Self { seeds, images, mean, products })
    }

    /// Mean squares of the combination `weights` · (N, D).
    fn combined(&self, [n, d]: [f64; 2]) -> MeanSquares {
        let of = |get: fn(&MeanSquares) -> f64| {
            let [nn, nd, dd] = self.products.each_ref().map(get);
            n * n * nn + 2.0 * n * d * nd + d * d * dd
        };
        MeanSquares { seeds: of(|m| m.seeds), images: of(|m| m.images), rest: of(|m| m.rest) }
    }

    /// Covariances NN, ND, DD of the means, and the 97.5 % quantile of t for the combination `weights`.
    fn variances(&self, weights: [f64; 2]) -> Option<([f64; 3], f64)> {
        let (s, i) = (self.seeds as f64, self.images as f64);
        let MeanSquares { seeds, images, rest } = self.combined(weights);
        let adds = images > rest;
        let covariance = |m: &MeanSquares| (m.seeds + if adds { m.images - m.rest } else { 0.0 }) / (s * i);
        let freedom = if adds {
            let parts = [(seeds, s - 1.0), (images, i - 1.0), (rest, (s - 1.0) * (i - 1.0))];
            let spread: f64 = parts.iter().map(|(square, freedom)| square * square / freedom).sum();
            // Never fewer than the seeds alone have: images only add what is known.
            ((seeds + images - rest).powi(2) / spread).max(s - 1.0)
        } else {
            s - 1.0
        };
        Some((self.products.each_ref().map(covariance), t_value(freedom, 0.95)?))
    }
}

/// The 95 % interval of the mean of `values` over seeds and images; `None` of fewer than two of either, or where all seeds agree on
/// every image.
pub(super) fn mean_interval(values: &Mistakes) -> Option<Interval> {
    let table = Table::of([values, values])?;
    let ([variance, ..], t) = table.variances([1.0, 0.0])?;
    let half = t * variance.sqrt();
    half.is_finite().then(|| [table.mean[0] - half, table.mean[0] + half])
}

/// Fieller's 95 % interval of mean(N) / mean(D) over seeds and images, see [`super::fieller`]. The quantile of t is that of
/// N − rD at the ratio r seen. `None` where the interval of D's mean holds 0, and of fewer than two seeds or images.
pub(super) fn ratio_interval(numerators: &Mistakes, denominators: &Mistakes) -> Option<Interval> {
    let table = Table::of([numerators, denominators])?;
    let [n, d] = table.mean;
    let ratio = n / d;
    if !ratio.is_finite() {
        return None;
    }
    let ([nn, nd, dd], t) = table.variances([1.0, -ratio])?;
    let rr = nn - 2.0 * ratio * nd + ratio * ratio * dd;
    Means { ratio, d, rr, rd: nd - ratio * dd, dd }.interval(t)
}

#[cfg(test)]
mod tests {
    use super::super::student::t_value;
    use super::*;

    const FROM: [[bool; 5]; 3] =
        [[true, true, false, true, false], [true, false, false, true, true], [true, true, false, false, false]];
    const TO: [[bool; 5]; 3] =
        [[false, true, false, false, false], [true, false, false, false, false], [false, false, false, false, true]];

    fn lists(table: &[[bool; 5]; 3]) -> Vec<&[bool]> {
        table.iter().map(<[bool; 5]>::as_slice).collect()
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
    }

    /// The textbook's sums of squares of deviations, cell by cell.
    fn naive(x: [[f64; 5]; 3]) -> MeanSquares {
        let mean = x.iter().flatten().sum::<f64>() / 15.0;
        let rows = x.map(|row| row.iter().sum::<f64>() / 5.0);
        let columns: Vec<f64> = (0..5).map(|n| x.iter().map(|row| row[n]).sum::<f64>() / 3.0).collect();
        let mut squares = MeanSquares { seeds: 0.0, images: 0.0, rest: 0.0 };
        for (row, values) in rows.iter().zip(x) {
            for (column, value) in columns.iter().zip(values) {
                squares.seeds += (row - mean).powi(2) / 2.0;
                squares.images += (column - mean).powi(2) / 4.0;
                squares.rest += (value - row - column + mean).powi(2) / 8.0;
            }
        }
        squares
    }

    #[test]
    fn mean_squares_are_the_textbooks() {
        let mistakes = Mistakes { from: lists(&FROM), to: lists(&TO) };
        let whole = Mistakes { from: lists(&FROM), to: vec![&[false; 5]; 3] };
        let table = Table::of([&mistakes, &whole]).unwrap();
        for weights in [[1.0, 0.0], [0.0, 1.0], [1.0, -0.7]] {
            let mut x = [[0.0; 5]; 3];
            for (seed, row) in x.iter_mut().enumerate() {
                for (image, cell) in row.iter_mut().enumerate() {
                    *cell = weights[0] * mistakes.value(seed, image) + weights[1] * whole.value(seed, image);
                }
            }
            let (found, expected) = (table.combined(weights), naive(x));
            close(found.seeds, expected.seeds);
            close(found.images, expected.images);
            close(found.rest, expected.rest);
        }
    }

    #[test]
    fn where_images_do_not_differ_the_interval_is_students() {
        // Each seed is wrong on other images: their means are as alike as chance allows, and less.
        let from =
            [[true, false, false, false, false], [false, true, true, false, false], [false, false, false, true, true]];
        let none = [[false; 5]; 3];
        let mistakes = Mistakes { from: lists(&from), to: lists(&none) };
        let [low, high] = mean_interval(&mistakes).unwrap();
        let means = [0.2, 0.4, 0.4];
        let mean = means.iter().sum::<f64>() / 3.0;
        let variance = means.iter().map(|m| (m - mean).powi(2)).sum::<f64>() / 2.0 / 3.0;
        close(low, mean - t_value(2.0, 0.95).unwrap() * variance.sqrt());
        close(high, mean + t_value(2.0, 0.95).unwrap() * variance.sqrt());
    }

    #[test]
    fn one_seed_or_image_gives_no_interval() {
        let one = Mistakes { from: vec![&[true, false]], to: vec![&[false, false]] };
        assert_eq!(mean_interval(&one), None);
        let image = Mistakes { from: vec![&[true], &[false]], to: vec![&[false], &[false]] };
        assert_eq!(mean_interval(&image), None);
        assert_eq!(mean_interval(&Mistakes { from: vec![], to: vec![] }), None);
        let none = Mistakes { from: lists(&FROM), to: lists(&FROM) };
        assert_eq!(ratio_interval(&one, &one), None);
        assert_eq!(ratio_interval(&Mistakes { from: lists(&FROM), to: lists(&TO) }, &none), None);
    }
}
