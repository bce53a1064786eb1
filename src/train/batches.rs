//! Batches of normalised, augmented images in a seeded order.

use candle_core::{Device, Tensor};
use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::PixelStatistics;
use crate::data::{Augmentation, Images, Label};
use crate::error::Result;
use crate::rng;

/// Some images and their labels on the device.
pub struct Batch {
    /// (batch, channels, height, width), normalised.
    pub images: Tensor,
    /// (batch), the classes as u32.
    pub labels: Tensor,
    /// The classes.
    pub classes: Vec<Label>,
}

/// What determines the images of an epoch.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochDraw {
    /// Seed of the run.
    pub seed: u64,
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// How many images, if not one pass.
    pub images: Option<usize>,
    /// What is done to each.
    pub augmentation: Augmentation,
}

/// Makes batches of one set of images.
pub struct Batches<'a> {
    images: &'a Images,
    statistics: PixelStatistics,
    size: usize,
    device: Device,
}

impl<'a> Batches<'a> {
    /// Batches of up to `size` images.
    pub fn new(images: &'a Images, statistics: &PixelStatistics, size: usize, device: &Device) -> Self {
        Self { images, statistics: statistics.clone(), size: size.max(1), device: device.clone() }
    }

    /// Batches of `images` images, or of one pass.
    pub fn count(&self, images: Option<usize>) -> usize {
        images.unwrap_or(self.images.len()).div_ceil(self.size)
    }

    /// The images in their own order, as they are.
    pub fn in_order(&self) -> impl Iterator<Item = Result<Batch>> {
        let all: Vec<usize> = (0..self.images.len()).collect();
        let batches: Vec<_> = all.chunks(self.size).map(<[_]>::to_vec).collect();
        batches.into_iter().map(|indices| self.assemble(&indices, |image, _, out| out.copy_from_slice(image)))
    }

    /// The images of an epoch from batch `first` on, counted from 0: shuffled by the stream `order/{epoch}` of the seed,
    /// each augmented by a stream of its own, so that runs with the same seed see the same images whatever they train.
    pub fn shuffled(&self, draw: EpochDraw, first: usize) -> impl Iterator<Item = Result<Batch>> {
        let EpochDraw { seed, epoch, images, augmentation } = draw;
        let mut stream = rng::stream(seed, &format!("order/{epoch}"));
        let count = images.unwrap_or(self.images.len());
        let mut order = Vec::with_capacity(count);
        while order.len() < count && !self.images.is_empty() {
            let mut pass: Vec<usize> = (0..self.images.len()).collect();
            pass.shuffle(&mut stream);
            order.extend(pass);
        }
        order.truncate(count);
        let batches: Vec<_> = order.chunks(self.size).map(<[_]>::to_vec).collect();
        let Images { channels, height, width, .. } = *self.images;
        let size = self.size;
        let write = move |image: &[f32], place: usize, out: &mut [f32]| {
            if augmentation.is_none() {
                out.copy_from_slice(image);
            } else {
                let mut stream = rng::stream(seed, &format!("augmentation/{epoch}/{place}"));
                augmentation.apply(image, [channels, height, width], out, &mut stream);
            }
        };
        batches.into_iter().enumerate().skip(first).map(move |(batch, indices)| {
            self.assemble(&indices, |image, place, out| write(image, batch * size + place, out))
        })
    }

    /// `write` gets an image, its place in the batch, and where it goes.
    fn assemble(&self, indices: &[usize], write: impl Fn(&[f32], usize, &mut [f32]) + Sync) -> Result<Batch> {
        let length = self.images.image_len();
        let mut pixels = vec![0.0; indices.len() * length];
        pixels.par_chunks_mut(length).zip(indices).enumerate().for_each(|(place, (out, &index))| {
            write(&self.images.image(index), place, out);
            self.statistics.normalise(out);
        });
        let shape = (indices.len(), self.images.channels, self.images.height, self.images.width);
        let classes: Vec<Label> = indices.iter().map(|&index| self.images.labels[index]).collect();
        let labels: Vec<u32> = classes.iter().map(|&class| u32::from(class)).collect();
        let images = Tensor::from_vec(pixels, shape, &self.device)?;
        Ok(Batch { images, labels: Tensor::new(labels, &self.device)?, classes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::augment::Published;
    use crate::train::statistics::Moments;

    fn as_they_are() -> PixelStatistics {
        PixelStatistics::new(vec![Moments { mean: 0.0, deviation: 1.0 }])
    }

    fn images(n: usize) -> Images {
        let pixels = (0..n * 4).map(|p| p as f32 / 100.0).collect::<Vec<_>>().into();
        Images { channels: 1, height: 2, width: 2, pixels, labels: (0..n as Label).collect() }
    }

    #[test]
    fn every_image_comes_once_with_its_label_and_the_order_depends_on_seed_and_epoch() {
        let images = images(10);
        let batches = Batches::new(&images, &as_they_are(), 4, &Device::Cpu);
        let classes = |seed, epoch| -> Vec<Label> {
            let draw = EpochDraw { seed, epoch, images: None, augmentation: Augmentation::default() };
            let batches = batches.shuffled(draw, 0).map(Result::unwrap);
            let check = |batch: &Batch| {
                let first = batch.images.flatten_from(1).unwrap().get(0).unwrap().to_vec1::<f32>().unwrap();
                assert_eq!(first, *images.image(batch.classes[0] as usize));
            };
            batches.inspect(check).flat_map(|batch| batch.classes).collect()
        };
        let order = classes(1, 1);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, images.labels);
        assert_eq!(order, classes(1, 1));
        assert_ne!(order, classes(1, 2));
        assert_ne!(order, classes(2, 1));
        assert_eq!((batches.count(None), batches.count(Some(25))), (3, 7));
        let in_order: Vec<Label> = batches.in_order().flat_map(|batch| batch.unwrap().classes).collect();
        assert_eq!(in_order, images.labels);
    }

    #[test]
    fn an_epoch_can_be_several_passes_and_be_taken_up_in_its_middle() {
        let images = images(10);
        let batches = Batches::new(&images, &as_they_are(), 4, &Device::Cpu);
        let augmentation = Augmentation::from(Published { rotate: true, flip: false });
        let draw = EpochDraw { seed: 1, epoch: 3, images: Some(25), augmentation };
        let from = |first| -> Vec<Batch> { batches.shuffled(draw.clone(), first).map(Result::unwrap).collect() };
        let whole = from(0);
        let classes: Vec<Label> = whole.iter().flat_map(|batch| batch.classes.clone()).collect();
        assert_eq!(classes.len(), 25);
        for pass in [&classes[..10], &classes[10..20]] {
            let mut sorted = pass.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, images.labels);
        }
        assert_ne!(classes[..10], classes[10..20]);
        let pixels = |batch: &Batch| batch.images.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let later = from(5);
        assert_eq!(later.len(), 2);
        for (a, b) in whole[5..].iter().zip(&later) {
            assert_eq!((&a.classes, pixels(a)), (&b.classes, pixels(b)));
        }
    }
}
