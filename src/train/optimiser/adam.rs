//! Adam and AdamW.

use candle_core::{Tensor, Var};

use super::{Moments, in_place};
use crate::error::Result;

/// Decays of the first and the second moment, and what is added to the root of the second: those of the paper and of PyTorch.
const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// The numbers of step number `step`, counted from 1, of Adam (Kingma & Ba 2015, algorithm 1) with bias correction.
pub(super) struct Step {
    /// The learning rate over the first moment's correction.
    rate: f64,
    /// The second moment's correction.
    correction: f64,
}

impl Step {
    pub fn new(rate: f64, step: u64) -> Self {
        let [correction1, correction] = [BETA1, BETA2].map(|beta| 1.0 - beta.powf(step as f64));
        Self { rate: rate / correction1, correction }
    }

    pub fn take(&self, parameter: &Var, moments: &mut Moments, gradient: &Tensor) -> Result<()> {
        match in_place::is_possible(parameter) {
            true => self.in_place(parameter, moments.first()?, gradient),
            false => self.by_tensors(parameter, moments.first()?, gradient),
        }
    }

    /// The same operations in the same order as [`Step::by_tensors`], so that both give the same bits.
    fn in_place(&self, parameter: &Var, [first, second]: &mut [Tensor; 2], gradient: &Tensor) -> Result<()> {
        let [keep1, share1] = [BETA1, 1.0 - BETA1].map(|x| x as f32);
        let [keep2, share2] = [BETA2, 1.0 - BETA2].map(|x| x as f32);
        let [correction, epsilon, rate] = [1.0 / self.correction, EPSILON, self.rate].map(|x| x as f32);
        in_place::from_one(first, gradient, |m, g| m * keep1 + g * share1)?;
        in_place::from_one(second, gradient, |v, g| v * keep2 + g * g * share2)?;
        let moved = |x, m, v: f32| x - m * rate / ((v * correction).sqrt() + epsilon);
        Ok(in_place::from_two(parameter, [first, second], moved)?)
    }

    fn by_tensors(&self, parameter: &Var, [first, second]: &mut [Tensor; 2], gradient: &Tensor) -> Result<()> {
        *first = ((&*first * BETA1)? + (gradient * (1.0 - BETA1))?)?;
        *second = ((&*second * BETA2)? + (gradient.sqr()? * (1.0 - BETA2))?)?;
        let deviation = ((&*second / self.correction)?.sqrt()? + EPSILON)?;
        let moved = ((&*first * self.rate)? / deviation)?;
        Ok(parameter.set(&(parameter.as_detached_tensor() - moved)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::optimiser::in_place::tests::agree;

    #[test]
    fn steps_in_place_have_the_bits_of_tensor_operators() {
        let step = |n: u64| Step::new(0.01, n + 1);
        agree(
            |n, var, moments, gradient| step(n).in_place(var, moments.first()?, gradient),
            |n, var, moments, gradient| step(n).by_tensors(var, moments.first()?, gradient),
        );
    }
}
