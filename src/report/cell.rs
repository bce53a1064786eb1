//! From a store to the inputs of tables and figures: the one file of the report that knows how stores are laid out.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::figure::{
    Against, Arm, AttributionFigure, BudgetFigure, BudgetPoint, ErrorRow, ErrorsFigure, Estimate, Figure,
    LearningCurve, LearningFigure, Role, RunCurve, ShareBar, SizePoint, StepBar, TrainingSizeCurve, TrainingSizeFigure,
};
use super::layout::levels_in_words;
use super::pictures::{self, Album};
use super::roles::roles;
use super::sentence::with_minus_signs;
use super::sheet::Sheet;
use super::{differences, export, learned, progress};
use crate::error::{Error, Result};
use crate::stats::attribution::{ArmSummary, Attribution, LadderStep, Ratio};
use crate::stats::student;
use crate::study::{Level, Record, Run, Store, TuningRecord};
use crate::train::EpochMetrics;

/// What a cell of a study's grid holds, read once; the whole study where there's no grid.
pub struct CellResults {
    /// The study.
    pub record: Record,
    /// The study file's own text, where the store has it.
    pub file: Option<String>,
    /// What tuning chose for every arm.
    pub choices: Vec<(String, TuningRecord)>,
    /// The cell: a level of every factor; empty where there's no grid.
    pub levels: Vec<Level>,
    /// Its outcome.
    pub attribution: Attribution,
    runs: Vec<Run>,
    arms: Vec<ArmRuns>,
    album: Arc<Album>,
}

/// The runs of one arm.
struct ArmRuns {
    arm: Arm,
    curves: Vec<RunCurve>,
    failed: usize,
    /// Training images of its runs.
    train: usize,
}

impl CellResults {
    /// Reads the store in `folder`, cell by cell.
    ///
    /// # Errors
    /// When it isn't a store, or a file of it can't be read.
    pub fn read(folder: &Path) -> Result<Vec<Self>> {
        Self::read_with(folder, None)
    }

    /// The same; `data` says where the study's images are, which some pictures show: a folder or a file as for
    /// [`load`](crate::data::load). Those that the program draws need none.
    ///
    /// # Errors
    /// As [`CellResults::read`].
    pub fn read_with(folder: &Path, data: Option<&Path>) -> Result<Vec<Self>> {
        let album = Arc::new(Album::new(data));
        let store = Store::open(folder)?;
        let record = store.study()?;
        let file = store.file()?;
        let runs = store.runs(&record)?;
        let choices = store.choices(&record)?;
        let cells = record.study.cells().into_iter().zip(store.attribute_as(&record)?);
        let read = |(levels, attribution): (&[Level], Attribution)| {
            let runs: Vec<Run> = runs.iter().filter(|run| run.arm.levels == levels).cloned().collect();
            let arms = roles(&record.study, levels).into_iter().map(|arm| arm_runs(&record, arm, &runs));
            let arms = arms.collect::<Result<_>>()?;
            let (record, file, choices) = (record.clone(), file.clone(), choices.clone());
            Ok(Self { record, file, choices, levels: levels.to_vec(), attribution, arms, runs, album: album.clone() })
        };
        cells.map(read).collect()
    }

    /// Leaves baseline, target and these arms in the figures. Nothing is computed anew: what is attributed stays as it is.
    ///
    /// # Errors
    /// For a name that no arm has.
    pub fn keep(&mut self, names: &[String]) -> Result<()> {
        let arms: Vec<&str> = self.arms.iter().map(|runs| runs.arm.name.as_str()).collect();
        if let Some(unknown) = names.iter().find(|name| !arms.contains(&name.as_str())) {
            return Err(Error::invalid(format!("no arm is called '{unknown}'; there are {}", arms.join(", "))));
        }
        self.arms.retain(|runs| !runs.arm.is_control() || names.contains(&runs.arm.name));
        // What was asked for is shown, however many there are.
        for arm in self.arms.iter_mut().map(|runs| &mut runs.arm).filter(|arm| arm.role == Role::Other) {
            arm.role = Role::Headline;
        }
        Ok(())
    }

    /// What to say where the study has runs left.
    pub fn unfinished(cells: &[Self]) -> Option<String> {
        progress::unfinished(&cells.first()?.record, &Self::runs(cells))
    }

    /// The programs and processors that made the runs.
    pub fn makers(cells: &[Self]) -> Vec<String> {
        progress::makers(&Self::runs(cells))
    }

    fn runs(cells: &[Self]) -> Vec<Run> {
        cells.iter().flat_map(|cell| cell.runs.iter().cloned()).collect()
    }

    /// The cell as a part of files' names: `train-500`; empty where there's no grid.
    pub fn label(&self) -> String {
        self.levels.iter().map(Level::label).collect::<Vec<_>>().join(".")
    }

