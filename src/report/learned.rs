//! From what runs recorded of their equivariance to figures.

use super::figure::{
    Arm, EquivarianceCurve, EquivarianceFigure, Figure, LocalCurve, LocalErrors, LocalFigure, RotationCurve,
    RotationFigure, Spread,
};
use crate::error::Result;
use crate::lab::{LAYER_IMAGES, LayerErrors, LearnedEquivariance, LocalEquivariance, LocalError};
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
    let local = local(&measured);
    let mut figures: Vec<Box<dyn Figure>> =
        vec![Box::new(rotation), Box::new(equivariance(&measured, images, missing))];
    figures.extend(local.map(|local| Box::new(local) as Box<dyn Figure>));
    Ok(figures)
}

/// Lie derivatives; `None` where nothing was recorded of any.
fn local(measured: &[Measured]) -> Option<LocalFigure> {
    let of_arm = |(arm, runs): &Measured| {
        let locals: Vec<LocalEquivariance> = runs.iter().filter_map(|run| run.local.clone()).collect();
        ((*arm).clone(), locals)
    };
    let (arms, missing): (Vec<_>, Vec<_>) = measured.iter().map(of_arm).partition(|(_, runs)| !runs.is_empty());
    let layers = arms.iter().map(|(_, runs)| layers(&runs[0].rotation)).fold(Vec::new(), merged);
    if layers.is_empty() {
        return None;
    }
    let errors = |runs: &[LocalEquivariance], of: fn(&LocalEquivariance) -> &LocalError| LocalErrors {
        whole: Spread::of(runs.iter().filter_map(|run| of(run).image_error)),
        layers: layers.iter().map(|layer| share(runs, layer, of)).collect(),
    };
    let curve = |(arm, runs): (Arm, Vec<LocalEquivariance>)| LocalCurve {
        rotation: errors(&runs, |run| &run.rotation),
        translation: errors(&runs, |run| &run.translation),
        seeds: runs.len(),
        arm,
    };
    let images = measured.iter().flat_map(|(_, runs)| runs).filter_map(|run| run.layer_images).max();
    Some(LocalFigure {
        curves: arms.into_iter().map(curve).collect(),
        images: images.unwrap_or(LAYER_IMAGES),
        missing: missing.into_iter().map(|(arm, _)| arm.name).collect(),
        layers: layers.clone(),
    })
}

/// The layers that there are in one of both, each behind those that it follows.
fn merged(mut known: Vec<String>, others: Vec<String>) -> Vec<String> {
    let mut next = 0;
    for layer in others {
        match known.iter().position(|other| *other == layer) {
            Some(place) => next = place + 1,
            None => {
                known.insert(next, layer);
                next += 1;
            }
        }
    }
    known
}

fn layers(error: &LocalError) -> Vec<String> {
    error.layers.iter().map(|share| share.layer.clone()).collect()
}

/// What a layer brings in, over the runs.
fn share(runs: &[LocalEquivariance], layer: &str, of: fn(&LocalEquivariance) -> &LocalError) -> Option<Spread> {
    let of_run = |run| of(run).layers.iter().find(|share| share.layer == layer)?.image_error;
    Spread::of(runs.iter().filter_map(of_run))
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

#[cfg(test)]
mod tests {
    use super::merged;

    #[test]
    fn layers_of_all_arms_stand_in_their_order() {
        let list = |names: &str| names.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let z2 = list("conv1 conv1.norm conv2 conv2.norm conv3");
        let rp = list("conv1 conv1.norm conv1.group_pool conv2 conv2.norm conv2.group_pool conv3 conv3.max");
        let both = "conv1 conv1.norm conv1.group_pool conv2 conv2.norm conv2.group_pool conv3 conv3.max";
        assert_eq!(merged(z2.clone(), rp.clone()), list(both));
        assert_eq!(merged(rp, z2), list(both));
        assert_eq!(
            merged(list("conv1 block1 linear1"), list("conv1 block1 block2 linear1")),
            list("conv1 block1 block2 linear1")
        );
        assert_eq!(merged(Vec::new(), list("a b")), list("a b"));
    }
}
