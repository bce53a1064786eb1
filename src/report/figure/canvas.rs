//! What figures draw with: plotters' elements in the lines and letters of the theme.

use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters::element::{Circle, DashedPathElement, Drawable, PathElement, PointCollection, Polygon, Rectangle, Text};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, FontTransform, IntoFont, RGBColor, ShapeStyle, TextStyle};

use super::layout::{Rect, wrapped};
use super::svg::{Embedded, SvgBackend};
use super::theme::{self, Fill, INK, Look, Marker};
use crate::error::{Error, Result};

/// A point of the page, in its units.
pub(super) type Point = (i32, i32);

/// Which point of a text is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    /// The left end, at half height.
    Left,
    /// The right end, at half height.
    Right,
    /// The middle.
    Centre,
    /// The middle of its upper edge.
    Top,
    /// The middle of its lower edge.
    Bottom,
    /// Its upper left corner.
    TopLeft,
}

impl Anchor {
    fn position(self) -> Pos {
        let (h, v) = match self {
            Self::Left => (HPos::Left, VPos::Center),
            Self::Right => (HPos::Right, VPos::Center),
            Self::Centre => (HPos::Center, VPos::Center),
            Self::Top => (HPos::Center, VPos::Top),
            Self::Bottom => (HPos::Center, VPos::Bottom),
            Self::TopLeft => (HPos::Left, VPos::Top),
        };
        Pos::new(h, v)
    }
}

/// A page to draw on.
pub struct Canvas<'a> {
    area: DrawingArea<SvgBackend<'a>, Shift>,
    size: [i32; 2],
}

impl<'a> Canvas<'a> {
    pub(super) fn new(area: DrawingArea<SvgBackend<'a>, Shift>, size: [i32; 2]) -> Self {
        Self { area, size }
    }

    /// The page without its margins.
    pub(super) fn inner(&self) -> Rect {
        inner(self.size)
    }

