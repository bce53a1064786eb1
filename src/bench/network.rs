//! Times of training and of classifying with a whole network.

use candle_core::{DType, Device, Tensor};
use candle_nn::loss::cross_entropy;
use rand::RngExt;
use serde::Serialize;

use super::Timing;
use crate::error::Result;
use crate::model::{InputShape, NetConfig, Network};
use crate::nn::{Mode, Weights};
use crate::rng;
use crate::train::{Optimiser, OptimiserConfig};

/// Times of a network.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct NetworkTimes {
    /// A step of training: forward, backward, and Adam.
    pub step: Timing,
    /// Class scores without training.
    pub inference: Timing,
}

/// Times the network of `config` on `batch` images of noise, on `device` and the current pool.
///
/// # Errors
/// When the network can't be built for `input`, or a tensor operation fails.
pub fn network(
    config: &NetConfig,
    input: InputShape,
    batch: usize,
    device: &Device,
    repeats: usize,
) -> Result<NetworkTimes> {
    let weights = Weights::new(0);
    let network = Network::new(config, input, &weights.builder(DType::F32, device))?;
    let mut optimiser = Optimiser::new(weights.learned(), OptimiserConfig::default())?;
    let mut stream = rng::stream(0, "images");
    let [height, width] = input.size;
    let pixels: Vec<f32> =
        (0..batch * input.channels * height * width).map(|_| stream.random::<f32>() * 2.0 - 1.0).collect();
    let images = Tensor::from_vec(pixels, (batch, input.channels, height, width), device)?;
    let classes: Vec<u32> = (0..batch).map(|_| stream.random_range(0..input.classes as u32)).collect();
    let classes = Tensor::from_vec(classes, batch, device)?;
    let step = Timing::of(repeats, || {
        let output = network.output(&images, &mut Mode::Training(&mut stream))?;
        let loss = cross_entropy(&output.tensor().flatten_from(1)?, &classes)?;
        loss.to_scalar::<f32>()?;
        optimiser.step(&output.backward(&loss)?, 1e-3)?;
        Ok(device.synchronize()?)
    })?;
    let inference = Timing::of(repeats, || {
        network.output(&images, &mut Mode::Inference)?.tensor().sum_all()?.to_scalar::<f32>()?;
        Ok(())
    })?;
    Ok(NetworkTimes { step, inference })
}
