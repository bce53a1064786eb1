//! A study as one HTML page that needs nothing else: figures are inline SVG, the font is embedded, there's no script.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::cell::CellResults;
use super::figure::{FONT_CSS, Figure, Page};
use super::layout::Cell;
use super::sentence::{answer, question};
use super::sheet::{self, Sheet, choices, notes, sheets};
use crate::error::{Error, Result};
use crate::text;

/// Readable on a phone, where wide figures and tables scroll sideways rather than shrink and say so, on a dark screen, where figures
/// keep their paper, and printable on A4.
const CSS: &str = "
:root{color-scheme:light dark;--ink:#000;--soft:#444;--page:#fff;--box:#f4f4f4;--line:#0072b2}
@media screen and (prefers-color-scheme:dark){:root{--ink:#e6e6e6;--soft:#b8b8b8;--page:#17191c;--box:#25282c;--line:#56b4e9}
figure .scroll{box-sizing:border-box;padding:.5rem;border-radius:.25rem}}
body{font:16px/1.5 'DejaVu Sans',Verdana,sans-serif;overflow-wrap:anywhere;color:var(--ink);background:var(--page);max-width:46rem;margin:0 auto;padding:0 1rem 3rem}
h1{font-size:1.5rem;margin:1.5rem 0 .25rem}h2{font-size:1.25rem;margin:2.5rem 0 .5rem}h3{font-size:1.05rem;margin:2rem 0 .5rem}
.answer{font-size:1.1rem;border-left:.3rem solid var(--line);padding:.25rem 0 .25rem 1rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;border-top:2px solid;border-bottom:2px solid;margin:.5rem 0;font-size:.8rem}
figcaption,.caption{font-size:.85rem;margin:1rem 0 .25rem;color:var(--soft)}
.cue{display:none;font-size:.75rem;margin:.25rem 0;color:var(--line)}
th,td{padding:.2rem .45rem;text-align:right;white-space:nowrap}th{border-bottom:1px solid}.word{text-align:left}
th:first-child,td:first-child{position:sticky;left:0;background:var(--page)}
figure{margin:1.5rem 0}figure svg{max-width:100%;height:auto;display:block}figure .scroll{background:#fff;width:fit-content;max-width:100%}
pre{background:var(--box);padding:.75rem;overflow-x:auto;font-size:.8rem;white-space:pre-wrap;overflow-wrap:anywhere}
code{overflow-wrap:anywhere}summary{cursor:pointer;margin:2.5rem 0 .5rem}summary h2{display:inline}
@media screen and (max-width:46rem){figure svg{max-width:none}.cue{display:block}}
@media print{html{font-size:10pt}figure svg{max-width:100%}body{font-size:1rem;max-width:none;padding:0}figure,.table,tr{break-inside:avoid}h2,h3,h3+p,.caption{break-after:avoid}pre{font-size:7pt}
details{display:none}.scroll{overflow:visible}th,td{padding:.1rem .3rem;font-size:7.5pt}}
@page{margin:15mm}
";
/// What fits beside the margins of a phone: millimetres of a figure, letters of a table's widest line.
const PHONE: (f64, usize) = (90.0, 44);

/// A page shows so many figures of a cell, those of numbers first.
const MOST_FIGURES: usize = 36;

/// The page of a study: a section for every cell of its grid, one where there's no grid.
///
/// # Errors
/// When there's no cell, a figure can't be drawn, or the configuration not be written.
pub fn page(cells: &[CellResults]) -> Result<String> {
    let Some(first) = cells.first() else { return Err(Error::invalid("a study without arms has no report")) };
    let attribution = &first.attribution;
    let study = &first.record.study;
    let title = format!("{}: {} against {}", study.name, attribution.target, attribution.baseline);
    let configuration =
        toml::to_string(study).map_err(|e| Error::invalid(format!("the study's configuration: {e}")))?;
    let outcomes: Vec<Cell> = cells.iter().map(|cell| (cell.levels.as_slice(), &cell.attribution)).collect();
    let all = sheet::cells(&study.name, &outcomes).map(Sheet::with_minus_signs);
    let mut number = 0;
    let across = figures(&CellResults::across(cells), &mut number)?;
    let sections = cells.iter().map(|cell| section(cell, &mut number)).collect::<Result<Vec<_>>>()?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(FONT_CSS.as_str())) (PreEscaped(CSS)) }
            }
            body {
                h1 { (title) }
                p { (question(attribution)) }
                @if let Some(unfinished) = CellResults::unfinished(cells) { p { b { (unfinished) "." } } }
                @if let Some(all) = &all { (table(all)) }
                (across)
                @for section in &sections { (section) }
                @if let Some(choices) = choices(&first.choices) {
                    h2 { "Tuning" }
                    (table(&choices))
                }
                h2 { "How to reproduce it" }
                (reproduction(cells, first))
                @if let Some(file) = &first.file {
                    h2 { "Study file" }
                    pre { (text::visible(file.trim_end())) }
                }
                details {
                    summary { h2 { "Configuration" } }
                    p { "What the study file says, with everything resolved, as the store has it." }
                    pre { (configuration) }
                }
            }
        }
    };
    Ok(page.into_string())
}

