//! The numbers on axes: where they stand, and how they are written.

use super::number;

/// Most numbers on an axis.
const MOST: usize = 6;
/// Numbers of a logarithmic axis from here on are written with a prefix or plainly; where one is beyond, all are powers.
const PLAIN: [f64; 2] = [0.000_999, 0.999e15];

/// A number on an axis.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    /// Where it stands.
    pub value: f64,
    /// How it's written.
    pub text: String,
}

/// Round numbers of a linear axis, no closer than `least`. The ends of the range differ, and are finite.
pub(super) fn linear(range: [f64; 2], least: f64) -> Vec<Tick> {
    let [low, high] = range;
    let raw = (high / MOST as f64 - low / MOST as f64).max(least);
    let decade = 10f64.powf(raw.log10().floor());
    let within = |step: f64| -> Vec<f64> {
        // As many as could be kept, and one more: however wide the range is, nothing goes on for longer.
        let first = (low / step - 1e-9).ceil();
        let all = (0..=MOST).map(|n| (first + n as f64) * step);
        all.take_while(|value| *value <= high + 1e-9 * step).collect()
    };
    let steps = [1.0, 2.0, 5.0, 10.0, 20.0].map(|factor| factor * decade);
    let fitting = steps.into_iter().filter(|step| *step >= least).map(|step| (step, within(step)));
    let (step, values) = fitting.into_iter().find(|(_, values)| values.len() <= MOST).unwrap_or_default();
    written(&values, step)
}

/// Numbers of a linear axis, all with the same number of digits: as they are, or all times the same power of ten.
fn written(values: &[f64], step: f64) -> Vec<Tick> {
    let greatest = values.iter().fold(0.0, |greatest: f64, value| greatest.max(value.abs()));
    let decimals = |step: f64| (-step.log10() - 1e-9).ceil().max(0.0) as usize;
    let plain = greatest < 999_999.0 && step > 0.000_09;
    let power = if plain || greatest == 0.0 { 0 } else { (greatest.log10() + 1e-9).floor() as i32 };
    let scale = 10f64.powi(power);
    let text = |value: f64| match number(value / scale, decimals(step / scale)) {
        digits if power == 0 => digits,
        _ if value == 0.0 => "0".to_owned(),
        digits => format!("{digits}·10{}", raised(power)),
    };
    values.iter().map(|&value| Tick { value, text: text(value) }).collect()
}

/// Round numbers of a logarithmic axis, whose ends are positive and finite: powers of ten, with some of their multiples where
/// that gives too few.
pub(super) fn logarithmic([low, high]: [f64; 2]) -> Vec<Tick> {
    let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let of = |mantissas: &[f64]| -> Vec<f64> {
        let all = decades.clone().flat_map(|decade| mantissas.iter().map(move |m| m * 10f64.powi(decade)));
        all.filter(|value| (low..=high).contains(value)).collect()
    };
    let powers = of(&[1.0]);
    let values = if powers.len() > MOST {
        powers.iter().step_by(powers.len().div_ceil(MOST)).copied().collect()
    } else {
        let finest = of(&[1.0, 1.5, 2.0, 3.0, 5.0, 7.0]);
        [powers, of(&[1.0, 3.0]), of(&[1.0, 2.0, 5.0])].into_iter().find(|values| values.len() >= 3).unwrap_or(finest)
    };
    let plain = values.iter().all(|value| (PLAIN[0]..PLAIN[1]).contains(value));
    values.iter().map(|&value| Tick { value, text: if plain { readable(value) } else { as_power(value) } }).collect()
}

