//! What a network says of images that turn, by quarter turns and by angles between.

use candle_core::{DType, Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::data::{Images, rotate};
use crate::error::Result;
use crate::model::Network;
use crate::nn::Mode;
use crate::train::{Batches, PixelStatistics};

/// Images that are classified at once.
const BATCH: usize = 128;

/// How a network's answers change when the images are turned by an angle.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AngleInvariance {
    /// Degrees counter-clockwise.
    pub angle: u32,
    /// Fraction of the images whose predicted class isn't that of the image as it is.
    pub changed: f64,
    /// ‖f(turned) − f(image)‖ / ‖f(image)‖ of the class scores, over all images together.
    pub scores: f64,
    /// Fraction of the turned images that is classified wrongly.
    pub error: f64,
}

/// Turns the images by every multiple of `step` degrees (0 counts as 1) below 360, with bilinear interpolation and 0 outside
/// the image as in [`rotate::rotate`]. Interpolation and cut corners alone change the scores of a perfectly equivariant
/// network too, except at multiples of 90°.
///
/// # Errors
/// When the network doesn't take the images.
pub fn rotation_invariance(
    network: &Network,
    images: &Images,
    statistics: PixelStatistics,
    step: u32,
) -> Result<Vec<AngleInvariance>> {
    Ok(until(network, images, statistics, step, &mut || false)?.unwrap_or_default())
}

/// The same; `None` if `stop`, which is asked before every angle, said so.
pub(super) fn until(
    network: &Network,
    images: &Images,
    statistics: PixelStatistics,
    step: u32,
    stop: &mut dyn FnMut() -> bool,
) -> Result<Option<Vec<AngleInvariance>>> {
    let reference = scores(network, images, statistics)?;
    let upright = predictions(&reference);
    let norm = norm(reference.iter().flatten().copied());
    let angles = (0..360).step_by(step.max(1) as usize).map(|angle| {
        if stop() {
            return Ok(None);
        }
        let found = scores(network, &turned(images, angle), statistics)?;
        let differences = found.iter().flatten().zip(reference.iter().flatten()).map(|(a, b)| a - b);
        let scores = self::norm(differences) / norm;
        let predicted = predictions(&found);
        let labels: Vec<usize> = images.labels.iter().map(|&label| usize::from(label)).collect();
        Ok(Some(AngleInvariance {
            angle,
            changed: differing(&predicted, &upright),
            scores,
            error: differing(&predicted, &labels),
        }))
    });
    angles.collect()
}

/// A copy of the images, each turned by `angle` degrees counter-clockwise about its centre.
pub fn turned(images: &Images, angle: u32) -> Images {
    let mut turned = images.clone();
    let plane = images.height * images.width;
    for (from, to) in images.pixels.chunks_exact(plane).zip(turned.pixels.chunks_exact_mut(plane)) {
        rotate::rotate(from, images.height, images.width, f64::from(angle).to_radians(), to);
    }
    turned
}

/// The class scores of every image.
fn scores(network: &Network, images: &Images, statistics: PixelStatistics) -> Result<Vec<Vec<f64>>> {
    let mut scores = Vec::with_capacity(images.len());
    for batch in Batches::new(images, statistics, BATCH, &Device::Cpu).in_order() {
        let output = network.output(&batch?.images, &mut Mode::Inference)?;
        let tensor: Tensor = output.tensor().flatten_from(1)?.to_dtype(DType::F64)?;
        scores.extend(tensor.to_vec2::<f64>()?);
    }
    Ok(scores)
}

/// The class with the largest score, by image.
fn predictions(scores: &[Vec<f64>]) -> Vec<usize> {
    let best = |scores: &Vec<f64>| (0..scores.len()).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or(0);
    scores.iter().map(best).collect()
}

fn differing(a: &[usize], b: &[usize]) -> f64 {
    a.iter().zip(b).filter(|(a, b)| a != b).count() as f64 / a.len().max(1) as f64
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}
