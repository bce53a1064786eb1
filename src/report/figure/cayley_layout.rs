//! Where the maps of a group's elements go on its Cayley diagram.

use std::f64::consts::TAU;

use super::canvas::{Anchor, Point};
use super::theme::{TEXT, mm};
use crate::group::PointGroup;

/// Largest side of a feature map.
const SIDE: i32 = mm(14.5);
/// From the centre of a diagram to the middle of a map of p4, which lie to its right, above, to its left and below.
const CROSS: i32 = mm(24.0);
/// Distances of maps of p4m from the centre, to the side and up: turns, and mirrored ones around them.
const INNER: i32 = mm(14.5);
const OUTER: i32 = mm(34.5);
/// Radii of the rings of other groups: turns, and mirrored ones around them; turns where there are no others.
const INNER_RING: f64 = mm(17.0) as f64;
const OUTER_RING: f64 = mm(31.0) as f64;
/// So much of the room between neighbours is a map.
const FILLED: f64 = 0.62;
/// Most turns of which the elements' names have room.
const MOST_NAMED: usize = 16;

/// The places of a group's elements.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    group: PointGroup,
    /// Side of a map.
    pub side: i32,
}

impl Places {
    pub fn of(group: PointGroup) -> Self {
        Self { group, side: side(&group) }
    }

    /// From the centre to the middle of the farthest map.
    pub fn reach(&self) -> i32 {
        match (self.is_square(), self.group.has_mirrors()) {
            (true, true) => OUTER,
            (true, false) => CROSS,
            _ => ring(&self.group, self.group.order() - 1) as i32,
        }
    }

    /// Quarter turns have the corners of squares, or the ends of a cross.
    fn is_square(&self) -> bool {
        self.group.turns() == 4
    }

    /// The place of an element: turns counter-clockwise from the right (p4m: the upper right), mirrored ones further out.
    pub fn node(&self, (x, y): Point, element: usize) -> Point {
        let turns = element % self.group.turns();
        match (self.is_square(), self.group.has_mirrors()) {
            (true, true) => {
                let reach = if self.group.is_mirror(element) { OUTER } else { INNER };
                let (right, up) = [(1, 1), (-1, 1), (-1, -1), (1, -1)][turns];
                (x + right * reach, y - up * reach)
            }
            (true, false) => {
                let (right, up) = [(1, 0), (0, 1), (-1, 0), (0, -1)][turns];
                (x + right * CROSS, y - up * CROSS)
            }
            _ => self.along((x, y), element, ring(&self.group, element)),
        }
    }

    /// Where the name of an element goes, and which of its points: above its map, at that side where no line ends; on rings outside of its map.
    /// Maps of an inner ring have none: there's the image, and outside of them the same turns before a mirror.
    pub fn label(&self, centre: Point, element: usize) -> Option<(Point, Anchor)> {
        if self.group.turns() > MOST_NAMED {
            return None;
        }
        let (x, y) = self.node(centre, element);
        if self.is_square() {
            let outward = (x - centre.0).signum();
            let inner = self.group.has_mirrors() && !self.group.is_mirror(element);
            let side = if inner { -outward } else { outward };
            return Some(((x + side * (SIDE / 2 - mm(1.5)), y - SIDE / 2 - mm(0.3)), Anchor::Bottom));
        }
        if self.group.has_mirrors() && !self.group.is_mirror(element) {
            return None;
        }
        let (right, up) = direction(&self.group, element);
        // A square reaches farther along its diagonals, and a name is wider than high.
        let text = f64::from(TEXT) * 0.9 + right.abs() * f64::from(mm(1.0));
        let beyond = f64::from(self.side) / 2.0 / right.abs().max(up.abs()) + text;
        Some((self.along(centre, element, ring(&self.group, element) + beyond), Anchor::Centre))
    }

    /// Room for names beyond the maps.
    pub fn margin(&self) -> i32 {
        if self.is_square() || self.group.turns() > MOST_NAMED { 0 } else { TEXT + TEXT / 2 }
    }

    fn along(&self, (x, y): Point, element: usize, radius: f64) -> Point {
        let (right, up) = direction(&self.group, element);
        (x + (right * radius).round() as i32, y - (up * radius).round() as i32)
    }
}

fn direction(group: &PointGroup, element: usize) -> (f64, f64) {
    let angle = TAU * (element % group.turns()) as f64 / group.turns() as f64;
    (angle.cos(), angle.sin())
}

fn ring(group: &PointGroup, element: usize) -> f64 {
    if group.has_mirrors() && !group.is_mirror(element) { INNER_RING } else { OUTER_RING }
}

fn side(group: &PointGroup) -> i32 {
    if group.turns() == 4 {
        return SIDE;
    }
    // The least distance of two maps along the sides of squares.
    let chord = |radius: f64| match group.turns() {
        1 => f64::MAX,
        turns => 2.0 * radius * (TAU / 2.0 / turns as f64).sin(),
    };
    let room = match group.has_mirrors() {
        true => chord(INNER_RING).min(OUTER_RING - INNER_RING),
        false => chord(OUTER_RING),
    };
    SIDE.min((FILLED * room) as i32)
}
