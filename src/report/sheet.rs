//! The tables of a study as cells of text, for every format that papers and pages take.

use super::layout::{self, Cell, Heading, Layout, Table, Value};
use super::numbers::{NONE, brackets, counts_images, grouped, over_seeds, seeds_needed, to_quote, together, undone};
use super::sentence::with_minus_signs;
use crate::stats::attribution::Attribution;
use crate::study::{Trial, TuningRecord};

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sheet {
    /// What it shows, units included.
    pub caption: String,
    /// Names of the columns.
    pub header: Vec<String>,
    /// How many columns, from the left, hold words; the others hold numbers.
    pub word_columns: usize,
    /// The cells.
    pub rows: Vec<Vec<String>>,
}

impl Sheet {
    fn of(caption: String, table: &Table) -> Self {
        Self {
            caption,
            header: table.headings.iter().map(|&of| heading(of).to_owned()).collect(),
            word_columns: table.headings.iter().filter(|heading| heading.is_of_words()).count(),
            rows: table.cells().map(|cells| cells.iter().map(cell).collect()).collect(),
        }
    }

    /// With minus signs as printers set them.
    pub(super) fn with_minus_signs(mut self) -> Self {
        self.caption = with_minus_signs(&self.caption);
        for cell in self.rows.iter_mut().flat_map(|row| row.iter_mut().skip(self.word_columns)) {
            *cell = with_minus_signs(cell);
        }
        self
    }
}

/// The name of a column.
fn heading(heading: Heading) -> &'static str {
    match heading {
        Heading::Cell => "Cell",
        Heading::Arm => "Arm",
        Heading::Bank => "Bank",
        Heading::Parameters => "Parameters",
        Heading::OneBit => "One-bit",
        Heading::Maps => "Maps",
        Heading::MultiplyAdds => "MACs",
        Heading::Seeds => "Seeds",
        Heading::TestError => "Error (%)",
        Heading::Step => "Step",
        Heading::Share => "Share",
        Heading::Interval => "95 % interval",
        Heading::Together => "All together",
        Heading::OverImages => "Images too",
        Heading::Bootstrap => "Bootstrap",
        Heading::Comparison => "Comparison",
        Heading::Difference => "Difference",
        Heading::PHolm => "p (Holm)",
        Heading::PBetter => "P(better)",
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Count(count) => grouped(*count),
        Value::MultiplyAdds(multiply_adds) => format!("{:.2}", *multiply_adds as f64 / 1e6),
        // The caption says which those of the gain are.
        Value::Compared(what, _, true) => what.clone(),
        other => other.plain(),
    }
}

/// The arms, the shares of the controls, the ladder and the comparisons, as far as there are any.
pub fn sheets(attribution: &Attribution) -> Vec<Sheet> {
    let study = &attribution.study;
    let gain = gain(attribution);
    let Layout { arms, shares, ladder, comparisons } = Layout::of(attribution);
    let steps = together(&attribution.ladder);
    let further = [
        (ratios(&format!("Share of {gain} that each other arm matches in {study}"), attribution, true), shares),
        (ratios(&format!("Steps of {gain} in {study}, {steps}"), attribution, false), ladder),
        (pairs(study), comparisons),
    ];
    let further = further.into_iter().filter(|(_, table)| !table.rows.is_empty());
    let all = [(budgets(study), arms)].into_iter().chain(further);
    all.map(|(caption, table)| Sheet::of(caption, &table).with_minus_signs()).collect()
}

fn budgets(study: &str) -> String {
    format!(
        "Arms of {study}: budgets, and mean test error over the seeds ± standard deviation; MACs: multiply-adds per image, in millions"
    )
}

