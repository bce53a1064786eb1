//! Where text goes: how wide it is, whether it's in the way of other text, and where it isn't.

use super::font::width_of;
use super::theme::TEXT;

/// A rectangle of the page, in its units; y grows downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Rect {
    pub left: i32,
    pub top: i32,
    pub right: i32,
    pub bottom: i32,
}

impl Rect {
    /// Its width.
    pub fn width(self) -> i32 {
        self.right - self.left
    }

    /// Its height.
    pub fn height(self) -> i32 {
        self.bottom - self.top
    }

    /// Whether the two have an area in common.
    pub fn overlaps(self, other: Self) -> bool {
        self.left < other.right && other.left < self.right && self.top < other.bottom && other.top < self.bottom
    }

    /// The point in its middle.
    pub fn middle(self) -> (i32, i32) {
        ((self.left + self.right) / 2, (self.top + self.bottom) / 2)
    }

    /// Whether `other` lies inside.
    pub fn holds(self, other: Self) -> bool {
        self.left <= other.left && other.right <= self.right && self.top <= other.top && other.bottom <= self.bottom
    }

    /// The rectangle with so much taken away on every side.
    pub fn shrunk(self, by: i32) -> Self {
        Self { left: self.left + by, top: self.top + by, right: self.right - by, bottom: self.bottom - by }
    }

    /// A square about a point.
    pub fn about((x, y): (i32, i32), half: i32) -> Self {
        Self { left: x - half, top: y - half, right: x + half, bottom: y + half }
    }

    /// Left and right half, `gap` between them.
    pub fn halves(self, gap: i32) -> [Self; 2] {
        self.split((self.width() - gap) / 2, gap)
    }

    /// Left and right part, `gap` between them, the left one `width` wide.
    pub fn split(self, width: i32, gap: i32) -> [Self; 2] {
        [Self { right: self.left + width, ..self }, Self { left: self.left + width + gap, ..self }]
    }
}

/// A text on the page and the room that it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextBox {
    /// What it says.
    pub text: String,
    /// Where it is.
    pub rect: Rect,
}

/// Width of a text of the usual size, in units.
pub(super) fn width(text: &str) -> i32 {
    width_of(text, f64::from(TEXT), false).ceil() as i32
}

/// The greatest width of some texts.
pub(super) fn widest<'a>(texts: impl IntoIterator<Item = &'a str>) -> i32 {
    texts.into_iter().map(width).max().unwrap_or(0)
}

/// A text that is no wider than `room`; what is left out in its middle is told by an ellipsis.
pub(super) fn shortened(text: &str, room: i32) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let chars: Vec<char> = text.chars().collect();
    let kept = |n: usize| -> String {
        let (start, end) = (n.div_ceil(2), n / 2);
        chars[..start].iter().chain(&['…']).chain(&chars[chars.len() - end..]).collect()
    };
    (0..chars.len()).rev().map(kept).find(|text| width(text) <= room).unwrap_or_default()
}

/// A text in lines that are no wider than `room`, broken at spaces, but not within "95 %" or "n = 5".
pub(super) fn wrapped(text: &str, room: i32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let tied = text.replace(" %", "\u{a0}%").replace(" = ", "\u{a0}=\u{a0}");
    for word in tied.split([' ', '\n']).filter(|word| !word.is_empty()) {
        let word = &word.replace('\u{a0}', " ");
        let longer = lines.last().map(|line| format!("{line} {word}")).filter(|line| width(line) <= room);
        match (lines.last_mut(), longer) {
            (Some(line), Some(longer)) => *line = longer,
            _ => lines.push(shortened(word, room)),
        }
    }
    lines
}

/// Which of some intervals on a line can stay, so that none of those that do comes closer to another than `gap`: every
/// n-th, for the smallest n that will do.
pub(super) fn thinned(intervals: &[[i32; 2]], gap: i32) -> Vec<bool> {
    let count = intervals.len();
    let fits = |step: &usize| {
        let kept: Vec<[i32; 2]> = intervals.iter().step_by(*step).copied().collect();
        kept.iter().zip(kept.iter().skip(1)).all(|(a, b)| a[1] + gap <= b[0] || b[1] + gap <= a[0])
    };
    let step = (1..count).find(fits).unwrap_or(count.max(1));
    (0..count).map(|n| n % step == 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shortened_and_wrapped_texts_fit() {
        let long = "repeat-swish-with-a-very-long-name";
        let room = width("repeat-swish");
        let short = shortened(long, room);
        assert!(width(&short) <= room && short.contains('…') && short.starts_with("rep") && short.ends_with("me"));
        assert_eq!(shortened("p4", room), "p4");
        let lines = wrapped("a few words that do not fit on one line", room);
        assert!(lines.len() > 2 && lines.iter().all(|line| width(line) <= room));
        assert_eq!(lines.join(" "), "a few words that do not fit on one line");
        assert_eq!(
            wrapped("an interval of 95 %, n = 5", width("an interval of 95")),
            ["an interval of", "95 %, n = 5"]
        );
    }

    #[test]
    fn thinning_keeps_every_nth() {
        let intervals: Vec<[i32; 2]> = (0..6).map(|n| [10 * n, 10 * n + 14]).collect();
        assert_eq!(thinned(&intervals, 2), [true, false, true, false, true, false]);
        assert_eq!(thinned(&intervals[..1], 2), [true]);
        assert_eq!(thinned(&[], 2), Vec::<bool>::new());
    }
}
