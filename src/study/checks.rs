//! Records checked for what no program wrote.

use std::collections::BTreeSet;

use super::limits::{LONGEST_NAME, MOST_ARMS, MOST_FACTORS, MOST_SEEDS, MOST_SETTINGS, folder_name_fault, repeated};
use super::tuning::runs_fault;
use super::{Arm, Level, Record, Study, Tuning, TuningRecord};
use crate::data::{Draw, FiniteSource};
use crate::error::Result;
use crate::model::{MAX_MAPS, NetConfig};
use crate::train::{MOST_IMAGES, Maker};
use crate::{lab, text};

type Checked = std::result::Result<(), String>;

fn within(key: &str, found: usize, least: usize, most: usize) -> Checked {
    match (least..=most).contains(&found) {
        true => Ok(()),
        false => Err(format!("{key} = {found}, but it must be {least} to {most}")),
    }
}

fn printable(key: &str, found: &str) -> Checked {
    match found.chars().any(text::is_control) {
        true => Err(format!("{key} has control characters: {}", text::line(found))),
        false => Ok(()),
    }
}

fn in_words(key: &str, checked: Result<()>) -> Checked {
    checked.map_err(|e| format!("{key}: {e}"))
}

impl Record {
    /// Refuses names and numbers that no program wrote. A store can be somebody else's: its names become those of files and
    /// folders, and its numbers sizes of what is allocated.
    pub(super) fn check(&self) -> Checked {
        self.study.check()?;
        printable("data.name", &self.data.name)?;
        printable("data.fingerprint", &self.data.fingerprint)?;
        within("data.train", self.data.train, 0, MOST_IMAGES)?;
        within("data.test", self.data.test, 0, MOST_IMAGES)?;
        let labels = if self.study.data.draw == Draw::PerSeed { 0 } else { self.data.test };
        within("the number of test_labels", self.test_labels.len(), labels, labels)?;
        if let Some(source) = self.source {
            within("source.images", source.images, 1, FiniteSource::MOST_IMAGES)?;
        }
        check_maker(&self.maker)?;
        let Some(input) = self.input else { return Ok(()) };
        in_words("input", input.check())?;
        match self.test_labels.iter().find(|label| usize::from(**label) >= input.classes) {
            Some(label) => Err(format!("test_labels has the class {label}, but input.classes = {}", input.classes)),
            None => Ok(()),
        }
    }
}

/// Refuses words of a maker that would be commands to a terminal.
fn check_maker(maker: &Maker) -> Checked {
    let Maker { crate_version, revision, processor, instructions, .. } = maker;
    let words = [crate_version, revision, processor, instructions];
    words.into_iter().try_for_each(|words| printable("maker", words))
}

impl Study {
    fn check(&self) -> Checked {
        let names = [&self.name, &self.baseline, &self.target].into_iter().chain(&self.ladder);
        if let Some(fault) = names.map(String::as_str).find_map(folder_name_fault) {
            return Err(fault);
        }
        within("the number of seeds", self.seeds.len(), 1, MOST_SEEDS)?;
        if let Some(seed) = repeated(&self.seeds) {
            return Err(format!("the seed {seed} is there twice"));
        }
        within("the number of arms", self.arms.len(), 1, MOST_ARMS)?;
        self.arms.iter().try_for_each(Arm::check)?;
        for arm in &self.arms {
            within("an arm's seeds", arm.seeds.unwrap_or(1), 1, self.seeds.len())?;
        }
        let missing = [&self.baseline, &self.target].into_iter().chain(&self.ladder);
        if let Some(name) = missing.into_iter().find(|name| !self.arms.iter().any(|arm| arm.name == **name)) {
            return Err(format!("{name:?} is baseline, target or on the ladder, but no arm is called so"));
        }
        in_words("data", self.data.check())?;
        let ids: BTreeSet<String> = self.arms.iter().map(|arm| arm.id().to_ascii_lowercase()).collect();
        if ids.len() < self.arms.len() {
            return Err("two arms have the same name".to_owned());
        }
        self.tuning.iter().try_for_each(Tuning::check)?;
        if let Some(lab::Turning { images, step }) = self.equivariance {
            within("equivariance.images", images, 1, MOST_IMAGES)?;
            if step == 0 || 90 % step != 0 {
                return Err(format!("equivariance.step = {step}, but it must divide 90 degrees"));
            }
        }
        runs_fault(self.arms.len(), self.seeds.len(), self.tuning.as_ref()).map_or(Ok(()), Err)
    }
}

impl Arm {
    fn check(&self) -> Checked {
        if let Some(fault) = folder_name_fault(&self.name) {
            return Err(fault);
        }
        within("the number of levels", self.levels.len(), 0, MOST_FACTORS)?;
        self.levels.iter().try_for_each(Level::check)?;
        within("the length of an arm's name", self.id().len(), 1, LONGEST_NAME)?;
        in_words(&self.name, self.training.check())?;
        let NetConfig { ref widths, ref maps, dropout, .. } = self.net;
        for &width in widths.iter().chain(maps.iter().flatten()) {
            within("a width", width, 0, MAX_MAPS)?;
        }
        within("scale", self.net.scale, 0, MAX_MAPS)?;
        if !(0.0..1.0).contains(&dropout) {
            return Err(format!("dropout = {dropout}, but it's a probability below 1"));
        }
        in_words(&self.name, self.net.bank.check())?;
        within("train", self.train.unwrap_or(1), 1, MOST_IMAGES)
    }
}

impl Level {
    fn check(&self) -> Checked {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        printable("a level's value", &self.value)?;
        match !self.key.is_empty() && self.key.chars().all(plain) {
            true => Ok(()),
            false => Err(format!("{:?} can't be a factor of a grid", self.key)),
        }
    }
}

impl Tuning {
    fn check(&self) -> Checked {
        within("the number of tuning.settings", self.settings.len(), 1, MOST_SETTINGS)?;
        within("tuning.seeds", self.seeds, 1, MOST_SETTINGS)?;
        self.settings.iter().try_for_each(|setting| in_words("tuning.settings", setting.check()))?;
        match self.validation > 0.0 && self.validation < 1.0 {
            true => Ok(()),
            false => Err(format!("tuning.validation = {}, but it's a fraction between 0 and 1", self.validation)),
        }
    }
}

impl TuningRecord {
    /// Refuses numbers that no program wrote.
    pub(super) fn check(&self) -> Checked {
        within("train", self.train, 1, MOST_IMAGES)?;
        within("validation", self.validation, 1, MOST_IMAGES)?;
        within("the number of trials", self.trials.len(), 1, MOST_SETTINGS)?;
        within("chosen", self.chosen, 0, self.trials.len() - 1)?;
        for trial in &self.trials {
            in_words("trials", trial.setting.check())?;
            within("the runs of a trial", trial.validation_errors.len(), 1, MOST_SETTINGS)?;
            let errors = trial.validation_errors.iter().flatten().map(|error| error.value());
            if let Some(error) = errors.into_iter().find(|error| !(0.0..=1.0).contains(error)) {
                return Err(format!("a validation error of {error}, but it's a fraction"));
            }
        }
        Ok(())
    }
}
