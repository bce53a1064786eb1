//! A study with everything resolved and checked.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::limits::{LONGEST_NAME, MOST_SEEDS, folder_name_fault, repeated};
use super::tuning::runs_fault;
use super::{ArmFile, GridArm, Level, Seeds, StudyFile, Tuning, tuning};
use crate::data::DataConfig;
use crate::error::Result;
use crate::lab::Turning;
use crate::model::steps::Fault;
use crate::model::{Budget, Cost, InputShape, NetConfig, Network, Skeleton};
use crate::train::{Protocol, TrainingConfig};

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
    /// How every arm is tuned, if at all.
    pub tuning: Option<Tuning>,
    /// How the equivariance of every run is measured, if at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equivariance: Option<Turning>,
    /// The arms, in the file's order, cell by cell of the grid.
    pub arms: Vec<Arm>,
}

/// An arm of a study.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Arm {
    /// Its name in the study file, shared by its cells.
    pub name: String,
    /// Its cell of the grid: a level of every factor; empty where there's no grid.
    pub levels: Vec<Level>,
    /// Its network, widths matched.
    pub net: NetConfig,
    /// Seed of the scrambles of all its runs; `None`: the seed of each run.
    pub scramble_seed: Option<u64>,
    /// How it's trained; tuning may replace some of it.
    pub training: TrainingConfig,
    /// Number of training images; `None`: all.
    pub train: Option<usize>,
    /// How many of the study's seeds it's run with, the first ones; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeds: Option<usize>,
    /// What the network costs.
    pub budget: Budget,
}

impl Arm {
    /// Its name and levels, as its folder in the store is called: `p4.train-500`.
    pub fn id(&self) -> String {
        folder_name(&self.name, &self.levels)
    }
}

fn folder_name(name: &str, levels: &[Level]) -> String {
    let labels = levels.iter().map(|level| format!(".{}", level.label()));
    std::iter::once(name.to_owned()).chain(labels).collect()
}

impl Study {
    /// The cells of the grid, in order; a single empty one where there's no grid.
    pub fn cells(&self) -> Vec<&[Level]> {
        let mut cells: Vec<&[Level]> = Vec::new();
        for arm in &self.arms {
            if !cells.contains(&arm.levels.as_slice()) {
                cells.push(&arm.levels);
            }
        }
        cells
    }

    /// The study's name and the levels of a cell.
    pub fn title(&self, cell: &[Level]) -> String {
        let levels = cell.iter().map(|level| format!("{} = {}", level.key, level.value));
        std::iter::once(self.name.clone()).chain(levels).collect::<Vec<_>>().join(", ")
    }

    /// The seeds of an arm.
    pub fn seeds_of(&self, arm: &Arm) -> &[u64] {
        &self.seeds[..arm.seeds.unwrap_or(self.seeds.len()).min(self.seeds.len())]
    }

    /// The arms of a cell.
    pub fn arms_of<'a>(&'a self, cell: &'a [Level]) -> impl Iterator<Item = &'a Arm> {
        self.arms.iter().filter(move |arm| arm.levels == cell)
    }
}

impl StudyFile {
    /// Resolves presets, overrides and matched widths for images of the shape `input`, of which `train` are there to learn
    /// from (`None`: not known yet).
    ///
    /// # Errors
    /// When names, widths, sizes or budgets don't fit together; the message has the line.
    pub fn resolve(&self, input: InputShape, train: Option<usize>) -> Result<Study> {
        let content = &self.content;
        self.check_folder_name(&content.name)?;
        self.check_arm_names()?;
        let training = content.training.resolve(&Protocol::default().config());
        training.check().map_err(|e| self.text.locate(e))?;
        content.data.check().map_err(|e| self.text.locate(e))?;
        let study = Study {
            name: content.name.as_ref().clone(),
            baseline: self.known(&content.baseline)?,
            target: self.known(&content.target)?,
            ladder: self.ladder()?,
            seeds: self.seeds()?,
            data: content.data.clone(),
            tuning: content.tuning.as_ref().map(|tuning| tuning.resolve(&self.text, &training)).transpose()?,
            equivariance: content.equivariance.as_ref().map(|table| table.resolve(&self.text)).transpose()?,
            arms: self.resolved_arms(&training, input, train)?,
        };
        if let Some(fault) = runs_fault(study.arms.len(), study.seeds.len(), study.tuning.as_ref()) {
            return Err(self.text.error(&content.seeds, fault));
        }
        if study.baseline == study.target {
            return Err(self.text.error(&content.target, "baseline and target are the same arm"));
        }
        let budget = &content.budget;
        self.check_budget(&study, "parameters_within", budget.parameters_within.as_ref(), Cost::Parameters, "match")?;
        let multiply_adds = budget.multiply_adds_within.as_ref();
        self.check_budget(&study, "multiply_adds_within", multiply_adds, Cost::MultiplyAdds, "match_multiply_adds")?;
        Ok(study)
    }

