//! Sets whose images are turned and mirrored once, each by a draw of its own: a rotated set of any source.
//!
//! `[data] rotate = "any"` turns every image by an angle uniform in [0, 2π) and interpolates bilinearly, as [`mnist_rot`](super::mnist_rot)
//! does; `"quarter"` by a multiple of 90°, which moves pixels only. `flip = true` mirrors both ways, each with probability 1/2. Which
//! images are training and which are test images stays as the source has it.

use rayon::prelude::*;

use super::augment::{Angles, Augmentation, Flip, Step, Turn};
use super::{DataConfig, Dataset, Images, Pixels, Rotate, Shape, hash};
use crate::error::{Error, Result};
use crate::memory::check_memory;
use crate::rng;

/// Refuses quarter turns of images that aren't square.
///
/// # Errors
/// That.
pub(super) fn check_shape(shape: Shape, config: &DataConfig) -> Result<()> {
    match config.rotate == Some(Rotate::Quarter) && shape.height != shape.width {
        true => {
            let message = format!("= \"quarter\", but quarter turns of {shape} have another shape");
            Err(Error::key("data", "rotate", message))
        }
        false => Ok(()),
    }
}

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
    check_shape(set.train.shape(), config)?;
    let whole_numbers = config.rotate != Some(Rotate::Any);
    if !whole_numbers {
        // Interpolated pixels are floats.
        let values = (set.train.pixels.len() + set.test.pixels.len()) as u64;
        let needed = values.saturating_mul(size_of::<f32>() as u64);
        check_memory(needed).map_err(|e| Error::key("data", "rotate", format!("= \"any\" {e}")))?;
    }
    let how = match (config.rotate, config.flip) {
        (Some(Rotate::Any), false) => "rotated",
        (Some(Rotate::Any), true) => "rotated and mirrored",
        (Some(Rotate::Quarter), false) => "turned by quarters",
        (Some(Rotate::Quarter), true) => "turned by quarters and mirrored",
        (None, _) => "mirrored",
    };
    let steps = Augmentation::Steps(steps);
    let part = |images: &Images, part: &str| {
        let shape = [images.channels, images.height, images.width];
        let turn = |n: usize, out: &mut [f32]| {
            steps.apply(&images.image(n), shape, out, &mut rng::stream(seed, &format!("data/turned/{part}/{n}")));
        };
        let length = images.image_len();
        let pixels = match &images.pixels {
            // Pixels that are only moved are the bytes that they were.
            Pixels::Bytes(bytes) if whole_numbers => {
                let mut turned = vec![0; bytes.len()];
                turned.par_chunks_exact_mut(length).enumerate().for_each_init(
                    || vec![0.0; length],
                    |image, (n, out)| {
                        turn(n, image);
                        out.iter_mut().zip(image).for_each(|(out, pixel)| *out = (*pixel * 255.0).round() as u8);
                    },
                );
                Pixels::from(turned)
            }
            _ => {
                let mut turned = vec![0.0; images.pixels.len()];
                turned.par_chunks_exact_mut(length).enumerate().for_each(|(n, out)| turn(n, out));
                Pixels::from(turned)
            }
        };
        Images { pixels, labels: images.labels.clone(), ..*images }
    };
    let (train, test) = (part(&set.train, "train"), part(&set.test, "test"));
    let recipe = format!("{how}, recipe 1: seed {seed}");
    let fingerprint = hash::fingerprint([set.fingerprint.as_str(), &recipe]);
    Ok(Dataset { name: format!("{} {how} (seed {seed})", set.name), fingerprint, train, test, ..set })
}
