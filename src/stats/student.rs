//! Mean, standard deviation and Student's interval of a few values.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::Interval;

/// Arithmetic mean; `None` of no values.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Sample standard deviation (divisor n − 1); `None` of fewer than two values.
pub fn sd(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean(values)?;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

/// Whether values, fractions of error or shares, are all the same but for rounding: one image in a billion moves an error
/// by more than 1e-12.
pub(super) fn is_constant(values: &[f64]) -> bool {
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(*x), high.max(*x)));
    high - low <= 1e-12
}

/// Student's 95 % interval of the mean, m ± t·s/√n with t the 97.5 % quantile at n − 1 degrees of freedom (Student 1908,
/// "The probable error of a mean"); `None` of fewer than two values.
pub fn mean_interval(values: &[f64]) -> Option<Interval> {
    let half = t_quantile(values.len())? * sd(values)? / (values.len() as f64).sqrt();
    let mean = mean(values)?;
    Some([mean - half, mean + half])
}

/// The 97.5 % quantile of Student's t at n − 1 degrees of freedom; `None` for n < 2.
pub(super) fn t_quantile(n: usize) -> Option<f64> {
    t_value(n.checked_sub(1)? as f64, 0.95)
}

/// The t that Student's distribution with so many degrees of freedom exceeds on neither side with the probability `level`; `None`
/// where there are no degrees of freedom.
pub(super) fn t_value(freedom: f64, level: f64) -> Option<f64> {
    StudentsT::new(0.0, 1.0, freedom).ok().map(|t| t.inverse_cdf(0.5 + 0.5 * level))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_agree_with_printed_tables() {
        for (n, table) in [(2, 12.7062), (3, 4.3027), (5, 2.7764), (10, 2.2622), (31, 2.0423), (121, 1.9799)] {
            assert!((t_quantile(n).unwrap() - table).abs() < 5.1e-5, "n = {n}: {:?}", t_quantile(n));
        }
        assert_eq!(t_quantile(1), None);
        assert_eq!(t_quantile(0), None);
    }

    #[test]
    fn interval_by_hand() {
        // Mean 3, sum of squares 10, sd √2.5, half width 2.776445 · √(2.5 / 5).
        let values = [1.0, 2.0, 3.0, 4.0, 5.0];
        assert_eq!(mean(&values), Some(3.0));
        assert!((sd(&values).unwrap() - 2.5f64.sqrt()).abs() < 1e-15);
        let [low, high] = mean_interval(&values).unwrap();
        assert!((high - 3.0 - 2.776_445 * 0.5f64.sqrt()).abs() < 1e-6);
        assert!((low + high - 6.0).abs() < 1e-12);
    }

    #[test]
    fn too_few_values() {
        assert_eq!(mean(&[]), None);
        assert_eq!(sd(&[1.0]), None);
        assert_eq!(mean_interval(&[1.0]), None);
        assert_eq!(mean_interval(&[2.0, 2.0]), Some([2.0, 2.0]));
    }
}
