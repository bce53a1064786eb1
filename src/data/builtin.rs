//! Builtin digits: drawn by the program itself, so that everything runs without a download.
//!
//! A digit is a few strokes through control points. Every image bends, slants, stretches, moves and rotates them anew, so
//! that a class is a cloud of shapes and not one. They are no MNIST: results on them compare only with results on them.

use std::f32::consts::TAU;

use rand::RngExt;
use rayon::prelude::*;

use self::glyphs::{GLYPHS, Stroke};
use super::images::wanted;
use super::{CLASSES, Dataset, Images, Label, hash};
use crate::error::Result;
use crate::rng::{self, Stream};

mod glyphs;

/// Rows and columns of an image.
pub const SIDE: usize = 28;

/// Most values of a part: a gigabyte of floats.
const MOST_VALUES: usize = 1 << 28;

/// Height of an upright digit in pixels, before it is stretched.
const HEIGHT: f32 = 17.0;

/// A position in pixels, or in glyph units: x to the right, y down, both from the centre.
type Point = (f32, f32);

/// Draws `train` and `test` images; image i of either depends on the seed and i alone.
///
/// # Errors
/// A size of 0, or one beyond memory.
pub fn digits(seed: u64, train: usize, test: usize) -> Result<Dataset> {
    let most = MOST_VALUES / (SIDE * SIDE);
    wanted("train", Some(train), most)?;
    wanted("test", Some(test), most)?;
    Ok(Dataset {
        name: format!("builtin digits (seed {seed})"),
        fingerprint: hash::fingerprint([format!("builtin digits 1: seed {seed}, {train} train, {test} test").as_str()]),
        classes: CLASSES,
        train: draw_all(seed, "train", train),
        test: draw_all(seed, "test", test),
    })
}

fn draw_all(seed: u64, part: &str, count: usize) -> Images {
    let mut pixels = vec![0.0; count * SIDE * SIDE];
    let draw = |(i, image): (usize, &mut [f32])| {
        let mut rng = rng::stream(seed, &format!("builtin/{part}/{i}"));
        let class = rng.random_range(0..GLYPHS.len());
        draw_digit(class, &mut rng, image);
        class as Label
    };
    let labels = pixels.par_chunks_exact_mut(SIDE * SIDE).enumerate().map(draw).collect();
    Images { channels: 1, height: SIDE, width: SIDE, pixels: pixels.into(), labels }
}

/// Draws one digit of `class`, rotated by any angle, into a black image.
fn draw_digit(class: usize, rng: &mut Stream, image: &mut [f32]) {
    let variants = GLYPHS[class];
    let glyph = variants[rng.random_range(0..variants.len())];
    let hand = Hand::any(rng);
    let pen = Pen { half_width: rng.random_range(0.8..1.7), ink: rng.random_range(0.75..1.0) };
    for stroke in glyph {
        let points: Vec<Point> = stroke.points().iter().map(|&point| hand.place(point, rng)).collect();
        for ends in stroke.path(&points).windows(2) {
            pen.line(ends[0], ends[1], image);
        }
    }
}

/// How one digit is written: glyph units to pixels.
struct Hand {
    slant: f32,
    scale: Point,
    shift: Point,
    angle: f32,
    wobble: f32,
}

impl Hand {
    fn any(rng: &mut Stream) -> Self {
        let size = HEIGHT * rng.random_range(0.8..1.1);
        Self {
            slant: rng.random_range(-0.35..0.35),
            scale: (size * rng.random_range(0.75..1.2), size),
            shift: (rng.random_range(-1.5..1.5), rng.random_range(-1.5..1.5)),
            angle: rng.random_range(0.0..TAU),
            wobble: rng.random_range(0.02..0.07),
        }
    }

    /// Where a control point comes to lie, counted in pixels from the image's upper left pixel.
    fn place(&self, (x, y): Point, rng: &mut Stream) -> Point {
        let mut off = || rng.random_range(-self.wobble..self.wobble);
        let (x, y) = (x + off(), y + off());
        let (x, y) = ((x - self.slant * y) * self.scale.0, y * self.scale.1);
        let (sin, cos) = self.angle.sin_cos();
        let centre = (SIDE as f32 - 1.0) / 2.0;
        (centre + self.shift.0 + cos * x + sin * y, centre + self.shift.1 - sin * x + cos * y)
    }
}

/// What lines are drawn with.
struct Pen {
    half_width: f32,
    ink: f32,
}

impl Pen {
    /// Draws a line with round ends: a pixel's ink falls off with its distance to the line, over one pixel at the edge.
    fn line(&self, from: Point, to: Point, image: &mut [f32]) {
        let reach = self.half_width + 0.5;
        let range = |a: f32, b: f32| {
            let last = SIDE as f32;
            let bound = |v: f32| v.clamp(0.0, last) as usize;
            bound((a.min(b) - reach).floor())..bound((a.max(b) + reach).ceil() + 1.0)
        };
        for row in range(from.1, to.1) {
            for col in range(from.0, to.0) {
                let distance = distance_to_line((col as f32, row as f32), from, to);
                let ink = self.ink * (reach - distance).clamp(0.0, 1.0);
                let pixel = &mut image[row * SIDE + col];
                *pixel = pixel.max(ink);
            }
        }
    }
}

fn distance_to_line(point: Point, from: Point, to: Point) -> f32 {
    let (along, off) = ((to.0 - from.0, to.1 - from.1), (point.0 - from.0, point.1 - from.1));
    let length = along.0 * along.0 + along.1 * along.1;
    let t = if length > 0.0 { ((along.0 * off.0 + along.1 * off.1) / length).clamp(0.0, 1.0) } else { 0.0 };
    (off.0 - t * along.0).hypot(off.1 - t * along.1)
}

impl Stroke {
    fn points(&self) -> &'static [Point] {
        match self {
            Self::Straight(points) | Self::Curve(points) => points,
        }
    }

    /// The corners of the drawn path: the control points themselves, or points on the Catmull-Rom curve through them.
    fn path(&self, points: &[Point]) -> Vec<Point> {
        match self {
            Self::Straight(_) => points.to_vec(),
            Self::Curve(_) => catmull_rom(points),
        }
    }
}

fn catmull_rom(points: &[Point]) -> Vec<Point> {
    const STEPS: usize = 6;
    let last = points.len() - 1;
    let mut path = vec![points[0]];
    for i in 0..last {
        let [a, b, c, d] = [i.saturating_sub(1), i, i + 1, (i + 2).min(last)].map(|j| points[j]);
        path.extend((1..=STEPS).map(|step| {
            let t = step as f32 / STEPS as f32;
            let blend = |a: f32, b: f32, c: f32, d: f32| {
                b + 0.5 * t * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a)))
            };
            (blend(a.0, b.0, c.0, d.0), blend(a.1, b.1, c.1, d.1))
        }));
    }
    path
}
