//! What the steps of a skeleton lead to and cost.

use super::numbers::grouped;
use super::screen::lines;
use crate::model::StepCost;

/// The steps, one a line, and their sums.
pub fn table(steps: &[StepCost]) -> String {
    let header = ["step", "what", "pixels", "maps", "parameters", "one-bit", "multiply-adds"];
    let row = |step: &StepCost| {
        let [height, width] = step.size;
        vec![
            step.name.clone(),
            step.what.clone(),
            format!("{height}×{width}"),
            step.maps.to_string(),
            grouped(step.parameters as u64),
            grouped(step.one_bit_parameters as u64),
            grouped(step.multiply_adds),
        ]
    };
    let sums = vec![
        "all".to_owned(),
        String::new(),
        String::new(),
        String::new(),
        grouped(steps.iter().map(|step| step.parameters as u64).sum()),
        grouped(steps.iter().map(|step| step.one_bit_parameters as u64).sum()),
        grouped(steps.iter().map(|step| step.multiply_adds).sum()),
    ];
    lines(&header, 2, steps.iter().map(row).chain([sums]))
}
