//! Images of many pixels, as PNG within the page: of their pixels as rectangles a page would have hundreds of megabytes.

use super::canvas::Canvas;
use super::layout::Rect;
use super::theme::{GREY, HAIR};
use crate::error::{Error, Result};
use plotters::style::Color;

/// Small images are magnified to so many pixels: some viewers smooth between pixels whatever a page says, which then blurs their
/// edges only.
const MAGNIFIED: usize = 128;

/// An image in colours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitmap {
    /// Pixels of a row.
    pub width: usize,
    /// Red, green and blue of every pixel, row by row.
    pub pixels: Vec<[u8; 3]>,
}

impl Bitmap {
    /// Number of rows.
    pub fn height(&self) -> usize {
        self.pixels.len() / self.width.max(1)
    }

    /// Draws it with a frame, its pixels as squares with sharp edges.
    pub(super) fn draw(&self, canvas: &Canvas, rect: Rect) -> Result<()> {
        let png = self.encoded().map_err(|e| Error::invalid(format!("figure: an image as PNG: {e}")))?;
        canvas.png(rect, &png)?;
        canvas.rect(rect, GREY.stroke_width(HAIR))
    }

    fn encoded(&self) -> std::result::Result<Vec<u8>, png::EncodingError> {
        let factor = MAGNIFIED.div_ceil(self.width.max(self.height()).max(1));
        let wide = |row: &[[u8; 3]]| row.iter().flat_map(|&pixel| vec![pixel; factor]).collect::<Vec<_>>();
        let pixels = self.pixels.chunks(self.width.max(1)).flat_map(|row| wide(row).repeat(factor));
        let pixels: Vec<[u8; 3]> = pixels.collect();
        let sides = [self.width, self.height()].map(|side| u32::try_from(side * factor).unwrap_or(u32::MAX));
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, sides[0], sides[1]);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.write_header()?.write_image_data(pixels.as_flattened())?;
        Ok(bytes)
    }
}
