//! A run made once more, and held against its record.

use candle_core::Device;

use super::images::{Purpose, training_images};
use super::record::{Mistake, Mistakes, TestSet};
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
    /// When the run isn't finished, its record contradicts itself or the images of `draws`, or it diverges.
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
        let set = TestSet { labels: Some(labels), ..record.test_set() };
        let faulty = |why: String| Error::content(self.folder.path().join("result.json"), why);
        let of_record = mistakes.each(&record.test_set()).map_err(faulty)?;
        if of_record.iter().any(|mistake| labels.get(mistake.image) != Some(&mistake.label)) {
            return Err(faulty("its labels aren't those of the images".to_owned()));
        }
        if *recorded != of_record.len() as f64 / labels.len() as f64 {
            return Err(faulty("its test_error isn't that of its mistakes".to_owned()));
        }
        let now = Mistakes::of(&evaluation.predictions, labels).each(&set).map_err(Error::invalid)?;
        Ok(Reproduction {
            recorded: *recorded,
            test_error: evaluation.error,
            tested: labels.len(),
            differing: differing(&of_record, &now),
        })
    }
}

/// How many images two runs predict differently.
fn differing(recorded: &[Mistake], now: &[Mistake]) -> usize {
    let class_of = |all: &[Mistake], image: usize| {
        all.binary_search_by_key(&image, |mistake| mistake.image).ok().map(|place| all[place].class)
    };
    let of_recorded = recorded.iter().filter(|mistake| class_of(now, mistake.image) != Some(mistake.class)).count();
    let only_now = now.iter().filter(|mistake| class_of(recorded, mistake.image).is_none()).count();
    of_recorded + only_now
}
