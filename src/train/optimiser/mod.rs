//! Optimisers with a state that can be saved.
//!
//! candle-nn's keep their moments to themselves, so that a run with them couldn't be resumed.

mod adam;
mod clip;
mod in_place;
mod sgd;

use std::collections::{BTreeMap, HashMap};

use candle_core::backprop::GradStore;
use candle_core::{Tensor, Var};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How gradients move parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Adam (Kingma & Ba 2015) with β₁ = 0.9, β₂ = 0.999 and ε = 1e-8; the decay is an L2 penalty, as in PyTorch's `Adam`.
    #[default]
    Adam,
    /// Adam with decoupled decay, x ← (1 − rate · decay) x before each step (Loshchilov & Hutter 2019), as PyTorch's `AdamW`.
    Adamw,
    /// Stochastic gradient descent, as PyTorch's `SGD`; the decay is an L2 penalty.
    Sgd,
}

impl Method {
    /// Its name in study files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Adam => "adam",
            Self::Adamw => "adamw",
            Self::Sgd => "sgd",
        }
    }
}

/// Which parameters decay and are penalised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecayOn {
    /// All.
    #[default]
    All,
    /// The filters of convolutions: no biases, norms or matrix products.
    Filters,
}

impl DecayOn {
    fn has(self, var: &Var) -> bool {
        // Filters have maps on two sides, and pixels or functions of a basis between them.
        self == Self::All || var.rank() >= 3
    }
}

/// An optimiser's settings.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct OptimiserConfig {
    /// How gradients move parameters.
    pub method: Method,
    /// Of [`Method::Sgd`].
    pub momentum: f64,
    /// Whether momentum looks ahead (Nesterov); of [`Method::Sgd`].
    pub nesterov: bool,
    /// Decay of parameters, see [`Method`].
    pub weight_decay: f64,
    /// λ of a penalty λ·|x|: λ·sign(x) is added to the gradient.
    pub l1: f64,
    /// Which parameters decay and are penalised.
    pub decay_on: DecayOn,
    /// The largest Euclidean norm of the gradient of all parameters together; a larger one is scaled down to it, as by PyTorch's
    /// `clip_grad_norm_`. Before decay and penalties.
    pub clip_norm: Option<f64>,
}

/// An optimiser of some parameters, by path.
pub struct Optimiser {
    config: OptimiserConfig,
    steps: u64,
    parameters: BTreeMap<String, Slot>,
}

struct Slot {
    var: Var,
    moments: Moments,
}

/// What a method keeps of the gradients of a parameter, each of the parameter's shape, in the order of [`Method::moments`].
struct Moments(Vec<Tensor>);

impl Moments {
    /// The first `N`, as many as the method has.
    fn first<const N: usize>(&mut self) -> Result<&mut [Tensor; N]> {
        let found = self.0.len();
        let first = self.0.first_chunk_mut();
        first.ok_or_else(|| Error::invalid(format!("an optimiser with {found} moments, but its method has {N}")))
    }
}

impl Method {
    /// What it keeps of the gradients, as checkpoints call it.
    fn moments(self) -> &'static [&'static str] {
        match self {
            Self::Adam | Self::Adamw => &["adam.first", "adam.second"],
            Self::Sgd => &["sgd.velocity"],
        }
    }
}

impl Optimiser {
    /// An optimiser of `parameters`, by path.
    ///
    /// # Errors
    /// When the moments can't be allocated.
    pub fn new(parameters: BTreeMap<String, Var>, config: OptimiserConfig) -> Result<Self> {
        let slot = |(path, var): (String, Var)| -> Result<_> {
            let moments = config.method.moments().iter().map(|_| var.zeros_like());
            let moments = Moments(moments.collect::<candle_core::Result<_>>()?);
            Ok((path, Slot { var, moments }))
        };
        let parameters = parameters.into_iter().map(slot).collect::<Result<_>>()?;
        Ok(Self { config, steps: 0, parameters })
    }

