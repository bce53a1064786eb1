//! `equisplit init`

use std::path::{Path, PathBuf};

use equisplit::data::Source;
use equisplit::study::{Starter, StudyFile, StudyText};
use equisplit::{Error, Result};

use super::choice::choice;
use super::study::{input, warn_of_grids};

#[derive(clap::Args)]
pub struct Args {
    /// Name of the study; the file is called NAME.toml.
    name: String,
    /// Its skeleton: one of the program, or a file.
    #[arg(long, default_value = "cohen2016")]
    skeleton: String,
    /// Where its images come from.
    #[arg(long, value_parser = choice::<Source>(), default_value = "builtin")]
    source: Source,
    /// The size that images are given, in rows and columns alike, where they have several.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    resize: Option<u32>,
    /// Where the images are, to check that the skeleton takes them.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<()> {
    let Args { name, skeleton, source, resize, data } = args;
    let path = PathBuf::from(format!("{name}.toml"));
    let text = Starter { name, skeleton, source: *source, resize: *resize }.text()?;
    let study = StudyFile::parse(StudyText::new(path.clone(), text.clone()))?;
    let shape = input(&study, data.as_deref())?;
    let resolved = study.resolve(shape, None)?;
    write_new(&path, &text)?;
    warn_of_grids(&resolved, shape)?;
    let needs = if *source == Source::Builtin { "" } else { " --data DIR" };
    super::print(&format!(
        "{}: `equisplit run {0}{needs}` runs it; the comments say what can be changed",
        path.display()
    ))
}

/// Writes a file that isn't there yet.
fn write_new(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    let file = std::fs::File::options().write(true).create_new(true).open(path);
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => Error::content(path, "is there already; take another name, or remove it"),
        _ => Error::io(path, e),
    })
}
