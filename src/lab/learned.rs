//! How equivariant a network became by training: what a study records of a run.

use serde::{Deserialize, Serialize};

use super::check::{Inputs, fresh};
use super::{
    AngleInvariance, LayerReport, LocalEquivariance, Sample, Subject, angles, layer_reports, local_equivariance,
};
use crate::error::{Error, Result};
use crate::model::Network;

/// How the predictions for turning images are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turning {
    /// How many of the first test images are turned.
    pub images: usize,
    /// Degrees between angles.
    pub step: u32,
}

/// How equivariant a network became.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnedEquivariance {
    /// The point group that its layers were held against.
    pub group: String,
    /// The layers, from the image on.
    pub layers: Vec<LearnedLayer>,
    /// Number of test images that they were measured on; `None` in records of programs that didn't take it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_images: Option<usize>,
    /// Number of test images that were turned.
    pub turned_images: usize,
    /// The trained network's answers while they turn.
    pub angles: Vec<AngleInvariance>,
    /// Its scores as the images that layers were measured on start to move; `None` in records of programs that didn't take it down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<LocalEquivariance>,
}

/// A layer before and after training: everything from the image up to it, on some of the test images, mean over the group's
/// elements but the identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LearnedLayer {
    /// Its name.
    pub layer: String,
    /// With new weights, and running statistics of a few batches.
    pub new: LayerErrors,
    /// With trained weights.
    pub trained: LayerErrors,
}

/// Errors of equivariance at a layer; `None` where the maps are 0, or the same for all images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerErrors {
    /// See [`ElementError::norm_error`](super::ElementError::norm_error).
    pub norm_error: Option<f64>,
    /// See [`ElementError::image_error`](super::ElementError::image_error).
    pub image_error: Option<f64>,
}

impl LayerErrors {
    fn of(report: &LayerReport) -> Self {
        let LayerReport { from_image, .. } = report;
        let finite = |error: Option<f64>| error.filter(|error| error.is_finite());
        Self { norm_error: finite(from_image.mean_norm_error()), image_error: finite(from_image.mean_image_error()) }
    }
}

/// Measures a trained network: the equivariance of its layers before and after training, and its answers while the sample's
/// images turn (Lenc & Vedaldi 2015, Gruver et al. 2023). `None` if `stop`, which is asked before every angle, said so.
///
/// # Errors
/// When the network can't be built for the input, or the weights are missing or another network's.
pub fn learned_equivariance(
    subject: &Subject,
    sample: &Sample,
    turning: Turning,
    stop: &mut dyn FnMut() -> bool,
) -> Result<Option<LearnedEquivariance>> {
    let trained = subject.trained.ok_or_else(|| Error::invalid(format!("{}: no trained weights", subject.name)))?;
    let group = subject.group();
    let inputs = Inputs::new(subject.input, subject.seed, Some(sample))?;
    let (weights, network) = fresh(subject, &inputs)?;
    let layers = |network: &Network| layer_reports(network.layers(), &group, inputs.usual());
    let new = layers(&network)?;
    weights.load(trained).map_err(|e| Error::invalid(format!("{}: {e}", subject.name)))?;
    let layers = new.iter().zip(layers(&network)?).map(|(new, trained)| LearnedLayer {
        layer: trained.layer.clone(),
        new: LayerErrors::of(new),
        trained: LayerErrors::of(&trained),
    });
    let layer_images = inputs.usual().dim(0)?;
    let local = local_equivariance(network.layers(), inputs.usual())?;
    let turned = sample.images.first(turning.images);
    let angles = angles::until(&network, &turned, &sample.statistics, turning.step, stop)?;
    Ok(angles.map(|angles| LearnedEquivariance {
        group: group.name().to_owned(),
        layers: layers.collect(),
        layer_images: Some(layer_images),
        turned_images: turned.len(),
        angles,
        local,
    }))
}
