//! Which classes the arms of a study take for each other, as a table: what a symmetry costs where the classes don't have it.

use std::collections::BTreeMap;

use super::sheet::Sheet;
use crate::data::Label;
use crate::study::{Arm, Level, Mistake, Outcome, Record, Run, TestSet};

/// Pairs of classes that are listed of every arm.
const LISTED: usize = 4;

/// The table of a cell; `None` where none of its runs is finished.
pub(super) fn of_cell(record: &Record, cell: &[Level], runs: &[Run]) -> Option<Sheet> {
    let row = |arm: &Arm| {
        let of_arm = runs.iter().filter(|run| run.arm == *arm);
        let ended: Vec<&Outcome> = of_arm.filter_map(Run::result).map(|result| &result.outcome).collect();
        row(&arm.name, &ended, &record.test_set())
    };
    let rows: Vec<Vec<String>> = record.study.arms_of(cell).filter_map(row).collect();
    let header = ["Arm", "Runs", "Most often", "Second", "Third", "Fourth"];
    (!rows.is_empty()).then(|| Sheet {
        caption: format!(
            "Pairs of classes that are taken for each other, either for the other, in {}: in % of the test images, means over runs",
            record.study.title(cell)
        ),
        header: header.map(str::to_owned).to_vec(),
        word_columns: 1,
        rows,
    })
}

/// `None` where no run is finished.
fn row(arm: &str, outcomes: &[&Outcome], set: &TestSet) -> Option<Vec<String>> {
    let mistakes = outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Finished { mistakes, .. } => Some(mistakes),
        _ => None,
    });
    let (mut runs, mut tested, mut confused) = (0, 0, BTreeMap::<[Label; 2], usize>::new());
    for mistakes in mistakes {
        runs += 1;
        tested += mistakes.tested;
        // What can't be of these labels is refused where runs are attributed.
        for Mistake { label, class, .. } in mistakes.each(set).unwrap_or_default() {
            *confused.entry([label.min(class), label.max(class)]).or_default() += 1;
        }
    }
    let mut confused: Vec<([Label; 2], usize)> = confused.into_iter().collect();
    confused.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let cell = |(pair, count): ([Label; 2], usize)| {
        let percent = 100.0 * count as f64 / tested as f64;
        format!("{} and {}: {percent:.2}", pair[0], pair[1])
    };
    let cells = confused.into_iter().map(cell).chain(std::iter::repeat_with(String::new)).take(LISTED);
    (runs > 0).then(|| [arm.to_owned(), runs.to_string()].into_iter().chain(cells).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::Mistakes;

    #[test]
    fn pairs_are_counted_either_way_and_over_runs() {
        let labels = [0, 1, 2, 2, 1];
        let of = |predictions: [Label; 5]| Outcome::Finished {
            test_error: 0.0,
            mistakes: Mistakes::of(&predictions, &labels),
        };
        let runs = [of([0, 2, 1, 2, 1]), of([1, 2, 2, 2, 1]), Outcome::Failed { reason: String::new() }];
        let set = TestSet { images: 5, classes: 3, labels: Some(&labels) };
        let cells = row("a", &runs.iter().collect::<Vec<_>>(), &set).unwrap();
        assert_eq!(cells, ["a", "2", "1 and 2: 30.00", "0 and 1: 10.00", "", ""]);
        assert_eq!(row("a", &[&runs[2]], &set), None);
    }
}
