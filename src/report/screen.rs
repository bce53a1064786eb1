//! Tables on the screen. They carry no colour and don't depend on its width, so they read the same in a file.

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, LineStyle, Table};

use super::layout::{self, BUDGET, Heading, Value};
use super::numbers::{mean_and_sd, or_none};
use super::sheet::Sheet;
use crate::model::Budget;

/// The name of a column.
fn heading(heading: Heading) -> &'static str {
    match heading {
        Heading::Cell => "cell",
        Heading::Arm => "arm",
        Heading::Bank => "bank",
        Heading::Parameters => "parameters",
        Heading::OneBit => "one-bit",
        Heading::Maps => "maps",
        Heading::MultiplyAdds => "multiply-adds",
        Heading::Seeds => "seeds",
        Heading::TestError => "test error",
        Heading::Step => "step",
        Heading::Share => "share",
        Heading::Interval => "95 % interval",
        Heading::Together => "all together",
        Heading::OverImages => "test images too",
        Heading::Bootstrap => "bootstrap",
        Heading::Comparison => "comparison",
        Heading::Difference => "difference",
        Heading::PHolm => "p (Holm)",
        Heading::PBetter => "P(better)",
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::TestError(arm) => or_none(mean_and_sd(arm), |error| error + " %"),
        other => other.plain(),
    }
}

/// A table of an attribution's.
pub(super) fn table(table: &layout::Table) -> String {
    let header: Vec<&str> = table.headings.iter().copied().map(heading).collect();
    let names = table.headings.iter().filter(|heading| heading.is_of_words()).count();
    lines(&header, names, table.cells().map(|cells| cells.iter().map(cell).collect()))
}

/// A table that the formats for papers have, too.
pub(super) fn sheet(sheet: Sheet) -> String {
    let Sheet { caption, header, word_columns, rows } = sheet;
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    format!("{caption}:\n\n{}", lines(&header, word_columns, rows.into_iter()))
}

/// The columns of what arms cost, and more.
pub(super) fn budget_header(more: &[&'static str]) -> Vec<&'static str> {
    BUDGET.into_iter().map(heading).chain(more.iter().copied()).collect()
}

/// What an arm costs, under [`budget_header`].
pub(super) fn budget_cells(name: &str, bank: &str, budget: Budget) -> [String; 6] {
    layout::budget(name, bank, budget).map(|value| cell(&value))
}

/// A table of which the first `names` columns hold words and the others numbers; ends with a newline.
pub(super) fn lines(header: &[&str], names: usize, rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING.header_separator(LineStyle::none().fill('─').junction('─')));
    table.set_header(header.to_vec()).add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    for column in table.column_iter_mut().skip(names) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.lines().flat_map(|line| [line.trim_end().to_owned(), "\n".to_owned()]).collect()
}
