//! How equivariant the runs of a study became, as a table.

use super::learned::{errors_after, stages};
use super::numbers::NONE;
use super::sheet::Sheet;
use crate::error::Result;
use crate::lab::{LAYER_IMAGES, LearnedEquivariance, LocalEquivariance, LocalError};
use crate::stats::student;
use crate::study::{Level, Record, Run};

/// The table of a cell; `None` where none of its runs was measured.
///
/// # Errors
/// When a record can't be read.
pub(super) fn of_cell(record: &Record, cell: &[Level], runs: &[Run]) -> Result<Option<Sheet>> {
    let mut arms: Vec<(&str, Vec<LearnedEquivariance>)> = Vec::new();
    for arm in record.study.arms_of(cell) {
        let of_arm = runs.iter().filter(|run| run.arm == *arm);
        let measured = of_arm.filter_map(|run| run.measured(&record.study).transpose()).collect::<Result<Vec<_>>>()?;
        arms.push((&arm.name, measured));
    }
    let Some(first) = arms.iter().flat_map(|(_, runs)| runs).next() else { return Ok(None) };
    let (layer_images, turned) = (first.layer_images.unwrap_or(LAYER_IMAGES), first.turned_images);
    let mut header = vec!["Arm", "Group", "Runs", "Scores, new", "Scores, trained", "Maps", "Changed (%)"];
    let is_local = arms.iter().flat_map(|(_, runs)| runs).any(|run| run.local.is_some());
    if is_local {
        header.extend(["Turning", "Shifting"]);
    }
    Ok(Some(Sheet {
        caption: format!(
            "Learned equivariance in {}, means over runs ± standard deviation ({NONE}: not measured). Scores: how far the class \
             scores of {layer_images} test images move when the images do, by the elements of the group, relative to the distance \
             between different images, with new and with trained weights. Maps: the same of the trained hidden maps after each stage, \
             from the least to the greatest; those of arms without a group are each turned in place, others as the group acts on \
             them. Changed: how many of {turned} test images get another class when they are turned by 90°{}",
            record.study.title(cell),
            if is_local { LOCAL } else { "" }
        ),
        header: header.into_iter().map(str::to_owned).collect(),
        word_columns: 2,
        rows: arms.iter().map(|(name, runs)| row(name, runs, is_local)).collect(),
    }))
}

/// What the columns of Lie derivatives are.
const LOCAL: &str = ". Turning and shifting: the Lie derivative of the trained networks' class scores, per radian and per pixel, relative to the distance \
                     between different images (Gruver et al. 2023)";

fn row(arm: &str, runs: &[LearnedEquivariance], is_local: bool) -> Vec<String> {
    let stages = runs.first().map_or_else(Vec::new, stages);
    let (scores, hidden) = stages.split_last().map_or(("", &[][..]), |(last, hidden)| (last.as_str(), hidden));
    let changed = |run: &LearnedEquivariance| run.angles.iter().find(|at| at.angle == 90).map(|at| at.changed);
    let changed: Vec<f64> = runs.iter().filter_map(changed).map(|fraction| 100.0 * fraction).collect();
    let local = |of: fn(&LocalEquivariance) -> &LocalError| {
        relative(&runs.iter().filter_map(|run| of(run.local.as_ref()?).image_error).collect::<Vec<_>>())
    };
    let mut cells = vec![
        arm.to_owned(),
        runs.first().map_or_else(|| NONE.to_owned(), |run| run.group.clone()),
        runs.len().to_string(),
        relative(&errors_after(runs, scores, |layer| layer[0])),
        relative(&errors_after(runs, scores, |layer| layer[1])),
        between(hidden.iter().filter_map(|stage| student::mean(&errors_after(runs, stage, |layer| layer[1])))),
        summary(&changed, |percent| format!("{percent:.1}")),
    ];
    if is_local {
        cells.extend([local(|local| &local.rotation), local(|local| &local.translation)]);
    }
    cells
}

/// The least and the greatest of some errors.
fn between(errors: impl Iterator<Item = f64>) -> String {
    let errors: Vec<f64> = errors.collect();
    let text = |error: f64| number(error)(error);
    match (errors.iter().copied().reduce(f64::min), errors.iter().copied().reduce(f64::max)) {
        (Some(least), Some(greatest)) => format!("{} to {}", text(least), text(greatest)),
        _ => NONE.to_owned(),
    }
}

/// Relative errors, mean and standard deviation in the same form.
fn relative(errors: &[f64]) -> String {
    summary(errors, number(student::mean(errors).unwrap_or_default()))
}

/// How errors of this size are written: those of rounding alone by their order.
fn number(size: f64) -> fn(f64) -> String {
    if size < 5e-3 { |error| format!("{error:.0e}") } else { |error| format!("{error:.2}") }
}

fn summary(values: &[f64], text: fn(f64) -> String) -> String {
    match (student::mean(values), student::sd(values)) {
        (None, _) => NONE.to_owned(),
        (Some(mean), Some(sd)) => format!("{} ± {}", text(mean), text(sd)),
        (Some(mean), None) => text(mean),
    }
}
