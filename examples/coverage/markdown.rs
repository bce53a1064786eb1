//! The tables, as Markdown.

use std::fmt::Write;

use super::cell::{Counts, Outcome, Outcomes};
use super::methods::METHODS;
use super::records::Coverage;
use super::simulate::{GAINS, Gain, NOISES, Noise};
use super::{SEEDS, SHARES};

/// What the tables show, written by hand after they were made.
const FINDINGS: &str = include_str!("findings.md");
/// Coverage outside of this is set in bold.
const PROMISED: std::ops::RangeInclusive<f64> = 0.93..=0.97;
/// The stricter level at which a gain may count as established.
const STRICT: f64 = 0.01;

/// The whole document.
pub fn document(outcomes: &[Outcomes], counts: Counts) -> String {
    let mut text = FINDINGS.to_owned();
    let Counts { studies, bootstrap, stored } = counts;
    let _ = writeln!(
        text,
        "\n## Tables\n\n{studies} studies a cell; {bootstrap} of them with the bootstrap and with the widths of other \
         intervals; the first {stored} also written to a run store and read from it. In %; **bold** where coverage is below \
         93 % or above 97 %. The columns are seeds, for a strong gain and for a weak one."
    );
    let tables = Tables { outcomes };
    text + &tables.headline() + &tables.bootstrap() + &tables.other_methods() + &tables.stricter()
}

/// The table of intervals that count test images.
pub fn over_images(cells: &[Coverage], studies: usize) -> String {
    let mut text = format!(
        "\n### Test images that vary: the share's interval over seeds, and the one over seeds and images\n\n{studies} studies a cell, \
         simulated from the records of rot-mnist-p4; widths are medians of half the interval, in points of share.\n\n\
         | control | test images | seeds | over seeds | over images too | ± over seeds | ± over images too |\n\
         | --- | ---: | ---: | ---: | ---: | ---: | ---: |\n"
    );
    for Coverage { control, images, seeds, over_seeds, over_images, widths } in cells {
        let rates = [over_seeds, over_images].map(|rate| coverage(Some(*rate))).join(" | ");
        let widths = widths.map(|width| percent(Some(width))).join(" | ");
        let _ = writeln!(text, "| {control} | {images} | {seeds} | {rates} | {widths} |");
    }
    text
}

struct Tables<'a> {
    outcomes: &'a [Outcomes],
}

