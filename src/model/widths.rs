//! Widths that bring a network to a given number of parameters.

use super::{InputShape, NetConfig, Network};
use crate::error::{Error, Result};

/// Largest relative difference in real parameters that counts as a match.
pub const MATCH_TOLERANCE: f64 = 0.01;

/// `config` with the widths that bring its real parameters within [`MATCH_TOLERANCE`] of `target`: the same width for all
/// layers if one will do, else two neighbouring widths, distributed over the layers so that the difference is smallest.
///
/// # Errors
/// When no such widths exist; the message has the nearest ones.
pub fn match_widths(config: &NetConfig, input: InputShape, target: usize) -> Result<NetConfig> {
    let layers = config.skeleton.hidden_layers();
    let parameters = |widths: &[usize]| -> Result<usize> {
        Ok(Network::budget(&NetConfig { widths: widths.to_vec(), ..config.clone() }, input)?.parameters)
    };
    let difference = |found: usize| found.abs_diff(target) as f64 / target.max(1) as f64;
    let mut width = 1;
    // Widths beyond what a network can have end in an error.
    while parameters(&vec![width + 1; layers])? <= target {
        width += 1;
    }
    for uniform in [vec![width; layers], vec![width + 1; layers]] {
        if difference(parameters(&uniform)?) <= MATCH_TOLERANCE {
            return Ok(NetConfig { widths: uniform, ..config.clone() });
        }
    }
    let mut best = (f64::INFINITY, Vec::new(), 0);
    for wider in 0..1u64 << layers {
        let widths: Vec<usize> = (0..layers).map(|layer| width + (wider >> layer & 1) as usize).collect();
        let found = parameters(&widths)?;
        if difference(found) < best.0 {
            best = (difference(found), widths, found);
        }
    }
    let (difference, widths, found) = best;
    if difference <= MATCH_TOLERANCE {
        return Ok(NetConfig { widths, ..config.clone() });
    }
    Err(Error::invalid(format!(
        "no widths bring {} within {:.0} % of {target} parameters; the nearest, {widths:?}, have {found}",
        config.bank.name(),
        100.0 * MATCH_TOLERANCE
    )))
}