    /// The skeleton of arms that name none of their own.
    ///
    /// # Errors
    /// When there's none of this name.
    pub fn skeleton(&self) -> Result<Skeleton> {
        self.skeletons.find(&self.text, self.content.model.skeleton.as_ref())
    }

    fn check_arm_names(&self) -> Result<()> {
        // Some file systems take P4 and p4 for the same folder.
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for GridArm { levels, arm } in &self.arms {
            self.check_folder_name(&arm.name)?;
            let name = arm.name.as_ref().as_str();
            let labels: Vec<String> = levels.iter().map(Level::label).collect();
            let id = folder_name(name, levels);
            if id.len() > LONGEST_NAME {
                let message =
                    format!("{id} is too long for a folder's name ({} characters, at most {LONGEST_NAME})", id.len());
                return Err(self.text.error(&arm.name, message));
            }
            if let Some(other) = seen.insert(id.to_ascii_lowercase(), name) {
                let cell = if labels.is_empty() { String::new() } else { format!(" with {}", labels.join(", ")) };
                let message = match other == name {
                    true => format!("two arms are called {name:?}{cell}"),
                    false => format!("the arms {other:?} and {name:?}{cell} differ in upper and lower case only"),
                };
                return Err(self.text.error(&arm.name, message));
            }
        }
        Ok(())
    }

    /// The arms in the file's order. What is wrong with one is told there, and not with those that match it, which come after.
    fn resolved_arms(&self, training: &TrainingConfig, input: InputShape, train: Option<usize>) -> Result<Vec<Arm>> {
        let mut places: Vec<usize> = (0..self.arms.len()).collect();
        places.sort_by_key(|&place| self.arms[place].arm.is_matched());
        let arms = places.into_iter().map(|place| Ok((place, self.arm(&self.arms[place], training, input, train)?)));
        Ok(arms.collect::<Result<BTreeMap<_, _>>>()?.into_values().collect())
    }

    fn arm(&self, cell: &GridArm, training: &TrainingConfig, input: InputShape, train: Option<usize>) -> Result<Arm> {
        let GridArm { levels, arm } = cell;
        let network = |arm: &ArmFile| arm.network(&self.text, &self.content.model, &self.skeletons);
        let net = arm.matched(&self.text, network(arm)?, input, |name| {
            let target = self.arm_called(name, levels)?;
            if target.arm.is_matched() {
                return Err(self
                    .text
                    .error(name, format!("{:?} itself matches another arm; match that one", name.as_ref())));
            }
            network(&target.arm)
        })?;
        let name = arm.name.as_ref().clone();
        let located = |e: crate::Error| self.text.error(&arm.name, format!("arm {name}: {e}"));
        let budget = Network::budget(&net, input).map_err(|Fault { place, message }| {
            let told = Fault { message: format!("arm {name}: {message}"), place };
            let of_skeleton = self.skeletons.error(&self.text, &net.skeleton, &told).filter(|_| !told.place.is_empty());
            of_skeleton.unwrap_or_else(|| self.text.error(&arm.name, told.message))
        })?;
        if let Some(key) = self.content.tuning.as_ref().and_then(|tuning| tuning.overridden(arm)) {
            let message = format!("{key} is tuned, so neither an arm nor the grid can set it");
            return Err(self.text.error(&arm.name, message));
        }
        let training = arm.training.resolve(training);
        training.check().map_err(located)?;
        self.check_size(arm.train.as_ref(), train)?;
        let seeds = arm.seeds.as_ref().map(|seeds| self.checked_seeds(seeds)).transpose()?;
        let (levels, train) = (levels.clone(), arm.train.as_ref().map(|train| *train.as_ref()));
        let scramble_seed = arm.scramble_seed.as_ref().map(|seed| *seed.as_ref());
        Ok(Arm { name, levels, net, scramble_seed, training, train, seeds, budget })
    }

    fn check_size(&self, wanted: Option<&Spanned<usize>>, available: Option<usize>) -> Result<()> {
        match (wanted, available) {
            (Some(wanted), _) if *wanted.as_ref() < 2 => {
                Err(self.text.error(wanted, "train must be at least 2 images"))
            }
            (Some(wanted), Some(available)) if *wanted.as_ref() > available => {
                let message = format!("train = {}, but there are only {available} images", wanted.as_ref());
                Err(self.text.error(wanted, message))
            }
            _ => Ok(()),
        }
    }