    /// The figures that lie across the cells of a grid: test error against the number of training images, if that is one of
    /// its factors, for every combination of the others.
    pub fn across(cells: &[Self]) -> Vec<Box<dyn Figure>> {
        let is_size = |level: &&Level| level.key == "train";
        let mut groups: Vec<(Vec<&Level>, Vec<&Self>)> = Vec::new();
        for cell in cells.iter().filter(|cell| cell.levels.iter().any(|level| is_size(&level))) {
            let others: Vec<&Level> = cell.levels.iter().filter(|level| !is_size(level)).collect();
            match groups.iter_mut().find(|(known, _)| *known == others) {
                Some((_, same)) => same.push(cell),
                None => groups.push((others, vec![cell])),
            }
        }
        let figure = |(others, cells): (Vec<&Level>, Vec<&Self>)| -> Box<dyn Figure> {
            let label: Vec<String> = others.iter().map(|level| level.label()).collect();
            let told = levels_in_words(others.iter().copied());
            let study = &cells[0].record.study;
            let curves = [Self::error_point, Self::share_point].map(|point| Self::size_curves(&cells, point));
            let [errors, shares] = curves;
            let ends = [study.baseline.as_str(), study.target.as_str()];
            Box::new(TrainingSizeFigure::new([&label.join("."), &told], ends, errors, shares))
        };
        groups.into_iter().map(figure).collect()
    }

    /// Curves over cells that differ in the number of training images alone.
    fn size_curves(cells: &[&Self], point: fn(&Self, &str) -> Option<SizePoint>) -> Vec<TrainingSizeCurve> {
        let curve = |runs: &ArmRuns| {
            let mut points: Vec<SizePoint> = cells.iter().filter_map(|cell| point(cell, &runs.arm.name)).collect();
            points.sort_by_key(|point| point.images);
            TrainingSizeCurve { arm: runs.arm.clone(), points }
        };
        let curves = cells.iter().take(1).flat_map(|first| &first.arms).map(curve);
        curves.filter(|curve| !curve.points.is_empty()).collect()
    }

    fn error_point(&self, name: &str) -> Option<SizePoint> {
        let errors = errors(self.summary(name)?);
        Some(SizePoint { images: self.train(name)?, value: Estimate::mean(&errors)?, seeds: errors.len() })
    }

    fn share_point(&self, name: &str) -> Option<SizePoint> {
        let Ratio { share, ci95, seeds_used, .. } =
            &self.attribution.shares.iter().find(|share| share.control == name)?.ratio;
        let value = Estimate { value: (*share)?, interval: *ci95 };
        Some(SizePoint { images: self.train(name)?, value, seeds: self.compared(seeds_used.as_ref()).len() })
    }

    /// How many images an arm is trained on.
    fn train(&self, name: &str) -> Option<usize> {
        self.arms.iter().find(|runs| runs.arm.name == name).map(|runs| runs.train)
    }

    /// All figures that the store has the numbers for; the main one is the first.
    ///
    /// # Errors
    /// When a record of equivariance can't be read.
    pub fn figures(&self) -> Result<Vec<Box<dyn Figure>>> {
        let mut figures: Vec<Box<dyn Figure>> = Vec::new();
        figures.extend(self.attribution_figure().map(|figure| Box::new(figure) as Box<dyn Figure>));
        figures.push(Box::new(self.errors_figure()));
        let arms: Vec<&Arm> = self.arms.iter().map(|runs| &runs.arm).collect();
        figures.extend(differences::figures(&self.attribution, &arms));
        let learn_signs = self.attribution.arms.iter().any(|arm| arm.budget.one_bit_parameters > 0);
        for against in [Against::Size].into_iter().chain(learn_signs.then_some(Against::Information)) {
            let budget = self.budget_figure(against);
            if !budget.points.is_empty() {
                figures.push(Box::new(budget));
            }
        }
        let learning = self.learning_figure();
        if !learning.arms.is_empty() {
            figures.push(Box::new(learning));
        }
        let arms = self.arms.iter().map(|runs| &runs.arm);
        figures.extend(learned::figures(&self.record, arms, &self.runs)?);
        let shown = self.record.study.arms_of(&self.levels).filter(|arm| self.arm(&arm.name).is_some());
        figures.extend(pictures::figures(&self.record, shown, &self.runs, &self.album));
        Ok(figures)
    }