/// `of_controls`: whether several controls are compared, and have intervals that hold together.
fn ratios(what: &str, attribution: &Attribution, of_controls: bool) -> String {
    let several = of_controls && attribution.shares.len() > 1;
    let together = if several {
        "; all together: those that hold for all controls at once (Bonferroni's; Holm's tests find more)"
    } else {
        ""
    };
    let images = if counts_images(attribution) { "; images too: for other test images as well" } else { "" };
    let quote = if of_controls { to_quote(attribution) } else { "the 95 % interval" };
    format!(
        "{what}: Fieller's 95 % intervals, each by itself{together}{images}; bootstrap: the paired one's{}. Intervals {}; \
         the one to quote is {quote}",
        if attribution.covers.test_images { "" } else { ", over seeds and test images" },
        attribution.covers.in_words()
    )
}

fn pairs(study: &str) -> String {
    format!(
        "Pairs of arms of {study}: difference of their test errors in percentage points, p of the paired t test after Holm's \
         correction over the controls of this table (those against the baseline and those against the target apart), and how likely a run of the second arm errs less than one of the first, with its \
         bootstrap interval ({NONE}: there is none, as of one seed, or where every run of one errs less than every run of \
         the other)"
    )
}

/// The gain in words, with its size where there's an interval of it.
fn gain(attribution: &Attribution) -> String {
    let Attribution { baseline, target, gain, .. } = attribution;
    let size = gain.as_ref().filter(|gain| gain.ci95.is_some()).map_or_else(String::new, |gain| {
        let seeds = over_seeds(gain.seeds_used.as_deref());
        format!(" ({:.2} {} percentage points{seeds})", 100.0 * gain.value, brackets(gain.ci95, 2))
    });
    format!("the gain of {target} over {baseline}{size}")
}

/// Errors and shares of all cells of a study's grid under each other; `None` where there's one cell.
pub(super) fn cells(study: &str, cells: &[Cell]) -> Option<Sheet> {
    let [(_, Attribution { baseline, target, .. }), _, ..] = cells else { return None };
    let caption = format!(
        "All cells of {study}: mean test error ± standard deviation, and the share of the gain of {target} over {baseline} \
         that each other arm matches, with Fieller's 95 % interval ({NONE}: none, as where the gain isn't established)"
    );
    Some(Sheet::of(caption, &layout::grid(cells)))
}

/// What to know before trusting the numbers, and what more certain ones would take, in sentences.
pub fn notes(attribution: &Attribution) -> Vec<String> {
    let warnings = attribution.warnings.iter().map(|warning| format!("Warning: {warning}."));
    warnings.chain(undone(attribution)).chain(seeds_needed(attribution)).map(|note| with_minus_signs(&note)).collect()
}

/// What tuning chose for every arm, by name; `None` where there was no tuning.
pub fn choices(choices: &[(String, TuningRecord)]) -> Option<Sheet> {
    choices.first()?;
    let row = |(arm, tuned): &(String, TuningRecord)| {
        let chosen = tuned.trials.get(tuned.chosen);
        let setting = |of: fn(&Trial) -> Option<String>| chosen.and_then(of).unwrap_or_else(|| NONE.to_owned());
        vec![
            arm.clone(),
            setting(|trial| trial.setting.learning_rate.map(|rate| format!("{rate:?}"))),
            setting(|trial| trial.setting.weight_decay.map(|decay| format!("{decay:?}"))),
            setting(|trial| trial.setting.batch.map(|batch| batch.to_string())),
            setting(|trial| trial.setting.dropout.map(|dropout| format!("{dropout:?}"))),
            tuned.trials.len().to_string(),
            grouped(tuned.train as u64),
            grouped(tuned.validation as u64),
            setting(|trial| trial.mean_error().map(|error| format!("{:.2}", 100.0 * error))),
        ]
    };
    let header =
        ["Arm", "Learning rate", "Weight decay", "Batch", "Dropout", "Trials", "Trained on", "Held out", "Error (%)"];
    Some(Sheet {
        caption: format!(
            "What tuning chose for each arm ({NONE}: not tuned), and its error on the training images that were held out"
        ),
        header: header.map(str::to_owned).to_vec(),
        word_columns: 1,
        rows: choices.iter().map(row).collect(),
    })
}
