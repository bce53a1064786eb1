//! Feature maps of one image as functions on the group, in the manner of Cohen & Welling (2016), figure 1: a map per group
//! element, on the nodes of the group's Cayley diagram, with arrows for its generators.

use super::Figure;
use super::canvas::{Anchor, Canvas, Point, heading_height, inner};
use super::layout::{Rect, width};
use super::raster::{BAR_HEIGHT, Raster, colour_bar, diverging, grey};
use super::theme::{AXIS, DATA, DOUBLE_COLUMN, GREY, INK, LINE_HEIGHT, MARGIN, SECOND, TEXT, UNITS_PER_MM, mm};
use crate::error::Result;
use crate::group::PointGroup;

/// Side of a feature map.
const SIDE: i32 = mm(14.5);
/// Side of the image.
const IMAGE: i32 = mm(11.0);
/// From the centre of a diagram to the middle of a map of p4, which lie to its right, above, to its left and below.
const CROSS: i32 = mm(24.0);
/// Distances of maps of p4m from the centre, to the side and up: turns, and mirrored ones around them.
const INNER: i32 = mm(14.5);
const OUTER: i32 = mm(34.5);
/// Generators of the groups: a quarter turn, and the mirror of p4m.
const TURN: usize = 1;
const FLIP: usize = 4;
/// An arrow ends so far from a map.
const CLEAR: i32 = mm(1.0);

/// One field of one layer for an image and for the image a quarter turn on.
#[derive(Clone, Debug)]
pub struct CayleyFigure {
    /// The arm.
    pub arm: String,
    /// The seed of the run.
    pub seed: u64,
    /// The layer.
    pub layer: String,
    /// Whether the group has mirrors (p4m): eight maps, not four.
    pub mirrors: bool,
    /// Whether the image has several channels, whose mean is shown.
    pub coloured: bool,
    /// For the upright image, and for it turned by 90°.
    pub panels: [GroupMaps; 2],
    name: String,
}

/// An image and a field of feature maps.
#[derive(Clone, Debug)]
pub struct GroupMaps {
    /// The image.
    pub image: Raster,
    /// A map per group element, in the order of [`PointGroup`](crate::group::PointGroup).
    pub maps: Vec<Raster>,
}

impl CayleyFigure {
    /// A figure of one field of a grey image.
    pub fn new(arm: &str, seed: u64, layer: &str, mirrors: bool, panels: [GroupMaps; 2]) -> Self {
        let name = format!("cayley-{arm}");
        Self { arm: arm.to_owned(), seed, layer: layer.to_owned(), mirrors, coloured: false, panels, name }
    }

    /// The same of an image that has several channels, if `coloured`.
    pub fn coloured(self, coloured: bool) -> Self {
        Self { coloured, ..self }
    }

    fn titles(&self) -> [String; 2] {
        let Self { arm, seed, layer, .. } = self;
        [format!("{arm}, seed {seed}, output of {layer}: the image"), "The image turned by 90°".to_owned()]
    }

    fn reach(&self) -> i32 {
        if self.mirrors { OUTER } else { CROSS }
    }

    fn group(&self) -> PointGroup {
        if self.mirrors { PointGroup::d4() } else { PointGroup::c4() }
    }

    fn diagram(&self, canvas: &Canvas, centre: Point, maps: &GroupMaps, peak: f64) -> Result<()> {
        let (image_peak, group) = (maps.image.peak(), self.group());
        maps.image.draw(canvas, Rect::about(centre, IMAGE / 2), |value| grey(value, image_peak))?;
        for (element, map) in maps.maps.iter().enumerate() {
            let at = node(centre, element, self.mirrors);
            map.draw(canvas, Rect::about(at, SIDE / 2), |value| diverging(value, peak))?;
            canvas.text(&group.element_name(element), self.label(at, centre, element), Anchor::Bottom)?;
        }
        let at = |element| node(centre, element, self.mirrors);
        for element in group.elements() {
            arrow(canvas, between([at(element), at(group.product(TURN, element))]))?;
            if self.mirrors && element < FLIP {
                mirror(canvas, between([at(element), at(group.product(FLIP, element))]))?;
            }
        }
        Ok(())
    }
}

impl CayleyFigure {
    /// Where the name of an element goes: above its map, at that side where no line ends.
    fn label(&self, (x, y): Point, centre: Point, element: usize) -> Point {
        let outward = (x - centre.0).signum();
        let side = if self.mirrors && element < FLIP { -outward } else { outward };
        (x + side * (SIDE / 2 - mm(1.5)), y - SIDE / 2 - mm(0.3))
    }

