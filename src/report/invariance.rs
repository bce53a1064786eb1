//! How equivariant the runs of a study became, as tables.

use super::sheet::Sheet;
use super::table::NONE;
use crate::error::Result;
use crate::lab::{LayerErrors, LearnedEquivariance, LearnedLayer};
use crate::stats::student;
use crate::study::{Level, Record, Run};

/// The table of a cell; `None` where none of its runs was measured.
///
/// # Errors
/// When a record can't be read.
pub(super) fn of_cell(record: &Record, cell: &[Level], runs: &[Run]) -> Result<Option<Sheet>> {
    let mut rows = Vec::new();
    let mut images = None;
    for arm in record.study.arms_of(cell) {
        let of_arm = runs.iter().filter(|run| run.arm == *arm);
        let measured = of_arm.filter_map(|run| run.measured(&record.study).transpose()).collect::<Result<Vec<_>>>()?;
        if let Some(first) = measured.first() {
            images = Some(first.turned_images);
            rows.push(row(&arm.name, &measured));
        }
    }
    let Some(images) = images else { return Ok(None) };
    let header = ["Arm", "Runs", "Scores, new", "Scores, trained", "Maps, trained", "Changed (%)"];
    Ok(Some(Sheet {
        caption: format!(
            "Learned equivariance in {}, means over runs ± standard deviation. Scores: how far the class scores move under the \
             group's elements, relative to the distance between different images, with new and with trained weights. Maps: the \
             same of hidden maps, each moved in place, from the least to the greatest of the hidden layers. Changed: how many of \
             {images} test images get another class when they are turned by 90°",
            record.study.title(cell)
        ),
        header: header.map(str::to_owned).to_vec(),
        word_columns: 1,
        rows,
    }))
}

fn row(arm: &str, runs: &[LearnedEquivariance]) -> Vec<String> {
    let scores = |state: fn(&LearnedLayer) -> LayerErrors| {
        summary(runs.iter().filter_map(|run| state(run.layers.last()?).image_error), relative)
    };
    let changed = |run: &LearnedEquivariance| run.angles.iter().find(|at| at.angle == 90).map(|at| at.changed);
    vec![
        arm.to_owned(),
        runs.len().to_string(),
        scores(|layer| layer.new),
        scores(|layer| layer.trained),
        hidden(runs),
        summary(runs.iter().filter_map(changed), |fraction| format!("{:.1}", 100.0 * fraction)),
    ]
}

/// The least and the greatest mean over runs of the error after a hidden layer.
fn hidden(runs: &[LearnedEquivariance]) -> String {
    let layers = runs.first().map_or(&[][..], |run| run.layers.as_slice());
    // Norms end the hidden layers; what follows the last of them are scores.
    let hidden = layers.iter().filter(|layer| layer.layer.ends_with(".norm")).map(|layer| layer.layer.as_str());
    let error = |name: &str| {
        let found =
            |run: &LearnedEquivariance| run.layers.iter().find(|layer| layer.layer == name)?.trained.image_error;
        student::mean(&runs.iter().filter_map(found).collect::<Vec<_>>())
    };
    let means: Vec<f64> = hidden.filter_map(error).collect();
    match (means.iter().copied().reduce(f64::min), means.iter().copied().reduce(f64::max)) {
        (Some(least), Some(greatest)) => format!("{} to {}", relative(least), relative(greatest)),
        _ => NONE.to_owned(),
    }
}

fn summary(values: impl Iterator<Item = f64>, text: fn(f64) -> String) -> String {
    let values: Vec<f64> = values.collect();
    match (student::mean(&values), student::sd(&values)) {
        (None, _) => NONE.to_owned(),
        (Some(mean), Some(sd)) if text(sd) != text(0.0) => format!("{} ± {}", text(mean), text(sd)),
        (Some(mean), _) => text(mean),
    }
}

/// A relative error; one of rounding alone by its order.
fn relative(error: f64) -> String {
    match error {
        0.0 => "0".to_owned(),
        error if error < 1e-3 => format!("{error:.0e}"),
        error => format!("{error:.2}"),
    }
}
