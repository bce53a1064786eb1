//! What a network says of images that turn, by quarter turns and by angles between.

use candle_core::{DType, Device};
use serde::{Deserialize, Serialize};

use crate::data::{Images, Label, rotate};
use crate::error::Result;
use crate::model::Network;
use crate::nn::{Filters, Mode};
use crate::train::{Batches, PixelStatistics, predicted_classes};

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
    statistics: &PixelStatistics,
    step: u32,
) -> Result<Vec<AngleInvariance>> {
    Ok(until(network, images, statistics, step, &mut || false)?.unwrap_or_default())
}

/// The same; `None` if `stop`, which is asked before every angle, said so.
pub(super) fn until(
    network: &Network,
    images: &Images,
    statistics: &PixelStatistics,
    step: u32,
    stop: &mut dyn FnMut() -> bool,
) -> Result<Option<Vec<AngleInvariance>>> {
    let upright = answers(network, images, statistics)?;
    let norm = norm(upright.scores.iter().copied());
    let angles = (0..360).step_by(step.max(1) as usize).map(|angle| {
        if stop() {
            return Ok(None);
        }
        let found = answers(network, &turned(images, angle), statistics)?;
        let differences = found.scores.iter().zip(&upright.scores).map(|(a, b)| a - b);
        Ok(Some(AngleInvariance {
            angle,
            changed: differing(&found.classes, &upright.classes),
            scores: self::norm(differences) / norm,
            error: differing(&found.classes, &images.labels),
        }))
    });
    angles.collect()
}

/// A copy of the images, each turned by `angle` degrees counter-clockwise about its centre.
pub fn turned(images: &Images, angle: u32) -> Images {
    let (plane, mut turned) = (images.height * images.width, vec![0.0; images.pixels.len()]);
    for (n, to) in turned.chunks_exact_mut(plane).enumerate() {
        let from = images.pixels.floats(n * plane..(n + 1) * plane);
        rotate::rotate(&from, images.height, images.width, f64::from(angle).to_radians(), to);
    }
    Images { pixels: turned.into(), labels: images.labels.clone(), ..*images }
}

/// What a network says of images.
struct Answers {
    /// The scores of all classes, image by image.
    scores: Vec<f64>,
    /// The predicted class of every image.
    classes: Vec<Label>,
}

fn answers(network: &Network, images: &Images, statistics: &PixelStatistics) -> Result<Answers> {
    let mut answers = Answers { scores: Vec::new(), classes: Vec::with_capacity(images.len()) };
    let mut filters = Filters::default();
    for batch in Batches::new(images, statistics, BATCH, &Device::Cpu).in_order() {
        let output = network.output(&batch?.images, &mut Mode::Evaluation(&mut filters))?;
        let scores = output.tensor().flatten_from(1)?;
        answers.classes.extend(predicted_classes(&scores)?);
        answers.scores.extend(scores.flatten_all()?.to_dtype(DType::F64)?.to_vec1::<f64>()?);
    }
    Ok(answers)
}

fn differing(a: &[Label], b: &[Label]) -> f64 {
    a.iter().zip(b).filter(|(a, b)| a != b).count() as f64 / a.len().max(1) as f64
}

fn norm(values: impl Iterator<Item = f64>) -> f64 {
    values.map(|value| value * value).sum::<f64>().sqrt()
}
