//! From what runs recorded of their equivariance to figures.

use super::figure::{Arm, EquivarianceCurve, EquivarianceFigure, Figure, RotationCurve, RotationFigure, Spread};
use crate::error::Result;
use crate::lab::{LAYER_IMAGES, LayerErrors, LearnedEquivariance};
use crate::study::{Record, Run};

/// An arm and what its measured runs recorded.
type Measured<'a> = (&'a Arm, Vec<LearnedEquivariance>);

/// Test error by angle and equivariance by layer, where the study measures them; `arms` and `runs` are those of a cell.
///
/// # Errors
/// When a record can't be read.
pub(super) fn figures<'a>(
    record: &Record,
    arms: impl Iterator<Item = &'a Arm>,
    runs: &[Run],
) -> Result<Vec<Box<dyn Figure>>> {
    let mut measured: Vec<Measured> = Vec::new();
    let mut missing = Vec::new();
    for arm in arms {
        let of_arm = runs.iter().filter(|run| run.arm.name == arm.name);
        let records = of_arm.filter_map(|run| run.measured(&record.study).transpose()).collect::<Result<Vec<_>>>()?;
        match records.is_empty() {
            true => missing.push(arm.name.clone()),
            false => measured.push((arm, records)),
        }
    }
    let Some(images) = measured.iter().flat_map(|(_, runs)| runs).map(|run| run.turned_images).max() else {
        return Ok(Vec::new());
    };
    let curves = measured.iter().map(rotation).collect();
    let rotation = RotationFigure { images, curves, missing: missing.clone() };
    Ok(vec![Box::new(rotation), Box::new(equivariance(&measured, images, missing))])
}

fn rotation((arm, runs): &Measured) -> RotationCurve {
    RotationCurve {
        arm: (*arm).clone(),
        angles: angles(runs),
        runs: runs.iter().map(|run| run.angles.iter().map(|at| at.error).collect()).collect(),
    }
}

fn angles(runs: &[LearnedEquivariance]) -> Vec<f64> {
    runs.first().map_or_else(Vec::new, |run| run.angles.iter().map(|at| f64::from(at.angle)).collect())
}

fn equivariance(measured: &[Measured], turned: usize, missing: Vec<String>) -> EquivarianceFigure {
    let longest = measured.iter().map(|(_, runs)| runs.first().map_or_else(Vec::new, stages)).max_by_key(Vec::len);
    let stages = longest.unwrap_or_default();
    let curve = |(arm, runs): &Measured| EquivarianceCurve {
        arm: (*arm).clone(),
        group: runs.first().map_or_else(String::new, |run| run.group.clone()),
        new: stages.iter().map(|stage| error_after(runs, stage, |layer| layer[0])).collect(),
        trained: stages.iter().map(|stage| error_after(runs, stage, |layer| layer[1])).collect(),
        angles: angles(runs),
        scores: (0..angles(runs).len())
            .filter_map(|n| Spread::of(runs.iter().filter_map(|run| Some(run.angles.get(n)?.scores))))
            .collect(),
        seeds: runs.len(),
    };
    let layer_images = measured.iter().flat_map(|(_, runs)| runs).filter_map(|run| run.layer_images).max();
    let images = [layer_images.unwrap_or(LAYER_IMAGES), turned];
    EquivarianceFigure { curves: measured.iter().map(curve).collect(), stages, images, missing }
}

/// The parts of a network: a convolution with its norm, activation and pool over the group is one.
pub(super) fn stages(run: &LearnedEquivariance) -> Vec<String> {
    let mut stages: Vec<String> = run.layers.iter().map(|layer| stage(&layer.layer).to_owned()).collect();
    stages.dedup();
    stages
}

fn stage(layer: &str) -> &str {
    layer.split('.').next().unwrap_or(layer)
}

/// Spread over the runs of the error after the last layer of a stage.
fn error_after(
    runs: &[LearnedEquivariance],
    name: &str,
    state: impl Fn([LayerErrors; 2]) -> LayerErrors,
) -> Option<Spread> {
    Spread::of(errors_after(runs, name, state).into_iter())
}

/// The errors of equivariance after the last layer of a stage, of new weights and of trained ones, as `state` picks; one a run.
pub(super) fn errors_after(
    runs: &[LearnedEquivariance],
    name: &str,
    state: impl Fn([LayerErrors; 2]) -> LayerErrors,
) -> Vec<f64> {
    let error = |run: &LearnedEquivariance| {
        let last = run.layers.iter().rfind(|layer| stage(&layer.layer) == name)?;
        state([last.new, last.trained]).image_error
    };
    runs.iter().filter_map(error).collect()
}
