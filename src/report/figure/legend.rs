//! Which line is whose, above a panel.

use super::Arm;
use super::canvas::{Anchor, Canvas, Point};
use super::layout::{Rect, shortened, width};
use super::theme::{DATA, GAP, LINE_HEIGHT, Look, MARKER, TEXT, mm};
use crate::error::Result;

/// Length of the piece of line before a name.
const SAMPLE: i32 = mm(7.0);
/// Room for a marker before a name.
const POINT: i32 = mm(3.0);
/// Space between entries.
const BETWEEN: i32 = mm(3.0);

/// The curves of arms in the order that they are drawn in: those that can't be told apart lie behind the others.
pub(super) fn back_to_front<T>(curves: &[T], arm: impl Fn(&T) -> &Arm) -> impl Iterator<Item = &T> {
    let (told, others): (Vec<&T>, Vec<&T>) = curves.iter().partition(|curve| Look::of(arm(curve)).is_some());
    others.into_iter().chain(told)
}

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
        Self { lines: false, ..Self::of(arms) }
    }

    /// Of a figure that draws arms as lines with markers.
    pub fn of<'a>(arms: impl Iterator<Item = &'a Arm>) -> Self {
        let mut entries = Vec::new();
        let mut others = 0;
        for arm in arms {
            match Look::of(arm) {
                Some(look) => entries.push(Entry { look, text: arm.name.clone() }),
                None => others += 1,
            }
        }
        if others > 0 {
            entries.push(Entry { look: Look::OTHER, text: format!("{others} more arms") });
        }
        Self { entries, lines: true }
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
            if self.lines {
                canvas.dashed(&[(left, middle), (left + SAMPLE, middle)], &entry.look, DATA)?;
            }
            canvas.marker((left + self.sample() / 2, middle), &entry.look, MARKER)?;
            canvas.text(&text, (left + self.sample() + GAP, middle), Anchor::Left)?;
        }
        Ok(Rect { top: rect.top + height + mm(1.0), ..rect })
    }
}
