//! Times of the input pipeline by itself: images are picked, augmented, normalised and put into batches.

use candle_core::Device;
use rand::RngExt;

use super::Timing;
use crate::data::{Augmentation, Images, Label};
use crate::error::Result;
use crate::model::InputShape;
use crate::rng;
use crate::train::{Batches, EpochDraw, Normalisation, PixelStatistics};

/// Batches whose images the pipeline picks from.
const BATCHES: usize = 8;

/// Times a batch of images of noise, held as bytes, on the current pool.
///
/// # Errors
/// When a tensor can't be made.
pub fn pipeline(input: InputShape, batch: usize, augmentation: &Augmentation, repeats: usize) -> Result<Timing> {
    let mut stream = rng::stream(0, "images");
    let InputShape { channels, size: [height, width], classes } = input;
    let count = batch * BATCHES;
    let pixels: Vec<u8> = (0..count * channels * height * width).map(|_| stream.random()).collect();
    let labels = (0..count).map(|n| (n % classes) as Label).collect();
    let images = Images { channels, height, width, pixels: pixels.into(), labels };
    let statistics = PixelStatistics::of(&images, Normalisation::Channels);
    let batches = Batches::new(&images, &statistics, batch, &Device::Cpu);
    let mut epoch = 0;
    Timing::of(repeats, || {
        epoch += 1;
        let draw = EpochDraw { seed: 0, epoch, images: Some(batch), augmentation: augmentation.clone() };
        batches.shuffled(draw, 0).try_for_each(|made| made.map(drop))
    })
}
