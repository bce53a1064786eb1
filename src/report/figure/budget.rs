//! What accuracy costs: test error against parameters and multiply-adds, as far as arms differ in them; against parameters and all that is
//! learned.

use super::axis::{Axis, Plot};
use super::canvas::{Anchor, Canvas, End, heading_height, inner};
use super::layout::Rect;
use super::legend::Legend;
use super::theme::{DOUBLE_COLUMN, GREY, LINE_HEIGHT, Look, MARKER, UNITS_PER_MM, mm};
use super::ticks::readable;
use super::{Arm, Estimate, Figure, mean_and_interval, means_in_words, seeds};
use crate::error::Result;

const PANEL: i32 = mm(58.0);
const BETWEEN: i32 = mm(6.0);
/// Costs that differ by no more than this factor are the same: what "at the same parameter count" means.
const SAME: f64 = 1.02;

/// What errors stand against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Against {
    /// Real parameters and multiply-adds.
    Size,
    /// Real parameters, and the bits of all that is learned: is it the parameters or what goes by other names?
    Information,
}

/// Test error against what a network costs.
#[derive(Clone, Debug)]
pub struct BudgetFigure {
    /// Which costs.
    pub against: Against,
    /// The arms that have finished runs.
    pub points: Vec<BudgetPoint>,
}

/// One arm.
#[derive(Clone, Debug)]
pub struct BudgetPoint {
    /// The arm.
    pub arm: Arm,
    /// Learned real parameters.
    pub parameters: usize,
    /// Learned signs.
    pub one_bit_parameters: usize,
    /// Multiply-adds per image.
    pub multiply_adds: u64,
    /// Mean test error with Student's interval.
    pub error: Estimate,
    /// Number of seeds.
    pub seeds: usize,
}

/// Something that networks cost.
#[derive(Clone, Copy)]
struct Cost {
    what: &'static str,
    label: &'static str,
    of: fn(&BudgetPoint) -> f64,
}

const PARAMETERS: Cost =
    Cost { what: "learned real parameters", label: "Learned real parameters", of: |point| point.parameters as f64 };
const MULTIPLY_ADDS: Cost =
    Cost { what: "multiply-adds per image", label: "Multiply-adds per image", of: |point| point.multiply_adds as f64 };

const INFORMATION: Cost = Cost {
    what: "information learned, in bits (32 a real parameter and one a sign)",
    label: "Information learned (bits)",
    of: |point| 32.0 * point.parameters as f64 + point.one_bit_parameters as f64,
};

impl BudgetFigure {
    fn costs(&self) -> [Cost; 2] {
        match self.against {
            Against::Size => [PARAMETERS, MULTIPLY_ADDS],
            Against::Information => [PARAMETERS, INFORMATION],
        }
    }

    fn legend(&self) -> Legend {
        Legend::of_points(self.points.iter().map(|point| &point.arm))
    }

    /// The least and the greatest of a cost.
    fn ends(&self, cost: Cost) -> [f64; 2] {
        let costs = self.points.iter().map(cost.of);
        costs.fold([f64::INFINITY, 0.0], |[low, high], cost| [low.min(cost), high.max(cost)])
    }

    fn is_matched(&self, cost: Cost) -> bool {
        let [low, high] = self.ends(cost);
        high <= SAME * low
    }

    /// The costs that have a panel: both, or the one that arms differ in.
    fn shown(&self) -> Vec<Cost> {
        if self.against == Against::Information {
            return self.costs().to_vec();
        }
        let differing: Vec<Cost> = self.costs().into_iter().filter(|&cost| !self.is_matched(cost)).collect();
        if differing.is_empty() { vec![MULTIPLY_ADDS] } else { differing }
    }

    /// What is said of a cost that all arms have in common: "All arms have 24.6 k learned real parameters, to 2 %."
    fn common(&self) -> String {
        let told = |cost: Cost| match self.ends(cost).map(readable_cost) {
            [low, high] if low == high => format!("{low} {}", cost.what),
            [low, high] => format!("{low} to {high} {}", cost.what),
        };
        if self.against == Against::Information {
            return String::new();
        }
        let common = self.costs().into_iter().filter(|&cost| self.points.len() > 1 && self.is_matched(cost));
        let told: Vec<String> = common.map(told).collect();
        if told.is_empty() { String::new() } else { format!("All arms have {}.", told.join(" and ")) }
    }

