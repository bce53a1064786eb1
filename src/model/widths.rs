//! Widths that bring a network to a given cost.

use super::{Budget, InputShape, NetConfig, Network};
use crate::error::{Error, Result};

/// Largest relative difference that counts as a match.
pub const MATCH_TOLERANCE: f64 = 0.01;

/// What two networks can have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cost {
    /// The number of real parameters.
    Parameters,
    /// The multiply-adds of an image.
    MultiplyAdds,
}

impl Cost {
    /// The figure in a budget.
    pub fn of(self, budget: &Budget) -> u64 {
        match self {
            Self::Parameters => budget.parameters as u64,
            Self::MultiplyAdds => budget.multiply_adds,
        }
    }

    /// In words, for a message.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parameters => "real parameters",
            Self::MultiplyAdds => "multiply-adds",
        }
    }
}

/// `config` with the widths that bring its `cost` within [`MATCH_TOLERANCE`] of `target`: the same width for all
/// layers if one will do, else two neighbouring widths, distributed over the layers so that the difference is smallest.
///
/// # Errors
/// When no such widths exist; the message has the nearest ones.
pub fn match_widths(config: &NetConfig, input: InputShape, cost: Cost, target: u64) -> Result<NetConfig> {
    search(config, input, cost, target, 1, |widths| NetConfig { widths, ..config.clone() })
}

/// `config`, whose bank rescales, with the numbers of maps after repetition that bring its multiply-adds within
/// [`MATCH_TOLERANCE`] of `target`; its widths, and so the base that is repeated, stay.
///
/// # Errors
/// As [`match_widths`], and when `target` is below what the base costs without repetition.
pub fn match_maps(config: &NetConfig, input: InputShape, target: u64) -> Result<NetConfig> {
    let least = config.widths.iter().copied().max().unwrap_or(1);
    search(config, input, Cost::MultiplyAdds, target, least, |maps| NetConfig { maps: Some(maps), ..config.clone() })
}

/// The network among those that `with` makes of numbers per layer, at least `least` each, that is nearest to `target`.
fn search(
    config: &NetConfig,
    input: InputShape,
    cost: Cost,
    target: u64,
    least: usize,
    with: impl Fn(Vec<usize>) -> NetConfig,
) -> Result<NetConfig> {
    let layers = config.skeleton.hidden_layers();
    let figure = |numbers: &[usize]| -> Result<u64> { Ok(cost.of(&Network::budget(&with(numbers.to_vec()), input)?)) };
    let difference = |found: u64| found.abs_diff(target) as f64 / target.max(1) as f64;
    let mut number = least;
    // Numbers beyond what a network can have end in an error.
    while figure(&vec![number + 1; layers])? <= target {
        number += 1;
    }
    for uniform in [vec![number; layers], vec![number + 1; layers]] {
        if difference(figure(&uniform)?) <= MATCH_TOLERANCE {
            return Ok(with(uniform));
        }
    }
    let mut best = (f64::INFINITY, Vec::new(), 0);
    for larger in 0..1u64 << layers {
        let numbers: Vec<usize> = (0..layers).map(|layer| number + (larger >> layer & 1) as usize).collect();
        let found = figure(&numbers)?;
        if difference(found) < best.0 {
            best = (difference(found), numbers, found);
        }
    }
    let (difference, numbers, found) = best;
    if difference <= MATCH_TOLERANCE {
        return Ok(with(numbers));
    }
    Err(Error::invalid(format!(
        "no widths bring {} within {:.0} % of {target} {}; the nearest have {found}: `widths = {numbers:?}` asks \
         for them",
        config.bank.name(),
        100.0 * MATCH_TOLERANCE,
        cost.name(),
    )))
}