    fn draw<'b, E>(&self, element: &'b E) -> Result<()>
    where
        &'b E: PointCollection<'b, Point>,
        E: Drawable<SvgBackend<'a>>,
    {
        self.area.draw(element).map_err(|e| Error::invalid(format!("figure: {e}")))
    }

    fn write(&self, text: &str, at: Point, style: TextStyle) -> Result<()> {
        if text.is_empty() { Ok(()) } else { self.draw(&Text::new(text, at, style)) }
    }

    pub(super) fn text(&self, text: &str, at: Point, anchor: Anchor) -> Result<()> {
        self.coloured_text(text, at, anchor, INK)
    }

    pub(super) fn coloured_text(&self, text: &str, at: Point, anchor: Anchor, colour: RGBColor) -> Result<()> {
        self.write(text, at, text_style(theme::TEXT).color(&colour).pos(anchor.position()))
    }

    /// Text that reads from bottom to top; `at` is the middle of its upper (left) edge.
    pub(super) fn upward_text(&self, text: &str, at: Point) -> Result<()> {
        let font = ("DejaVu Sans", theme::TEXT).into_font().transform(FontTransform::Rotate270);
        self.write(text, at, TextStyle::from(font).color(&INK).pos(Anchor::Top.position()))
    }

    /// Titles of panels beside each other, with letters if there are several; returns where the panels' contents can start, all at
    /// the same height.
    pub(super) fn headings<const N: usize>(&self, titles: [&str; N], mut panels: [Rect; N]) -> Result<[Rect; N]> {
        let height = heading_height(titles, panels);
        for ((letter, title), panel) in ["a", "b", "c"].iter().zip(titles).zip(&mut panels) {
            let indent = if N > 1 { LETTER_ROOM } else { 0 };
            if N > 1 {
                let font = ("DejaVu Sans", theme::LETTER).into_font().style(FontStyle::Bold);
                let style = TextStyle::from(font).color(&INK).pos(Anchor::TopLeft.position());
                self.write(letter, (panel.left, panel.top), style)?;
            }
            for (n, line) in (0..).zip(wrapped(title, panel.width() - indent)) {
                self.text(&line, (panel.left + indent, panel.top + n * theme::LINE_HEIGHT), Anchor::TopLeft)?;
            }
            panel.top += height;
        }
        Ok(panels)
    }

    /// Lines of grey text at the top of `rect`.
    pub(super) fn paragraph(&self, rect: Rect, text: &str) -> Result<()> {
        for (n, line) in (0..).zip(wrapped(text, rect.width())) {
            let at = (rect.left, rect.top + n * theme::LINE_HEIGHT);
            self.coloured_text(&line, at, Anchor::TopLeft, theme::GREY)?;
        }
        Ok(())
    }

    pub(super) fn line(&self, points: &[Point], colour: RGBColor, width: u32) -> Result<()> {
        self.draw(&PathElement::new(points, colour.stroke_width(width)))
    }

    pub(super) fn dashed(&self, points: &[Point], look: &Look, width: u32) -> Result<()> {
        let style = look.colour.stroke_width(width);
        match look.dash {
            None => self.draw(&PathElement::new(points, style)),
            Some([on, off]) => self.draw(&DashedPathElement::new(points.iter().copied(), on, off, style)),
        }
    }

    pub(super) fn rect(&self, rect: Rect, style: impl Into<ShapeStyle>) -> Result<()> {
        self.draw(&Rectangle::new([(rect.left, rect.top), (rect.right, rect.bottom)], style))
    }

    /// A PNG file in a rectangle of the page, pixels with sharp edges.
    pub(super) fn png(&self, rect: Rect, png: &[u8]) -> Result<()> {
        self.draw(&Embedded { rect, png })
    }

    pub(super) fn polygon(&self, points: &[Point], style: impl Into<ShapeStyle>) -> Result<()> {
        self.draw(&Polygon::new(points, style))
    }

    pub(super) fn circle(&self, at: Point, radius: i32, style: impl Into<ShapeStyle>) -> Result<()> {
        self.draw(&Circle::new(at, radius, style))
    }

    /// The marker of a look, `half` from its centre to its edge.
    pub(super) fn marker(&self, at: Point, look: &Look, half: i32) -> Result<()> {
        let fill = if look.fill == Fill::Full { look.colour } else { theme::PAPER };
        match look.marker {
            Marker::Cross => return self.cross(at, look, half),
            Marker::Circle => self.circle(at, half, fill.filled())?,
            shape => self.polygon(&corners(shape, at, half), fill.filled())?,
        }
        if look.fill == Fill::Full {
            return Ok(());
        }
        let outline = look.colour.stroke_width(theme::DATA * 2 / 3);
        match look.marker {
            Marker::Circle => self.circle(at, half, outline)?,
            shape => {
                let mut corners = corners(shape, at, half);
                corners.extend(corners.first().copied());
                self.draw(&PathElement::new(corners, outline))?;
            }
        }
        if look.fill == Fill::Dotted { self.circle(at, half * 2 / 5, look.colour.filled()) } else { Ok(()) }
    }

    fn cross(&self, (x, y): Point, look: &Look, half: i32) -> Result<()> {
        let oblique = [[(x - half, y - half), (x + half, y + half)], [(x - half, y + half), (x + half, y - half)]];
        let upright = [[(x - half, y), (x + half, y)], [(x, y - half), (x, y + half)]];
        let lines = match look.fill {
            Fill::Full => oblique.to_vec(),
            Fill::Hollow => upright.to_vec(),
            Fill::Dotted => [oblique, upright].concat(),
        };
        lines.iter().try_for_each(|line| self.line(line, look.colour, theme::DATA))
    }

    /// A horizontal interval with a bar at each end, an arrow head where it goes on.
    pub(super) fn whisker(&self, ends: [End; 2], y: i32, colour: RGBColor) -> Result<()> {
        self.line(&ends.map(|end| (end.at, y)), colour, theme::DATA)?;
        let forth = (ends[1].at - ends[0].at).signum();
        ends.iter().zip([-forth, forth]).try_for_each(|(end, outward)| match end.cut {
            true => self.head((end.at, y), [outward, 0], colour),
            false => self.line(&[(end.at, y - HALF_BAR), (end.at, y + HALF_BAR)], colour, theme::DATA),
        })
    }

    /// A vertical interval with a bar at each end, an arrow head where it goes on.
    pub(super) fn upright_whisker(&self, x: i32, ends: [End; 2], colour: RGBColor) -> Result<()> {
        self.line(&ends.map(|end| (x, end.at)), colour, theme::DATA)?;
        let forth = (ends[1].at - ends[0].at).signum();
        ends.iter().zip([-forth, forth]).try_for_each(|(end, outward)| match end.cut {
            true => self.head((x, end.at), [0, outward], colour),
            false => self.line(&[(x - HALF_BAR, end.at), (x + HALF_BAR, end.at)], colour, theme::DATA),
        })
    }

    /// An arrow head whose tip is at a point.
    fn head(&self, (x, y): Point, [right, down]: [i32; 2], colour: RGBColor) -> Result<()> {
        let (back, side) = (2 * HALF_BAR, HALF_BAR);
        let base = (x - right * back, y - down * back);
        let corner = |side: i32| (base.0 - down * side, base.1 + right * side);
        self.polygon(&[(x, y), corner(side), corner(-side)], colour.filled())
    }
}