    /// The tables beside those of its attribution.
    ///
    /// # Errors
    /// When a record can't be read.
    pub fn further(&self) -> Result<Vec<Sheet>> {
        export::further(&self.record, &self.levels, &self.runs)
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
            gain: Estimate::mean(&self.differences([baseline, target], &seeds)),
            shares: controls.collect(),
            reason: self.attribution.reason.as_deref().map(with_minus_signs),
            seeds: seeds.len(),
            covers: self.attribution.covers,
        })
    }

    /// The ladder; empty too where no seed finished in all of its arms.
    fn ladder(&self) -> &[LadderStep] {
        let ladder = &self.attribution.ladder;
        if ladder.iter().all(|step| step.ratio.share.is_some()) { ladder } else { &[] }
    }

    /// The ladder, or one step where there's none.
    fn steps(&self, ends: [f64; 2], seeds: &[u64]) -> Vec<StepBar> {
        let Attribution { baseline, target, .. } = &self.attribution;
        if self.ladder().is_empty() {
            let interval = student::mean_interval(&self.differences([baseline, target], seeds));
            return vec![StepBar { to: target.clone(), errors: ends, interval, share: None }];
        }
        let step = |LadderStep { from, to, ratio }: &LadderStep| {
            let errors = [self.mean_error(from, seeds)?, self.mean_error(to, seeds)?];
            let interval = student::mean_interval(&self.differences([from, to], seeds));
            Some(StepBar { to: to.clone(), errors, interval, share: estimate(ratio) })
        };
        self.ladder().iter().filter_map(step).collect()
    }

    /// The seeds that a comparison used: those it names, or else all that any arm finished.
    fn compared(&self, named: Option<&Vec<u64>>) -> Vec<u64> {
        let finished = || self.attribution.arms.iter().flat_map(|arm| &arm.seeds).map(|run| run.seed);
        let all = || finished().collect::<BTreeSet<u64>>().into_iter().collect();
        named.cloned().unwrap_or_else(all)
    }

    /// The first arm's test errors minus the second's, over those of some seeds that both finished.
    fn differences(&self, arms: [&String; 2], seeds: &[u64]) -> Vec<f64> {
        let [Some(from), Some(to)] = arms.map(|arm| self.summary(arm)) else { return Vec::new() };
        let paired = differences::paired(from, to).into_iter().filter(|(seed, _)| seeds.contains(seed));
        paired.map(|(_, difference)| difference).collect()
    }

    /// Mean test error of an arm over some seeds; `None` where it has none of them.
    fn mean_error(&self, arm: &str, seeds: &[u64]) -> Option<f64> {
        let runs = self.summary(arm)?.seeds.iter().filter(|run| seeds.contains(&run.seed));
        student::mean(&runs.map(|run| run.test_error).collect::<Vec<_>>())
    }

    fn errors_figure(&self) -> ErrorsFigure {
        let row = |runs: &ArmRuns| {
            let errors = self.summary(&runs.arm.name).map_or_else(Vec::new, errors);
            ErrorRow { arm: runs.arm.clone(), mean: Estimate::mean(&errors), runs: errors, failed: runs.failed }
        };
        let data = &self.record.data;
        let tested = format!("{} ({} test images)", data.name, data.test);
        ErrorsFigure { arms: self.arms.iter().map(row).collect(), data: tested }
    }

    fn budget_figure(&self, against: Against) -> BudgetFigure {
        let point = |runs: &ArmRuns| {
            let summary = self.summary(&runs.arm.name)?;
            Some(BudgetPoint {
                arm: runs.arm.clone(),
                parameters: summary.budget.parameters,
                one_bit_parameters: summary.budget.one_bit_parameters,
                multiply_adds: summary.budget.multiply_adds,
                error: Estimate::mean(&errors(summary))?,
                seeds: summary.seeds.len(),
            })
        };
        BudgetFigure { against, points: self.arms.iter().filter_map(point).collect() }
    }

    fn learning_figure(&self) -> LearningFigure {
        let arms = self.arms.iter().filter(|arm| !arm.curves.is_empty());
        let curve = |runs: &ArmRuns| LearningCurve { arm: runs.arm.clone(), runs: runs.curves.clone() };
        LearningFigure { arms: arms.map(curve).collect(), tested: tested(&self.record, &self.levels) }
    }
}

/// Whether the curves of all arms are of the test set.
fn tested(record: &Record, cell: &[Level]) -> bool {
    record.study.arms_of(cell).all(|arm| arm.training.test_every_epoch)
}

/// The runs of an arm that are finished: one that is still under way, or failed, would bend the mean of its arm.
fn arm_runs(record: &Record, arm: Arm, runs: &[Run]) -> Result<ArmRuns> {
    let of_arm = || runs.iter().filter(|run| run.arm.name == arm.name);
    let train = of_arm().next().map_or(0, |run| run.config.purpose.images(record.data.test).0);
    let failed = of_arm().filter(|run| run.failure().is_some()).count();
    let finished = of_arm().filter(|run| run.test_error().is_some() && run.epochs_done() > 0);
    let tested = runs.first().is_some_and(|run| tested(record, &run.arm.levels));
    let curves = finished.map(|run| curve(run, tested)).collect::<Result<_>>()?;
    Ok(ArmRuns { arm, curves, failed, train })
}

fn curve(run: &Run, tested: bool) -> Result<RunCurve> {
    let metrics = run.folder.metrics(run.epochs_done())?;
    // The last epoch's test error is only in the result.
    let last = run.test_error();
    let error = |epoch: &EpochMetrics| if tested { epoch.test_error.or(last) } else { Some(epoch.train_error) };
    Ok(RunCurve {
        loss: metrics.iter().map(|epoch| epoch.train_loss).collect(),
        error: metrics.iter().map_while(error).collect(),
    })
}

fn errors(arm: &ArmSummary) -> Vec<f64> {
    arm.seeds.iter().map(|run| run.test_error).collect()
}

fn estimate(ratio: &Ratio) -> Option<Estimate> {
    Some(Estimate { value: ratio.share?, interval: ratio.ci95 })
}
