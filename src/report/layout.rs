//! The tables of an attribution, laid out once: which there are, what their columns are and what each cell holds. How that reads is
//! up to the formats: `screen` for the terminal, `sheet` for papers and pages, `export::csv` for notebooks.

use super::numbers::{NONE, brackets, counts_images, mean_and_sd, or_none, over_seeds, p_value, percent};
use crate::model::Budget;
use crate::stats::Interval;
use crate::stats::attribution::{ArmSummary, Attribution, LadderStep, Ratio, Share};
use crate::stats::comparison::Comparison;
use crate::study::Level;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heading {
    Cell,
    Arm,
    Bank,
    Parameters,
    OneBit,
    Maps,
    MultiplyAdds,
    Seeds,
    TestError,
    Step,
    Share,
    Interval,
    Together,
    OverImages,
    Bootstrap,
    Comparison,
    Difference,
    PHolm,
    PBetter,
}

impl Heading {
    /// Whether its cells are words, not numbers.
    pub fn is_of_words(self) -> bool {
        matches!(self, Self::Cell | Self::Arm | Self::Bank | Self::Step | Self::Comparison)
    }
}

/// What a cell holds. Errors, shares and intervals are fractions.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    /// A name.
    Name(String),
    /// What is compared over some seeds, which are named where they aren't all; whether they are those of the gain.
    Compared(String, Option<&'a [u64]>, bool),
    /// Parameters or maps.
    Count(u64),
    /// Multiply-adds of one image.
    MultiplyAdds(u64),
    /// A number of seeds.
    Seeds(usize),
    /// Mean test error and its standard deviation.
    TestError(&'a ArmSummary),
    /// A share of the gain.
    Share(Option<f64>),
    /// Its interval.
    Interval(Option<Interval>),
    /// A difference of test errors.
    Difference(Option<f64>),
    /// A p-value.
    P(Option<f64>),
    /// A probability.
    Probability(Option<f64>),
    /// Its interval.
    ProbabilityInterval(Option<Interval>),
    /// There's no such number.
    Nothing,
}

impl Value<'_> {
    /// As formats write it that have no other way of their own.
    pub fn plain(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Compared(what, seeds, _) => format!("{what}{}", over_seeds(*seeds)),
            Self::Count(count) | Self::MultiplyAdds(count) => count.to_string(),
            Self::Seeds(seeds) => seeds.to_string(),
            Self::TestError(arm) => or_none(mean_and_sd(arm), |error| error),
            Self::Share(share) => percent(*share),
            Self::Interval(interval) => brackets(*interval, 1),
            Self::Difference(difference) => or_none(*difference, |difference| format!("{:.2}", 100.0 * difference)),
            Self::P(p) => or_none(*p, p_value),
            Self::Probability(probability) => or_none(*probability, |p| format!("{:.0} %", 100.0 * p)),
            Self::ProbabilityInterval(interval) => or_none(*interval, |ends| brackets(Some(ends), 0)),
            Self::Nothing => NONE.to_owned(),
        }
    }
}

/// A row, one kind a table.
#[derive(Clone, Debug)]
pub(super) enum Row<'a> {
    /// What an arm costs, and how it did.
    Arm(&'a ArmSummary),
    /// What an arm matches of the gain; whether over the seeds of the gain.
    Share(&'a Share, bool),
    /// A step of the ladder; whether over the seeds of the gain.
    Step(&'a LadderStep, bool),
    /// Two arms.
    Comparison(&'a Comparison),
    /// An arm in a cell of the grid.
    Cell(String, &'a ArmSummary, Option<&'a Ratio>),
}

impl<'a> Row<'a> {
    /// Its cells under the headings of its table.
    fn cells(&self, headings: &[Heading]) -> Vec<Value<'a>> {
        match self {
            Self::Arm(arm) => {
                let result = [Value::Seeds(arm.seeds.len()), Value::TestError(arm)];
                budget(&arm.name, &arm.bank, arm.budget).into_iter().chain(result).collect()
            }
            Self::Share(Share { control, ratio, simultaneous95 }, is_of_gain) => {
                let what = Value::Compared(control.clone(), ratio.seeds_used.as_deref(), *is_of_gain);
                ratio_cells(headings, &what, ratio, *simultaneous95)
            }
            Self::Step(LadderStep { from, to, ratio }, is_of_gain) => {
                let what = Value::Compared(format!("{from} → {to}"), ratio.seeds_used.as_deref(), *is_of_gain);
                ratio_cells(headings, &what, ratio, None)
            }
            Self::Comparison(comparison) => comparison_cells(comparison),
            Self::Cell(cell, arm, ratio) => {
                let [share, interval] = ratio.map_or([Value::Nothing, Value::Nothing], |ratio| {
                    [Value::Share(ratio.share), Value::Interval(ratio.ci95)]
                });
                let [cell, name] = [cell, &arm.name].map(|name| Value::Name(name.clone()));
                vec![cell, name, Value::Seeds(arm.seeds.len()), Value::TestError(arm), share, interval]
            }
        }
    }
}

/// What an arm costs, under [`BUDGET`].
pub(super) fn budget<'a>(name: &str, bank: &str, budget: Budget) -> [Value<'a>; 6] {
    let Budget { parameters, one_bit_parameters, maps, multiply_adds } = budget;
    let [name, bank] = [name, bank].map(|name| Value::Name(name.to_owned()));
    let [parameters, one_bit, maps] = [parameters, one_bit_parameters, maps].map(|count| Value::Count(count as u64));
    [name, bank, parameters, one_bit, maps, Value::MultiplyAdds(multiply_adds)]
}

fn ratio_cells<'a>(
    headings: &[Heading],
    what: &Value<'a>,
    ratio: &'a Ratio,
    together: Option<Interval>,
) -> Vec<Value<'a>> {
    let cell = |heading: &Heading| match heading {
        Heading::Share => Value::Share(ratio.share),
        Heading::Interval => Value::Interval(ratio.ci95),
        Heading::Together => Value::Interval(together),
        Heading::OverImages => Value::Interval(ratio.interval_over_images),
        Heading::Bootstrap => Value::Interval(ratio.bootstrap95),
        _ => what.clone(),
    };
    headings.iter().map(cell).collect()
}