    /// Moves every parameter that has a gradient.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn step(&mut self, gradients: &GradStore, rate: f64) -> Result<()> {
        self.steps += 1;
        let OptimiserConfig { method, momentum, nesterov, clip_norm, decay_on, .. } = self.config;
        let scale = match clip_norm {
            Some(most) => clip::scale(self.parameters.values().filter_map(|slot| gradients.get(&slot.var)), most)?,
            None => 1.0,
        };
        for Slot { var, moments } in self.parameters.values_mut() {
            let Some(gradient) = gradients.get(var) else { continue };
            let mut gradient = gradient.detach();
            if scale != 1.0 {
                gradient = (gradient * scale)?;
            }
            let [weight_decay, l1] = match decay_on.has(var) {
                true => [self.config.weight_decay, self.config.l1],
                false => [0.0; 2],
            };
            match method {
                _ if weight_decay == 0.0 => {}
                Method::Adamw => var.set(&(var.as_detached_tensor() * (1.0 - rate * weight_decay))?)?,
                Method::Adam | Method::Sgd => gradient = (gradient + (var.as_detached_tensor() * weight_decay)?)?,
            }
            if l1 != 0.0 {
                gradient = (gradient + (var.as_detached_tensor().sign()? * l1)?)?;
            }
            match method {
                Method::Adam | Method::Adamw => adam::Step::new(rate, self.steps).take(var, moments, &gradient)?,
                Method::Sgd => sgd::Step { rate, momentum, nesterov }.take(var, moments, &gradient)?,
            }
        }
        Ok(())
    }

    /// Steps taken.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The moments, as tensors named `adam.first.{path}` and `adam.second.{path}`, or `sgd.velocity.{path}`.
    ///
    /// They're what the next step changes; what must last is to be copied.
    pub fn state(&self) -> HashMap<String, Tensor> {
        let of_slot = |(path, slot): (&String, &Slot)| {
            let names = self.config.method.moments().iter().map(move |moment| format!("{moment}.{path}"));
            names.zip(slot.moments.0.clone()).collect::<Vec<_>>()
        };
        self.parameters.iter().flat_map(of_slot).collect()
    }

    /// Takes up the moments of [`Optimiser::state`] after `steps` steps.
    ///
    /// # Errors
    /// When a tensor is missing or has another shape.
    pub fn load(&mut self, state: &HashMap<String, Tensor>, steps: u64) -> Result<()> {
        for (path, slot) in &mut self.parameters {
            for (moment, tensor) in self.config.method.moments().iter().zip(&mut slot.moments.0) {
                let name = format!("{moment}.{path}");
                *tensor = match state.get(&name) {
                    // A copy: steps change it in its place.
                    Some(found) if found.shape() == tensor.shape() => found.to_device(slot.var.device())?.copy()?,
                    Some(found) => return Err(Error::invalid(format!("{name} has the shape {:?}", found.shape()))),
                    None => return Err(Error::invalid(format!("no tensor {name}"))),
                };
            }
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

    fn descend(optimiser: &mut Optimiser, var: &Var, gradients: &[f64]) -> f64 {
        for g in gradients {
            let store = (var.as_tensor() * *g).unwrap().sum_all().unwrap().backward().unwrap();
            optimiser.step(&store, 0.01).unwrap();
        }
        var.to_vec1::<f64>().unwrap()[0]
    }

    #[test]
    fn adam_is_that_of_the_paper_also_after_a_reload() {
        let gradients = [0.3, -2.0, 0.01, 5.0, 1e-6, -0.7];
        for weight_decay in [0.0, 0.1] {
            let config = OptimiserConfig { weight_decay, ..OptimiserConfig::default() };
            let var = Var::new(&[0.8f64], &Device::Cpu).unwrap();
            let vars = || BTreeMap::from([("w".to_owned(), var.clone())]);
            let mut adam = Optimiser::new(vars(), config).unwrap();
            descend(&mut adam, &var, &gradients[..3]);
            let mut resumed = Optimiser::new(vars(), config).unwrap();
            resumed.load(&adam.state(), adam.steps()).unwrap();
            let found = descend(&mut resumed, &var, &gradients[3..]);
            let expected = reference(0.8, &gradients, 0.01, weight_decay);
            assert!((found - expected).abs() < 1e-14, "{found} {expected}");
            assert!(resumed.load(&HashMap::new(), 0).unwrap_err().to_string().contains("adam.first.w"));
        }
    }
}