    fn checked_seeds(&self, wanted: &Spanned<usize>) -> Result<usize> {
        let all = self.seeds()?.len();
        match *wanted.as_ref() {
            seeds if (1..=all).contains(&seeds) => Ok(seeds),
            seeds => {
                let message =
                    format!("seeds = {seeds}, but it must be 1 to the study's {all}: an arm has the first of them");
                Err(self.text.error(wanted, message))
            }
        }
    }

    /// The name, if an arm has it.
    fn known(&self, name: &Spanned<String>) -> Result<String> {
        // All cells have the same names.
        let levels = self.arms.first().map_or(&[][..], |arm| &arm.levels);
        Ok(self.arm_called(name, levels)?.arm.name.as_ref().clone())
    }

    fn arm_called(&self, name: &Spanned<String>, levels: &[Level]) -> Result<&GridArm> {
        let arms = || self.arms.iter().filter(|cell| cell.levels == levels);
        arms().find(|cell| cell.arm.name.as_ref() == name.as_ref()).ok_or_else(|| {
            let known: Vec<&str> = arms().map(|cell| cell.arm.name.as_ref().as_str()).collect();
            self.text.error(name, format!("no arm is called {:?}; there are {}", name.as_ref(), known.join(", ")))
        })
    }

    fn ladder(&self) -> Result<Vec<String>> {
        let content = &self.content;
        let names = content.ladder.iter().map(|name| self.known(name));
        let names = names.collect::<Result<Vec<_>>>()?;
        if let (Some(first), Some(last)) = (content.ladder.first(), content.ladder.last()) {
            if first.as_ref() != content.baseline.as_ref() {
                return Err(self.text.error(first, "a ladder starts at the baseline"));
            }
            if last.as_ref() != content.target.as_ref() {
                return Err(self.text.error(last, "a ladder ends at the target"));
            }
        }
        match (1..names.len()).find(|&n| names[..n].contains(&names[n])) {
            Some(n) => Err(self.text.error(&content.ladder[n], format!("{:?} is on the ladder twice", names[n]))),
            None => Ok(names),
        }
    }

    fn seeds(&self) -> Result<Vec<u64>> {
        let spanned = &self.content.seeds;
        let count = match spanned.as_ref() {
            Seeds::Count(count) => usize::try_from(*count).unwrap_or(usize::MAX),
            Seeds::List(list) => list.len(),
        };
        if count > MOST_SEEDS {
            let message = format!("{count} seeds are more than any study can run; at most {MOST_SEEDS}");
            return Err(self.text.error(spanned, message));
        }
        let seeds = match spanned.as_ref() {
            Seeds::Count(count) => (0..*count).collect(),
            Seeds::List(list) => list.clone(),
        };
        if seeds.is_empty() {
            return Err(self.text.error(spanned, "a study needs at least 1 seed; intervals need 2 or more"));
        }
        if let Some(seed) = seeds.iter().find(|&&seed| self.content.tuning.is_some() && seed >= tuning::FIRST_SEED) {
            let message = format!("the seed {seed} is one that tuning uses; take one below {}", tuning::FIRST_SEED);
            return Err(self.text.error(spanned, message));
        }
        match repeated(&seeds) {
            Some(seed) => Err(self.text.error(spanned, format!("the seed {seed} is there twice"))),
            None => Ok(seeds),
        }
    }

    fn check_folder_name(&self, name: &Spanned<String>) -> Result<()> {
        folder_name_fault(name.as_ref()).map_or(Ok(()), |fault| Err(self.text.error(name, fault)))
    }

    /// Refuses arms whose cost is further from that of their cell's target than the study says.
    fn check_budget(
        &self,
        study: &Study,
        key: &str,
        within: Option<&Spanned<f64>>,
        cost: Cost,
        remedy: &str,
    ) -> Result<()> {
        let Some(within) = within else { return Ok(()) };
        let tolerance = *within.as_ref();
        if !tolerance.is_finite() || tolerance < 0.0 {
            let message = format!("budget.{key} = {tolerance}, but it's a fraction, at least 0");
            return Err(self.text.error(within, message));
        }
        for arm in &study.arms {
            let target = study.arms_of(&arm.levels).find(|other| other.name == study.target);
            let target = target.map_or(0, |target| cost.of(&target.budget));
            let found = cost.of(&arm.budget);
            let difference = found.abs_diff(target) as f64 / target.max(1) as f64;
            if difference > tolerance {
                let message = format!(
                    "budget.{key} = {tolerance}, but {} has {found} {}, {:.1} % from the {target} of {}; use {remedy} = {:?} there",
                    arm.id(),
                    cost.name(),
                    100.0 * difference,
                    study.target,
                    study.target
                );
                return Err(self.text.error(within, message));
            }
        }
        Ok(())
    }
}
