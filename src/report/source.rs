//! From a store to the inputs of tables and figures: the one file of the report that knows how stores are laid out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::figure::{
    Arm, AttributionFigure, BudgetFigure, BudgetPoint, ErrorRow, ErrorsFigure, Estimate, Figure, LearningCurve,
    LearningFigure, Role, RunCurve, ShareBar, StepBar,
};
use super::pictures;
use crate::error::{Error, Result};
use crate::files;
use crate::stats::attribution::{ArmSummary, Attribution, Ratio, Step};
use crate::stats::student;
use crate::study::{Outcome, Record, RunResult, Store};
use crate::train::EpochMetrics;

/// What a store holds, read once.
pub struct Source {
    /// The study.
    pub record: Record,
    /// Its outcome.
    pub attribution: Attribution,
    folder: PathBuf,
    arms: Vec<ArmRuns>,
}

/// The runs of one arm.
struct ArmRuns {
    arm: Arm,
    curves: Vec<RunCurve>,
    failed: usize,
}

impl Source {
    /// Reads the store in `folder`.
    ///
    /// # Errors
    /// When it isn't a store, or a file of it can't be read.
    pub fn read(folder: &Path) -> Result<Self> {
        let store = Store::open(folder)?;
        let attribution = store.attribute()?;
        let record = store.record()?.ok_or_else(|| Error::content(folder, "no study has been run here"))?;
        let tested = record.study.training.test_every_epoch;
        let roles = roles(&record);
        let arms = roles.into_iter().map(|arm| arm_runs(folder, arm, &record.study.seeds, tested));
        Ok(Self { arms: arms.collect::<Result<_>>()?, record, attribution, folder: folder.to_owned() })
    }

    /// All figures that the store has the numbers for; the main one is the first.
    ///
    /// # Errors
    /// When a checkpoint can't be read.
    pub fn figures(&self) -> Result<Vec<Box<dyn Figure>>> {
        let mut figures: Vec<Box<dyn Figure>> = Vec::new();
        figures.extend(self.attribution_figure().map(|figure| Box::new(figure) as Box<dyn Figure>));
        figures.push(Box::new(self.errors_figure()));
        let budget = self.budget_figure();
        if !budget.points.is_empty() {
            figures.push(Box::new(budget));
        }
        let learning = self.learning_figure();
        if !learning.arms.is_empty() {
            figures.push(Box::new(learning));
        }
        figures.extend(pictures::figures(&self.record, &self.folder)?);
        Ok(figures)
    }

    fn arm(&self, name: &str) -> Option<&Arm> {
        self.arms.iter().map(|runs| &runs.arm).find(|arm| arm.name == name)
    }

    fn summary(&self, name: &str) -> Option<&ArmSummary> {
        self.attribution.arms.iter().find(|arm| arm.name == name)
    }

    fn attribution_figure(&self) -> Option<AttributionFigure> {
        let Attribution { baseline, target, gain, .. } = &self.attribution;
        let seeds = match (self.ladder().first(), gain) {
            (Some(step), _) => self.compared(step.ratio.seeds_used.as_ref()),
            (None, Some(gain)) => self.compared(gain.seeds_used.as_ref()),
            (None, None) => Vec::new(),
        };
        let ends = match [baseline, target].map(|arm| self.mean_error(arm, &seeds)) {
            [Some(from), Some(to)] => Some([from, to]),
            _ => None,
        };
        let controls = self.attribution.shares.iter().filter_map(|share| {
            let seeds = self.compared(share.ratio.seeds_used.as_ref()).len();
            Some(ShareBar { control: self.arm(&share.control)?.clone(), share: estimate(&share.ratio), seeds })
        });
        Some(AttributionFigure {
            baseline: self.arm(baseline)?.clone(),
            target: self.arm(target)?.clone(),
            ends,
            steps: ends.map_or_else(Vec::new, |ends| self.steps(ends, &seeds)),
            shares: controls.collect(),
            reason: self.attribution.reason.clone(),
            seeds: seeds.len(),
        })
    }

    /// The ladder; empty too where no seed finished in all of its arms.
    fn ladder(&self) -> &[Step] {
        let ladder = &self.attribution.ladder;
        if ladder.iter().all(|step| step.ratio.share.is_some()) { ladder } else { &[] }
    }

    /// The ladder, or one step where there's none.
    fn steps(&self, ends: [f64; 2], seeds: &[u64]) -> Vec<StepBar> {
        let Attribution { baseline, target, gain, .. } = &self.attribution;
        if self.ladder().is_empty() {
            let interval = gain.as_ref().and_then(|gain| gain.ci95);
            let reach = interval.map(|[low, high]| [ends[0] - high, ends[0] - low]);
            return vec![StepBar { arms: [baseline.clone(), target.clone()], errors: ends, reach, share: None }];
        }
        let whole = ends[0] - ends[1];
        let step = |step: &Step| {
            let errors = [self.mean_error(&step.from, seeds)?, self.mean_error(&step.to, seeds)?];
            // The interval of the share, on the scale of the gain.
            let reach = step.ratio.ci95.map(|[low, high]| [errors[0] - high * whole, errors[0] - low * whole]);
            Some(StepBar { arms: [step.from.clone(), step.to.clone()], errors, reach, share: estimate(&step.ratio) })
        };
        self.ladder().iter().filter_map(step).collect()
    }

