//! Batches of normalised, augmented images in a seeded order.

use candle_core::{Device, Tensor};
use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::PixelStatistics;
use crate::data::{Augmentation, Images, Label, Shape};
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

impl EpochDraw {
    /// The places of its images in a set of so many, in its order: shuffled by the stream `order/{epoch}` of the seed.
    fn order(&self, available: usize) -> Vec<usize> {
        let mut stream = rng::stream(self.seed, &format!("order/{}", self.epoch));
        let count = self.images.unwrap_or(available);
        let mut order = Vec::with_capacity(count);
        while order.len() < count && available > 0 {
            let mut pass: Vec<usize> = (0..available).collect();
            pass.shuffle(&mut stream);
            order.extend(pass);
        }
        order.truncate(count);
        order
    }

    /// Writes the image at a place of the order to `out`, augmented by a stream of its own.
    fn augment(&self, image: &[f32], Shape { channels, height, width }: Shape, place: usize, out: &mut [f32]) {
        if self.augmentation.is_none() {
            return out.copy_from_slice(image);
        }
        let mut stream = rng::stream(self.seed, &format!("augmentation/{}/{place}", self.epoch));
        self.augmentation.apply(image, [channels, height, width], out, &mut stream);
    }
}

/// An image of an epoch before it's normalised; pixels of the shape (channels, height, width) in [0, 1].
#[derive(Clone, Debug, PartialEq)]
pub struct Drawn {
    /// Its class.
    pub class: Label,
    /// As it's held.
    pub loaded: Vec<f32>,
    /// As it's augmented.
    pub augmented: Vec<f32>,
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

    /// The images of an epoch from batch `first` on, counted from 0, in the order of its draw, each augmented by a stream of its own,
    /// so that runs with the same seed see the same images whatever they train.
    pub fn shuffled(&self, draw: EpochDraw, first: usize) -> impl Iterator<Item = Result<Batch>> {
        let order = draw.order(self.images.len());
        let batches: Vec<_> = order.chunks(self.size).map(<[_]>::to_vec).collect();
        let (shape, size) = (self.images.shape(), self.size);
        batches.into_iter().enumerate().skip(first).map(move |(batch, indices)| {
            self.assemble(&indices, |image, place, out| draw.augment(image, shape, batch * size + place, out))
        })
    }

    /// The first `count` images of an epoch, or all where it has fewer: what [`Batches::shuffled`] normalises.
    pub fn drawn(&self, draw: &EpochDraw, count: usize) -> Vec<Drawn> {
        let count = count.min(draw.images.unwrap_or(self.images.len()));
        // An order begins alike however long it is, and an epoch may be a hundred million images.
        let order = EpochDraw { images: Some(count), ..draw.clone() }.order(self.images.len());
        let shape = self.images.shape();
        let of_place = |(place, index): (usize, usize)| {
            let loaded = self.images.image(index).to_vec();
            let mut augmented = vec![0.0; loaded.len()];
            draw.augment(&loaded, shape, place, &mut augmented);
            Drawn { class: self.images.labels[index], loaded, augmented }
        };
        order.into_iter().enumerate().map(of_place).collect()
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

    #[test]
    fn the_first_images_of_an_epoch_are_those_of_its_batches() {
        let images = images(10);
        let statistics = PixelStatistics::of(&images, crate::train::Normalisation::Pixels);
        let batches = Batches::new(&images, &statistics, 4, &Device::Cpu);
        let turned = Augmentation::from(Published { rotate: true, flip: true });
        for (augmentation, passes) in [(turned, Some(25)), (Augmentation::default(), None)] {
            let draw = EpochDraw { seed: 1, epoch: 3, images: passes, augmentation };
            let drawn = batches.drawn(&draw, 17);
            assert_eq!(drawn.len(), if passes.is_some() { 17 } else { 10 });
            let mut seen = Vec::new();
            for batch in batches.shuffled(draw.clone(), 0).map(Result::unwrap) {
                let pixels = batch.images.flatten_from(1).unwrap().to_vec2::<f32>().unwrap();
                seen.extend(batch.classes.into_iter().zip(pixels));
            }
            for (Drawn { class, loaded, mut augmented }, (label, pixels)) in drawn.into_iter().zip(seen) {
                assert_eq!((&loaded[..], class), (&*images.image(label.into()), label));
                assert_eq!(loaded == augmented, draw.augmentation.is_none());
                statistics.normalise(&mut augmented);
                assert_eq!(augmented, pixels);
            }
        }
    }
}
