//! From the tables of a study file to what they ask for, checked.

use super::limits::MOST_SETTINGS;
use super::{ArmFile, EquivarianceFile, Setting, StudyText, Tuning, TuningFile};
use crate::error::{Error, Result};
use crate::lab::Turning;
use crate::train::{MOST_IMAGES, TrainingConfig};

impl TuningFile {
    /// A key of the arm that tuning would override.
    pub(super) fn overridden(&self, arm: &ArmFile) -> Option<&'static str> {
        let ArmFile { training, .. } = arm;
        let keys = [
            ("training.learning_rate", self.learning_rate.is_empty(), training.learning_rate.is_some()),
            ("training.weight_decay", self.weight_decay.is_empty(), training.weight_decay.is_some()),
            ("training.batch", self.batch.is_empty(), training.batch.is_some()),
            ("dropout", self.dropout.is_empty(), arm.dropout.is_some()),
        ];
        keys.into_iter().find(|(_, untuned, given)| !untuned && *given).map(|(key, ..)| key)
    }

    /// The grid, checked.
    pub(super) fn resolve(&self, file: &StudyText, training: &TrainingConfig) -> Result<Tuning> {
        fn axis<T: Copy>(values: &[T]) -> Vec<Option<T>> {
            if values.is_empty() { vec![None] } else { values.iter().copied().map(Some).collect() }
        }
        let lists = [self.learning_rate.len(), self.weight_decay.len(), self.batch.len(), self.dropout.len()];
        let count = lists.iter().fold(1, |count: usize, list| count.saturating_mul(*list.max(&1)));
        if count > MOST_SETTINGS {
            let message = format!("[tuning] has {count} settings to try, but at most {MOST_SETTINGS} are possible");
            return Err(file.error_at("tuning", "learning_rate", &message));
        }
        let mut settings = Vec::new();
        for learning_rate in axis(&self.learning_rate) {
            for weight_decay in axis(&self.weight_decay) {
                for batch in axis(&self.batch) {
                    let of_dropout = |dropout| Setting { learning_rate, weight_decay, batch, dropout };
                    settings.extend(axis(&self.dropout).into_iter().map(of_dropout));
                }
            }
        }
        if let Some(n) = (1..settings.len()).find(|&n| settings[..n].contains(&settings[n])) {
            let message = format!("[tuning] has the same value twice: {} would be tried again", settings[n].label());
            return Err(file.error_at("tuning", "learning_rate", &message));
        }
        for setting in &settings {
            let tuned = |e| match e {
                Error::Key { key, message, .. } => Error::key("tuning", key, message),
                other => other,
            };
            setting.check().and_then(|()| setting.of(training).check()).map_err(|e| file.locate(tuned(e)))?;
        }
        let validation = self.validation.as_ref().map_or(1.0 / 6.0, |fraction| *fraction.as_ref());
        if let Some(spanned) = self.validation.as_ref().filter(|_| !(validation > 0.0 && validation < 1.0)) {
            return Err(
                file.error(spanned, format!("tuning.validation = {validation}, but it's a fraction between 0 and 1"))
            );
        }
        let seeds = self.seeds.as_ref().map_or(1, |seeds| *seeds.as_ref());
        if let Some(spanned) = self.seeds.as_ref().filter(|_| !(1..=MOST_SETTINGS).contains(&seeds)) {
            return Err(file.error(spanned, format!("tuning.seeds = {seeds}, but it must be 1 to {MOST_SETTINGS}")));
        }
        if lists == [0; 4] {
            let message =
                "[tuning] has nothing to try: give it a list of learning_rate, weight_decay, batch or dropout";
            return Err(file.error_at("tuning", "learning_rate", message));
        }
        Ok(Tuning { settings, validation, seeds })
    }
}

impl EquivarianceFile {
    pub(super) fn resolve(&self, file: &StudyText) -> Result<Turning> {
        let images = self.images.as_ref().map_or(2000, |images| *images.as_ref());
        if let Some(spanned) = self.images.as_ref().filter(|_| !(1..=MOST_IMAGES).contains(&images)) {
            let message =
                format!("equivariance.images = {images}, but it must be at least 1, and at most {MOST_IMAGES}");
            return Err(file.error(spanned, message));
        }
        let step = self.step.as_ref().map_or(15, |step| *step.as_ref());
        if let Some(spanned) = self.step.as_ref().filter(|_| step == 0 || 90 % step != 0) {
            let message = format!(
                "equivariance.step = {step}, but it must divide 90 degrees (as 5, 15, 30 and 45 do), so that quarter turns are \
                 among the angles"
            );
            return Err(file.error(spanned, message));
        }
        Ok(Turning { images, step })
    }
}