/// Answer, figures and tables of a cell.
fn section(cell: &CellResults, number: &mut usize) -> Result<Markup> {
    let attribution = &cell.attribution;
    let mut all = cell.figures()?;
    let left = all.len().saturating_sub(MOST_FIGURES);
    all.truncate(MOST_FIGURES);
    let figures = figures(&all, number)?;
    let notes = notes(attribution);
    Ok(html! {
        @if !cell.levels.is_empty() { h2 { (attribution.study) } }
        p.answer { (answer(attribution)) }
        @if !notes.is_empty() {
            h3 { "Before you trust it" }
            ul { @for note in &notes { li { (note) } } }
        }
        h3 { "Figures" }
        (figures)
        @if left > 0 { p { (left) " more pictures of networks are left out here; " code { "equisplit figures" } " draws them." } }
        h3 { "Tables" }
        p {
            "The share of an arm is (e(" (attribution.baseline) ") − e(arm)) / (e(" (attribution.baseline) ") − e("
            (attribution.target) ")), e being mean test errors over the same seeds."
        }
        @for sheet in sheets(attribution).iter().chain(&cell.further()?) { (table(sheet)) }
    })
}

/// Figures with their captions, numbered on from `number`.
fn figures(figures: &[Box<dyn Figure>], number: &mut usize) -> Result<Markup> {
    let mut drawn = Vec::new();
    for drawing in figures {
        *number += 1;
        drawn.push(figure(*number, &drawing.caption(), &Page::draw(drawing.as_ref())?));
    }
    Ok(html! { @for figure in &drawn { (figure) } })
}

fn figure(number: usize, caption: &str, page: &Page) -> Markup {
    html! {
        figure {
            (cue(page.size()[0] > PHONE.0))
            div.scroll tabindex="0" { (PreEscaped(page.inline_svg())) }
            figcaption { b { "Figure " (number) "." } " " (caption) }
        }
    }
}

fn table(sheet: &Sheet) -> Markup {
    let class = |column: usize| if column < sheet.word_columns { "word" } else { "number" };
    let letters = |row: &Vec<String>| row.iter().map(|cell| cell.chars().count() + 2).sum::<usize>();
    let widest = std::iter::once(&sheet.header).chain(&sheet.rows).map(letters).max().unwrap_or(0);
    html! {
        div.table {
            p.caption { (sheet.caption) "." }
            (cue(widest > PHONE.1))
            div.scroll tabindex="0" {
                table {
                    thead { tr { @for (n, cell) in sheet.header.iter().enumerate() { th class=(class(n)) { (cell) } } } }
                    tbody {
                        @for row in &sheet.rows {
                            tr { @for (n, cell) in row.iter().enumerate() { td class=(class(n)) { (cell) } } }
                        }
                    }
                }
            }
        }
    }
}

/// What says on a phone that there's more to the right.
fn cue(is_wide: bool) -> Markup {
    html! { @if is_wide { p.cue { "scroll sideways →" } } }
}

fn reproduction(cells: &[CellResults], cell: &CellResults) -> Markup {
    let makers = CellResults::makers(cells);
    let record = &cell.record;
    let data = &record.data;
    html! {
        p {
            "Made on " code { (data.name) } ", " (data.train) " training and " (data.test)
            " test images, SHA-256 of the data " code { (data.fingerprint) } ". The same study file, seeds, kind of processor and \
             program, at the commit that is named below, give the same bits:"
        }
        pre {
            "equisplit run STUDY.toml --data DIR --out OUT\n"
            "equisplit report OUT/" (record.study.name)
        }
        p {
            "STUDY.toml is the study file "
            @if cell.file.is_some() { "below" } @else { "behind the configuration below" }
            "; --data isn't needed for the builtin digits."
        }
        @if !makers.is_empty() {
            p { "The runs were made by:" }
            ul { @for maker in &makers { li { (maker) } } }
        }
    }
}
