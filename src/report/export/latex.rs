//! Tables as LaTeX, with the rules of the package booktabs.

use super::{CellTables, Export, Tables};
use crate::error::Result;
use crate::report::sentence::answer;
use crate::report::sheet::{Sheet, notes, sheets};
use crate::text;

/// Rows that a page has room for, beside its head and caption.
const MOST_ROWS: usize = 40;

/// Width of a column of text where an article has two, the mean width of a letter in `\footnotesize`, and what stands between
/// columns of a table, all in points.
const COLUMN: f64 = 200.0;
const LETTER: f64 = 4.3;
const SEPARATION: f64 = 6.0;

/// LaTeX; the document needs `\usepackage{booktabs}`.
pub struct Latex;

impl Export for Latex {
    fn export(&self, tables: &Tables) -> Result<String> {
        let study = &tables.study;
        let cells = tables.all_cells().map(|cells| numbered([&cells], &format!("{study}-cells")));
        let tuning = tables.tuning.as_ref().map(|tuning| numbered([tuning], &format!("{study}-tuning")));
        let pages = tables.cells.iter().map(page);
        let tables = cells.into_iter().chain(pages).chain(tuning).collect::<Vec<_>>().join("\n");
        Ok(format!(
            "% Needs \\usepackage{{booktabs}}. Tables that are wider than one of two columns of text are table*, over both.\n\n{tables}"
        ))
    }
}

fn page(CellTables { attribution, further, .. }: &CellTables) -> String {
    let tables = numbered(sheets(attribution).iter().chain(further), &attribution.study);
    let answer = format!("{}: {}", attribution.study, answer(attribution));
    // A line break would end the comment.
    let comments = std::iter::once(answer).chain(notes(attribution)).map(|told| format!("% {}\n", text::line(&told)));
    format!("{}\n{tables}", comments.collect::<String>())
}

/// Tables labelled `tab:<name>-1` and so on.
fn numbered<'a>(sheets: impl IntoIterator<Item = &'a Sheet>, name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    let name: String = name.chars().map(plain).collect();
    let sheets: Vec<Sheet> = sheets.into_iter().flat_map(parts).collect();
    let tables = (1..).zip(&sheets).map(|(n, sheet)| table(sheet, &format!("tab:{name}-{n}")));
    tables.collect::<Vec<_>>().join("\n")
}

/// A table that fits on a page, or its parts that do: a float can't break.
fn parts(sheet: &Sheet) -> Vec<Sheet> {
    let parts = sheet.rows.chunks(MOST_ROWS);
    let count = parts.len();
    let part = |(n, rows): (usize, &[Vec<String>])| {
        let place = if count > 1 { format!(" (part {} of {count})", n + 1) } else { String::new() };
        Sheet { caption: format!("{}{place}", sheet.caption), rows: rows.to_vec(), ..sheet.clone() }
    };
    parts.enumerate().map(part).collect()
}

fn table(sheet: &Sheet, label: &str) -> String {
    let line = |cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| escaped(cell)).collect();
        format!(r"    {} \\", cells.join(" & "))
    };
    let columns: String = (0..sheet.header.len()).map(|n| if n < sheet.word_columns { 'l' } else { 'r' }).collect();
    let rows: Vec<String> = sheet.rows.iter().map(|row| line(row)).collect();
    // Where there's one column of text, table* is table.
    let table = if is_wide(sheet) { "table*" } else { "table" };
    let lines = [
        format!(r"\begin{{{table}}}"),
        r"  \centering".to_owned(),
        // Eight columns must fit into an article's text.
        r"  \footnotesize".to_owned(),
        r"  \setlength{\tabcolsep}{3pt}".to_owned(),
        format!(r"  \caption{{{}.}}\label{{{label}}}", escaped(&sheet.caption)),
        format!(r"  \begin{{tabular}}{{@{{}}{columns}@{{}}}}"),
        r"    \toprule".to_owned(),
        line(&sheet.header),
        r"    \midrule".to_owned(),
        rows.join("\n"),
        r"    \bottomrule".to_owned(),
        r"  \end{tabular}".to_owned(),
        format!(r"\end{{{table}}}"),
    ];
    lines.join("\n") + "\n"
}

/// Whether a table is wider than a column of two, by the letters of each of its columns' widest cells.
fn is_wide(sheet: &Sheet) -> bool {
    let letters = |n: usize| {
        let cells = std::iter::once(&sheet.header).chain(&sheet.rows).filter_map(|row| row.get(n));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let points = |n: usize| letters(n) as f64 * LETTER + SEPARATION;
    (0..sheet.header.len()).map(points).sum::<f64>() > COLUMN
}

/// Text in which nothing is markup, in the characters that every LaTeX engine takes.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text::line(text).chars() {
        match c {
            '\\' => out.push_str(r"\textbackslash{}"),
            '~' => out.push_str(r"\textasciitilde{}"),
            '^' => out.push_str(r"\textasciicircum{}"),
            '<' | '>' | '|' => out.extend(['$', c, '$']),
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => out.extend(['\\', c]),
            '±' => out.push_str(r"$\pm$"),
            '°' => out.push_str(r"$^\circ$"),
            '→' => out.push_str(r"$\to$"),
            '–' => out.push_str("--"),
            '−' => out.push_str("$-$"),
            // At the start of a cell it would be taken for the argument of the line's \\ before it.
            '[' => out.push_str("{[}"),
            _ => out.push(c),
        }
    }
    // A unit stays on the line of its number.
    out.replace(r" \%", r"~\%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_escaped_and_minus_signs_are_set() {
        assert_eq!(
            escaped(r"50 % of a_b & {c} \ ~^ #$"),
            r"50~\% of a\_b \& \{c\} \textbackslash{} \textasciitilde{}\textasciicircum{} \#\$"
        );
        assert_eq!(escaped("[−12.8, −3.0]"), "{[}$-$12.8, $-$3.0]");
        assert_eq!(escaped("−3.0 %"), r"$-$3.0~\%");
        assert_eq!(escaped("z2 → p4, 1.40 ± 0.11, –"), r"z2 $\to$ p4, 1.40 $\pm$ 0.11, --");
        assert_eq!(escaped("repeat-swish"), "repeat-swish");
        assert_eq!(escaped("a\n\\input{b}"), r"a\textbackslash{}n\textbackslash{}input\{b\}");
    }
}
