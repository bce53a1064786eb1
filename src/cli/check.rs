//! `equisplit check`

use std::path::PathBuf;
use std::process::ExitCode;

use equisplit::data::{DataConfig, Draws, Source};
use equisplit::group::Symmetry;
use equisplit::lab::{self, ArmCheck, Sample, Subject, TOLERANCE};
use equisplit::model::{InputShape, NetConfig};
use equisplit::report::check as table;
use equisplit::study::{self, Arm, DataRecord, Override, Record, Run, Store, StudyFile};
use equisplit::train::{Checkpoint, Normalisation, PixelStatistics};
use equisplit::{Error, Result};
use serde::Serialize;

use super::study::{arms, input, known_presets};

#[derive(clap::Args)]
pub struct Args {
    /// The study file; without it and --store, a preset is checked.
    study: Option<PathBuf>,
    /// A key of the study otherwise than in its file, as training.epochs=2 or arm.p4.width=8; several times for several keys.
    #[arg(long, value_name = "KEY=VALUE", requires = "study")]
    set: Vec<Override>,
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
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    size: Option<u16>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// An arm, and what one of its runs left.
struct Candidate {
    name: String,
    net: NetConfig,
    seed: u64,
    trained: Option<(Run, Checkpoint)>,
}

/// The images to check with.
struct Inputs {
    draws: Draws,
    /// What networks are built for: the images' shape, or that of --size.
    shape: InputShape,
    /// Whether the images have that shape.
    fit: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    tolerance: f64,
    arms: &'a [ArmCheck],
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let inputs;
    let (candidates, symmetry) = match (&args.store, &args.study) {
        (Some(folder), _) => {
            let store = Store::open(folder)?;
            let record = store.study()?;
            inputs = images_of(args, &record)?;
            let runs = store.runs(&record)?;
            let arms = arms(&record.study, args.arm.as_deref())?.into_iter().map(|arm| trained(arm, &runs));
            (arms.collect::<Result<_>>()?, record.study.symmetry())
        }
        (None, Some(path)) => {
            let file = StudyFile::read_with(path, &args.set)?;
            inputs = images_for(args, &file)?;
            let study = file.resolve(inputs.shape, None)?;
            (arms(&study, args.arm.as_deref())?.into_iter().map(new).collect(), study.symmetry())
        }
        (None, None) => {
            inputs = images(args, &DataConfig::new(Source::Builtin))?;
            (vec![preset(args)], Symmetry::default())
        }
    };
    if args.store.is_some() {
        tell_of_untrained(&candidates);
    }
    let checks = candidates.iter().map(|candidate: &Candidate| {
        let Candidate { name, net, seed, trained } = candidate;
        let tensors = trained.as_ref().map(|(_, checkpoint)| &checkpoint.tensors);
        let subject = Subject { name, config: net, input: inputs.shape, seed: *seed, trained: tensors, symmetry };
        lab::check(&subject, inputs.sample(candidate)?.as_ref())
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

impl Inputs {
    /// Images as the candidate's run saw them; `None` where they don't fit.
    fn sample(&self, candidate: &Candidate) -> Result<Option<Sample>> {
        if !self.fit {
            return Ok(None);
        }
        let dataset = self.draws.of(candidate.seed)?;
        Ok(Some(match &candidate.trained {
            Some((run, _)) => run.sample(&dataset, lab::TURNED_IMAGES),
            None => Sample {
                name: dataset.name.clone(),
                images: dataset.test.first(lab::TURNED_IMAGES),
                // Of new weights, for which it makes no difference.
                statistics: PixelStatistics::of(&dataset.train, Normalisation::default()),
            },
        }))
    }
}

/// A source of files that --data doesn't name is replaced by digits that the program draws.
fn images(args: &Args, config: &DataConfig) -> Result<Inputs> {
    let drawn = DataConfig { test: Some(lab::TURNED_IMAGES), ..DataConfig::new(Source::Builtin) };
    let config = if config.source == Source::Builtin || args.data.is_some() { config } else { &drawn };
    let draws = Draws::load(config, args.data.as_deref())?;
    let mut shape = InputShape::of(&draws.first().train, draws.first().classes);
    let own = shape.size;
    if let Some(size) = args.size {
        shape.size = [usize::from(size); 2];
    }
    Ok(Inputs { fit: shape.size == own, draws, shape })
}

/// Images of the study's own, or digits that stand for them, where they have the shape that the study's have.
fn images_for(args: &Args, file: &StudyFile) -> Result<Inputs> {
    let inputs = images(args, &file.content.data).map_err(|e| file.text.locate(e))?;
    if args.data.is_some() || file.content.data.source == Source::Builtin {
        return Ok(inputs);
    }
    let Inputs { draws, shape: drawn, .. } = inputs;
    let shape = input(file, None)?;
    let shape = if args.size.is_some() { InputShape { size: drawn.size, ..shape } } else { shape };
    let fit = shape == InputShape::of(&draws.first().train, draws.first().classes);
    let others = if fit { "digits that the program draws" } else { "random images" };
    tell!("note: without --data, {others} stand for the study's images");
    Ok(Inputs { fit, draws, shape })
}

/// Images of the store's own, or some that stand for them: networks are built for the shape that its runs were made with.
fn images_of(args: &Args, record: &Record) -> Result<Inputs> {
    let Inputs { draws, mut shape, .. } = images(args, &record.study.data)?;
    let found = DataRecord::of(&draws);
    if found != record.data && args.data.is_some() {
        let message =
            format!("the store's runs were made with {}, not with {}", record.data.described(), found.described());
        return Err(Error::invalid(message));
    }
    match record.input {
        Some(input) if args.size.is_none() => shape = input,
        Some(input) => shape = InputShape { size: shape.size, ..input },
        None if args.size.is_none() && found != record.data => tell!(
            "warning: the store doesn't say what size its images have; run its study again, or pass --data or --size"
        ),
        _ => {}
    }
    let fit = shape == InputShape::of(&draws.first().train, draws.first().classes);
    if found != record.data {
        let others = if fit { "digits that the program draws" } else { "random images" };
        tell!("note: without --data, {others} stand for {}", record.data.name);
    }
    Ok(Inputs { fit, draws, shape })
}

/// The arm with the first of its runs that left weights, a finished one if there is one.
fn trained(arm: &Arm, runs: &[Run]) -> Result<Candidate> {
    let Some((run, checkpoint)) = study::first_trained(arm, runs)? else { return Ok(new(arm)) };
    if run.test_error().is_none() {
        let epochs = run.config.training.epochs;
        tell!("{}: not finished; its weights are those after {} of {epochs} epochs", run.label(), checkpoint.epoch);
    }
    let (net, seed) = (run.config.net.clone(), run.config.seed);
    Ok(Candidate { name: arm.id(), net, seed, trained: Some((run.clone(), checkpoint)) })
}

/// Says which arms left no weights.
fn tell_of_untrained(candidates: &[Candidate]) {
    let untrained: Vec<&str> =
        candidates.iter().filter(|one| one.trained.is_none()).map(|one| one.name.as_str()).collect();
    if !untrained.is_empty() {
        tell!("note: no checkpoint, so with new weights alone: {}", untrained.join(", "));
    }
}

fn new(arm: &Arm) -> Candidate {
    Candidate { name: arm.id(), net: arm.net.clone(), seed: 0, trained: None }
}

fn preset(args: &Args) -> Candidate {
    let name = args.arm.as_deref().unwrap_or("p4");
    let Some(net) = NetConfig::preset(name) else {
        super::wrong_usage(&format!("--arm {name}: without a study there are {}", known_presets()))
    };
    Candidate { name: name.to_owned(), net, seed: 0, trained: None }
}
