//! A run made once more, and held against its record.

use candle_core::Device;

use super::images::{Purpose, training_images};
use super::record::{Mistake, Mistakes};
use super::{Outcome, Record, Run};
use crate::data::Draws;
use crate::error::{Error, Result};
use crate::train::{EpochEnd, Trainer};

/// What came of making a run once more.
#[derive(Clone, Debug, PartialEq)]
pub struct Reproduction {
    /// Test error on record.
    pub recorded: f64,
    /// Test error now.
    pub test_error: f64,
    /// Test images.
    pub tested: usize,
    /// Test images whose predicted class isn't the one on record.
    pub differing: usize,
}

impl Run {
    /// Makes a finished run once more, from its configuration alone; the store stays as it is. `epoch` is told of every epoch.
    ///
    /// # Errors
    /// When the run isn't finished, its images aren't those of `draws`, or it diverges.
    pub fn reproduce(
        &self,
        record: &Record,
        draws: &Draws,
        device: &Device,
        epoch: &mut dyn FnMut(&EpochEnd),
    ) -> Result<Reproduction> {
        let (Some(Outcome::Finished { test_error: recorded, mistakes }), Purpose::TestSet { train }) =
            (self.result().map(|result| &result.outcome), self.config.purpose)
        else {
            return Err(Error::invalid(format!(
                "{} isn't finished, so there's nothing to hold it against",
                self.label()
            )));
        };
        let dataset = draws.of(self.config.seed)?;
        let images = training_images(&dataset, train, self.config.seed);
        let mut trainer =
            Trainer::new(&self.config.net, &self.config.training, &images, dataset.classes, self.config.seed, device)?;
        while trainer.epoch() < self.config.training.epochs {
            let end = trainer.train_epoch(&mut || false, &mut |_| {})?;
            if let EpochEnd::Diverged(reason) = end {
                return Err(Error::Diverged(reason));
            }
            epoch(&end);
        }
        let evaluation = trainer.evaluate(&dataset.test, &mut || false)?;
        let evaluation = evaluation.ok_or_else(|| Error::invalid("the evaluation was stopped"))?;
        let labels = &dataset.test.labels;
        let now = Mistakes::of(&evaluation.predictions, labels).labelled(labels);
        Ok(Reproduction {
            recorded: *recorded,
            test_error: evaluation.error,
            tested: labels.len(),
            differing: differing(mistakes, &now, &record.test_labels).map_err(Error::invalid)?,
        })
    }
}

/// How many images two runs predict differently.
fn differing(recorded: &Mistakes, now: &Mistakes, labels: &[u8]) -> std::result::Result<usize, String> {
    let recorded = recorded.each(labels)?;
    let now = now.each(&[])?;
    let class_of = |all: &[Mistake], image: usize| {
        all.binary_search_by_key(&image, |mistake| mistake.image).ok().map(|place| all[place].class)
    };
    let of_recorded = recorded.iter().filter(|mistake| class_of(&now, mistake.image) != Some(mistake.class)).count();
    let only_now = now.iter().filter(|mistake| class_of(&recorded, mistake.image).is_none()).count();
    Ok(of_recorded + only_now)
}
