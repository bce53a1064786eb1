//! How a bank appears in sentences and figures.

/// What reports must know of a family of banks, so that none of them needs to know the family.
///
/// Hues are Okabe & Ito's (2008, "Color universal design"), one for each kind of bank, so that colour-blind readers can tell them
/// apart; banks of a kind differ in shade, and, since several shades look alike on a grey printer, in marker and line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Portrait {
    /// What a network with the bank does, as in "38 % of the gain is matched by ..."; `None`: it's called by its arm's name.
    pub in_words: Option<&'static str>,
    /// Whether it repeats weights without equivariance: the controls that an answer tells of first.
    pub repeats_only: bool,
    /// Whether the first arm with it belongs to the question that studies ask, so that figures bring it out.
    pub in_question: bool,
    /// Colour of lines and markers: red, green, blue.
    pub colour: [u8; 3],
    /// Shape of markers.
    pub marker: Marker,
    /// Style of lines.
    pub line: Line,
}

impl Portrait {
    /// That of a bank with this colour, marker and line: no control, not in question, called by its arm's name.
    pub const fn new(colour: [u8; 3], marker: Marker, line: Line) -> Self {
        Self { in_words: None, repeats_only: false, in_question: false, colour, marker, line }
    }

    /// What a network with it does, in a sentence.
    pub const fn in_words(mut self, words: &'static str) -> Self {
        self.in_words = Some(words);
        self
    }

    /// It repeats weights without equivariance.
    pub const fn repeats_only(mut self) -> Self {
        self.repeats_only = true;
        self
    }

    /// Figures bring out the first arm with it.
    pub const fn in_question(mut self) -> Self {
        self.in_question = true;
        self
    }
}

impl Default for Portrait {
    /// Olive, which no bank of this crate has.
    fn default() -> Self {
        Self::new([122, 116, 0], Marker::Star, Line::Even)
    }
}

/// The shape of a marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// ●
    Circle,
    /// ■
    Square,
    /// ▲
    Triangle,
    /// ◆
    Diamond,
    /// ▼
    Down,
    /// A five-pointed star.
    Star,
    /// A four-pointed star.
    Spark,
    /// A pentagon.
    Pentagon,
    /// A hexagon.
    Hexagon,
    /// ◀
    Left,
    /// ▶
    Right,
    /// ×, + where it's hollow, and both over each other where it has a dot.
    Cross,
}

/// A style of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Not broken.
    Solid,
    /// Long dashes.
    Long,
    /// Short dashes.
    Short,
    /// Dashes of middle length.
    Medium,
    /// Dashes as long as what is left out.
    Even,
    /// Dots.
    Dotted,
}