/// A page without its margins.
pub(super) fn inner([right, bottom]: [i32; 2]) -> Rect {
    Rect { left: 0, top: 0, right, bottom }.shrunk(theme::MARGIN)
}

/// Room for the letter of a panel.
pub(super) const LETTER_ROOM: i32 = theme::mm(4.0);

/// Height of the titles of panels beside each other.
pub(super) fn heading_height<const N: usize>(titles: [&str; N], panels: [Rect; N]) -> i32 {
    let indent = if N > 1 { LETTER_ROOM } else { 0 };
    let lines = titles.iter().zip(panels).map(|(title, panel)| wrapped(title, panel.width() - indent).len());
    theme::LINE_HEIGHT * lines.max().unwrap_or(0).max(1) as i32 + theme::mm(1.5)
}

/// Half the length of the bar at an end of an interval.
const HALF_BAR: i32 = theme::mm(0.7);

/// An end of an interval on the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    /// Where it's drawn.
    pub at: i32,
    /// Whether the interval goes on from there.
    pub cut: bool,
}

impl End {
    /// The end of an interval of errors; `place` gives the place of a percentage.
    pub fn of_error(error: f64, place: impl Fn(f64) -> i32) -> Self {
        Self::within([0.0, 1.0], error, place)
    }

    /// The end of an interval of which only what lies between `low` and `high` is drawn.
    pub fn within([low, high]: [f64; 2], value: f64, place: impl Fn(f64) -> i32) -> Self {
        Self { at: place(100.0 * value.max(low).min(high)), cut: !(low..=high).contains(&value) }
    }
}

fn text_style(size: i32) -> TextStyle<'static> {
    TextStyle::from(("DejaVu Sans", size).into_font())
}

/// Corners of a marker.
fn corners(marker: Marker, (x, y): Point, half: i32) -> Vec<Point> {
    let at = |angle: f64, radius: f64| {
        let (sin, cos) = angle.to_radians().sin_cos();
        (x + (radius * cos).round() as i32, y - (radius * sin).round() as i32)
    };
    let half = f64::from(half);
    let regular = |count: u32, first: f64, radius: f64| -> Vec<Point> {
        (0..count).map(|n| at(first + 360.0 / f64::from(count) * f64::from(n), radius)).collect()
    };
    match marker {
        Marker::Square => regular(4, 45.0, 1.25 * half),
        Marker::Triangle => regular(3, 90.0, 1.3 * half),
        Marker::Down => regular(3, 270.0, 1.3 * half),
        Marker::Left => regular(3, 180.0, 1.3 * half),
        Marker::Right => regular(3, 0.0, 1.3 * half),
        Marker::Diamond => regular(4, 90.0, 1.3 * half),
        Marker::Pentagon => regular(5, 90.0, 1.2 * half),
        Marker::Hexagon => regular(6, 0.0, 1.2 * half),
        Marker::Star => {
            (0..10).map(|n| at(90.0 + 36.0 * f64::from(n), if n % 2 == 0 { 1.4 * half } else { 0.6 * half })).collect()
        }
        Marker::Spark => {
            (0..8).map(|n| at(90.0 + 45.0 * f64::from(n), if n % 2 == 0 { 1.5 * half } else { 0.6 * half })).collect()
        }
        Marker::Circle | Marker::Cross => Vec::new(),
    }
}
