//! The training loop.

use candle_core::{D, DType, Device, Tensor};
use candle_nn::loss::cross_entropy;
use serde::{Deserialize, Serialize};

use super::{Adam, AdamConfig, Batches, Checkpoint, PixelStatistics, TrainingConfig};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::model::{InputShape, NetConfig, Network};
use crate::nn::{Mode, Weights};
use crate::rng;

/// Images per batch where nothing is trained.
const EVALUATION_BATCH: usize = 256;

/// A network in training.
pub struct Trainer<'a> {
    dataset: &'a Dataset,
    config: TrainingConfig,
    seed: u64,
    device: Device,
    statistics: PixelStatistics,
    weights: Weights,
    network: Network,
    adam: Adam,
    epoch: usize,
}

/// How far an epoch is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Batches done of it.
    pub batch: usize,
    /// Batches that it has.
    pub batches: usize,
    /// Images done of it.
    pub images: usize,
    /// Mean loss over them.
    pub loss: f64,
    /// Fraction of them that was classified wrongly.
    pub error: f64,
}

/// What an epoch of training gave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochMetrics {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Rate of the optimiser.
    pub learning_rate: f64,
    /// Mean cross-entropy over the training images, each at the step that used it.
    pub train_loss: f64,
    /// Fraction of them that was classified wrongly then.
    pub train_error: f64,
    /// Error on the test set after the epoch, where the configuration asks for it.
    pub test_error: Option<f64>,
    /// Wall-clock time; differs between otherwise identical runs.
    pub seconds: f64,
}

/// How an epoch ended.
#[derive(Clone, Debug)]
pub enum EpochEnd {
    /// All images were used.
    Done(Progress),
    /// The loss or a weight was not a finite number any more; why, in words. The network is of no use.
    Diverged(String),
}

/// Predictions of the test set.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Fraction that is wrong.
    pub error: f64,
    /// The predicted class of every image, in the set's order.
    pub predictions: Vec<u8>,
}

impl<'a> Trainer<'a> {
    /// A network with fresh weights.
    ///
    /// # Errors
    /// When the network can't be built for these images, or the configuration is out of range.
    pub fn new(
        net: &NetConfig,
        config: &TrainingConfig,
        dataset: &'a Dataset,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        config.check()?;
        let weights = Weights::new(seed);
        let network = Network::new(net, InputShape::of(dataset), &weights.builder(DType::F32, device))?;
        let adam = AdamConfig { weight_decay: config.weight_decay, ..AdamConfig::default() };
        Ok(Self {
            statistics: PixelStatistics::of(&dataset.train),
            adam: Adam::new(weights.learned(), adam)?,
            config: config.clone(),
            device: device.clone(),
            epoch: 0,
            dataset,
            seed,
            weights,
            network,
        })
    }

    /// Epochs that are done.
    pub fn epoch(&self) -> usize {
        self.epoch
    }

    /// The network as it is now.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Trains one epoch, telling `progress` of every batch.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn train_epoch(&mut self, progress: &mut dyn FnMut(&Progress)) -> Result<EpochEnd> {
        let epoch = self.epoch + 1;
        let learning_rate = self.config.learning_rate_in(epoch);
        let batches = Batches::new(&self.dataset.train, self.statistics, self.config.batch, &self.device);
        let mut dropout = rng::stream(self.seed, &format!("dropout/{epoch}"));
        let (mut loss_sum, mut wrong) = (0.0, 0usize);
        let mut done = Progress { epoch, batch: 0, batches: batches.count(), images: 0, loss: 0.0, error: 0.0 };
        for batch in batches.shuffled(self.seed, epoch, self.config.augmentation) {
            let batch = batch?;
            let output = self.network.output(&batch.images, &mut Mode::Training(&mut dropout))?;
            let scores = output.tensor().flatten_from(1)?;
            let loss = cross_entropy(&scores, &batch.labels)?;
            let value = f64::from(loss.to_scalar::<f32>()?);
            if !value.is_finite() {
                return Ok(EpochEnd::Diverged(format!(
                    "the loss is {value} in step {} of epoch {epoch}",
                    done.batch + 1
                )));
            }
            self.adam.step(&output.backward(&loss)?, learning_rate)?;
            let images = batch.classes.len();
            loss_sum += value * images as f64;
            wrong += count_wrong(&predicted_classes(&scores)?, &batch.classes);
            done.batch += 1;
            done.images += images;
            done.loss = loss_sum / done.images as f64;
            done.error = wrong as f64 / done.images as f64;
            progress(&done);
        }
        // The last step isn't followed by a loss that would tell.
        if let Some(path) = self.weights.first_not_finite()? {
            return Ok(EpochEnd::Diverged(format!("{path} is not finite after epoch {epoch}")));
        }
        self.epoch = epoch;
        Ok(EpochEnd::Done(done))
    }

    /// Classifies the test set.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn evaluate(&self) -> Result<Evaluation> {
        let test = &self.dataset.test;
        let batches = Batches::new(test, self.statistics, EVALUATION_BATCH, &self.device);
        let mut predictions = Vec::with_capacity(test.len());
        for batch in batches.in_order() {
            let output = self.network.output(&batch?.images, &mut Mode::Inference)?;
            predictions.extend(predicted_classes(&output.tensor().flatten_from(1)?)?);
        }
        let error = count_wrong(&predictions, &test.labels) as f64 / test.len().max(1) as f64;
        Ok(Evaluation { error, predictions })
    }

    /// The state after the epochs done so far; `run` is what [`Trainer::resume`] will ask for.
    pub fn checkpoint(&self, run: &str) -> Checkpoint {
        let mut tensors = self.adam.state();
        tensors.extend(self.weights.all().into_iter().map(|(path, var)| (path, var.as_detached_tensor())));
        Checkpoint { epoch: self.epoch, steps: self.adam.steps(), run: run.to_owned(), tensors }
    }

    /// Goes on from `checkpoint`.
    ///
    /// # Errors
    /// When it's of another run, or its tensors aren't those of this network.
    pub fn resume(&mut self, checkpoint: &Checkpoint, run: &str) -> Result<()> {
        if checkpoint.run != run {
            return Err(Error::invalid("the checkpoint is of a run with another configuration"));
        }
        self.weights.load(&checkpoint.tensors)?;
        self.adam.load(&checkpoint.tensors, checkpoint.steps)?;
        self.epoch = checkpoint.epoch;
        Ok(())
    }
}

fn predicted_classes(scores: &Tensor) -> Result<Vec<u8>> {
    let classes = scores.detach().argmax(D::Minus1)?.to_vec1::<u32>()?;
    Ok(classes.into_iter().map(|class| class as u8).collect())
}

fn count_wrong(predictions: &[u8], labels: &[u8]) -> usize {
    predictions.iter().zip(labels).filter(|(predicted, label)| predicted != label).count()
}
