//! Batch normalisation by field.

use candle_core::{DType, Tensor, Var};
use candle_nn::{Init, VarBuilder};
use serde::{Deserialize, Serialize};

use super::weights::BUFFERS;
use super::{Activation, FieldType, Layer, Mode};
use crate::bank::ParameterCount;
use crate::error::Result;
use crate::kernel::{FeatureMap, Moments};

/// Which maps share the statistics and parameters of a norm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NormSharing {
    /// The maps of a field, as a regular field needs to stay equivariant.
    #[default]
    Field,
    /// None: every map has its own, as in a plain network. Breaks the equivariance of regular fields in training.
    Map,
}

/// Constants of a [`FieldNorm`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct FieldNormConfig {
    /// Added to the variance.
    pub epsilon: f64,
    /// Weight of the newest batch in the running statistics.
    pub momentum: f64,
    /// What follows, computed in the same pass.
    pub activation: Activation,
    /// Which maps share statistics, γ and β.
    pub sharing: NormSharing,
}

impl Default for FieldNormConfig {
    fn default() -> Self {
        Self { epsilon: 1e-5, momentum: 0.1, activation: Activation::Identity, sharing: NormSharing::Field }
    }
}

impl FieldNormConfig {
    /// With so much added to the variance.
    #[must_use]
    pub fn with_epsilon(self, epsilon: f64) -> Self {
        Self { epsilon, ..self }
    }

    /// With this weight of the newest batch in the running statistics.
    #[must_use]
    pub fn with_momentum(self, momentum: f64) -> Self {
        Self { momentum, ..self }
    }

    /// With a non-linearity behind it.
    #[must_use]
    pub fn with_activation(self, activation: Activation) -> Self {
        Self { activation, ..self }
    }

    /// With statistics, γ and β shared by these maps.
    #[must_use]
    pub fn with_sharing(self, sharing: NormSharing) -> Self {
        Self { sharing, ..self }
    }
}

/// Batch normalisation (Ioffe & Szegedy 2015) with mean, variance, γ and β shared by the maps of a field, as a regular
/// field needs to stay equivariant (Cohen & Welling 2016, section 6).
///
/// In inference γ and β are constants, of which there's no gradient.
#[derive(Debug)]
pub struct FieldNorm {
    fields: FieldType,
    config: FieldNormConfig,
    gamma: Tensor,
    beta: Tensor,
    running_mean: Var,
    running_variance: Var,
}

impl FieldNorm {
    /// Normalises maps of the type `fields`.
    ///
    /// # Errors
    /// When the builder has tensors of other shapes under these names.
    pub fn new(fields: FieldType, config: FieldNormConfig, vb: VarBuilder) -> Result<Self> {
        let groups = groups(&fields, config.sharing);
        let learned = |name, value| vb.get_with_hints(groups, name, Init::Const(value));
        let running =
            |name, value| Var::from_tensor(&vb.pp(BUFFERS).get_with_hints(groups, name, Init::Const(value))?);
        Ok(Self {
            gamma: learned("gamma", 1.0)?,
            beta: learned("beta", 0.0)?,
            running_mean: running("running_mean", 0.0)?,
            running_variance: running("running_variance", 1.0)?,
            fields,
            config,
        })
    }

    /// Normalises by the statistics of these maps, which the running ones follow.
    pub(super) fn by_batch(&self, input: FeatureMap) -> Result<FeatureMap> {
        self.fields.check(&input.dims()?)?;
        let FieldNormConfig { epsilon, activation, .. } = self.config;
        let (output, moments) = input.normalise([&self.gamma, &self.beta], epsilon, activation)?;
        self.follow(&moments)?;
        Ok(output)
    }

    /// Normalises by the running statistics.
    pub(super) fn by_running_statistics(&self, input: FeatureMap) -> Result<FeatureMap> {
        self.fields.check(&input.dims()?)?;
        let (slope, offset) = self.fixed()?;
        Ok(input.scale(slope, offset, self.config.activation)?)
    }

    /// Moves the running statistics towards those of a batch; the variance is taken as unbiased.
    fn follow(&self, moments: &Moments) -> Result<()> {
        let unbiased = moments.count as f64 / moments.count.saturating_sub(1).max(1) as f64;
        let variance: Vec<f64> = moments.variance.iter().map(|variance| variance * unbiased).collect();
        for (running, batch) in [(&self.running_mean, &moments.mean), (&self.running_variance, &variance)] {
            let momentum = self.config.momentum;
            let batch = Tensor::new(batch.as_slice(), running.device())?.to_dtype(running.dtype())?;
            running.set(&((running.as_tensor() * (1.0 - momentum))? + (batch * momentum)?)?)?;
        }
        Ok(())
    }

    /// The affine map that the running statistics amount to, as slopes and offsets.
    fn fixed(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        let constants = [&self.gamma, &self.beta, &*self.running_mean, &*self.running_variance];
        let [gamma, beta, mean, variance] = constants.map(|tensor| tensor.detach().to_dtype(DType::F64));
        let slope = (gamma? / (variance? + self.config.epsilon)?.sqrt()?)?;
        let offset = (beta? - (mean? * &slope)?)?;
        Ok((slope.to_vec1()?, offset.to_vec1()?))
    }
}

/// Number of groups of maps that are normalised together.
fn groups(fields: &FieldType, sharing: NormSharing) -> usize {
    match sharing {
        NormSharing::Field => fields.fields,
        NormSharing::Map => fields.maps(),
    }
}

impl Layer for FieldNorm {
    fn apply(&self, input: FeatureMap, mode: &mut Mode) -> Result<FeatureMap> {
        match mode {
            Mode::Inference | Mode::Evaluation(_) => self.by_running_statistics(input),
            Mode::Training(_) => self.by_batch(input),
        }
    }

    fn input(&self) -> &FieldType {
        &self.fields
    }

    fn output(&self) -> &FieldType {
        &self.fields
    }

    fn parameters(&self) -> ParameterCount {
        ParameterCount { real: 2 * groups(&self.fields, self.config.sharing), one_bit: 0 }
    }
}
