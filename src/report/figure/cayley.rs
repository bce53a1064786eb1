//! Feature maps of one image as functions on the group, in the manner of Cohen & Welling (2016), figure 1: a map per group
//! element, on the nodes of the group's Cayley diagram, with arrows for its generators.

use super::Figure;
use super::canvas::{Anchor, Canvas, Point, heading_height, inner};
use super::cayley_layout::Places;
use super::layout::{Rect, width};
use super::raster::{BAR_HEIGHT, Raster, colour_bar, diverging, grey};
use super::theme::{AXIS, DATA, DOUBLE_COLUMN, GREY, INK, LINE_HEIGHT, MARGIN, SECOND, TEXT, UNITS_PER_MM, mm};
use crate::error::Result;
use crate::group::{PointGroup, Symmetry};

/// Side of the image.
const IMAGE: i32 = mm(11.0);
/// The generator of turns.
const TURN: usize = 1;
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
    /// The group, of which every element has a map.
    pub group: PointGroup,
    /// Whether the image has several channels, whose mean is shown.
    pub coloured: bool,
    /// For the upright image, and for it turned by [`CayleyFigure::angle`].
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
    /// A figure of one field of a grey image; `panels` have a map for every element.
    pub fn new(arm: &str, seed: u64, layer: &str, group: PointGroup, panels: [GroupMaps; 2]) -> Self {
        let name = format!("cayley-{arm}");
        Self { arm: arm.to_owned(), seed, layer: layer.to_owned(), group, coloured: false, panels, name }
    }

    /// The same of an image that has several channels, if `coloured`.
    pub fn coloured(self, coloured: bool) -> Self {
        Self { coloured, ..self }
    }

    /// Elements of the largest group whose maps can be seen.
    pub const MOST_MAPS: usize = 32;

    /// Degrees by which the second image is turned: 90°, or of a group without quarter turns its smallest angle; `None` of a mirror alone,
    /// by which it's mirrored.
    pub fn angle(group: &PointGroup) -> Option<f64> {
        match group.turns() {
            1 => None,
            turns if turns.is_multiple_of(4) => Some(90.0),
            turns => Some(360.0 / turns as f64),
        }
    }

    /// What is done to the second image.
    fn moved(&self) -> String {
        Self::angle(&self.group).map_or_else(|| "mirrored".to_owned(), |angle| format!("turned by {}", degrees(angle)))
    }

    fn titles(&self) -> [String; 2] {
        let Self { arm, seed, layer, .. } = self;
        [format!("{arm}, seed {seed}, output of {layer}: the image"), format!("The image {}", self.moved())]
    }

    /// The first mirror.
    fn flip(&self) -> usize {
        self.group.turns()
    }

    fn diagram(&self, canvas: &Canvas, centre: Point, maps: &GroupMaps, peak: f64) -> Result<()> {
        let (image_peak, group, places) = (maps.image.peak(), self.group, Places::of(self.group));
        maps.image.draw(canvas, Rect::about(centre, IMAGE / 2), |value| grey(value, image_peak))?;
        for (element, map) in maps.maps.iter().enumerate() {
            let at = places.node(centre, element);
            map.draw(canvas, Rect::about(at, places.side / 2), |value| diverging(value, peak))?;
            if let Some((at, anchor)) = places.label(centre, element) {
                canvas.text(&group.element_name(element), at, anchor)?;
            }
        }
        let ends =
            |from: usize, to: usize| between([from, to].map(|element| places.node(centre, element)), places.side);
        for element in group.elements() {
            if group.turns() > 1 {
                arrow(canvas, ends(element, group.product(TURN, element)))?;
            }
            if group.has_mirrors() && !group.is_mirror(element) {
                mirror(canvas, ends(element, group.product(self.flip(), element)))?;
            }
        }
        Ok(())
    }

    /// What lines and colours are, below the diagrams.
    fn key(&self, canvas: &Canvas, peak: f64) -> Result<()> {
        let Rect { left, right, bottom, .. } = canvas.inner();
        let top = bottom - BAR_HEIGHT;
        let middle = top + TEXT / 3;
        let group = self.group;
        let mut x = left;
        let mut entry = |generator: usize, what: &str, line: fn(&Canvas, [Point; 2]) -> Result<()>| -> Result<()> {
            line(canvas, [(x, middle), (x + mm(8.0), middle)])?;
            let text = format!("{}: {what}", group.element_name(generator));
            canvas.text(&text, (x + mm(9.0), middle), Anchor::Left)?;
            x += mm(9.0) + width(&text) + mm(5.0);
            Ok(())
        };
        if group.turns() > 1 {
            entry(TURN, &turn(&group), arrow)?;
        }
        if group.has_mirrors() {
            entry(self.flip(), "a mirror", mirror)?;
        }
        let bar = Rect { left: right - mm(41.0), right: right - mm(9.0), top, bottom };
        canvas.text("Activation", (bar.left - mm(9.0), middle), Anchor::Right)?;
        colour_bar(canvas, bar, peak)
    }
}

