//! `equisplit check`

use std::path::PathBuf;
use std::process::ExitCode;

use equisplit::data::{self, DataConfig, Source};
use equisplit::lab::{self, ArmCheck, Sample, Subject, TOLERANCE};
use equisplit::model::{InputShape, NetConfig, PRESETS, Symmetry};
use equisplit::report::check as table;
use equisplit::study::{Arm, Run, Store, Study, StudyFile};
use equisplit::train::{Checkpoint, PixelStatistics};
use equisplit::{Error, Result};
use serde::Serialize;

/// Test images that are kept; no check looks at more.
const SAMPLE: usize = 256;

#[derive(clap::Args)]
pub struct Args {
    /// The study file; without it and --store, a preset is checked.
    study: Option<PathBuf>,
    /// The arm [default: all of the study; without a study the preset p4].
    #[arg(long, value_name = "ARM")]
    arm: Option<String>,
    /// The store of a study, <out>/<study>: its arms are checked before and after training.
    #[arg(long, value_name = "DIR", conflicts_with = "study")]
    store: Option<PathBuf>,
    /// Where the study's images are [default: digits that the program draws].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Height and width of the input in pixels [default: those of the images]. Where images have another size, only random
    /// ones are used.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    size: Option<u16>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// An arm, and what its first run with a checkpoint left.
struct Candidate {
    name: String,
    net: NetConfig,
    seed: u64,
    checkpoint: Option<Checkpoint>,
}

#[derive(Serialize)]
struct Report<'a> {
    tolerance: f64,
    arms: &'a [ArmCheck],
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let (sample, input);
    let (candidates, symmetry) = match (&args.store, &args.study) {
        (Some(folder), _) => {
            let store = Store::open(folder)?;
            let record = store.study()?;
            (sample, input) = images(args, &record.study.data)?;
            let runs = store.runs(&record)?;
            let arms = arms(args, &record.study)?.into_iter().map(|arm| trained(arm, &runs));
            (arms.collect::<Result<_>>()?, target_symmetry(&record.study))
        }
        (None, Some(path)) => {
            let file = StudyFile::read(path)?;
            (sample, input) = images(args, &file.content.data)?;
            let study = file.resolve(input, None)?;
            (arms(args, &study)?.into_iter().map(new).collect(), target_symmetry(&study))
        }
        (None, None) => {
            (sample, input) = images(args, &DataConfig::new(Source::Builtin))?;
            (vec![preset(args)], Symmetry::default())
        }
    };
    let checks = candidates.iter().map(|candidate: &Candidate| {
        let Candidate { name, net, seed, checkpoint } = candidate;
        let trained = checkpoint.as_ref().map(|checkpoint| &checkpoint.tensors);
        let subject = Subject { name, config: net, input, seed: *seed, trained, symmetry };
        lab::check(&subject, sample.as_ref())
    });
    let checks: Vec<ArmCheck> = checks.collect::<Result<_>>()?;
    if args.json {
        super::print_json(&Report { tolerance: TOLERANCE, arms: &checks })?;
    } else {
        let parts: Vec<String> = checks.iter().map(table::arm).chain(table::learned(&checks)).collect();
        super::print(parts.join("\n").trim_end())?;
    }
    let holds = checks.iter().all(|check| check.broken.is_empty());
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The images to check with, where they fit --size, and the shape that networks are built for. A source of files that
/// --data doesn't name is replaced by digits that the program draws.
fn images(args: &Args, config: &DataConfig) -> Result<(Option<Sample>, InputShape)> {
    let drawn = DataConfig { test: Some(SAMPLE), ..DataConfig::new(Source::Builtin) };
    let config = if config.source == Source::Builtin || args.data.is_some() { config } else { &drawn };
    let dataset = data::load(config, args.data.as_deref())?;
    let mut input = InputShape::of(&dataset.train, dataset.classes);
    let own = input.size;
    if let Some(size) = args.size {
        input.size = [usize::from(size); 2];
    }
    let sample = (input.size == own).then(|| Sample {
        name: dataset.name,
        images: dataset.test.first(SAMPLE),
        statistics: PixelStatistics::of(&dataset.train),
    });
    Ok((sample, input))
}

/// The arms that --arm names, by name or name and levels; all without it.
fn arms<'a>(args: &Args, study: &'a Study) -> Result<Vec<&'a Arm>> {
    let Some(name) = &args.arm else { return Ok(study.arms.iter().collect()) };
    let arms: Vec<&Arm> = study.arms.iter().filter(|arm| arm.name == *name || arm.id() == *name).collect();
    if arms.is_empty() {
        let known: Vec<String> = study.arms.iter().map(Arm::id).collect();
        return Err(Error::invalid(format!("--arm {name}: the study has {}", known.join(", "))));
    }
    Ok(arms)
}

/// The arm with the first of its runs that has a checkpoint.
fn trained(arm: &Arm, runs: &[Run]) -> Result<Candidate> {
    for run in runs.iter().filter(|run| run.arm == *arm) {
        if let Some(checkpoint) = run.folder.checkpoint()? {
            let (net, seed) = (run.config.net.clone(), run.config.seed);
            return Ok(Candidate { name: arm.id(), net, seed, checkpoint: Some(checkpoint) });
        }
    }
    Ok(new(arm))
}

fn new(arm: &Arm) -> Candidate {
    Candidate { name: arm.id(), net: arm.net.clone(), seed: 0, checkpoint: None }
}

fn preset(args: &Args) -> Candidate {
    let name = args.arm.as_deref().unwrap_or("p4");
    let Some(net) = NetConfig::preset(name) else {
        super::wrong_usage(&format!("--arm {name}: without a study there are {}", PRESETS.join(", ")))
    };
    Candidate { name: name.to_owned(), net, seed: 0, checkpoint: None }
}

/// The group of the arm whose gain is attributed; p4 where it has none.
fn target_symmetry(study: &Study) -> Symmetry {
    let target = study.arms.iter().find(|arm| arm.name == study.target);
    target.and_then(|arm| arm.net.bank.symmetry(arm.net.mimics)).unwrap_or_default()
}
