//! A picture of the images that a run learns from.

use super::figure::{BatchFigure, BatchImage, Bitmap};
use crate::data::Shape;
use crate::study::Seen;
use crate::train::Moments;

/// The figure of what a run sees.
pub fn figure(seen: &Seen) -> BatchFigure {
    let shown = |pixels: &[f32]| bitmap(pixels, seen.shape);
    let images = seen.images.iter().map(|image| BatchImage {
        class: image.class.to_string(),
        loaded: shown(&image.loaded),
        augmented: shown(&image.augmented),
    });
    let range = |Moments { mean, deviation }: &Moments| [0.0, 1.0].map(|pixel| (pixel - mean) / deviation);
    BatchFigure {
        arm: seen.arm.clone(),
        data: seen.data.clone(),
        seed: seen.seed,
        epoch: seen.epoch,
        augmentation: (!seen.augmentation.is_none()).then(|| seen.augmentation.to_string()),
        ranges: seen.statistics.parts().iter().map(range).collect(),
        averaged: !matches!(seen.shape.channels, 1 | 3),
        images: images.collect(),
    }
}

/// Pixels of the shape (channels, height, width) in [0, 1], black to white: three channels in their colours, others as their mean.
pub fn bitmap(pixels: &[f32], Shape { channels, height, width }: Shape) -> Bitmap {
    let area = height * width;
    let byte = |value: f32| (255.0 * value.clamp(0.0, 1.0)).round() as u8;
    let colour = |pixel: usize| match channels {
        3 => [0, 1, 2].map(|channel| byte(pixels[channel * area + pixel])),
        _ => {
            let sum: f32 = pixels[pixel..].iter().step_by(area).sum();
            [byte(sum / channels.max(1) as f32); 3]
        }
    };
    Bitmap { width, pixels: (0..area).map(colour).collect() }
}
