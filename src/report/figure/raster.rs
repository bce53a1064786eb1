//! Small images, drawn pixel by pixel.

use plotters::style::{Color, RGBColor};

use super::canvas::{Anchor, Canvas};
use super::layout::Rect;
use super::theme::{AXIS, GAP, GREY, LINE_HEIGHT, TICK, mm};
use super::ticks::in_two_digits;
use crate::error::Result;

/// Shades that pixels are rounded to, so that equal neighbours become one rectangle.
const SHADES: f64 = 31.0;
/// How far rectangles reach under their neighbours: viewers leave white seams between rectangles that only touch.
const UNDERLAP: i32 = mm(0.03);

/// A small image of one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Raster {
    /// Pixels of a row.
    pub width: usize,
    /// Values, row by row.
    pub values: Vec<f64>,
}

impl Raster {
    /// Number of rows.
    pub fn height(&self) -> usize {
        self.values.len() / self.width.max(1)
    }

    /// The greatest absolute value.
    pub fn peak(&self) -> f64 {
        self.values.iter().fold(0.0, |peak, value| peak.max(value.abs()))
    }

    /// Draws it with a frame; `colour` gives the colour of a value.
    pub(super) fn draw(&self, canvas: &Canvas, rect: Rect, colour: impl Fn(f64) -> RGBColor) -> Result<()> {
        let (width, height) = (self.width.max(1), self.height().max(1));
        let edge = |from: i32, to: i32, n: usize, of: usize| from + (to - from) * n as i32 / of as i32;
        for (row, pixels) in self.values.chunks_exact(width).enumerate() {
            let colours: Vec<RGBColor> = pixels.iter().map(|&value| colour(value)).collect();
            let mut start = 0;
            for run in colours.chunk_by(|a, b| a == b) {
                let end = start + run.len();
                let pixel = Rect {
                    left: edge(rect.left, rect.right, start, width),
                    right: (edge(rect.left, rect.right, end, width) + UNDERLAP).min(rect.right),
                    top: edge(rect.top, rect.bottom, row, height),
                    bottom: (edge(rect.top, rect.bottom, row + 1, height) + UNDERLAP).min(rect.bottom),
                };
                canvas.rect(pixel, run[0].filled())?;
                start = end;
            }
        }
        canvas.rect(rect, GREY.stroke_width(AXIS))
    }
}

/// White at 0 to black at `peak`.
pub(super) fn grey(value: f64, peak: f64) -> RGBColor {
    let part = rounded(value / peak);
    let shade = (255.0 * (1.0 - part.max(0.0))).round() as u8;
    RGBColor(shade, shade, shade)
}

/// White at 0, blue above it, orange below; in grey both get darker away from 0, blue more so.
pub(super) fn diverging(value: f64, peak: f64) -> RGBColor {
    let part = rounded(value / peak);
    let end: [f64; 3] = if part < 0.0 { [213.0, 94.0, 0.0] } else { [0.0, 90.0, 160.0] };
    let [r, g, b] = end.map(|end| (255.0 + (end - 255.0) * part.abs()).round() as u8);
    RGBColor(r, g, b)
}

/// Height that a colour bar takes with its numbers.
pub(super) const BAR_HEIGHT: i32 = BAR + TICK + GAP + LINE_HEIGHT;
const BAR: i32 = mm(2.2);

/// A scale of the colours of [`diverging`] in `rect`, whose height is [`BAR_HEIGHT`], with its numbers.
pub(super) fn colour_bar(canvas: &Canvas, rect: Rect, peak: f64) -> Result<()> {
    let half = SHADES as i32;
    let scale = Raster { width: 2 * SHADES as usize + 1, values: (-half..=half).map(f64::from).collect() };
    let bar = Rect { bottom: rect.top + BAR, ..rect };
    scale.draw(canvas, bar, |value| diverging(value, SHADES))?;
    for (x, value) in [(bar.left, -peak), (bar.middle().0, 0.0), (bar.right, peak)] {
        canvas.line(&[(x, bar.bottom), (x, bar.bottom + TICK)], GREY, AXIS)?;
        canvas.text(&in_two_digits(value), (x, bar.bottom + TICK + GAP), Anchor::Top)?;
    }
    Ok(())
}

fn rounded(part: f64) -> f64 {
    // 0/0: an image of zeros.
    if part.is_finite() { (part.clamp(-1.0, 1.0) * SHADES).round() / SHADES } else { 0.0 }
}