    /// The seeds that a comparison used: those it names, or else all that any arm finished.
    fn compared(&self, named: Option<&Vec<u64>>) -> Vec<u64> {
        let finished = || self.attribution.arms.iter().flat_map(|arm| &arm.seeds).map(|run| run.seed);
        let all = || finished().collect::<BTreeSet<u64>>().into_iter().collect();
        named.cloned().unwrap_or_else(all)
    }

    /// Mean test error of an arm over some seeds; `None` where it has none of them.
    fn mean_error(&self, arm: &str, seeds: &[u64]) -> Option<f64> {
        let runs = self.summary(arm)?.seeds.iter().filter(|run| seeds.contains(&run.seed));
        student::mean(&runs.map(|run| run.test_error).collect::<Vec<_>>())
    }

    fn errors_figure(&self) -> ErrorsFigure {
        let row = |runs: &ArmRuns| {
            let errors = self.summary(&runs.arm.name).map_or_else(Vec::new, errors);
            ErrorRow { arm: runs.arm.clone(), mean: mean(&errors), runs: errors, failed: runs.failed }
        };
        let data = &self.record.data;
        let tested = format!("{} ({} test images)", data.name, data.test);
        ErrorsFigure { arms: self.arms.iter().map(row).collect(), data: tested }
    }

    fn budget_figure(&self) -> BudgetFigure {
        let point = |runs: &ArmRuns| {
            let summary = self.summary(&runs.arm.name)?;
            Some(BudgetPoint {
                arm: runs.arm.clone(),
                parameters: summary.budget.parameters,
                multiply_adds: summary.budget.multiply_adds,
                error: mean(&errors(summary))?,
                seeds: summary.seeds.len(),
            })
        };
        BudgetFigure { points: self.arms.iter().filter_map(point).collect() }
    }

    fn learning_figure(&self) -> LearningFigure {
        let arms = self.arms.iter().filter(|arm| !arm.curves.is_empty());
        let curve = |runs: &ArmRuns| LearningCurve { arm: runs.arm.clone(), runs: runs.curves.clone() };
        LearningFigure { arms: arms.map(curve).collect(), tested: self.record.study.training.test_every_epoch }
    }
}

/// The arms as figures know them.
fn roles(record: &Record) -> Vec<Arm> {
    let study = &record.study;
    let mut controls = 0..;
    let role = |name: &str| match name {
        name if name == study.baseline => Role::Baseline,
        name if name == study.target => Role::Target,
        _ => Role::Control(controls.next().unwrap_or_default()),
    };
    let names: Vec<&str> = study.arms.iter().map(|arm| arm.name.as_str()).collect();
    let roles: Vec<Role> = names.iter().copied().map(role).collect();
    names.into_iter().zip(roles).map(|(name, role)| Arm { name: name.to_owned(), role }).collect()
}

/// The runs of an arm that are there.
fn arm_runs(folder: &Path, arm: Arm, seeds: &[u64], tested: bool) -> Result<ArmRuns> {
    let (mut curves, mut failed) = (Vec::new(), 0);
    for seed in seeds {
        let folder = run_folder(folder, &arm.name, *seed);
        let result = folder.join("result.json");
        // A run that is still under way would bend the mean of its arm.
        if !result.exists() {
            continue;
        }
        let result: RunResult = files::read_json(&result)?;
        failed += usize::from(matches!(result.outcome, Outcome::Failed { .. }));
        if result.epochs > 0 {
            curves.push(curve(&folder.join("metrics.jsonl"), &result, tested)?);
        }
    }
    Ok(ArmRuns { arm, curves, failed })
}

/// The folder of a run.
pub(super) fn run_folder(store: &Path, arm: &str, seed: u64) -> PathBuf {
    store.join(arm).join(format!("seed-{seed}"))
}

fn curve(path: &Path, result: &RunResult, tested: bool) -> Result<RunCurve> {
    let bytes = files::read(path)?;
    let text = String::from_utf8_lossy(&bytes);
    let parse = |line| serde_json::from_str(line).map_err(|e| Error::content(path, e.to_string()));
    let metrics: Vec<EpochMetrics> = text.lines().take(result.epochs).map(parse).collect::<Result<_>>()?;
    let last = match &result.outcome {
        Outcome::Finished { test_error, .. } => Some(*test_error),
        Outcome::Failed { .. } => None,
    };
    // The last epoch's test error is only in the result.
    let error = |epoch: &EpochMetrics| if tested { epoch.test_error.or(last) } else { Some(epoch.train_error) };
    Ok(RunCurve {
        loss: metrics.iter().map(|epoch| epoch.train_loss).collect(),
        error: metrics.iter().map_while(error).collect(),
    })
}

fn errors(arm: &ArmSummary) -> Vec<f64> {
    arm.seeds.iter().map(|run| run.test_error).collect()
}

/// Mean with Student's interval; `None` of no values.
fn mean(values: &[f64]) -> Option<Estimate> {
    Some(Estimate { value: student::mean(values)?, interval: student::mean_interval(values) })
}

fn estimate(ratio: &Ratio) -> Option<Estimate> {
    Some(Estimate { value: ratio.share?, interval: ratio.ci95 })
}