    /// What lines and colours are, below the diagrams.
    fn key(&self, canvas: &Canvas, peak: f64) -> Result<()> {
        let Rect { left, right, bottom, .. } = canvas.inner();
        let top = bottom - BAR_HEIGHT;
        let middle = top + TEXT / 3;
        let group = self.group();
        let mut x = left;
        let mut entry = |generator: usize, what: &str, line: fn(&Canvas, [Point; 2]) -> Result<()>| -> Result<()> {
            line(canvas, [(x, middle), (x + mm(8.0), middle)])?;
            let text = format!("{}: {what}", group.element_name(generator));
            canvas.text(&text, (x + mm(9.0), middle), Anchor::Left)?;
            x += mm(9.0) + width(&text) + mm(5.0);
            Ok(())
        };
        entry(TURN, "a quarter turn", arrow)?;
        if self.mirrors {
            entry(FLIP, "a mirror", mirror)?;
        }
        let bar = Rect { left: right - mm(41.0), right: right - mm(9.0), top, bottom };
        canvas.text("Activation", (bar.left - mm(9.0), middle), Anchor::Right)?;
        colour_bar(canvas, bar, peak)
    }
}

/// The place of an element: turns counter-clockwise from the right (p4m: the upper right), mirrored ones further out.
fn node((x, y): Point, element: usize, mirrors: bool) -> Point {
    let turns = element % 4;
    if mirrors {
        let reach = if element < FLIP { INNER } else { OUTER };
        let (right, up) = [(1, 1), (-1, 1), (-1, -1), (1, -1)][turns];
        return (x + right * reach, y - up * reach);
    }
    let (right, up) = [(1, 0), (0, 1), (-1, 0), (0, -1)][turns];
    (x + right * CROSS, y - up * CROSS)
}

/// The ends of the straight line between two maps that lies outside both.
fn between([from, to]: [Point; 2]) -> [Point; 2] {
    let (dx, dy) = (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
    let reach = f64::from(SIDE / 2 + CLEAR) / dx.abs().max(dy.abs()).max(1.0);
    let step = |(x, y): Point, by: f64| (x + (dx * by).round() as i32, y + (dy * by).round() as i32);
    [step(from, reach), step(to, -reach)]
}

/// The generator of turns: an arrow.
fn arrow(canvas: &Canvas, [from, to]: [Point; 2]) -> Result<()> {
    canvas.line(&[from, to], INK, DATA)?;
    let direction = f64::from(to.1 - from.1).atan2(f64::from(to.0 - from.0));
    let side = |turn: f64| {
        let (sin, cos) = (direction + turn).sin_cos();
        (to.0 + (f64::from(mm(1.8)) * cos).round() as i32, to.1 + (f64::from(mm(1.8)) * sin).round() as i32)
    };
    canvas.polygon(&[to, side(2.7), side(-2.7)], plotters::style::Color::filled(&INK))
}

/// The generator of mirrors, its own inverse: a line without a head.
fn mirror(canvas: &Canvas, ends: [Point; 2]) -> Result<()> {
    canvas.line(&ends, SECOND, DATA + AXIS)
}

impl Figure for CayleyFigure {
    fn name(&self) -> &str {
        &self.name
    }

    fn caption(&self) -> String {
        let (group, lines) = match self.mirrors {
            true => ("p4m", "arrows: left multiplication by a quarter turn; orange lines: by a mirror"),
            false => ("p4", "arrows: left multiplication by a quarter turn"),
        };
        let image = if self.coloured { " The image is shown as the mean of its channels." } else { "" };
        format!(
            "One {group} feature map of {} (seed {}, the output of {}) of (a) the study's first test image and (b) the same \
             turned by 90°: a planar map per element of the point group on its Cayley diagram ({lines}). Turning the image \
             turns every map and moves it along its arrow, if the network is equivariant. White is 0, blue positive, orange \
             negative.{image}",
            self.arm, self.seed, self.layer
        )
    }

    fn size(&self) -> [f64; 2] {
        let room = inner([mm(DOUBLE_COLUMN), 0]);
        let [a, b] = self.titles();
        let headings = heading_height([&a, &b], halves(room));
        let height = 2 * MARGIN + headings + LINE_HEIGHT + 2 * self.reach() + SIDE + mm(3.0) + BAR_HEIGHT;
        [DOUBLE_COLUMN, f64::from(height) / f64::from(UNITS_PER_MM)]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let peak = self.panels.iter().flat_map(|panel| &panel.maps).map(Raster::peak).fold(0.0, f64::max);
        let [a, b] = self.titles();
        let panels = canvas.headings([&a, &b], halves(canvas.inner()))?;
        for (panel, maps) in panels.into_iter().zip(&self.panels) {
            let centre = ((panel.left + panel.right) / 2, panel.top + LINE_HEIGHT + self.reach() + SIDE / 2);
            self.diagram(canvas, centre, maps, peak)?;
            let below = (centre.0, centre.1 + IMAGE / 2 + mm(0.5));
            canvas.coloured_text("image", below, Anchor::Top, GREY)?;
        }
        self.key(canvas, peak)
    }
}

fn halves(rect: Rect) -> [Rect; 2] {
    rect.split(rect.width() / 2, 0)
}
