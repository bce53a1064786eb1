//! A drawn page as SVG, PNG and PDF. PNG and PDF are made from the SVG, so that all three look the same.

use std::ffi::OsStr;
use std::path::Path;

use plotters::drawing::IntoDrawingArea;

use super::font::FONT_CSS;
use super::layout::TextBox;
use super::svg::{Drawing, SvgBackend};
use super::theme::mm;
use super::{Canvas, Figure};
use crate::error::{Error, Result};

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

    /// The kind of a file by the ending of its name.
    ///
    /// # Errors
    /// When it's none of them.
    pub fn of(path: &Path) -> Result<Self> {
        let ending = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
        let all = [Self::Svg, Self::Png, Self::Pdf];
        let found = all.into_iter().find(|format| ending.as_deref() == Some(format.extension()));
        found.ok_or_else(|| Error::content(path, "expected a name that ends in .svg, .png or .pdf"))
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
            #[cfg(feature = "print")]
            Format::Png => super::print::png(&self.svg, self.size),
            #[cfg(feature = "print")]
            Format::Pdf => super::print::pdf(&self.svg, self.size),
            #[cfg(not(feature = "print"))]
            Format::Png | Format::Pdf => {
                Err(Error::invalid("this program is built without PNG and PDF (feature print)"))
            }
        }
    }
}
