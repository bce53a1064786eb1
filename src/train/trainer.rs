//! The training loop.

use candle_core::{D, DType, Device, Tensor};

use super::loss::cross_entropy;
use super::{
    Batches, Checkpoint, EpochDraw, EpochEnd, EpochProgress, EpochSums, Optimiser, PixelStatistics, TrainingConfig,
};
use crate::data::{Images, Label};
use crate::error::{Error, Result};
use crate::model::{InputShape, NetConfig, Network};
use crate::nn::{Filters, Mode, Weights};
use crate::rng;

/// Images per batch where nothing is trained.
pub const EVALUATION_BATCH: usize = 256;

/// A network in training.
///
/// It sees the training images only; what it's judged by is handed to [`Trainer::evaluate`].
pub struct Trainer<'a> {
    images: &'a Images,
    config: TrainingConfig,
    seed: u64,
    device: Device,
    statistics: PixelStatistics,
    weights: Weights,
    network: Network,
    optimiser: Optimiser,
    epoch: usize,
    begun: EpochSums,
}

/// Predictions of some images.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// Fraction that is wrong.
    pub error: f64,
    /// The predicted class of every image, in the set's order.
    pub predictions: Vec<Label>,
}

impl<'a> Trainer<'a> {
    /// A network with fresh weights that learns from `images`, whose labels are below `classes`.
    ///
    /// # Errors
    /// When the network can't be built for these images, or the configuration is out of range.
    pub fn new(
        net: &NetConfig,
        config: &TrainingConfig,
        images: &'a Images,
        classes: usize,
        seed: u64,
        device: &Device,
    ) -> Result<Self> {
        config.check()?;
        let weights = Weights::new(seed);
        let input = InputShape::of(images, classes);
        let network = Network::new(net, input, &weights.builder(DType::F32, device))?;
        Ok(Self {
            statistics: PixelStatistics::of(images, config.normalise),
            optimiser: Optimiser::new(weights.learned(), config.optimiser())?,
            config: config.clone(),
            device: device.clone(),
            epoch: 0,
            begun: EpochSums::default(),
            images,
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

    /// What every image is shifted and scaled by.
    pub fn statistics(&self) -> &PixelStatistics {
        &self.statistics
    }

    /// Makes the batches that it learns from.
    pub fn batches(&self) -> Batches<'a> {
        Batches::new(self.images, &self.statistics, self.config.batch, &self.device)
    }

    /// What determines the images of the epoch that has begun, or that is next.
    pub fn draw(&self) -> EpochDraw {
        self.config.draw(self.seed, self.epoch + 1)
    }

    /// Trains to the end of the epoch, or until `stop` says so after a step, telling `progress` of every batch.
    ///
    /// # Errors
    /// When a tensor operation fails.
    pub fn train_epoch(
        &mut self,
        stop: &mut dyn FnMut() -> bool,
        progress: &mut dyn FnMut(&EpochProgress),
    ) -> Result<EpochEnd> {
        let (batches, draw) = (self.batches(), self.draw());
        let (epoch, count) = (draw.epoch, batches.count(draw.images));
        for batch in batches.shuffled(draw, self.begun.batches) {
            let batch = batch?;
            // A stream for every step, so that a checkpoint needs no generator's state.
            let mut dropout = rng::stream(self.seed, &format!("dropout/{epoch}/{}", self.begun.batches));
            let output = self.network.output(&batch.images, &mut Mode::Training(&mut dropout))?;
            let scores = output.tensor().flatten_from(1)?;
            let loss = cross_entropy(&scores, &batch.labels, self.config.label_smoothing)?;
            let value = f64::from(loss.to_scalar::<f32>()?);
            if !value.is_finite() {
                let step = self.begun.batches + 1;
                return Ok(EpochEnd::Diverged(format!("the loss is {value} in step {step} of epoch {epoch}")));
            }
            let rate = self.config.learning_rate_at(epoch, self.begun.batches, count);
            self.optimiser.step(&output.backward(&loss)?, rate)?;
            self.begun.add(value, count_wrong(&predicted_classes(&scores)?, &batch.classes), batch.classes.len());
            progress(&self.begun.progress(epoch, count));
            if self.begun.batches < count && stop() {
                return Ok(EpochEnd::Paused);
            }
        }
        // The last step isn't followed by a loss that would tell.
        if let Some(path) = self.weights.first_not_finite()? {
            return Ok(EpochEnd::Diverged(format!("{path} is not finite after epoch {epoch}")));
        }
        self.epoch = epoch;
        Ok(EpochEnd::Done(std::mem::take(&mut self.begun).progress(epoch, count)))
    }

    /// Classifies `images`; `None` if `stop` said so after a batch.
    ///
    /// # Errors
    /// [`Error::Diverged`] for class scores that aren't finite; when a tensor operation fails.
    pub fn evaluate(&self, images: &Images, stop: &mut dyn FnMut() -> bool) -> Result<Option<Evaluation>> {
        let batches = Batches::new(images, &self.statistics, EVALUATION_BATCH, &self.device);
        let mut predictions = Vec::with_capacity(images.len());
        let mut filters = Filters::default();
        for batch in batches.in_order() {
            if stop() {
                return Ok(None);
            }
            let output = self.network.output(&batch?.images, &mut Mode::Evaluation(&mut filters))?;
            let scores = output.tensor().flatten_from(1)?.detach();
            if scores.flatten_all()?.to_vec1::<f32>()?.iter().any(|score| !score.is_finite()) {
                return Err(Error::Diverged("class scores aren't finite".to_owned()));
            }
            predictions.extend(predicted_classes(&scores)?);
        }
        let error = count_wrong(&predictions, &images.labels) as f64 / images.len().max(1) as f64;
        Ok(Some(Evaluation { error, predictions }))
    }

    /// The state after the steps done so far; `run` is what [`Trainer::resume`] will ask for.
    pub fn checkpoint(&self, run: &str) -> Checkpoint {
        let mut tensors = self.optimiser.state();
        tensors.extend(self.weights.all().into_iter().map(|(path, var)| (path, var.as_detached_tensor())));
        let (epoch, begun, steps) = (self.epoch, self.begun, self.optimiser.steps());
        Checkpoint { epoch, begun, steps, run: run.to_owned(), past: Default::default(), tensors }
    }

    /// Goes on from `checkpoint`.
    ///
    /// # Errors
    /// When it's of another run, of a place that this run doesn't have, or its tensors aren't those of this network.
    pub fn resume(&mut self, checkpoint: &Checkpoint, run: &str) -> Result<()> {
        if checkpoint.run != run {
            return Err(Error::invalid("the checkpoint is of a run with another configuration"));
        }
        let Checkpoint { epoch, begun, steps, .. } = *checkpoint;
        let TrainingConfig { epochs, images_per_epoch, .. } = self.config;
        let count = self.batches().count(images_per_epoch);
        let done = (epoch as u128) * (count as u128) + begun.batches as u128;
        let is_before_the_end = epoch < epochs && begun.batches < count || epoch == epochs && begun.batches == 0;
        if !is_before_the_end || done != u128::from(steps) || begun.wrong > begun.images || !begun.loss.is_finite() {
            return Err(Error::invalid(format!(
                "the checkpoint says epoch {epoch}, batch {} and step {steps}, but the run has {epochs} epochs of {count} batches",
                begun.batches
            )));
        }
        self.weights.load(&checkpoint.tensors)?;
        self.optimiser.load(&checkpoint.tensors, checkpoint.steps)?;
        self.epoch = checkpoint.epoch;
        self.begun = checkpoint.begun;
        Ok(())
    }
}

/// The class with the largest score of every image, the first of equal ones; scores of the shape (batch, classes).
pub(crate) fn predicted_classes(scores: &Tensor) -> Result<Vec<Label>> {
    let classes = scores.detach().argmax(D::Minus1)?.to_vec1::<u32>()?;
    Ok(classes.into_iter().map(|class| class as Label).collect())
}

fn count_wrong(predictions: &[Label], labels: &[Label]) -> usize {
    predictions.iter().zip(labels).filter(|(predicted, label)| predicted != label).count()
}
