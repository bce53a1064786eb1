//! A drawn page as SVG, PNG and PDF. PNG and PDF are made from the SVG, so that all three look the same.

use krilla::geom::Size;
use krilla::page::PageSettings;
use krilla_svg::{SurfaceExt, SvgSettings};
use plotters::drawing::IntoDrawingArea;
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg;

use super::font::{FONT_CSS, FONTS};
use super::layout::TextBox;
use super::svg::{Drawing, SvgBackend};
use super::theme::mm;
use super::{Canvas, Figure};
use crate::error::{Error, Result};

/// Dots per inch of PNG files: what journals ask for line drawings.
const DPI: f64 = 600.0;
/// Dots per inch that SVG's pixels stand for.
const SVG_DPI: f64 = 96.0;
const MM_PER_INCH: f64 = 25.4;
const POINTS_PER_INCH: f64 = 72.0;

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Vector graphics for the web and for editing.
    Svg,
    /// Pixels, 600 a inch.
    Png,
    /// Vector graphics for LaTeX.
    Pdf,
}

impl Format {
    /// The ending of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Svg => "svg",
            Self::Png => "png",
            Self::Pdf => "pdf",
        }
    }
}

/// A drawn figure.
#[derive(Clone, Debug)]
pub struct Page {
    size: [f64; 2],
    svg: String,
    texts: Vec<TextBox>,
}

impl Page {
    /// Draws a figure.
    ///
    /// # Errors
    /// When plotters fails.
    pub fn draw(figure: &dyn Figure) -> Result<Self> {
        let size = figure.size();
        let mut drawing = Drawing::new(size.map(mm), &figure.caption());
        figure.draw(&Canvas::new(SvgBackend(&mut drawing).into_drawing_area(), size.map(mm)))?;
        let (svg, texts) = drawing.finish();
        Ok(Self { size, svg, texts })
    }

    /// Width and height in mm.
    pub fn size(&self) -> [f64; 2] {
        self.size
    }

    /// All texts, in units of 0.01 mm.
    pub fn texts(&self) -> &[TextBox] {
        &self.texts
    }

    /// The page as an SVG file with real text, its font embedded.
    pub fn svg(&self) -> &str {
        &self.svg
    }

    /// The page as part of an HTML page that has [`FONT_CSS`] itself.
    pub fn inline_svg(&self) -> String {
        let style = format!("<style>{}</style>", FONT_CSS.as_str());
        self.svg.replacen(&style, "", 1)
    }

    /// The page in a format.
    ///
    /// # Errors
    /// When it can't be encoded.
    pub fn encode(&self, format: Format) -> Result<Vec<u8>> {
        match format {
            Format::Svg => Ok(self.svg.clone().into_bytes()),
            Format::Png => self.png(),
            Format::Pdf => self.pdf(),
        }
    }

    fn tree(&self) -> Result<usvg::Tree> {
        let options = usvg::Options { fontdb: FONTS.clone(), ..usvg::Options::default() };
        usvg::Tree::from_str(&self.svg, &options).map_err(|e| Error::invalid(format!("figure: {e}")))
    }

    fn png(&self) -> Result<Vec<u8>> {
        let [width, height] = self.size.map(|millimetres| (millimetres / MM_PER_INCH * DPI).round() as u32);
        let mut pixels = Pixmap::new(width, height)
            .ok_or_else(|| Error::invalid(format!("figure: {width}×{height} pixels are none or too many")))?;
        pixels.fill(Color::WHITE);
        let scale = (DPI / SVG_DPI) as f32;
        resvg::render(&self.tree()?, Transform::from_scale(scale, scale), &mut pixels.as_mut());
        let rgb: Vec<u8> = pixels.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
        encode_png(&rgb, [width, height]).map_err(|e| Error::invalid(format!("figure as PNG: {e}")))
    }

    fn pdf(&self) -> Result<Vec<u8>> {
        let fail = |what: &str| Error::invalid(format!("figure as PDF: {what}"));
        let [width, height] = self.size.map(|millimetres| (millimetres / MM_PER_INCH * POINTS_PER_INCH) as f32);
        let size = Size::from_wh(width, height).ok_or_else(|| fail("a page without area"))?;
        let mut document = krilla::Document::new();
        let mut page = document.start_page_with(PageSettings::new(size));
        let mut surface = page.surface();
        surface.draw_svg(&self.tree()?, size, SvgSettings::default()).ok_or_else(|| fail("it can't be drawn"))?;
        surface.finish();
        page.finish();
        document.finish().map_err(|e| fail(&format!("{e:?}")))
    }
}

/// RGB pixels with their density, which journals check.
fn encode_png(rgb: &[u8], [width, height]: [u32; 2]) -> std::result::Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let per_metre = (DPI / MM_PER_INCH * 1000.0).round() as u32;
    encoder.set_pixel_dims(Some(png::PixelDimensions { xppu: per_metre, yppu: per_metre, unit: png::Unit::Meter }));
    encoder.write_header()?.write_image_data(rgb)?;
    Ok(bytes)
}
