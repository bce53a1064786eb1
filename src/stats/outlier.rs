//! Grubbs' test for one value that lies apart.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::student::{is_constant, mean, sd};

/// Index of the value that Grubbs' two-sided test at `level` calls an outlier of a normal sample, if any (F. E. Grubbs,
/// "Procedures for detecting outlying observations in samples", Technometrics 11, 1969). With s the sample's standard
/// deviation and t the quantile at 1 − level/2n and n − 2 degrees of freedom, it is the value furthest from the mean if
///
/// ```text
/// |x − mean| / s > (n − 1)/√n · √(t² / (n − 2 + t²))
/// ```
///
/// Two outliers can hide each other. `None` of fewer than three values.
pub fn grubbs(values: &[f64], level: f64) -> Option<usize> {
    let n = values.len();
    if n < 3 || is_constant(values) {
        return None;
    }
    let (mean, sd) = (mean(values)?, sd(values)?);
    let distance = |index: &usize| (values[*index] - mean).abs() / sd;
    let furthest = (0..n).max_by(|a, b| distance(a).total_cmp(&distance(b)))?;
    let (size, freedom) = (n as f64, (n - 2) as f64);
    let t2 = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(1.0 - level / (2.0 * size)).powi(2);
    let critical = (size - 1.0) / size.sqrt() * (t2 / (freedom + t2)).sqrt();
    (distance(&furthest) > critical).then_some(furthest)
}
