//! `equisplit data show`

use std::path::PathBuf;

use equisplit::report::batch;
use equisplit::report::figure::{Format, Page};
use equisplit::study::{Override, StudyFile};
use equisplit::{Error, Result, files};

use super::study;

#[derive(clap::Args)]
pub struct Args {
    /// The study file.
    study: PathBuf,
    /// A key of the study otherwise than in its file, as training.augmentation=[] or data.rotate=any; several times for several keys.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<Override>,
    /// Where the images are: the folder of the source's files, or a file made by `data make`.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The arm whose images are shown [default: the study's first; most studies show all arms the same].
    #[arg(long, value_name = "ARM")]
    arm: Option<String>,
    /// How many images.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=256))]
    count: u16,
    /// The epoch, counted from 1.
    #[arg(long, value_name = "E", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    epoch: u32,
    /// One of the study's seeds [default: the first].
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// The file to write, a picture by the ending of its name: .svg, .png or .pdf.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub fn run(args: &Args) -> Result<()> {
    let format = Format::of(&args.out)?;
    let file = StudyFile::read_with(&args.study, &args.set)?;
    let (study, draws) = study::with_images(&file, args.data.as_deref())?;
    let arms = study::arms(&study, args.arm.as_deref())?;
    let arm = *arms.first().ok_or_else(|| Error::invalid("the study has no arm"))?;
    let mut others = study.sees_others(arm);
    if let (None, Some(other)) = (&args.arm, others.next()) {
        let more = if others.next().is_some() { ", for one," } else { "" };
        tell!("note: these are the images of {}; {}{more} sees others, which --arm shows", arm.id(), other.id());
    }
    let seed = args.seed.or(study.seeds_of(arm).first().copied()).unwrap_or_default();
    let seen = study.first_seen(arm, &draws, seed, args.epoch as usize, usize::from(args.count))?;
    let bytes = Page::draw(&batch::figure(&seen))?.encode(format)?;
    files::write_whole(&args.out, |out| out.write_all(&bytes))?;
    super::print(&args.out.display().to_string())
}
