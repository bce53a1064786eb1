//! Figures, tables and the page in the programs that people open them with, as far as these are installed.

use std::path::Path;
use std::process::{Command, Output};

use crate::common::{TINY, equisplit, study_file};
use crate::figure_support::{Made, pictures};
use equisplit::report::figure::{Figure, Format, Page};

/// What a program does with some arguments; `None`, told as a skipped test, where it isn't installed.
fn opened(program: &str, args: &[&str]) -> Option<Output> {
    match Command::new(program).args(args).output() {
        Ok(output) => Some(output),
        Err(_) => {
            println!("skipped: {program} isn't installed");
            None
        }
    }
}

fn grey(path: &Path) -> (usize, usize, Vec<u8>) {
    let decoder = {
        let mut decoder = png::Decoder::new(std::io::BufReader::new(std::fs::File::open(path).unwrap()));
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        decoder
    };
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let samples = info.color_type.samples();
    let darkest = |pixel: &[u8]| match samples {
        1 | 2 => pixel[0],
        _ => pixel[..3].iter().copied().min().unwrap_or(255),
    };
    (info.width as usize, info.height as usize, pixels.chunks_exact(samples).map(darkest).collect())
}

/// How dark each cell of a grid of 24×24 is, from 0 to 1: viewers smooth edges differently, but not by much over a cell.
fn darkness((width, height, pixels): (usize, usize, Vec<u8>)) -> Vec<f64> {
    let mut cells = vec![(0.0, 0.0); 24 * 24];
    for (n, pixel) in pixels.iter().enumerate() {
        let cell = &mut cells[n / width * 24 / height * 24 + n % width * 24 / width];
        *cell = (cell.0 + 1.0 - f64::from(*pixel) / 255.0, cell.1 + 1.0);
    }
    cells.into_iter().map(|(sum, count): (f64, f64)| sum / count.max(1.0)).collect()
}

/// A viewer's picture is that of the PNG.
fn compare(name: &str, viewer: &str, found: &Path, page: &Page, folder: &Path) {
    let png = folder.join("own.png");
    std::fs::write(&png, page.encode(Format::Png).unwrap()).unwrap();
    let (own, theirs) = (darkness(grey(&png)), darkness(grey(found)));
    let worst = own.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst < 0.12, "{name}: {viewer} draws something else, by {worst}");
    assert!(own.iter().any(|cell| *cell > 0.05), "{name}: nothing is there");
}

fn figures() -> Vec<Box<dyn Figure>> {
    Made::USUAL.all().into_iter().chain(pictures()).collect()
}

#[test]
fn svg_and_pdf_look_like_the_png_in_viewers() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let path = |name: &str| at(name).to_str().unwrap().to_owned();
    for figure in figures() {
        let page = Page::draw(figure.as_ref()).unwrap();
        std::fs::write(at("f.svg"), page.encode(Format::Svg).unwrap()).unwrap();
        std::fs::write(at("f.pdf"), page.encode(Format::Pdf).unwrap()).unwrap();
        let svg =
            opened("rsvg-convert", &["-d", "600", "-p", "600", "-b", "white", &path("f.svg"), "-o", &path("svg.png")]);
        let pdf = opened("pdftoppm", &["-r", "600", "-png", "-singlefile", &path("f.pdf"), &path("pdf")]);
        for (viewer, output, file) in [("rsvg-convert", svg, "svg.png"), ("pdftoppm", pdf, "pdf.png")] {
            let Some(output) = output else { continue };
            assert!(output.status.success(), "{viewer}: {}", String::from_utf8_lossy(&output.stderr));
            compare(figure.name(), viewer, &at(file), &page, folder.path());
        }
    }
}

/// Runs the tiny study; returns its store.
fn store(folder: &Path) -> String {
    let out = folder.join("runs");
    equisplit().args(["run", &study_file(folder, TINY), "--out", out.to_str().unwrap()]).assert().success();
    out.join("tiny").to_str().unwrap().to_owned()
}

#[test]
fn the_tables_compile_with_latex() {
    let folder = tempfile::tempdir().unwrap();
    let tiny = store(folder.path());
    // The second has the longest names and the largest numbers.
    for store in [tiny.as_str(), "experiments/results/rot-mnist-p4"] {
        compile(store, "", folder.path());
        compile(store, "[twocolumn]", folder.path());
    }
}

/// The tables of a store in an article, none wider than the column or the page that it takes.
fn compile(store: &str, options: &str, folder: &Path) {
    let table = equisplit().args(["table", store, "--format", "latex"]).output().unwrap();
    let table = String::from_utf8(table.stdout).unwrap();
    let document = format!(
        "\\documentclass{options}{{article}}\n\\usepackage{{booktabs}}\n\\begin{{document}}\n{table}\n\\end{{document}}\n"
    );
    let file = folder.join("table.tex");
    std::fs::write(&file, document).unwrap();
    let out = format!("-output-directory={}", folder.display());
    let Some(output) =
        opened("pdflatex", &["-interaction=nonstopmode", "-halt-on-error", &out, file.to_str().unwrap()])
    else {
        return;
    };
    let log = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !log.contains("Overfull \\hbox"), "{options} {log}");
}

#[test]
fn the_page_opens_in_chromium_without_a_word_on_the_console() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("page.html");
    equisplit().args(["report", &store(folder.path()), "--out", page.to_str().unwrap()]).assert().success();
    let address = format!("file://{}", page.display());
    let args = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom", &address];
    let Some(output) = ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|name| opened(name, &args))
    else {
        return;
    };
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !log.contains("CONSOLE"), "{log}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("Before you trust it"));
}
