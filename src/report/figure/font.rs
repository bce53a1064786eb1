//! The font of all text in figures: its files, its measures, and how browsers and renderers get it.

use std::sync::LazyLock;

use base64::Engine;
use ttf_parser::Face;

/// The font of all text, with the ones that come nearest where a viewer reads neither embedded nor installed ones.
pub(super) const FONT_FAMILY: &str = "DejaVu Sans, Verdana, sans-serif";
pub(super) static REGULAR_FONT: &[u8] = include_bytes!("../../../assets/fonts/DejaVuSans.ttf");
pub(super) static BOLD_FONT: &[u8] = include_bytes!("../../../assets/fonts/DejaVuSans-Bold.ttf");

/// Part of an em above the baseline: capitals, digits and brackets of DejaVu Sans.
pub(super) const ASCENT: f64 = 0.76;
/// Part of an em below it.
pub(super) const DESCENT: f64 = 0.24;
/// Half the height of capitals and digits, in em.
pub(super) const HALF_CAPITAL: f64 = 0.3645;

/// The embedded font as CSS, for browsers.
pub static FONT_CSS: LazyLock<String> = LazyLock::new(|| {
    let face = |weight: &str, font: &[u8]| {
        let data = base64::engine::general_purpose::STANDARD.encode(font);
        format!("@font-face{{font-family:'DejaVu Sans';font-weight:{weight};src:url(data:font/ttf;base64,{data})}}")
    };
    face("normal", REGULAR_FONT) + &face("bold", BOLD_FONT)
});

static REGULAR: LazyLock<Option<Face>> = LazyLock::new(|| Face::parse(REGULAR_FONT, 0).ok());
static BOLD: LazyLock<Option<Face>> = LazyLock::new(|| Face::parse(BOLD_FONT, 0).ok());

/// Width of a text in a size, in the size's unit. Kerning is left out, which makes texts a little narrower.
pub(super) fn width_of(text: &str, size: f64, bold: bool) -> f64 {
    let Some(face) = (if bold { &*BOLD } else { &*REGULAR }) else { return size * text.chars().count() as f64 };
    let advance = |c: char| {
        let glyph = face.glyph_index(c).unwrap_or_default();
        f64::from(face.glyph_hor_advance(glyph).unwrap_or_default())
    };
    text.chars().map(advance).sum::<f64>() * size / f64::from(face.units_per_em())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_the_font() {
        // DejaVu Sans has 2048 units per em, digits are 1303 wide and a space 651.
        assert!((width_of("10 0", 2048.0, false) - f64::from(3 * 1303 + 651)).abs() < 1e-6);
        assert!(width_of("bold", 8.0, true) > width_of("bold", 8.0, false));
        for c in "→−±×°–…·²⁰¹³⁴⁵⁶⁷⁸⁹⁻αβ≤≥|".chars() {
            assert!(REGULAR.as_ref().unwrap().glyph_index(c).is_some(), "no {c} in the font");
        }
    }
}
