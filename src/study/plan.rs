//! A study with everything resolved and checked.

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::file::Seeds;
use super::{ArmFile, StudyFile};
use crate::data::DataConfig;
use crate::error::Result;
use crate::model::{Budget, InputShape, NetConfig, Network};
use crate::train::TrainingConfig;

/// A study that can be run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Study {
    /// Its name.
    pub name: String,
    /// The arm that gains are measured from.
    pub baseline: String,
    /// The arm whose gain is attributed.
    pub target: String,
    /// Arms from baseline to target, or none.
    pub ladder: Vec<String>,
    /// Seeds of every arm.
    pub seeds: Vec<u64>,
    /// Where the images come from.
    pub data: DataConfig,
    /// How all arms are trained.
    pub training: TrainingConfig,
    /// The arms, in the file's order.
    pub arms: Vec<Arm>,
}

/// An arm of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Its name.
    pub name: String,
    /// Its network, widths matched.
    pub net: NetConfig,
    /// What the network costs.
    pub budget: Budget,
}

impl StudyFile {
    /// Resolves presets, overrides and matched widths for images of the shape `input`.
    ///
    /// # Errors
    /// When names, widths or budgets don't fit together; the message has the line.
    pub fn resolve(&self, input: InputShape) -> Result<Study> {
        let content = &self.content;
        self.check_folder_name(&content.name)?;
        self.check_arm_names()?;
        let training = content.training.resolve();
        training.check().map_err(|e| self.locate(e))?;
        content.data.check().map_err(|e| self.locate(e))?;
        let study = Study {
            name: content.name.as_ref().clone(),
            baseline: self.arm_called(&content.baseline)?.name.as_ref().clone(),
            target: self.arm_called(&content.target)?.name.as_ref().clone(),
            ladder: self.ladder()?,
            seeds: self.seeds()?,
            data: content.data.clone(),
            training,
            arms: content.arms.iter().map(|arm| self.arm(arm.as_ref(), input)).collect::<Result<_>>()?,
        };
        if study.baseline == study.target {
            return Err(self.error(&content.target, "baseline and target are the same arm"));
        }
        self.check_budget(&study)?;
        Ok(study)
    }

    fn check_arm_names(&self) -> Result<()> {
        let names: Vec<_> = self.content.arms.iter().map(|arm| &arm.as_ref().name).collect();
        for (n, name) in names.iter().enumerate() {
            self.check_folder_name(name)?;
            if names[..n].iter().any(|other| other.as_ref() == name.as_ref()) {
                return Err(self.error(name, format!("two arms are called {:?}", name.as_ref())));
            }
        }
        Ok(())
    }

    fn arm(&self, arm: &ArmFile, input: InputShape) -> Result<Arm> {
        let net = arm.matched(self, arm.network(self)?, input, |name| {
            let target = self.arm_called(name)?;
            if target.matches.is_some() {
                return Err(self.error(name, format!("{:?} itself matches another arm; match that one", name.as_ref())));
            }
            target.network(self)
        })?;
        let name = arm.name.as_ref().clone();
        let budget = Network::budget(&net, input).map_err(|e| self.error(&arm.name, format!("arm {name}: {e}")))?;
        Ok(Arm { name, net, budget })
    }

    fn arm_called(&self, name: &Spanned<String>) -> Result<&ArmFile> {
        let arms = || self.content.arms.iter().map(Spanned::as_ref);
        arms().find(|arm| arm.name.as_ref() == name.as_ref()).ok_or_else(|| {
            let known: Vec<&str> = arms().map(|arm| arm.name.as_ref().as_str()).collect();
            self.error(name, format!("no arm is called {:?}; there are {}", name.as_ref(), known.join(", ")))
        })
    }

    fn ladder(&self) -> Result<Vec<String>> {
        let content = &self.content;
        let names = content.ladder.iter().map(|name| Ok(self.arm_called(name)?.name.as_ref().clone()));
        let names = names.collect::<Result<Vec<_>>>()?;
        if let (Some(first), Some(last)) = (content.ladder.first(), content.ladder.last()) {
            if first.as_ref() != content.baseline.as_ref() {
                return Err(self.error(first, "a ladder starts at the baseline"));
            }
            if last.as_ref() != content.target.as_ref() {
                return Err(self.error(last, "a ladder ends at the target"));
            }
        }
        match (1..names.len()).find(|&n| names[..n].contains(&names[n])) {
            Some(n) => Err(self.error(&content.ladder[n], format!("{:?} is on the ladder twice", names[n]))),
            None => Ok(names),
        }
    }

    fn seeds(&self) -> Result<Vec<u64>> {
        let spanned = &self.content.seeds;
        let seeds = match spanned.as_ref() {
            Seeds::Count(count) if *count > 10_000 => {
                return Err(
                    self.error(spanned, format!("seeds = {count} is more than any study can run; at most 10000"))
                );
            }
            Seeds::Count(count) => (0..*count).collect(),
            Seeds::List(list) => list.clone(),
        };
        if seeds.is_empty() {
            return Err(self.error(spanned, "a study needs at least 1 seed; intervals need 2 or more"));
        }
        match (1..seeds.len()).find(|&n| seeds[..n].contains(&seeds[n])) {
            Some(n) => Err(self.error(spanned, format!("the seed {} is there twice", seeds[n]))),
            None => Ok(seeds),
        }
    }

    /// Names that become folders have no separators and aren't hidden.
    fn check_folder_name(&self, name: &Spanned<String>) -> Result<()> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
        let text = name.as_ref();
        let taken = ["study.json", "attribution.json"].iter().any(|file| file.eq_ignore_ascii_case(text));
        if taken || text.is_empty() || text.starts_with('.') || !text.chars().all(plain) || text.len() > 100 {
            let message = format!(
                "{text:?} can't name a folder: letters, digits and - _ . + only, no . in front, and not study.json or attribution.json"
            );
            return Err(self.error(name, message));
        }
        Ok(())
    }

    fn check_budget(&self, study: &Study) -> Result<()> {
        let Some(within) = &self.content.budget.parameters_within else { return Ok(()) };
        let tolerance = *within.as_ref();
        if !tolerance.is_finite() || tolerance < 0.0 {
            return Err(
                self.error(within, format!("budget.parameters_within = {tolerance}, but it's a fraction, at least 0"))
            );
        }
        let target = study.arms.iter().find(|arm| arm.name == study.target).map_or(0, |arm| arm.budget.parameters);
        for arm in &study.arms {
            let difference = arm.budget.parameters.abs_diff(target) as f64 / target.max(1) as f64;
            if difference > tolerance {
                let Arm { name, budget, .. } = arm;
                let message = format!(
                    "budget.parameters_within = {tolerance}, but {name} has {} real parameters, {:.1} % from the {target} of {}; \
                     use match = {:?} there",
                    budget.parameters,
                    100.0 * difference,
                    study.target,
                    study.target
                );
                return Err(self.error(within, message));
            }
        }
        Ok(())
    }
}
