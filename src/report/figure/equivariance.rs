//! How far networks are from equivariance: by layer before and after training, and by angle.

use super::axis::{Axis, Plot};
use super::canvas::{Canvas, heading_height, inner};
use super::layout::Rect;
use super::legend::{Legend, Lines};
use super::spread::{Spread, draw_spread};
use super::theme::{DOUBLE_COLUMN, UNITS_PER_MM, mm};
use super::{Arm, Figure, not_measured, seeds};
use crate::error::Result;

const PANEL: i32 = mm(52.0);
const BETWEEN: i32 = mm(4.0);
/// Markers on a curve: all layers of the usual networks.
const MARKERS: usize = 12;

/// Errors of equivariance.
#[derive(Clone, Debug)]
pub struct EquivarianceFigure {
    /// The parts of the networks, from the image on: `conv1` is the convolution with all that follows it.
    pub stages: Vec<String>,
    /// The arms.
    pub curves: Vec<EquivarianceCurve>,
    /// How many images layers were measured on, and how many were turned for the class scores.
    pub images: [usize; 2],
    /// Arms that nothing was recorded of.
    pub missing: Vec<String>,
}

/// One arm, over its seeds.
#[derive(Clone, Debug)]
pub struct EquivarianceCurve {
    /// The arm.
    pub arm: Arm,
    /// The point group that its layers are held against.
    pub group: String,
    /// Error after every stage with new weights, relative to the distance between different images; `None` where the arm
    /// has no such stage.
    pub new: Vec<Option<Spread>>,
    /// The same with trained weights.
    pub trained: Vec<Option<Spread>>,
    /// Angles in degrees, ascending, from 0 to below 360.
    pub angles: Vec<f64>,
    /// ‖f(turned) − f(image)‖ / ‖f(image)‖ of the class scores of the trained networks, by angle.
    pub scores: Vec<Spread>,
    /// Number of seeds.
    pub seeds: usize,
}

type Values = Vec<(f64, Spread)>;

impl EquivarianceCurve {
    fn by_stage(errors: &[Option<Spread>]) -> Values {
        (0..).map(f64::from).zip(errors).filter_map(|(stage, error)| Some((stage, (*error)?))).collect()
    }

    /// All around, back to the first angle.
    fn by_angle(&self) -> Values {
        let around = self.scores.first().map(|&first| (360.0, first));
        self.angles.iter().copied().zip(self.scores.iter().copied()).chain(around).collect()
    }
}

impl EquivarianceFigure {
    fn legend(&self) -> Legend {
        Legend::of(self.curves.iter().map(|curve| &curve.arm))
    }

    fn counts(&self) -> String {
        seeds(self.curves.iter().map(|curve| curve.seeds))
    }

    /// "C4"; where arms are held against different ones, "C4 (for p4) or D4 (for z2, p4m)".
    fn groups(&self) -> String {
        let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
        for EquivarianceCurve { arm, group, .. } in &self.curves {
            match groups.iter_mut().find(|(known, _)| known == group) {
                Some((_, arms)) => arms.push(&arm.name),
                None => groups.push((group, vec![&arm.name])),
            }
        }
        match groups.as_slice() {
            [(group, _)] => (*group).to_owned(),
            several => {
                let several = several.iter().map(|(group, arms)| format!("{group} (for {})", arms.join(", ")));
                several.collect::<Vec<_>>().join(" or ")
            }
        }
    }

    fn stage_axis(&self) -> Axis {
        let numbers: Vec<f64> = (0..self.stages.len()).map(|n| n as f64).collect();
        let axis = Axis::linear("After layer", numbers.iter().copied());
        axis.with_ticks(&numbers, |n| self.stages.get(n as usize).map_or_else(String::new, |stage| short(stage)))
    }

    fn panel(
        &self,
        canvas: &Canvas,
        rect: Rect,
        axes: [Axis; 2],
        values: impl Fn(&EquivarianceCurve) -> Values,
    ) -> Result<()> {
        let [x, y] = axes;
        let plot = Plot::draw(canvas, rect, x, y)?;
        let place = |x, error| plot.at(x, error);
        let lines = self.lines();
        lines
            .back_to_front(&self.curves, |curve| &curve.arm)
            .try_for_each(|curve| draw_spread(canvas, &lines.look(&curve.arm), &values(curve), place, MARKERS))
    }

    fn lines(&self) -> Lines {
        Lines::of(self.curves.iter().map(|curve| &curve.arm))
    }

    fn titles(&self) -> [String; 3] {
        let counts = self.counts();
        [format!("New, mean and range, {counts}"), "Trained".to_owned(), "Trained, class scores".to_owned()]
    }

    fn panels(&self, rect: Rect) -> [Rect; 3] {
        let [left, rest] = rect.split((rect.width() - 2 * BETWEEN) / 3, BETWEEN);
        let [middle, right] = rest.halves(BETWEEN);
        [left, middle, right]
    }
}

/// `conv3` is "3", `pool2` is "p2".
pub(super) fn short(stage: &str) -> String {
    stage.strip_prefix("conv").map_or_else(|| stage.replace("pool", "p"), str::to_owned)
}

impl Figure for EquivarianceFigure {
    fn name(&self) -> &str {
        "equivariance"
    }

    fn caption(&self) -> String {
        format!(
            "Learned equivariance. Lines: mean over seeds ({}); bands: least to greatest seed. (a, b) ‖Φ(g·x) − g·Φ(x)‖ from the image up to a layer, mean over {} images and \
             the elements but the identity of {}, relative to ‖Φ(x) − Φ(x′)‖ of different images (1: turning an image changes as much as taking \
             another one; hidden maps of arms without a group are each turned in place), before (a) and after (b) training. \
             Layers: {}, a convolution with all that follows it; p: pools. (c) Change of the class scores of turned test \
             images ({}), relative to the scores.{}{}",
            self.counts(),
            self.images[0],
            self.groups(),
            self.stages.join(", "),
            self.images[1],
            self.lines().others_in_words(self.curves.iter().map(|curve| &curve.arm)),
            not_measured(&self.missing)
        )
    }

    fn size(&self) -> [f64; 2] {
        let room = inner([mm(DOUBLE_COLUMN), 0]);
        let [a, b, c] = self.titles();
        let height = PANEL + heading_height([&a, &b, &c], self.panels(room)) + self.legend().height(room.width());
        [DOUBLE_COLUMN, f64::from(height) / f64::from(UNITS_PER_MM)]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let rect = self.legend().draw(canvas, canvas.inner())?;
        let [a, b, c] = self.titles();
        let [left, middle, right] = canvas.headings([&a, &b, &c], self.panels(rect))?;
        // Both states on the same scale.
        let errors = self.curves.iter().flat_map(|curve| curve.new.iter().chain(&curve.trained)).flatten();
        let error = Axis::from_zero("Equivariance error", errors.flat_map(|spread| spread.all()));
        self.panel(canvas, left, [self.stage_axis(), error.clone()], |curve| EquivarianceCurve::by_stage(&curve.new))?;
        self.panel(canvas, middle, [self.stage_axis(), error], |curve| EquivarianceCurve::by_stage(&curve.trained))?;
        let degrees: Vec<f64> = (0..=360).step_by(90).map(f64::from).collect();
        let angles = Axis::fixed("Images turned by", [0.0, 360.0]).with_ticks(&degrees, |angle| format!("{angle}°"));
        let scores = self.curves.iter().flat_map(|curve| &curve.scores).flat_map(|spread| spread.all());
        let changes = Axis::from_zero("Relative change", scores);
        self.panel(canvas, right, [angles, changes], EquivarianceCurve::by_angle)
    }
}