fn comparison_cells(comparison: &Comparison) -> Vec<Value<'_>> {
    let Comparison { from, to, difference, p_holm, improvement, seeds_used, .. } = comparison;
    vec![
        Value::Compared(format!("{from} → {to}"), seeds_used.as_deref(), false),
        Value::Difference(*difference),
        Value::P(*p_holm),
        Value::Probability(improvement.map(|improvement| improvement.probability)),
        Value::ProbabilityInterval(improvement.and_then(|improvement| improvement.ci95)),
    ]
}

/// A table.
#[derive(Clone, Debug)]
pub(super) struct Table<'a> {
    pub headings: Vec<Heading>,
    pub rows: Vec<Row<'a>>,
}

impl<'a> Table<'a> {
    /// The cells of every row.
    pub fn cells(&self) -> impl Iterator<Item = Vec<Value<'a>>> {
        self.rows.iter().map(|row| row.cells(&self.headings))
    }
}

/// The tables of an attribution; one of what there isn't has no rows.
pub(super) struct Layout<'a> {
    pub arms: Table<'a>,
    pub shares: Table<'a>,
    pub ladder: Table<'a>,
    pub comparisons: Table<'a>,
}

/// The columns of what an arm costs.
pub(super) const BUDGET: [Heading; 6] =
    [Heading::Arm, Heading::Bank, Heading::Parameters, Heading::OneBit, Heading::Maps, Heading::MultiplyAdds];

const RESULT: [Heading; 2] = [Heading::Seeds, Heading::TestError];

/// The columns of what is a share of the gain: which intervals there are.
fn ratio_headings(attribution: &Attribution, what: Heading) -> Vec<Heading> {
    let all = [
        (what, true),
        (Heading::Share, true),
        (Heading::Interval, true),
        (Heading::Together, what == Heading::Arm && attribution.shares.len() > 1),
        (Heading::OverImages, counts_images(attribution)),
        (Heading::Bootstrap, true),
    ];
    all.into_iter().filter(|(_, is_there)| *is_there).map(|(heading, _)| heading).collect()
}

const COMPARISON: [Heading; 5] =
    [Heading::Comparison, Heading::Difference, Heading::PHolm, Heading::PBetter, Heading::Interval];

const GRID: [Heading; 6] =
    [Heading::Cell, Heading::Arm, Heading::Seeds, Heading::TestError, Heading::Share, Heading::Interval];

impl<'a> Layout<'a> {
    pub fn of(attribution: &'a Attribution) -> Self {
        let Attribution { arms, shares, ladder, comparisons, gain, .. } = attribution;
        let of_gain = gain.as_ref().and_then(|gain| gain.seeds_used.as_ref());
        let is_of_gain = |ratio: &Ratio| ratio.seeds_used.as_ref() == of_gain;
        let shares = shares.iter().map(|share| Row::Share(share, is_of_gain(&share.ratio)));
        let steps = ladder.iter().map(|step| Row::Step(step, is_of_gain(&step.ratio)));
        Self {
            arms: Table { headings: [&BUDGET[..], &RESULT].concat(), rows: arms.iter().map(Row::Arm).collect() },
            shares: Table { headings: ratio_headings(attribution, Heading::Arm), rows: shares.collect() },
            ladder: Table { headings: ratio_headings(attribution, Heading::Step), rows: steps.collect() },
            comparisons: Table {
                headings: COMPARISON.to_vec(),
                rows: comparisons.iter().map(Row::Comparison).collect(),
            },
        }
    }
}

/// A cell of a study's grid and its outcome.
pub(super) type Cell<'a> = (&'a [Level], &'a Attribution);

/// The arms of all cells of a grid under each other.
pub(super) fn grid<'a>(cells: &[Cell<'a>]) -> Table<'a> {
    let row = |(levels, attribution): &Cell<'a>, arm: &'a ArmSummary| {
        let share = attribution.shares.iter().find(|share| share.control == arm.name);
        Row::Cell(levels_in_words(levels.iter()), arm, share.map(|share| &share.ratio))
    };
    let rows = cells.iter().flat_map(|cell| cell.1.arms.iter().map(move |arm| row(cell, arm)));
    Table { headings: GRID.to_vec(), rows: rows.collect() }
}

/// The levels of a cell: "train = 500, batch = 32".
pub(super) fn levels_in_words<'a>(levels: impl Iterator<Item = &'a Level>) -> String {
    levels.map(|level| format!("{} = {}", level.key, level.value)).collect::<Vec<_>>().join(", ")
}
