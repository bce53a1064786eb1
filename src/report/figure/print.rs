//! Pages as PNG and PDF, made from their SVG.

use std::sync::{Arc, LazyLock};

use krilla::geom::Size;
use krilla::page::PageSettings;
use krilla_svg::{SurfaceExt, SvgSettings};
use resvg::tiny_skia::{Color, Pixmap, Transform};
use resvg::usvg::{self, fontdb};

use super::font::{BOLD_FONT, REGULAR_FONT};
use crate::error::{Error, Result};

/// Dots per inch of PNG files: what journals ask for line drawings.
const DPI: f64 = 600.0;
/// Dots per inch that SVG's pixels stand for.
const SVG_DPI: f64 = 96.0;
const MM_PER_INCH: f64 = 25.4;
const POINTS_PER_INCH: f64 = 72.0;

/// The font of figures for what draws SVG.
static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(REGULAR_FONT.to_vec());
    fonts.load_font_data(BOLD_FONT.to_vec());
    Arc::new(fonts)
});

fn tree(svg: &str) -> Result<usvg::Tree> {
    let options = usvg::Options { fontdb: FONTS.clone(), ..usvg::Options::default() };
    usvg::Tree::from_str(svg, &options).map_err(|e| Error::invalid(format!("figure: {e}")))
}

/// A page of this size, in mm, as PNG.
///
/// # Errors
/// When it can't be encoded.
pub(super) fn png(svg: &str, size: [f64; 2]) -> Result<Vec<u8>> {
    let [width, height] = size.map(|millimetres| (millimetres / MM_PER_INCH * DPI).round() as u32);
    let mut pixels = Pixmap::new(width, height)
        .ok_or_else(|| Error::invalid(format!("figure: {width}×{height} pixels are none or too many")))?;
    pixels.fill(Color::WHITE);
    let scale = (DPI / SVG_DPI) as f32;
    resvg::render(&tree(svg)?, Transform::from_scale(scale, scale), &mut pixels.as_mut());
    let rgb: Vec<u8> = pixels.pixels().iter().flat_map(|p| [p.red(), p.green(), p.blue()]).collect();
    encode_png(&rgb, [width, height]).map_err(|e| Error::invalid(format!("figure as PNG: {e}")))
}

/// A page of this size, in mm, as PDF.
///
/// # Errors
/// When it can't be encoded.
pub(super) fn pdf(svg: &str, size: [f64; 2]) -> Result<Vec<u8>> {
    let fail = |what: &str| Error::invalid(format!("figure as PDF: {what}"));
    let [width, height] = size.map(|millimetres| (millimetres / MM_PER_INCH * POINTS_PER_INCH) as f32);
    let size = Size::from_wh(width, height).ok_or_else(|| fail("a page without area"))?;
    let mut document = krilla::Document::new();
    let mut sheet = document.start_page_with(PageSettings::new(size));
    let mut surface = sheet.surface();
    surface.draw_svg(&tree(svg)?, size, SvgSettings::default()).ok_or_else(|| fail("it can't be drawn"))?;
    surface.finish();
    sheet.finish();
    document.finish().map_err(|e| fail(&format!("{e:?}")))
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
