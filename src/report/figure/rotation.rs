//! Test error against the angle that test images are turned by, in polar form.

use plotters::style::Color;

use super::axis::Axis;
use super::canvas::{Anchor, Canvas, Point};
use super::legend::{Legend, Lines};
use super::spread::{Spread, draw_spread};
use super::theme::{AXIS, GAP, GREY, HAIR, LIGHT, LINE_HEIGHT, MARGIN, PAPER, SINGLE_COLUMN, TEXT, UNITS_PER_MM, mm};
use super::{Arm, Figure, Rect, layout, not_measured, seeds};
use crate::error::Result;

/// Markers on a curve: one in 45°, where angles are 15° apart.
const MARKERS: usize = 8;
const DISC: i32 = mm(SINGLE_COLUMN) - 2 * MARGIN;

/// Test error of every arm by angle.
#[derive(Clone, Debug)]
pub struct RotationFigure {
    /// How many test images were turned.
    pub images: usize,
    /// The arms.
    pub curves: Vec<RotationCurve>,
    /// Arms that nothing was recorded of.
    pub missing: Vec<String>,
}

/// One arm.
#[derive(Clone, Debug)]
pub struct RotationCurve {
    /// The arm.
    pub arm: Arm,
    /// Angles in degrees counter-clockwise, ascending, from 0 to below 360.
    pub angles: Vec<f64>,
    /// Test error of every run at every angle.
    pub runs: Vec<Vec<f64>>,
}

impl RotationCurve {
    /// The spread of the runs by angle, back to the first angle so that the line closes.
    fn around(&self) -> Vec<(f64, Spread)> {
        let at = |(n, &angle): (usize, &f64)| {
            let errors = self.runs.iter().filter_map(|run| run.get(n)).copied();
            Some((angle, Spread::of(errors)?))
        };
        let angles = || self.angles.iter().enumerate();
        angles().chain(angles().take(1)).filter_map(at).collect()
    }
}

/// The polar grid: 0 % in the centre, 0° at the right, counter-clockwise.
struct Disc {
    centre: Point,
    radius: i32,
    axis: Axis,
}

impl Disc {
    fn at(&self, angle: f64, error: f64) -> Point {
        let most = self.axis.range()[1];
        let radius = f64::from(self.radius) * ((100.0 * error).clamp(0.0, most) / most);
        let (sin, cos) = angle.to_radians().sin_cos();
        (self.centre.0 + (radius * cos).round() as i32, self.centre.1 - (radius * sin).round() as i32)
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        for (error, _) in self.axis.ticks().filter(|(error, _)| *error > 0.0) {
            let radius = f64::from(self.radius) * error / self.axis.range()[1];
            canvas.circle(self.centre, radius.round() as i32, LIGHT.stroke_width(HAIR))?;
        }
        canvas.circle(self.centre, self.radius, GREY.stroke_width(AXIS))?;
        for angle in (0..360).step_by(45) {
            let end = self.at(f64::from(angle), self.axis.range()[1] / 100.0);
            canvas.line(&[self.centre, end], LIGHT, HAIR)?;
            let (sin, cos) = f64::from(angle).to_radians().sin_cos();
            let gap = f64::from(self.radius + GAP);
            let at = (self.centre.0 + (gap * cos).round() as i32, self.centre.1 - (gap * sin).round() as i32);
            canvas.text(&format!("{angle}°"), beside(at, angle), anchor(angle))?;
        }
        Ok(())
    }

    /// The places of the numbers of the radial axis on a spoke.
    fn places(&self, spoke: f64) -> impl Iterator<Item = (Point, &str)> {
        let ticks = self.axis.ticks().filter(|(error, _)| *error > 0.0);
        ticks.map(move |(error, text)| (self.at(spoke, error / 100.0), text))
    }

