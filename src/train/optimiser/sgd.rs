//! Stochastic gradient descent with momentum.

use candle_core::{Tensor, Var};

use super::{Moments, in_place};
use crate::error::Result;

/// A step x ← x − rate · v along the velocity v ← momentum · v + g; with Nesterov's look ahead, x ← x − rate · (g + momentum · v).
/// As in PyTorch (Sutskever et al. 2013 have the rate in the velocity).
pub(super) struct Step {
    pub rate: f64,
    pub momentum: f64,
    pub nesterov: bool,
}

impl Step {
    pub fn take(&self, parameter: &Var, moments: &mut Moments, gradient: &Tensor) -> Result<()> {
        match in_place::is_possible(parameter) {
            true => self.in_place(parameter, moments.first()?, gradient),
            false => self.by_tensors(parameter, moments.first()?, gradient),
        }
    }

    /// The same operations in the same order as [`Step::by_tensors`], so that both give the same bits.
    fn in_place(&self, parameter: &Var, [velocity]: &mut [Tensor; 1], gradient: &Tensor) -> Result<()> {
        let [rate, momentum] = [self.rate, self.momentum].map(|x| x as f32);
        in_place::from_one(velocity, gradient, |v, g| v * momentum + g)?;
        match self.nesterov {
            true => in_place::from_two(parameter, [velocity, gradient], |x, v, g| x - (v * momentum + g) * rate)?,
            false => in_place::from_one(parameter, velocity, |x, v| x - v * rate)?,
        }
        Ok(())
    }

    fn by_tensors(&self, parameter: &Var, [velocity]: &mut [Tensor; 1], gradient: &Tensor) -> Result<()> {
        *velocity = ((&*velocity * self.momentum)? + gradient)?;
        let ahead = if self.nesterov { ((&*velocity * self.momentum)? + gradient)? } else { velocity.clone() };
        Ok(parameter.set(&(parameter.as_detached_tensor() - (ahead * self.rate)?)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::optimiser::in_place::tests::agree;

    #[test]
    fn steps_in_place_have_the_bits_of_tensor_operators() {
        for nesterov in [false, true] {
            let step = Step { rate: 0.01, momentum: 0.9, nesterov };
            agree(
                |_, var, moments, gradient| step.in_place(var, moments.first()?, gradient),
                |_, var, moments, gradient| step.by_tensors(var, moments.first()?, gradient),
            );
        }
    }
}
