//! Sets whose images are turned and mirrored once, each by a draw of its own: a rotated set of any source.
//!
//! `[data] rotate = "any"` turns every image by an angle uniform in [0, 2π) and interpolates bilinearly, as [`mnist_rot`](super::mnist_rot)
//! does; `"quarter"` by a multiple of 90°, which moves pixels only. `flip = true` mirrors both ways, each with probability 1/2. Which
//! images are training and which are test images stays as the source has it.

use rayon::prelude::*;

use super::augment::{Angles, Augmentation, Flip, Step, Turn};
use super::{DataConfig, Dataset, Images, Pixels, Rotate, hash};
use crate::error::{Error, Result};
use crate::rng;

/// The set with its images turned and mirrored as `config` says, by draws of `seed`; as it is where it says nothing.
///
/// # Errors
/// When quarter turns would give images another shape.
pub(super) fn turned(set: Dataset, config: &DataConfig, seed: u64) -> Result<Dataset> {
    let turn = config.rotate.map(|rotate| match rotate {
        Rotate::Any => Step::Rotate(Turn::Angles(Angles::Any)),
        Rotate::Quarter => Step::Rotate(Turn::Angles(Angles::Quarter)),
    });
    let steps: Vec<Step> = turn.into_iter().chain(config.flip.then_some(Step::Flip(Flip::Both))).collect();
    if steps.is_empty() {
        return Ok(set);
    }
    let shape = set.train.shape();
    if config.rotate == Some(Rotate::Quarter) && shape.height != shape.width {
        let message = format!("= \"quarter\", but quarter turns of {shape} have another shape");
        return Err(Error::key("data", "rotate", message));
    }
    let how = match (config.rotate, config.flip) {
        (Some(Rotate::Any), false) => "rotated",
        (Some(Rotate::Any), true) => "rotated and mirrored",
        (Some(Rotate::Quarter), false) => "turned by quarters",
        (Some(Rotate::Quarter), true) => "turned by quarters and mirrored",
        (None, _) => "mirrored",
    };
    let steps = Augmentation::Steps(steps);
    let whole_numbers = config.rotate != Some(Rotate::Any);
    let part = |images: &Images, part: &str| {
        let length = images.image_len();
        let mut pixels = vec![0.0; images.pixels.len()];
        pixels.par_chunks_exact_mut(length).enumerate().for_each(|(n, out)| {
            let shape = [images.channels, images.height, images.width];
            steps.apply(&images.image(n), shape, out, &mut rng::stream(seed, &format!("data/turned/{part}/{n}")));
        });
        let pixels = match &images.pixels {
            // Pixels that were only moved are the bytes that they were.
            Pixels::Bytes(_) if whole_numbers => {
                pixels.iter().map(|pixel| (pixel * 255.0).round() as u8).collect::<Vec<_>>().into()
            }
            _ => Pixels::from(pixels),
        };
        Images { pixels, labels: images.labels.clone(), ..*images }
    };
    let (train, test) = (part(&set.train, "train"), part(&set.test, "test"));
    let recipe = format!("{how}, recipe 1: seed {seed}");
    let fingerprint = hash::fingerprint([set.fingerprint.as_str(), &recipe]);
    Ok(Dataset { name: format!("{} {how} (seed {seed})", set.name), fingerprint, train, test, ..set })
}