    fn titles(&self) -> Vec<String> {
        let counts = seeds(self.points.iter().map(|point| point.seeds));
        let intervals = mean_and_interval(self.points.iter().map(|point| &point.error));
        let short = |cost: &Cost| {
            let what = cost.what.split(", in bits").next().unwrap_or(cost.what);
            what.replace("learned real ", "").replace(" per image", "")
        };
        let title = |cost: &Cost| format!("By {}: {intervals}, {counts}", short(cost));
        match self.against {
            Against::Size => self.shown().iter().map(title).collect(),
            Against::Information => vec![title(&PARAMETERS), format!("By {}", short(&INFORMATION))],
        }
    }

    fn panel(&self, canvas: &Canvas, rect: Rect, cost: Cost) -> Result<()> {
        let x = Axis::log(cost.label, self.points.iter().map(cost.of));
        let y = Axis::percent("Test error (%)", self.points.iter().flat_map(|p| p.error.all()).map(|e| 100.0 * e));
        let plot = Plot::draw(canvas, rect, x, y)?;
        let is_told = |point: &&BudgetPoint| Look::of(&point.arm).is_some();
        let (told, others): (Vec<_>, Vec<_>) = self.points.iter().partition(is_told);
        let ranked = || others.iter().chain(&told);
        // All markers over all intervals: where arms cost the same, these lie over each other.
        for point in ranked() {
            if let Some(interval) = point.error.interval {
                let ends = interval.map(|end| End::of_error(end, |percent| plot.y(percent)));
                canvas.upright_whisker(plot.x((cost.of)(point)), ends, Look::or_other(&point.arm).colour)?;
            }
        }
        ranked().try_for_each(|point| {
            let at = plot.at((cost.of)(point), 100.0 * point.error.value);
            canvas.marker(at, &Look::or_other(&point.arm), MARKER)
        })
    }
}

/// A cost in three digits.
fn readable_cost(cost: f64) -> String {
    if cost < 1000.0 {
        return format!("{cost}");
    }
    let unit = 10f64.powf(cost.log10().floor() - 2.0);
    readable((cost / unit).round() * unit)
}

impl Figure for BudgetFigure {
    fn name(&self) -> &str {
        match self.against {
            Against::Size => "budget",
            Against::Information => "information",
        }
    }

    fn caption(&self) -> String {
        let counts = seeds(self.points.iter().map(|point| point.seeds));
        let against = match self.shown().as_slice() {
            [cost] => cost.what.to_owned(),
            costs => costs
                .iter()
                .zip(["(a) ", "(b) "])
                .map(|(cost, letter)| format!("{letter}{}", cost.what))
                .collect::<Vec<_>>()
                .join(" and "),
        };
        let common = match self.common() {
            common if common.is_empty() => common,
            common => format!(" {common}"),
        };
        let no_signs = match self.against {
            Against::Size => " (learned signs are no real parameters)",
            Against::Information => "",
        };
        format!(
            "Test error against {against}{no_signs}, logarithmic axis.{common} {}",
            means_in_words(self.points.iter().map(|point| &point.error), &counts)
        )
    }

    fn size(&self) -> [f64; 2] {
        let room = inner([mm(DOUBLE_COLUMN), 0]);
        let headings = match self.titles().as_slice() {
            [a, b] => heading_height([a, b], halves(room)),
            titles => heading_height([titles.concat().as_str()], [room]),
        };
        let common = if self.common().is_empty() { 0 } else { LINE_HEIGHT };
        let height = PANEL + headings + common + self.legend().height(room.width());
        [DOUBLE_COLUMN, f64::from(height) / f64::from(UNITS_PER_MM)]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let mut rect = self.legend().draw(canvas, canvas.inner())?;
        let common = self.common();
        if !common.is_empty() {
            canvas.coloured_text(&common, (rect.left, rect.top), Anchor::TopLeft, GREY)?;
            rect.top += LINE_HEIGHT;
        }
        let (shown, titles) = (self.shown(), self.titles());
        let panels = match titles.as_slice() {
            [a, b] => canvas.headings([a, b], halves(rect))?.to_vec(),
            titles => canvas.headings([titles.concat().as_str()], [rect])?.to_vec(),
        };
        shown.into_iter().zip(panels).try_for_each(|(cost, panel)| self.panel(canvas, panel, cost))
    }
}

fn halves(rect: Rect) -> [Rect; 2] {
    rect.halves(BETWEEN)
}
