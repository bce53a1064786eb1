//! A plotters backend that writes SVG.
//!
//! plotters' own SVG backend centres text by `dy="0.5ex"`, which every viewer reads differently, and knows neither the
//! font's metrics nor millimetres. This one writes texts at their baselines, measures them in the embedded font, and keeps
//! a note of the room that each takes, so that tests can look for overlaps in what was really drawn.

use std::convert::Infallible;

use base64::Engine;
use plotters::element::{Drawable, PointCollection};
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind, FontStyle,
    FontTransform,
};
use xmlwriter::XmlWriter;

use super::font::{ASCENT, DESCENT, FONT_CSS, FONT_FAMILY, HALF_CAPITAL, width_of};
use super::layout::{Rect, TextBox};
use super::theme::UNITS_PER_MM;

type Drawn = Result<(), DrawingErrorKind<Infallible>>;

/// A page that is being drawn.
pub(super) struct Drawing {
    size: [u32; 2],
    xml: XmlWriter,
    texts: Vec<TextBox>,
}

impl Drawing {
    /// An empty page; width and height in units.
    pub fn new(size: [i32; 2], title: &str) -> Self {
        let size = size.map(|length| length.max(1) as u32);
        let mut xml = XmlWriter::new(xmlwriter::Options { indent: xmlwriter::Indent::Spaces(1), ..Default::default() });
        xml.start_element("svg");
        xml.write_attribute("xmlns", "http://www.w3.org/2000/svg");
        let millimetres = size.map(|length| f64::from(length) / f64::from(UNITS_PER_MM));
        xml.write_attribute_fmt("width", format_args!("{}mm", millimetres[0]));
        xml.write_attribute_fmt("height", format_args!("{}mm", millimetres[1]));
        xml.write_attribute_fmt("viewBox", format_args!("0 0 {} {}", size[0], size[1]));
        xml.write_attribute("role", "img");
        xml.write_attribute("font-family", FONT_FAMILY);
        xml.write_attribute("text-rendering", "geometricPrecision");
        Self::element_with_text(&mut xml, "title", title);
        Self::element_with_text(&mut xml, "style", FONT_CSS.as_str());
        // The paper: black text on a dark page can't be read.
        xml.start_element("rect");
        xml.write_attribute("width", &size[0]);
        xml.write_attribute("height", &size[1]);
        xml.write_attribute("fill", "#ffffff");
        xml.end_element();
        Self { size, xml, texts: Vec::new() }
    }

    fn element_with_text(xml: &mut XmlWriter, name: &str, text: &str) {
        xml.start_element(name);
        xml.set_preserve_whitespaces(true);
        write_text(xml, text);
        xml.end_element();
        xml.set_preserve_whitespaces(false);
    }

    /// The page as an SVG file, and the texts on it.
    pub fn finish(self) -> (String, Vec<TextBox>) {
        (self.xml.end_document(), self.texts)
    }

    fn colour(&mut self, attribute: &str, colour: BackendColor) {
        let (r, g, b) = colour.rgb;
        self.xml.write_attribute_fmt(attribute, format_args!("#{r:02x}{g:02x}{b:02x}"));
        if colour.alpha < 1.0 {
            self.xml.write_attribute_fmt(&format!("{attribute}-opacity"), format_args!("{}", colour.alpha));
        }
    }

    fn paint<S: BackendStyle>(&mut self, style: &S, fill: bool) {
        if fill {
            self.colour("fill", style.color());
            return;
        }
        self.xml.write_attribute("fill", "none");
        self.colour("stroke", style.color());
        self.xml.write_attribute("stroke-width", &style.stroke_width());
    }

    fn shape(&mut self, name: &str, attributes: &[(&str, i32)], paint: impl FnOnce(&mut Self)) {
        self.xml.start_element(name);
        for (key, value) in attributes {
            self.xml.write_attribute(key, value);
        }
        paint(self);
        self.xml.end_element();
    }

    fn points(&mut self, points: impl IntoIterator<Item = BackendCoord>) {
        let points: Vec<String> = points.into_iter().map(|(x, y)| format!("{x},{y}")).collect();
        self.xml.write_attribute("points", &points.join(" "));
    }
}

/// A PNG file on the page.
pub(super) struct Embedded<'a> {
    /// Where it goes.
    pub rect: Rect,
    /// The file.
    pub png: &'a [u8],
}

impl<'a> PointCollection<'a, BackendCoord> for &'a Embedded<'_> {
    type Point = BackendCoord;
    type IntoIter = [BackendCoord; 2];

    fn point_iter(self) -> Self::IntoIter {
        [(self.rect.left, self.rect.top), (self.rect.right, self.rect.bottom)]
    }
}

