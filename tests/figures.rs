//! Every figure is drawn from made-up numbers: something is there, within the margins, and no text is in the way of another.

mod figure_support;

use equisplit::report::figure::{Figure, Format, Page, Rect};
use figure_support::{CASES, pictures};

/// Draws a figure and checks its texts; writes it to the folder in EQUISPLIT_FIGURES, if it's set, to be looked at.
fn page(figure: &dyn Figure, case: &str) -> Page {
    let page = Page::draw(figure).unwrap();
    if let Some(folder) = std::env::var_os("EQUISPLIT_FIGURES") {
        for format in [Format::Svg, Format::Png, Format::Pdf] {
            let name = format!("{case}-{}.{}", figure.name(), format.extension());
            std::fs::write(std::path::Path::new(&folder).join(name), page.encode(format).unwrap()).unwrap();
        }
    }
    check_texts(figure, case, &page);
    page
}

/// No text overlaps another or leaves the page's margin of 1 mm.
fn check_texts(figure: &dyn Figure, case: &str, page: &Page) {
    let [width, height] = page.size().map(|mm| (100.0 * mm).round() as i32);
    // Half a unit is lost where a text is centred.
    let inner = Rect { left: 0, top: 0, right: width, bottom: height }.shrunk(99);
    let texts = page.texts();
    for (n, text) in texts.iter().enumerate() {
        let name = figure.name();
        let numbers = text.text.contains('%') || text.text.starts_with("n =");
        assert!(!(numbers && text.text.contains('…')), "{case} {name}: {text:?} lacks digits");
        assert!(inner.holds(text.rect), "{case} {name}: {text:?} leaves {inner:?}");
        for other in &texts[..n] {
            assert!(!text.rect.overlaps(other.rect), "{case} {name}: {text:?} overlaps {other:?}");
        }
    }
}

#[test]
fn no_text_overlaps_or_leaves_the_page() {
    for (case, made) in CASES {
        for figure in made.all() {
            let page = page(figure.as_ref(), case);
            let [width, height] = page.size();
            assert!(width <= 178.0 && height <= 230.0, "{case} {}: {width} × {height} mm", figure.name());
            assert!(page.texts().len() > 3, "{case} {}", figure.name());
        }
    }
    for figure in pictures() {
        page(figure.as_ref(), "pictures");
    }
}