    /// The spoke on which the numbers are furthest from the curves.
    fn spoke(&self, curves: &[RotationCurve]) -> f64 {
        let points = |curve: &RotationCurve| -> Vec<Point> {
            curve.around().into_iter().map(|(angle, spread)| self.at(angle, spread.mean)).collect()
        };
        let drawn: Vec<Point> = curves.iter().flat_map(points).collect();
        let room = |spoke: f64| {
            let far = |((x, y), _): (Point, &str)| {
                drawn.iter().map(|at| f64::from(at.0 - x).hypot(f64::from(at.1 - y))).fold(f64::INFINITY, f64::min)
            };
            self.places(spoke).map(far).fold(f64::INFINITY, f64::min)
        };
        let spokes = (0..8).map(|n| 22.5 + 45.0 * f64::from(n));
        spokes
            .map(|spoke| (room(spoke), spoke))
            .fold((-1.0, 22.5), |best, next| if next.0 > best.0 { next } else { best })
            .1
    }

    /// The numbers of the radial axis, drawn last, over the curves.
    fn numbers(&self, canvas: &Canvas, spoke: f64) -> Result<()> {
        let mut taken: Vec<Rect> = Vec::new();
        for ((x, y), text) in self.places(spoke) {
            let half = [layout::width(text) / 2 + mm(0.3), TEXT / 2];
            let behind = Rect { left: x - half[0], right: x + half[0], top: y - half[1], bottom: y + half[1] };
            if taken.iter().any(|other| other.overlaps(behind)) {
                continue;
            }
            taken.push(behind);
            canvas.rect(behind, PAPER.filled())?;
            canvas.text(text, (x, y), Anchor::Centre)?;
        }
        Ok(())
    }
}

/// Diagonal labels are placed by their side, so they must rise or fall by half their height.
fn beside((x, y): Point, angle: i32) -> Point {
    match angle {
        45 | 135 => (x, y - TEXT / 3),
        225 | 315 => (x, y + TEXT / 3),
        _ => (x, y),
    }
}

fn anchor(angle: i32) -> Anchor {
    match angle {
        90 => Anchor::Bottom,
        270 => Anchor::Top,
        135..=225 => Anchor::Right,
        _ => Anchor::Left,
    }
}

impl RotationFigure {
    fn heading(&self) -> String {
        let counts = seeds(self.curves.iter().map(|curve| curve.runs.len()));
        format!("Radius: test error (%), mean and range, {counts}")
    }

    fn lines(&self) -> Lines {
        Lines::of(self.curves.iter().map(|curve| &curve.arm))
    }

    fn legend(&self) -> Legend {
        Legend::of(self.curves.iter().map(|curve| &curve.arm))
    }
}

impl Figure for RotationFigure {
    fn name(&self) -> &str {
        "rotation"
    }

    fn caption(&self) -> String {
        let counts = seeds(self.curves.iter().map(|curve| curve.runs.len()));
        format!(
            "Test error (distance from the centre, %) of {} test images against the angle that all of them are turned by \
             (counter-clockwise, bilinear). Lines: mean over seeds ({counts}); bands: least to greatest seed.{}{}",
            self.images,
            self.lines().others_in_words(self.curves.iter().map(|curve| &curve.arm)),
            not_measured(&self.missing)
        )
    }

    fn size(&self) -> [f64; 2] {
        let height = DISC + 2 * MARGIN + LINE_HEIGHT + self.legend().height(DISC);
        [SINGLE_COLUMN, f64::from(height) / f64::from(UNITS_PER_MM)]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let rect = self.legend().draw(canvas, canvas.inner())?;
        canvas.text(&self.heading(), (rect.left, rect.top), Anchor::TopLeft)?;
        let top = rect.top + LINE_HEIGHT;
        let errors = self.curves.iter().flat_map(|curve| curve.runs.iter().flatten());
        let disc = Disc {
            centre: ((rect.left + rect.right) / 2, (top + rect.bottom) / 2),
            radius: rect.width().min(rect.bottom - top) / 2 - mm(8.5),
            axis: Axis::from_zero("", errors.map(|error| 100.0 * error)),
        };
        disc.draw(canvas)?;
        let lines = self.lines();
        for curve in lines.back_to_front(&self.curves, |curve| &curve.arm) {
            let place = |angle, error| disc.at(angle, error);
            draw_spread(canvas, &lines.look(&curve.arm), &curve.around(), place, MARKERS)?;
        }
        disc.numbers(canvas, disc.spoke(&self.curves))
    }
}
