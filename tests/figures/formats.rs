//! The files that figures are written to: pixels within the margins, real text, embedded fonts.

use crate::figure_support::{CASES, Made, pictures};
use equisplit::report::figure::{Figure, Format, Page};
use resvg::usvg::roxmltree;

fn figures() -> Vec<Box<dyn Figure>> {
    Made::USUAL.all().into_iter().chain(pictures()).collect()
}

/// A figure and what to call it in a message.
fn figures_of_all_cases() -> Vec<(String, Box<dyn Figure>)> {
    let of_case = |(case, made): (&str, Made)| {
        let named = |figure: Box<dyn Figure>| (format!("{case} {}", figure.name()), figure);
        made.all().into_iter().map(named).collect::<Vec<_>>()
    };
    let pictures = pictures().into_iter().map(|figure| (figure.name().to_owned(), figure));
    CASES.into_iter().flat_map(of_case).chain(pictures).collect()
}

/// An image as width, height and grey pixels, and its pixels per metre.
fn decoded(png: &[u8]) -> (usize, usize, Vec<u8>, Option<u32>) {
    let mut reader = png::Decoder::new(png).read_info().unwrap();
    let mut rgb = vec![0; reader.output_buffer_size()];
    let info = reader.next_frame(&mut rgb).unwrap();
    let density = reader.info().pixel_dims.map(|dims| dims.xppu);
    let grey = rgb.chunks_exact(3).map(|p| p[0].min(p[1]).min(p[2])).collect();
    (info.width as usize, info.height as usize, grey, density)
}

#[test]
fn pixels_are_there_at_600_an_inch_and_within_the_margins() {
    for (name, figure) in figures_of_all_cases() {
        let page = Page::draw(figure.as_ref()).unwrap();
        let (width, height, pixels, density) = decoded(&page.encode(Format::Png).unwrap());
        assert_eq!(density, Some(23_622), "{name}");
        let expected = page.size().map(|mm| (mm / 25.4 * 600.0).round() as usize);
        assert_eq!([width, height], expected, "{name}");
        // 0.9 of the 1 mm that the theme leaves free: lines have a width.
        let margin = (0.9 / 25.4 * 600.0) as usize;
        let inside =
            |x: usize, y: usize| (margin..width - margin).contains(&x) && (margin..height - margin).contains(&y);
        let dark = pixels.iter().enumerate().filter(|(_, value)| **value < 250);
        let outside = dark.clone().map(|(n, _)| (n % width, n / width)).find(|&(x, y)| !inside(x, y));
        assert_eq!(outside, None, "{name}: ink in the margin");
        let share = dark.count() as f64 / pixels.len() as f64;
        assert!(share > 0.01, "{name}: {share} of the pixels are dark");
    }
}

#[test]
fn svg_has_real_text_its_size_in_mm_and_needs_no_other_file() {
    for figure in figures() {
        let page = Page::draw(figure.as_ref()).unwrap();
        let document = roxmltree::Document::parse(page.svg()).unwrap();
        let root = document.root_element();
        assert_eq!(root.attribute("width"), Some(format!("{}mm", page.size()[0]).as_str()));
        // White paper under all of it, for pages that are dark.
        let paper = root.children().find(|node| node.has_tag_name("rect")).unwrap();
        let [width, height] = page.size().map(|mm| format!("{}", (100.0 * mm).round()));
        let attributes = ["x", "width", "height", "fill"].map(|name| paper.attribute(name));
        assert_eq!(attributes, [None, Some(width.as_str()), Some(height.as_str()), Some("#ffffff")]);
        let texts: Vec<&str> =
            document.descendants().filter(|n| n.has_tag_name("text")).filter_map(|n| n.text()).collect();
        let noted: Vec<&str> = page.texts().iter().map(|text| text.text.as_str()).collect();
        assert_eq!(texts, noted, "{}", figure.name());
        let references = page.svg().replace("href=\"data:", "");
        assert!(!references.contains("href") && page.svg().contains("@font-face"), "{}", figure.name());
        assert!(!page.inline_svg().contains("@font-face") && page.inline_svg().len() < page.svg().len() - 50_000);
    }
}

#[test]
fn text_of_an_arm_that_looks_like_markup_stays_text() {
    let mut figure = Made::USUAL.errors();
    figure.arms[0].arm.name = "<b>&lt;\"'".to_owned();
    let page = Page::draw(&figure).unwrap();
    let document = roxmltree::Document::parse(page.svg()).unwrap();
    assert!(document.descendants().any(|node| node.has_tag_name("text") && node.text() == Some("<b>&lt;\"'")));
    assert!(page.encode(Format::Pdf).is_ok());
}

#[test]
fn pdf_has_its_font_embedded_and_its_text_readable() {
    let has = |bytes: &[u8], what: &str| bytes.windows(what.len()).any(|window| window == what.as_bytes());
    for figure in figures() {
        let pdf = Page::draw(figure.as_ref()).unwrap().encode(Format::Pdf).unwrap();
        assert!(pdf.starts_with(b"%PDF-"), "{}", figure.name());
        for what in ["DejaVuSans", "/FontFile", "/ToUnicode"] {
            assert!(has(&pdf, what), "{}: no {what}", figure.name());
        }
    }
}

#[test]
fn the_same_figure_gives_the_same_bytes() {
    let figure = Made::USUAL.attribution();
    for format in [Format::Svg, Format::Png, Format::Pdf] {
        let bytes = || Page::draw(&figure).unwrap().encode(format).unwrap();
        assert_eq!(bytes(), bytes(), "{format:?}");
    }
}
