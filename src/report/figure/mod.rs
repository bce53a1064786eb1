//! Figures for papers: drawn once with plotters, written as SVG, PNG and PDF.
//!
//! Every figure is a plain struct of numbers and names, in a file of its own, that draws itself on a [`Canvas`]. None of
//! them knows where the numbers come from. Errors and shares are fractions; figures show them in percent.

mod axis;
mod bitmap;
mod canvas;
mod font;
mod layout;
mod legend;
mod output;
#[cfg(feature = "print")]
mod print;
mod rows;
mod spread;
mod svg;
pub mod theme;
mod ticks;

mod attribution;
mod batch;
mod budget;
mod cayley;
mod cayley_layout;
mod equivariance;
mod errors;
mod filters;
mod learning;
mod local;
mod paired;
mod pairs;
mod raster;
mod rotation;
mod training_size;

use crate::bank::Portrait;
use crate::error::Result;
use crate::stats::{Interval, student};

pub use attribution::{AttributionFigure, ShareBar, StepBar};
pub use batch::{BatchFigure, BatchImage};
pub use bitmap::Bitmap;
pub use budget::{Against, BudgetFigure, BudgetPoint};
pub use canvas::Canvas;
pub use cayley::{CayleyFigure, GroupMaps};
pub use equivariance::{EquivarianceCurve, EquivarianceFigure};
pub use errors::{ErrorRow, ErrorsFigure};
pub use filters::{FilterFigure, FilterRow};
pub use font::FONT_CSS;
pub use layout::{Rect, TextBox};
pub use learning::{LearningCurve, LearningFigure, RunCurve};
pub use local::{LocalCurve, LocalErrors, LocalFigure};
pub use output::{Format, Page};
pub use paired::{PairedFigure, PairedRow};
pub use pairs::{Pair, PairsFigure};
pub use raster::Raster;
pub use rotation::{RotationCurve, RotationFigure};
pub use spread::Spread;
pub use training_size::{SizePoint, TrainingSizeCurve, TrainingSizeFigure};

/// A figure.
pub trait Figure {
    /// Name of its files, without an ending.
    fn name(&self) -> &str;

    /// What stands below it in a paper: what is shown, units, n, and what intervals are.
    fn caption(&self) -> String;

    /// Width and height in millimetres.
    fn size(&self) -> [f64; 2];

    /// Draws it.
    ///
    /// # Errors
    /// When plotters fails.
    fn draw(&self, canvas: &Canvas) -> Result<()>;
}

/// An arm as figures know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arm {
    /// Its name.
    pub name: String,
    /// What it's in the study for.
    pub role: Role,
    /// Its filter bank; sets its colour, marker and line style.
    pub bank: Portrait,
    /// Which of the study's arms with this bank it is, from 0.
    pub variant: usize,
}

impl Arm {
    /// Whether it's neither baseline nor target.
    pub fn is_control(&self) -> bool {
        matches!(self.role, Role::Headline | Role::Other)
    }
}

/// What an arm is in a study for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Gains are measured from it.
    Baseline,
    /// Its gain is attributed.
    Target,
    /// A control that figures of many arms show: on the ladder, or the first of its kind.
    Headline,
    /// Any other control.
    Other,
}

/// A value with its 95 % interval, if there is one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Its interval.
    pub interval: Option<Interval>,
}

impl Estimate {
    /// The mean of some values with Student's interval; `None` of no values.
    pub fn mean(values: &[f64]) -> Option<Self> {
        Some(Self { value: student::mean(values)?, interval: student::mean_interval(values) })
    }

    /// The value and the ends of its interval.
    pub(super) fn all(self) -> impl Iterator<Item = f64> {
        std::iter::once(self.value).chain(self.interval.into_iter().flatten())
    }
}

/// An error in percent. What an interval holds beyond 0 and 100 % isn't drawn: no error is there.
pub(super) fn error_percent(error: f64) -> f64 {
    100.0 * error.clamp(0.0, 1.0)
}

/// Intervals of shares are drawn within these; where the gain is small, they may reach much further.
const SHARES: [f64; 2] = [-1.0, 2.0];
/// That much beyond a share there's room for the arrow head of an interval that goes on.
const BEYOND: f64 = 0.25;

/// The ends of what is drawn of shares' intervals: far enough for all shares themselves.
pub(super) fn shares_drawn<'a>(shares: impl Iterator<Item = &'a Estimate>) -> [f64; 2] {
    shares.fold(SHARES, |[low, high], share| [low.min(share.value - BEYOND), high.max(share.value + BEYOND)])
}

/// What captions say where intervals of shares are cut: ", as far as it lies between −100 and 200 %".
pub(super) fn cut_in_words<'a>(shares: impl Iterator<Item = &'a Estimate> + Clone) -> String {
    let [low, high] = shares_drawn(shares.clone());
    let mut ends = shares.filter_map(|share| share.interval).flatten();
    match ends.any(|end| !(low..=high).contains(&end)) {
        true => format!(", as far as it lies between {} and {} %", number(100.0 * low, 0), number(100.0 * high, 0)),
        false => String::new(),
    }
}

/// What headings say of intervals: "mean and 95 % interval", or that there's none.
pub(super) fn mean_and_interval<'a>(mut estimates: impl Iterator<Item = &'a Estimate>) -> &'static str {
    if estimates.any(|estimate| estimate.interval.is_some()) { "mean and 95 % interval" } else { "mean, no interval" }
}

/// What captions say of means: "Mean and Student's 95 % interval, …", or that there's none.
pub(super) fn means_in_words<'a>(mut estimates: impl Iterator<Item = &'a Estimate>, counts: &str) -> String {
    match estimates.any(|estimate| estimate.interval.is_some()) {
        true => format!("Mean and Student's 95 % interval, as far as it lies between 0 and 100 % ({counts})."),
        false => format!("Mean; there's no interval ({counts})."),
    }
}

/// What captions say of arms that nothing was recorded of.
pub(super) fn not_measured(arms: &[String]) -> String {
    if arms.is_empty() { String::new() } else { format!(" Not measured: {}.", arms.join(", ")) }
}

/// A number with a minus sign as printers set it.
pub(super) fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        // −0.00 says less than 0.00.
        Some(zero) if zero.chars().all(|c| matches!(c, '0' | '.')) => zero.to_owned(),
        Some(rest) => format!("−{rest}"),
        None => text,
    }
}

/// "n = 4", "n = 3–5" of some numbers of seeds.
pub(super) fn seeds(counts: impl Iterator<Item = usize>) -> String {
    let counts: Vec<usize> = counts.collect();
    match (counts.iter().min(), counts.iter().max()) {
        (Some(min), Some(max)) if min < max => format!("n = {min}–{max} seeds"),
        (Some(1), _) => "n = 1 seed".to_owned(),
        (Some(n), _) if *n > 0 => format!("n = {n} seeds"),
        _ => "no finished runs".to_owned(),
    }
}