impl<'a> Drawable<SvgBackend<'a>> for Embedded<'_> {
    fn draw<I: Iterator<Item = BackendCoord>>(&self, mut corners: I, on: &mut SvgBackend<'a>, _: (u32, u32)) -> Drawn {
        let (Some(from), Some(to)) = (corners.next(), corners.next()) else { return Ok(()) };
        let place = [("x", from.0), ("y", from.1), ("width", to.0 - from.0), ("height", to.1 - from.1)];
        on.0.shape("image", &place, |Drawing { xml, .. }| {
            // Sides are rounded to units of the page, which bends an image by less than anyone sees.
            xml.write_attribute("preserveAspectRatio", "none");
            xml.write_attribute("style", "image-rendering:pixelated");
            let data = base64::engine::general_purpose::STANDARD.encode(self.png);
            xml.write_attribute("href", &format!("data:image/png;base64,{data}"));
        });
        Ok(())
    }
}

/// Draws on a [`Drawing`].
pub struct SvgBackend<'a>(pub(super) &'a mut Drawing);

impl DrawingBackend for SvgBackend<'_> {
    // Nothing can fail in memory.
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.0.size.into()
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, colour: BackendColor) -> Drawn {
        self.draw_rect((x, y), (x + 1, y + 1), &colour, true)
    }

    fn draw_line<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S) -> Drawn {
        let ends = [("x1", from.0), ("y1", from.1), ("x2", to.0), ("y2", to.1)];
        self.0.shape("line", &ends, |drawing| drawing.paint(style, false));
        Ok(())
    }

    fn draw_rect<S: BackendStyle>(&mut self, from: BackendCoord, to: BackendCoord, style: &S, fill: bool) -> Drawn {
        let (x, y) = (from.0.min(to.0), from.1.min(to.1));
        let sizes = [("x", x), ("y", y), ("width", (to.0 - from.0).abs()), ("height", (to.1 - from.1).abs())];
        self.0.shape("rect", &sizes, |drawing| drawing.paint(style, fill));
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        self.0.shape("polyline", &[], |drawing| {
            drawing.points(path);
            drawing.paint(style, false);
            drawing.xml.write_attribute("stroke-linejoin", "round");
        });
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(&mut self, path: I, style: &S) -> Drawn {
        self.0.shape("polygon", &[], |drawing| {
            drawing.points(path);
            drawing.paint(style, true);
        });
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(&mut self, (x, y): BackendCoord, radius: u32, style: &S, fill: bool) -> Drawn {
        let radius = i32::try_from(radius).unwrap_or(i32::MAX);
        self.0.shape("circle", &[("cx", x), ("cy", y), ("r", radius)], |drawing| drawing.paint(style, fill));
        Ok(())
    }

    fn draw_text<S: BackendTextStyle>(&mut self, text: &str, style: &S, (x, y): BackendCoord) -> Drawn {
        let size = style.size();
        let down = match style.anchor().v_pos {
            VPos::Top => ASCENT,
            VPos::Center => HALF_CAPITAL,
            VPos::Bottom => -DESCENT,
        };
        let down = (down * size).round() as i32;
        let upward = matches!(style.transform(), FontTransform::Rotate270);
        let place = if upward { (x + down, y) } else { (x, y + down) };
        self.0.texts.push(TextBox { text: text.to_owned(), rect: text_rect(text, style, place, upward) });
        self.0.shape("text", &[("x", place.0), ("y", place.1)], |drawing| {
            drawing.xml.write_attribute("font-size", &size);
            if is_bold(style) {
                drawing.xml.write_attribute("font-weight", "bold");
            }
            match style.anchor().h_pos {
                HPos::Left => {}
                HPos::Center => drawing.xml.write_attribute("text-anchor", "middle"),
                HPos::Right => drawing.xml.write_attribute("text-anchor", "end"),
            }
            if upward {
                drawing.xml.write_attribute_fmt("transform", format_args!("rotate(-90 {} {})", place.0, place.1));
            }
            drawing.colour("fill", style.color());
            drawing.xml.set_preserve_whitespaces(true);
            write_text(&mut drawing.xml, text);
        });
        self.0.xml.set_preserve_whitespaces(false);
        Ok(())
    }

    fn estimate_text_size<S: BackendTextStyle>(
        &self,
        text: &str,
        style: &S,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        let width = width_of(text, style.size(), is_bold(style));
        Ok((width.ceil() as u32, ((ASCENT + DESCENT) * style.size()).ceil() as u32))
    }
}

/// Writes text between tags; xmlwriter escapes what opens a tag, but leaves entities as they are.
fn write_text(xml: &mut XmlWriter, text: &str) {
    xml.write_text(&text.replace('&', "&amp;"));
}

fn is_bold<S: BackendTextStyle>(style: &S) -> bool {
    matches!(style.style(), FontStyle::Bold)
}

/// The room of a text whose baseline goes through `place`; an upward text reads from bottom to top.
fn text_rect<S: BackendTextStyle>(text: &str, style: &S, (x, y): BackendCoord, upward: bool) -> Rect {
    let size = style.size();
    let width = width_of(text, size, is_bold(style)).ceil() as i32;
    let before = match style.anchor().h_pos {
        HPos::Left => 0,
        HPos::Center => width / 2,
        HPos::Right => width,
    };
    let [up, down] = [ASCENT, DESCENT].map(|part| (part * size).round() as i32);
    if upward {
        Rect { left: x - up, right: x + down, top: y + before - width, bottom: y + before }
    } else {
        Rect { left: x - before, right: x - before + width, top: y - up, bottom: y + down }
    }
}
