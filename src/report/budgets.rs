//! What arms cost, before anything is trained.

use super::screen::{budget_cells, budget_header, lines};
use crate::study::Arm;

/// The budgets of some arms, one a line, with the widths that they have or were given by matching: maps of plain convolutions,
/// fields of group convolutions, base maps of repetition.
pub fn table(arms: &[Arm]) -> String {
    let row = |arm: &Arm| {
        let budget = budget_cells(&arm.id(), arm.net.bank.name(), arm.budget);
        budget.into_iter().chain([widths(&arm.net.widths)]).collect()
    };
    lines(&budget_header(&["widths"]), 2, arms.iter().map(row))
}

/// One width where all layers have the same.
fn widths(widths: &[usize]) -> String {
    match widths {
        [first, others @ ..] if others.iter().all(|width| width == first) => first.to_string(),
        all => all.iter().map(usize::to_string).collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::widths;

    #[test]
    fn widths_are_one_number_where_they_are_the_same() {
        assert_eq!(widths(&[7, 7, 7]), "7");
        assert_eq!(widths(&[7, 7, 6]), "7 7 6");
        assert_eq!(widths(&[]), "");
    }
}
