//! Which line is whose, above a panel.

use super::canvas::{Anchor, Canvas, Point};
use super::layout::{Rect, shortened, width};
use super::theme::{AXIS, DATA, GAP, LINE_HEIGHT, Look, MARKER, TEXT, mm};
use super::{Arm, Role};
use crate::error::Result;

/// Length of the piece of line before a name.
const SAMPLE: i32 = mm(7.0);
/// Room for a marker before a name.
const POINT: i32 = mm(3.0);
/// Space between entries.
const BETWEEN: i32 = mm(3.0);

/// Lines of more arms than this are not all told apart.
const MOST_LINES: usize = 6;

/// How arms look where each is a line over those of the others: where they are many, only baseline, target, the ladder and the
/// controls in question are told apart.
pub(super) struct Lines {
    many: bool,
}

impl Lines {
    /// Of a figure of these arms.
    pub fn of<'a>(arms: impl Iterator<Item = &'a Arm>) -> Self {
        Self { many: arms.count() > MOST_LINES }
    }

    /// The look of an arm; `None` of one that isn't told apart.
    fn told(&self, arm: &Arm) -> Option<Look> {
        Look::of(arm).filter(|_| !self.many || arm.role != Role::Other)
    }

    /// The look of an arm, or that of all the others.
    pub fn look(&self, arm: &Arm) -> Look {
        self.told(arm).unwrap_or(Look::OTHER)
    }

    /// Curves in the order that they are drawn in: those that can't be told apart lie behind the others.
    pub fn back_to_front<'a, T>(&self, curves: &'a [T], arm: impl Fn(&T) -> &Arm) -> impl Iterator<Item = &'a T> {
        let (told, others): (Vec<&T>, Vec<&T>) = curves.iter().partition(|curve| self.told(arm(curve)).is_some());
        others.into_iter().chain(told)
    }

    /// What captions say of the arms that aren't told apart.
    pub fn others_in_words<'a>(&self, arms: impl Iterator<Item = &'a Arm>) -> String {
        let others: Vec<&str> = arms.filter(|arm| self.told(arm).is_none()).map(|arm| arm.name.as_str()).collect();
        match others.len() {
            0 => String::new(),
            1..=MOST_NAMED => format!(" Thin grey lines: the means of {}.", others.join(", ")),
            many => format!(" Thin grey lines: the means of {many} other arms."),
        }
    }
}

/// Captions name no more arms than this.
const MOST_NAMED: usize = 16;

struct Entry {
    look: Look,
    text: String,
}

/// What a legend says of some arms: one entry each for those that can be told apart, and one for all others.
pub(super) struct Legend {
    entries: Vec<Entry>,
    /// Whether the figure draws arms as lines, and not as points alone.
    lines: bool,
}

impl Legend {
    /// Of a figure that draws arms as points alone.
    pub fn of_points<'a>(arms: impl Iterator<Item = &'a Arm>) -> Self {
        Self::listing(arms, false, Look::of)
    }

    /// Of a figure that draws arms as lines with markers.
    pub fn of<'a>(arms: impl Iterator<Item = &'a Arm> + Clone) -> Self {
        let lines = Lines::of(arms.clone());
        Self::listing(arms, true, |arm| lines.told(arm))
    }

    fn listing<'a>(arms: impl Iterator<Item = &'a Arm>, lines: bool, look: impl Fn(&Arm) -> Option<Look>) -> Self {
        let mut entries = Vec::new();
        let mut others = Vec::new();
        for arm in arms {
            match look(arm) {
                Some(look) => entries.push(Entry { look, text: arm.name.clone() }),
                None => others.push(&arm.name),
            }
        }
        let text = match others.as_slice() {
            [] => None,
            [name] => Some((*name).clone()),
            several => Some(format!("{} other arms", several.len())),
        };
        entries.extend(text.map(|text| Entry { look: Look::OTHER, text }));
        Self { entries, lines }
    }

    /// Length of what stands before a name.
    fn sample(&self) -> i32 {
        if self.lines { SAMPLE } else { POINT }
    }

    /// Where the entries go in lines of the width `room`, each with its shortened text; and the height of it all.
    fn places(&self, room: i32) -> (Vec<(Point, String)>, i32) {
        let (mut x, mut y) = (0, 0);
        let mut places = Vec::new();
        for entry in &self.entries {
            let text = shortened(&entry.text, room - self.sample() - GAP);
            let length = self.sample() + GAP + width(&text);
            if x > 0 && x + length > room {
                (x, y) = (0, y + LINE_HEIGHT);
            }
            places.push(((x, y), text));
            x += length + BETWEEN;
        }
        let height = if places.is_empty() { 0 } else { y + LINE_HEIGHT };
        (places, height)
    }

    /// Its height, in units, in lines of the width `room`.
    pub fn height(&self, room: i32) -> i32 {
        self.places(room).1 + mm(1.0)
    }

    /// Draws it at the top of `rect`; returns what is left of that.
    pub fn draw(&self, canvas: &Canvas, rect: Rect) -> Result<Rect> {
        let (places, height) = self.places(rect.width());
        for (entry, ((x, y), text)) in self.entries.iter().zip(places) {
            let (left, middle) = (rect.left + x, rect.top + y + TEXT / 2);
            let line = [(left, middle), (left + SAMPLE, middle)];
            match (self.lines, entry.look == Look::OTHER) {
                (true, true) => canvas.line(&line, entry.look.colour, AXIS)?,
                (true, false) => canvas.dashed(&line, &entry.look, DATA)?,
                (false, _) => {}
            }
            if !self.lines || entry.look != Look::OTHER {
                canvas.marker((left + self.sample() / 2, middle), &entry.look, MARKER)?;
            }
            canvas.text(&text, (left + self.sample() + GAP, middle), Anchor::Left)?;
        }
        Ok(Rect { top: rect.top + height + mm(1.0), ..rect })
    }
}
