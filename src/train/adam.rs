//! Adam with a state that can be saved.

use std::collections::{BTreeMap, HashMap};

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};

use crate::error::{Error, Result};

/// Constants of [`Adam`]; the defaults are those of the paper.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamConfig {
    /// Decay of the first moment.
    pub beta1: f64,
    /// Decay of the second moment.
    pub beta2: f64,
    /// Added to the root of the second moment.
    pub epsilon: f64,
    /// L2 penalty, added to the gradient.
    pub weight_decay: f64,
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 }
    }
}

/// Adam (Kingma & Ba 2015) with bias correction and an L2 penalty, as PyTorch's `Adam`.
///
/// candle-nn's optimiser keeps its moments to itself, so a run with it couldn't be resumed.
pub struct Adam {
    config: AdamConfig,
    steps: u64,
    parameters: BTreeMap<String, Slot>,
}

struct Slot {
    var: Var,
    first: Tensor,
    second: Tensor,
}

impl Adam {
    /// An optimiser of `parameters`, by path.
    ///
    /// # Errors
    /// When the moments can't be allocated.
    pub fn new(parameters: BTreeMap<String, Var>, config: AdamConfig) -> Result<Self> {
        let slot = |(path, var): (String, Var)| -> Result<_> {
            Ok((path, Slot { first: var.zeros_like()?, second: var.zeros_like()?, var }))
        };
        let parameters = parameters.into_iter().map(slot).collect::<Result<_>>()?;
        Ok(Self { config, steps: 0, parameters })
    }

    /// Moves every parameter that has a gradient.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn step(&mut self, gradients: &GradStore, learning_rate: f64) -> Result<()> {
        self.steps += 1;
        let AdamConfig { beta1, beta2, epsilon, weight_decay } = self.config;
        let steps = self.steps as f64;
        let (correction1, correction2) = (1.0 - beta1.powf(steps), 1.0 - beta2.powf(steps));
        for Slot { var, first, second } in self.parameters.values_mut() {
            let Some(gradient) = gradients.get(var) else { continue };
            let gradient = match weight_decay {
                0.0 => gradient.detach(),
                _ => (gradient + (var.as_detached_tensor() * weight_decay)?)?,
            };
            *first = ((&*first * beta1)? + (&gradient * (1.0 - beta1))?)?;
            *second = ((&*second * beta2)? + (gradient.sqr()? * (1.0 - beta2))?)?;
            let deviation = ((&*second / correction2)?.sqrt()? + epsilon)?;
            let step = ((&*first * (learning_rate / correction1))? / deviation)?;
            var.set(&(var.as_detached_tensor() - step)?)?;
        }
        Ok(())
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The moments, as tensors named `adam.first.{path}` and `adam.second.{path}`.
    pub fn state(&self) -> HashMap<String, Tensor> {
        let pairs = |(path, slot): (&String, &Slot)| {
            [(format!("adam.first.{path}"), slot.first.clone()), (format!("adam.second.{path}"), slot.second.clone())]
        };
        self.parameters.iter().flat_map(pairs).collect()
    }

    /// Takes up the moments of [`Adam::state`] after `steps` steps.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn load(&mut self, state: &HashMap<String, Tensor>, steps: u64) -> Result<()> {
        for (path, slot) in &mut self.parameters {
            let find = |name: String| match state.get(&name) {
                Some(tensor) if tensor.shape() == slot.var.shape() => Ok(tensor.to_device(slot.var.device())?),
                Some(tensor) => Err(Error::invalid(format!("{name} has the shape {:?}", tensor.shape()))),
                None => Err(Error::invalid(format!("no tensor {name}"))),
            };
            (slot.first, slot.second) = (find(format!("adam.first.{path}"))?, find(format!("adam.second.{path}"))?);
        }
        self.steps = steps;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Device;

    /// Adam of the paper on one number, in plain f64.
    fn reference(start: f64, gradients: &[f64], rate: f64, decay: f64) -> f64 {
        let (mut x, mut m, mut v) = (start, 0.0, 0.0);
        for (t, g) in gradients.iter().enumerate() {
            let (g, t) = (g + decay * x, t as i32 + 1);
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            x -= rate * (m / (1.0 - 0.9f64.powi(t))) / ((v / (1.0 - 0.999f64.powi(t))).sqrt() + 1e-8);
        }
        x
    }

    fn descend(adam: &mut Adam, var: &Var, gradients: &[f64]) -> f64 {
        for g in gradients {
            let store = (var.as_tensor() * *g).unwrap().sum_all().unwrap().backward().unwrap();
            adam.step(&store, 0.01).unwrap();
        }
        var.to_vec1::<f64>().unwrap()[0]
    }

    #[test]
    fn steps_are_those_of_the_paper_also_after_a_reload() {
        let gradients = [0.3, -2.0, 0.01, 5.0, 1e-6, -0.7];
        for weight_decay in [0.0, 0.1] {
            let config = AdamConfig { weight_decay, ..AdamConfig::default() };
            let var = Var::new(&[0.8f64], &Device::Cpu).unwrap();
            let vars = || BTreeMap::from([("w".to_owned(), var.clone())]);
            let mut adam = Adam::new(vars(), config).unwrap();
            descend(&mut adam, &var, &gradients[..3]);
            let mut resumed = Adam::new(vars(), config).unwrap();
            resumed.load(&adam.state(), adam.steps()).unwrap();
            let found = descend(&mut resumed, &var, &gradients[3..]);
            let expected = reference(0.8, &gradients, 0.01, weight_decay);
            assert!((found - expected).abs() < 1e-14, "{found} {expected}");
            assert!(resumed.load(&HashMap::new(), 0).unwrap_err().to_string().contains("adam.first.w"));
        }
    }
}
