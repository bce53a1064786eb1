//! Adam and AdamW.

use candle_core::{Tensor, Var};

use super::{Moments, in_place};
use crate::error::Result;

/// The constants; the defaults are those of the paper and of PyTorch.
struct Constants {
    /// Decay of the first moment.
    beta1: f64,
    /// Decay of the second moment.
    beta2: f64,
    /// Added to the root of the second moment.
    epsilon: f64,
}

impl Default for Constants {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

/// The numbers of step number `step`, counted from 1, of Adam (Kingma & Ba 2015, algorithm 1) with bias correction.
struct Step {
    beta1: f64,
    beta2: f64,
    epsilon: f64,
    /// The learning rate over the first moment's correction.
    rate: f64,
    /// The second moment's correction.
    correction: f64,
}

impl Step {
    fn new(rate: f64, step: u64) -> Self {
        let Constants { beta1, beta2, epsilon } = Constants::default();
        let [correction1, correction] = [beta1, beta2].map(|beta| 1.0 - beta.powf(step as f64));
        Self { beta1, beta2, epsilon, rate: rate / correction1, correction }
    }

    /// The same operations in the same order as [`Step::by_tensors`], so that both give the same bits.
    fn in_place(&self, parameter: &Var, [first, second]: [&mut Tensor; 2], gradient: &Tensor) -> Result<()> {
        let [keep1, share1] = [self.beta1, 1.0 - self.beta1].map(|x| x as f32);
        let [keep2, share2] = [self.beta2, 1.0 - self.beta2].map(|x| x as f32);
        let [correction, epsilon, rate] = [1.0 / self.correction, self.epsilon, self.rate].map(|x| x as f32);
        in_place::from_one(first, gradient, |m, g| m * keep1 + g * share1)?;
        in_place::from_one(second, gradient, |v, g| v * keep2 + g * g * share2)?;
        let moved = |x, m, v: f32| x - m * rate / ((v * correction).sqrt() + epsilon);
        Ok(in_place::from_two(parameter, [first, second], moved)?)
    }

    fn by_tensors(&self, parameter: &Var, [first, second]: [&mut Tensor; 2], gradient: &Tensor) -> Result<()> {
        *first = ((&*first * self.beta1)? + (gradient * (1.0 - self.beta1))?)?;
        *second = ((&*second * self.beta2)? + (gradient.sqr()? * (1.0 - self.beta2))?)?;
        let deviation = ((&*second / self.correction)?.sqrt()? + self.epsilon)?;
        let moved = ((&*first * self.rate)? / deviation)?;
        Ok(parameter.set(&(parameter.as_detached_tensor() - moved)?)?)
    }
}

/// Step number `step`, counted from 1.
pub(super) fn step(parameter: &Var, moments: &mut Moments, gradient: &Tensor, rate: f64, step: u64) -> Result<()> {
    let step = Step::new(rate, step);
    match in_place::is_possible(parameter) {
        true => step.in_place(parameter, moments.all_mut(), gradient),
        false => step.by_tensors(parameter, moments.all_mut(), gradient),
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
            |n, var, moments, gradient| step(n).in_place(var, moments.all_mut(), gradient),
            |n, var, moments, gradient| step(n).by_tensors(var, moments.all_mut(), gradient),
        );
    }
}
