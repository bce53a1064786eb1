//! What runs see of their training images.

use candle_core::Device;

use super::{Arm, Study, training_images};
use crate::data::{Augmentation, Draws, Shape};
use crate::error::{Error, Result};
use crate::train::{Batches, Drawn, PixelStatistics};

/// The first images of an epoch of one run, before and after augmentation.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The arm, see [`Arm::id`].
    pub arm: String,
    /// What the images are, for figures.
    pub data: String,
    /// Seed of the run.
    pub seed: u64,
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// What an image is like.
    pub shape: Shape,
    /// What is done to each.
    pub augmentation: Augmentation,
    /// What every image is shifted and scaled by in the end.
    pub statistics: PixelStatistics,
    /// The images, in the run's order.
    pub images: Vec<Drawn>,
}

/// Seeds that an error lists.
const LISTED: usize = 10;

impl Study {
    /// The first `count` images that the run of an arm with this seed learns from in `epoch`, counted from 1; all where it sees fewer.
    ///
    /// # Errors
    /// When the study has no such run or epoch, or the images can't be read any more.
    pub fn first_seen(&self, arm: &Arm, draws: &Draws, seed: u64, epoch: usize, count: usize) -> Result<Seen> {
        self.check_run(arm, seed, epoch)?;
        let dataset = draws.of(seed)?;
        let images = training_images(&dataset, arm.train.unwrap_or(dataset.train.len()), seed);
        let statistics = PixelStatistics::of(&images, arm.training.normalise);
        let draw = arm.training.draw(seed, epoch);
        let drawn = Batches::new(&images, &statistics, arm.training.batch, &Device::Cpu).drawn(&draw, count);
        Ok(Seen {
            arm: arm.id(),
            data: dataset.name.clone(),
            seed,
            epoch,
            shape: images.shape(),
            augmentation: draw.augmentation,
            statistics,
            images: drawn,
        })
    }

    fn check_run(&self, arm: &Arm, seed: u64, epoch: usize) -> Result<()> {
        let (name, seeds, epochs) = (arm.id(), self.seeds_of(arm), arm.training.epochs);
        if !seeds.contains(&seed) {
            let known: Vec<String> = seeds.iter().take(LISTED).map(u64::to_string).collect();
            let more = if seeds.len() > LISTED { ", …" } else { "" };
            return Err(Error::invalid(format!("seed {seed}: {name} is run with {}{more}", known.join(", "))));
        }
        if !(1..=epochs).contains(&epoch) {
            return Err(Error::invalid(format!("epoch {epoch}: {name} is trained for the epochs 1 to {epochs}")));
        }
        Ok(())
    }

    /// The arms whose runs see other images than those of `arm` with the same seed, or see them otherwise.
    pub fn sees_others<'a>(&'a self, arm: &'a Arm) -> impl Iterator<Item = &'a Arm> {
        let how = |arm: &Arm| {
            let training = &arm.training;
            (arm.train, training.images_per_epoch, training.normalise, training.augmentation.clone())
        };
        self.arms.iter().filter(move |other| how(other) != how(arm))
    }
}