/// What the generator of turns is.
fn turn(group: &PointGroup) -> String {
    match group.turns() {
        4 => "a quarter turn".to_owned(),
        turns => format!("a turn by {}", degrees(360.0 / turns as f64)),
    }
}

/// To at most two places.
fn degrees(angle: f64) -> String {
    format!("{}°", (100.0 * angle).round() / 100.0)
}

/// The ends of the straight line between two maps that lies outside both.
fn between([from, to]: [Point; 2], side: i32) -> [Point; 2] {
    let (dx, dy) = (f64::from(to.0 - from.0), f64::from(to.1 - from.1));
    let reach = f64::from(side / 2 + CLEAR) / dx.abs().max(dy.abs()).max(1.0);
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
        let (group, turn, moved) = (self.group, turn(&self.group), self.moved());
        let lines = match (group.turns(), group.has_mirrors()) {
            (1, _) => "orange line: left multiplication by the mirror".to_owned(),
            (_, true) => format!("arrows: left multiplication by {turn}; orange lines: by a mirror"),
            (_, false) => format!("arrows: left multiplication by {turn}"),
        };
        let moves = match group.turns() {
            1 => "Mirroring the image mirrors every map and moves it along the line",
            4 => "Turning the image turns every map and moves it along its arrow",
            turns if turns.is_multiple_of(4) => {
                "Turning the image turns every map and moves it along as many arrows as make a quarter turn"
            }
            _ => "Turning the image turns every map and moves it along its arrow, up to interpolation",
        };
        let group = Symmetry::from(group);
        let image = if self.coloured { " The image is shown as the mean of its channels." } else { "" };
        format!(
            "One {group} feature map of {} (seed {}, the output of {}) of (a) the study's first test image and (b) the same \
             {moved}: a planar map per element of the point group on its Cayley diagram ({lines}). {moves}, if the network is \
             equivariant. White is 0, blue positive, orange negative.{image}",
            self.arm, self.seed, self.layer
        )
    }

    fn size(&self) -> [f64; 2] {
        let room = inner([mm(DOUBLE_COLUMN), 0]);
        let ([a, b], places) = (self.titles(), Places::of(self.group));
        let headings = heading_height([&a, &b], halves(room));
        let height = 2 * MARGIN
            + headings
            + LINE_HEIGHT
            + 2 * places.reach()
            + places.side
            + 2 * places.margin()
            + mm(3.0)
            + BAR_HEIGHT;
        [DOUBLE_COLUMN, f64::from(height) / f64::from(UNITS_PER_MM)]
    }

    fn draw(&self, canvas: &Canvas) -> Result<()> {
        let peak = self.panels.iter().flat_map(|panel| &panel.maps).map(Raster::peak).fold(0.0, f64::max);
        let ([a, b], places) = (self.titles(), Places::of(self.group));
        let panels = canvas.headings([&a, &b], halves(canvas.inner()))?;
        for (panel, maps) in panels.into_iter().zip(&self.panels) {
            let above = LINE_HEIGHT + places.margin() + places.reach() + places.side / 2;
            let centre = ((panel.left + panel.right) / 2, panel.top + above);
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