impl Tables<'_> {
    fn headline(&self) -> String {
        let covered = |o: &Outcomes| coverage(o.rate(|s| s.established, |s| o.covered(s.ci95)));
        self.by_share("Fieller's set, all studies (unbounded where the gain is not established)", |o| {
            coverage(o.rate(|_| true, |s| s.holds[0]))
        }) + &self.by_share("Fieller's interval, studies whose gain is established: what the program reports", covered)
            + &self.by_noise("Studies whose gain is established", |cells| {
                percent(mean(cells.iter().filter_map(|o| o.rate(|_| true, |s| s.established))))
            })
            + &self.by_share("Median width of Fieller's interval where it is reported, in points of share", |o| {
                percent(o.median(|s| s.ci95.map(|[low, high]| high - low)))
            })
    }

    fn bootstrap(&self) -> String {
        let covered = |o: &Outcomes| o.rate(|s| s.bootstrap95.is_some(), |s| o.covered(s.bootstrap95));
        let title = "Paired hierarchical bootstrap, studies whose gain is established: mean over the shares";
        self.by_noise(title, |cells| coverage(mean(cells.iter().filter_map(|o| covered(o)))))
            + &self.by_noise("Its median width at a share of 38 %, in points of share", |cells| {
                let width = |s: &Outcome| s.bootstrap95.map(|[low, high]| high - low);
                percent(cells.iter().find(|o| o.cell.share == 0.38).and_then(|o| o.median(width)))
            })
    }

    fn other_methods(&self) -> String {
        let mut text = String::new();
        for (index, method) in METHODS.iter().enumerate() {
            let all = |o: &Outcomes| o.rate(|_| true, |s| s.holds[index]);
            text += &self.by_noise(&format!("{method:?}, all studies: mean over the shares (least)"), |cells| {
                pooled(&cells.iter().filter_map(|o| all(o)).collect::<Vec<_>>())
            });
            text += &self.by_noise(
                &format!("{method:?}: median width at a share of 38 % where the gain is established"),
                |cells| {
                    let width = |s: &Outcome| s.widths.filter(|_| s.established).map(|widths| widths[index]);
                    percent(cells.iter().find(|o| o.cell.share == 0.38).and_then(|o| o.median(width)))
                },
            );
        }
        text
    }

    fn stricter(&self) -> String {
        let title = "Fieller's interval, studies whose gain has p < 0.01: mean over the shares (least)";
        self.by_noise("Fieller's interval, studies whose gain is established: mean over the shares (least)", |cells| {
            let rates = cells.iter().filter_map(|o| o.rate(|s| s.established, |s| o.covered(s.ci95)));
            pooled(&rates.collect::<Vec<_>>())
        }) + &self.by_noise(title, |cells| {
            let strict = |s: &Outcome| s.established && s.p < STRICT;
            pooled(&cells.iter().filter_map(|o| o.rate(strict, |s| o.covered(s.ci95))).collect::<Vec<_>>())
        }) + &self.by_noise("Studies whose gain has p < 0.01", |cells| {
            percent(mean(cells.iter().filter_map(|o| o.rate(|_| true, |s| s.established && s.p < STRICT))))
        })
    }

    /// A table with a row for each noise and share.
    fn by_share(&self, title: &str, value: impl Fn(&Outcomes) -> String) -> String {
        let mut text = heading(title, "noise | share");
        for (noise, share) in NOISES.into_iter().flat_map(|noise| SHARES.map(|share| (noise, share))) {
            let row = columns().map(|(gain, seeds)| {
                let here = self.cells(noise, gain, seeds).find(|o| o.cell.share == share);
                here.map_or_else(String::new, &value)
            });
            let _ = writeln!(text, "| {noise:?} | {:.0} | {} |", 100.0 * share, row.collect::<Vec<_>>().join(" | "));
        }
        text
    }

    /// A table with a row for each noise, over all shares.
    fn by_noise(&self, title: &str, value: impl Fn(&[&Outcomes]) -> String) -> String {
        let mut text = heading(title, "noise");
        for noise in NOISES {
            let row = columns().map(|(gain, seeds)| value(&self.cells(noise, gain, seeds).collect::<Vec<_>>()));
            let _ = writeln!(text, "| {noise:?} | {} |", row.collect::<Vec<_>>().join(" | "));
        }
        text
    }

    fn cells(&self, noise: Noise, gain: Gain, seeds: u64) -> impl Iterator<Item = &Outcomes> {
        self.outcomes.iter().filter(move |o| o.cell.noise == noise && o.cell.gain == gain && o.cell.seeds == seeds)
    }
}

fn columns() -> impl Iterator<Item = (Gain, u64)> {
    GAINS.into_iter().flat_map(|gain| SEEDS.map(|seeds| (gain, seeds)))
}

fn heading(title: &str, names: &str) -> String {
    let columns: Vec<String> = columns().map(|(gain, seeds)| format!("{gain:?} {seeds}").to_lowercase()).collect();
    let rule = " --- |".repeat(names.split('|').count()) + &" ---: |".repeat(columns.len());
    format!("\n### {title}\n\n| {names} | {} |\n|{rule}\n", columns.join(" | "))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let values: Vec<f64> = values.collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn percent(value: Option<f64>) -> String {
    match value {
        Some(value) if value.is_finite() => format!("{:.1}", 100.0 * value),
        Some(_) => "∞".to_owned(),
        None => "–".to_owned(),
    }
}

fn coverage(rate: Option<f64>) -> String {
    match rate {
        Some(rate) if !PROMISED.contains(&rate) => format!("**{}**", percent(Some(rate))),
        rate => percent(rate),
    }
}

fn pooled(rates: &[f64]) -> String {
    let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
    format!("{} ({})", coverage(mean(rates.iter().copied())), percent(Some(least).filter(|least| least.is_finite())))
}
