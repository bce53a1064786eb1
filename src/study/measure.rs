//! Measuring how equivariant runs became, where a study asks for it.

use super::record::SCHEMA_VERSION;
use super::{EquivarianceRecord, Outcome, Run, RunResult, Study, training_images};
use crate::data::Dataset;
use crate::error::{Error, Result};
use crate::group::Symmetry;
use crate::lab::{
    GridReport, LAYER_IMAGES, LearnedEquivariance, Sample, Subject, Turning, held_against, learned_equivariance,
};
use crate::model::InputShape;
use crate::train::PixelStatistics;

impl Study {
    /// Arms that their bank makes equivariant, but not for this input: what is wrong, and the arms, by their folders' names.
    ///
    /// # Errors
    /// When a network can't be built.
    pub fn grid_faults(&self, input: InputShape) -> Result<Vec<(GridReport, Vec<String>)>> {
        let mut faults: Vec<(GridReport, Vec<String>)> = Vec::new();
        for arm in self.arms.iter().filter(|arm| arm.net.bank.is_equivariant()) {
            let report = GridReport::analyse(&arm.net, input)?;
            match faults.iter_mut().find(|(known, _)| *known == report) {
                _ if report.faults.is_empty() => {}
                Some((_, arms)) => arms.push(arm.id()),
                None => faults.push((report, vec![arm.id()])),
            }
        }
        Ok(faults)
    }

    /// The group that networks without one are held against: the target's; p4 where it has none.
    pub fn symmetry(&self) -> Symmetry {
        let target = self.arms.iter().find(|arm| arm.name == self.target);
        target.and_then(|arm| arm.net.bank.symmetry()).unwrap_or_default()
    }
}

impl Run {
    /// The first `count` test images, normalised as the run's training normalises them.
    pub fn sample(&self, dataset: &Dataset, count: usize) -> Sample {
        let (train, _) = self.config.purpose.images(dataset.test.len());
        let images = training_images(dataset, train, self.config.seed);
        Sample {
            name: dataset.name.clone(),
            images: dataset.test.first(count),
            statistics: PixelStatistics::of(&images, self.config.training.normalise),
        }
    }

    /// What was recorded of a finished run's equivariance, if it's what the study asks for: of this run, so many images and
    /// angles, and the group.
    ///
    /// # Errors
    /// When its record is of another version.
    pub fn measured(&self, study: &Study) -> Result<Option<LearnedEquivariance>> {
        let (Some(turning), Some(result)) = (study.equivariance, self.finished()) else { return Ok(None) };
        let group = held_against(&self.config.net, study.symmetry());
        let asked = |found: &EquivarianceRecord| {
            let learned = &found.learned;
            let whole = !learned.layers.is_empty() && !learned.angles.is_empty();
            found.config == result.config && found.turning == turning && learned.group == group.name() && whole
        };
        Ok(self.folder.equivariance()?.filter(asked).map(|found| found.learned))
    }

    /// Whether it's finished and has to be measured still, and can be: its checkpoint is there.
    ///
    /// # Errors
    /// When its record is of another version.
    pub(super) fn is_unmeasured(&self, study: &Study) -> Result<bool> {
        Ok(self.folder.has_checkpoint() && self.lacks_measure(study)?)
    }

    /// Whether it's finished, but not measured as the study asks for.
    pub(super) fn lacks_measure(&self, study: &Study) -> Result<bool> {
        let asked = study.equivariance.is_some() && self.finished().is_some();
        Ok(asked && self.measured(study)?.is_none())
    }

    fn finished(&self) -> Option<&RunResult> {
        self.result().filter(|result| matches!(result.outcome, Outcome::Finished { .. }))
    }

    /// Measures a finished run by its last checkpoint; `None` where that's gone, or if `stop` said so.
    ///
    /// # Errors
    /// When the checkpoint can't be read or is of another run.
    pub(super) fn measure(
        &self,
        study: &Study,
        dataset: &Dataset,
        turning: Turning,
        stop: &mut dyn FnMut() -> bool,
    ) -> Result<Option<EquivarianceRecord>> {
        let Some(checkpoint) = self.folder.checkpoint()? else { return Ok(None) };
        let config = self.config.hash()?;
        if checkpoint.run != config || checkpoint.epoch != self.config.training.epochs {
            return Err(Error::content(self.folder.path(), "the checkpoint isn't that of the finished run"));
        }
        let subject = Subject {
            name: &self.label(),
            config: &self.config.net,
            input: InputShape::of(&dataset.test, dataset.classes),
            seed: self.config.seed,
            trained: Some(&checkpoint.tensors),
            symmetry: study.symmetry(),
        };
        let sample = self.sample(dataset, turning.images.max(LAYER_IMAGES));
        let learned = learned_equivariance(&subject, &sample, turning, stop)?;
        Ok(learned.map(|learned| EquivarianceRecord { schema_version: SCHEMA_VERSION, config, turning, learned }))
    }
}