/// A positive number as people read it: 0.2, 5.5 k, 2 M.
pub(super) fn readable(value: f64) -> String {
    let prefixes = [(1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k")];
    let (unit, prefix) = prefixes.into_iter().find(|(unit, _)| value >= 0.999 * unit).unwrap_or((1.0, ""));
    // Six digits are enough to tell ticks apart and too few to show how numbers are rounded in binary.
    let scaled = (value / unit * 1e6).round() / 1e6;
    format!("{scaled}{prefix}")
}

/// A positive number as a power of ten: 10⁻⁵, 2·10⁻¹², 10⁰.
fn as_power(value: f64) -> String {
    let power = (value.log10() + 1e-9).floor();
    let mantissa = (value / 10f64.powf(power) * 10.0).round() / 10.0;
    let times = if mantissa == 1.0 { String::new() } else { format!("{mantissa}·") };
    format!("{times}10{}", raised(power as i32))
}

/// A number in two digits, as on a scale of colours: 0.31, 12, −4.0·10⁻⁵.
pub(super) fn in_two_digits(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return number(value, 0);
    }
    let power = value.abs().log10().floor() as i32;
    if (-3..6).contains(&power) {
        return number(value, usize::try_from(1 - power).unwrap_or(0));
    }
    format!("{}·10{}", number(value / 10f64.powi(power), 1), raised(power))
}

/// An exponent.
fn raised(power: i32) -> String {
    let digits = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'];
    let raised = |digit: char| digit.to_digit(10).and_then(|digit| digits.get(digit as usize)).copied().unwrap_or('⁻');
    power.to_string().chars().map(raised).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.text.as_str()).collect()
    }

    #[test]
    fn linear_numbers_are_round_and_of_one_form() {
        assert_eq!(texts(&linear([0.0, 17.0], 0.0)), ["0", "5", "10", "15"]);
        assert_eq!(texts(&linear([-0.12, 0.26], 0.0)), ["−0.1", "0.0", "0.1", "0.2"]);
        assert_eq!(texts(&linear([0.9, 3.1], 1.0)), ["1", "2", "3"]);
        assert_eq!(texts(&linear([0.0, 3e-7], 0.0)), ["0", "1·10⁻⁷", "2·10⁻⁷", "3·10⁻⁷"]);
        assert_eq!(texts(&linear([-1e300, 1e300], 0.0)), ["−1.0·10³⁰⁰", "−0.5·10³⁰⁰", "0", "0.5·10³⁰⁰", "1.0·10³⁰⁰"]);
    }

    #[test]
    fn logarithmic_numbers_are_all_plain_or_all_powers() {
        assert_eq!(texts(&logarithmic([0.8e-3, 120.0])), ["0.001", "0.01", "0.1", "1", "10", "100"]);
        assert_eq!(texts(&logarithmic([1e-7, 1.0])), ["10⁻⁷", "10⁻⁵", "10⁻³", "10⁻¹"]);
        assert_eq!(texts(&logarithmic([2e-4, 7e-3])), ["3·10⁻⁴", "10⁻³", "3·10⁻³"]);
        assert_eq!(texts(&logarithmic([900.0, 1.1e6])), ["1 k", "10 k", "100 k", "1 M"]);
    }

    #[test]
    fn every_range_has_a_few_numbers_at_once() {
        let ends = [5e-324, 1e-300, 1e-9, 1.0, 1e15, 1e300];
        for (n, low) in ends.into_iter().enumerate() {
            for high in ends.into_iter().skip(n + 1) {
                assert!((1..=MOST).contains(&linear([low, high], 0.0).len()), "{low} to {high}");
                assert!((1..=MOST).contains(&linear([-high, -low], 0.0).len()), "{low} to {high}");
                assert!(linear([low, high], 1.0).iter().all(|tick| tick.value.fract() == 0.0), "{low} to {high}");
                assert!((1..=2 * MOST).contains(&logarithmic([low, high]).len()), "{low} to {high}");
                assert!((1..=2 * MOST).contains(&logarithmic([high / 2.0, high]).len()), "{high}");
            }
        }
    }

    #[test]
    fn numbers_are_short_and_show_no_binary_digits() {
        assert_eq!(readable(0.1 + 0.2), "0.3");
        assert_eq!(readable(2_000_000.0), "2 M");
        assert_eq!(readable(200.0), "200");
        assert_eq!(as_power(1e-5), "10⁻⁵");
        assert_eq!(as_power(2e-12), "2·10⁻¹²");
        assert_eq!(in_two_digits(0.3127), "0.31");
        assert_eq!(in_two_digits(-12.4), "−12");
        assert_eq!(in_two_digits(4e-9), "4.0·10⁻⁹");
    }
}
