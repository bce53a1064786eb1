//! Tables as GitHub-flavoured Markdown.

use super::{CellTables, Export, Tables};
use crate::error::Result;
use crate::report::sentence::answer;
use crate::report::sheet::{Sheet, notes, sheets};
use crate::stats::attribution::Attribution;
use crate::text;

/// GitHub-flavoured Markdown.
pub struct Markdown;

impl Export for Markdown {
    fn export(&self, tables: &Tables) -> Result<String> {
        let title = |attribution: &Attribution| match tables.cells.len() {
            1 => String::new(),
            _ => format!("## {}\n\n", escaped(&attribution.study)),
        };
        let parts = tables.all_cells().as_ref().map(table).into_iter();
        let parts = parts.chain(tables.cells.iter().map(|cell| title(&cell.attribution) + &page(cell)));
        let parts = parts.chain(tables.tuning.as_ref().map(table));
        Ok(parts.collect::<Vec<_>>().join("\n"))
    }
}

fn page(CellTables { attribution, further, .. }: &CellTables) -> String {
    let tables: Vec<String> = sheets(attribution).iter().chain(further).map(table).collect();
    let notes: String = notes(attribution).iter().map(|note| format!("\n- {}", escaped(note))).collect();
    let notes = if notes.is_empty() { notes } else { format!("\nNotes:\n{notes}\n") };
    format!("{}\n\n{}{notes}", escaped(&answer(attribution)), tables.join("\n"))
}

fn table(sheet: &Sheet) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let rule = |column: usize| if column < sheet.word_columns { " --- |" } else { " ---: |" };
    let rules: String = (0..sheet.header.len()).map(rule).collect();
    let rows: String = sheet.rows.iter().map(|row| line(row)).collect();
    format!("{}:\n\n{}|{rules}\n{rows}", escaped(&sheet.caption), line(&sheet.header))
}

/// Text in which nothing is markup.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text::line(text).chars() {
        match c {
            '\\' | '|' | '*' | '_' | '`' | '[' | ']' | '<' | '>' | '#' | '~' | '&' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped() {
        assert_eq!(escaped("a|b_c*d [1, 2] <x> \\"), r"a\|b\_c\*d \[1, 2\] \<x\> \\");
    }
}
