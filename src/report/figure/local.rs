//! Lie derivatives of trained networks, and the layers that bring them in.

use super::axis::{Axis, Plot};
use super::canvas::{Canvas, heading_height, inner};
use super::equivariance::short;
use super::layout::Rect;
use super::legend::{Legend, Lines};
use super::spread::{Spread, draw_spread};
use super::theme::{DOUBLE_COLUMN, UNITS_PER_MM, mm};
use super::{Arm, Figure, not_measured, seeds};
use crate::error::Result;

const PANEL: i32 = mm(52.0);
const BETWEEN: i32 = mm(4.0);
/// Markers on a curve.
const MARKERS: usize = 12;
/// From the last layer to the sum of all, in layers.
const GAP: usize = 2;

/// Local equivariance errors.
#[derive(Clone, Debug)]
pub struct LocalFigure {
    /// The layers, from the image on.
    pub layers: Vec<String>,
    /// The arms.
    pub curves: Vec<LocalCurve>,
    /// How many images they were measured on.
    pub images: usize,
    /// Arms that nothing was recorded of.
    pub missing: Vec<String>,
}

/// One arm, over its seeds; errors are relative to the distance between different images.
#[derive(Clone, Debug)]
pub struct LocalCurve {
    /// The arm.
    pub arm: Arm,
    /// Under turns, per radian.
    pub rotation: LocalErrors,
    /// Under shifts, per pixel.
    pub translation: LocalErrors,
    /// Number of seeds.
    pub seeds: usize,
}

/// Errors under one motion.
#[derive(Clone, Debug)]
pub struct LocalErrors {
    /// Of the scores.
    pub whole: Option<Spread>,
    /// What every layer brings in; `None` where the arm has no such layer.
    pub layers: Vec<Option<Spread>>,
}

impl LocalFigure {
    fn legend(&self) -> Legend {
        Legend::of(self.curves.iter().map(|curve| &curve.arm))
    }

    fn lines(&self) -> Lines {
        Lines::of(self.curves.iter().map(|curve| &curve.arm))
    }

    fn counts(&self) -> String {
        seeds(self.curves.iter().map(|curve| curve.seeds))
    }

    /// Layers that aren't within others or behind one of their name have theirs written, and so has the sum.
    fn layer_axis(&self) -> Axis {
        let last = self.layers.len() - 1 + GAP;
        let named = |n: &usize| self.layers.get(*n).is_none_or(|layer| !layer.contains('.'));
        let places: Vec<usize> = (0..self.layers.len()).chain([last]).filter(named).collect();
        let ticks: Vec<f64> = places.iter().map(|&n| n as f64).collect();
        let label = |n: f64| self.layers.get(n as usize).map_or_else(|| "all".to_owned(), |layer| short(layer));
        Axis::linear("Layer", [0.0, last as f64].into_iter()).with_ticks(&ticks, label)
    }

    fn panel(&self, canvas: &Canvas, rect: Rect, title: &str, of: impl Fn(&LocalCurve) -> &LocalErrors) -> Result<()> {
        let all = self.curves.iter().map(&of).flat_map(|errors| errors.layers.iter().chain([&errors.whole])).flatten();
        let plot =
            Plot::draw(canvas, rect, self.layer_axis(), Axis::from_zero(title, all.flat_map(|spread| spread.all())))?;
        let place = |x, error| plot.at(x, error);
        let lines = self.lines();
        lines.back_to_front(&self.curves, |curve| &curve.arm).try_for_each(|curve| {
            let LocalErrors { whole, layers } = of(curve);
            let look = lines.look(&curve.arm);
            for part in in_a_row(layers) {
                draw_spread(canvas, &look, &part, place, MARKERS)?;
            }
            let end = (layers.len() - 1 + GAP) as f64;
            draw_spread(canvas, &look, &whole.iter().map(|whole| (end, *whole)).collect::<Vec<_>>(), place, MARKERS)
        })
    }

    fn titles(&self) -> [String; 2] {
        [format!("Turns, mean and range, {}", self.counts()), "Shifts".to_owned()]
    }

    fn panels(&self, rect: Rect) -> [Rect; 2] {
        rect.halves(BETWEEN)
    }
}

/// Layers that follow each other, with their places: lines end where an arm has no such layer.
fn in_a_row(layers: &[Option<Spread>]) -> Vec<Vec<(f64, Spread)>> {
    let placed: Vec<Option<(f64, Spread)>> =
        (0..).map(f64::from).zip(layers).map(|(place, share)| Some((place, (*share)?))).collect();
    let parts = placed.split(Option::is_none).map(|part| part.iter().flatten().copied().collect::<Vec<_>>());
    parts.filter(|part| !part.is_empty()).collect()
}

impl Figure for LocalFigure {
    fn name(&self) -> &str {
        "local-equivariance"
    }

    fn caption(&self) -> String {
        format!(
            "Local equivariance error of the trained networks (Gruver et al. 2023): the norm of the Lie derivative of the class scores, as the images \
             start to turn (a, per radian) or to move (b, per pixel, both directions), relative to the distance between different images, and what every layer \
             brings in; shares can cancel, so that all together can be less than one of them. Lines, which end where an arm has no such layer: mean over seeds ({}) on {} test images; bands: least to \
             greatest seed. Layers: {}.{}{}",
            self.counts(),
            self.images,
            self.layers.join(", "),
            self.lines().others_in_words(self.curves.iter().map(|curve| &curve.arm)),
            not_measured(&self.missing)
        )
    }

    fn size(&self) -> [f64; 2] {
        let room = inner([mm(DOUBLE_COLUMN), 0]);
        let [a, b] = self.titles();
        let height = PANEL + heading_height([&a, &b], self.panels(room)) + self.legend().height(room.width());
        [DOUBLE_COLUMN, f64::from(height) / f64::from(UNITS_PER_MM)]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let rect = self.legend().draw(canvas, canvas.inner())?;
        let [a, b] = self.titles();
        let [left, right] = canvas.headings([&a, &b], self.panels(rect))?;
        self.panel(canvas, left, "Error per radian", |curve| &curve.rotation)?;
        self.panel(canvas, right, "Error per pixel", |curve| &curve.translation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_where_a_layer_is_missing() {
        let one = |value: f64| Spread::of(std::iter::once(value));
        let parts = in_a_row(&[one(1.0), one(2.0), None, None, one(3.0), None]);
        let places: Vec<Vec<f64>> = parts.iter().map(|part| part.iter().map(|(place, _)| *place).collect()).collect();
        assert_eq!(places, [vec![0.0, 1.0], vec![4.0]]);
    }
}
