//! Studies as several commands take them: with their images, and arm by arm.

use std::path::Path;

use equisplit::data::{self, Draws, ImageSize, Source};
use equisplit::model::{InputShape, presets, rescalings};
use equisplit::study::{Arm, Study, StudyFile};
use equisplit::{Error, Result};

/// The study of a file, and its images. What is wrong with the study is told before any image is read, but for the images that it's
/// about.
pub fn with_images(file: &StudyFile, data: Option<&Path>) -> Result<(Study, Draws)> {
    let config = &file.content.data;
    if data.is_some_and(|data| !data.is_file()) && config.source == Source::Builtin {
        tell!("note: the program draws this study's images itself, --data isn't used");
    }
    let (shape, classes) = data::shape(config, data).map_err(|e| file.text.locate(e))?;
    file.resolve(InputShape::new(shape, classes), None)?;
    let draws = Draws::load(config, data).map_err(|e| file.text.locate(e))?;
    let first = draws.first();
    let study = file.resolve(InputShape::of(&first.train, first.classes), Some(first.train.len()))?;
    Ok((study, draws))
}

/// The shape of the images; where they aren't there, that of the usual ones, or what the skeleton is meant for.
pub fn input(file: &StudyFile, data: Option<&Path>) -> Result<InputShape> {
    let config = &file.content.data;
    if config.source == Source::Builtin || data.is_some() {
        let (shape, classes) = data::shape(config, data).map_err(|e| file.text.locate(e))?;
        return Ok(InputShape::new(shape, classes));
    }
    let own = file.skeleton()?.steps().input;
    let [channels, height, width] = match config.source {
        Source::Cifar10 | Source::Cifar100 => [3, 32, 32],
        Source::Images => own.unwrap_or([3, 32, 32]),
        Source::Amat | Source::Npz | Source::Idx => own.unwrap_or([1, 28, 28]),
        Source::Builtin | Source::Mnist | Source::MnistRot => [1, 28, 28],
    };
    let given = config.pad.or(config.resize).map(ImageSize::size);
    let [height, width] = given.unwrap_or([height, width]);
    let classes = if config.source == Source::Cifar100 { 100 } else { InputShape::DIGITS.classes };
    tell!("note: for {channels}×{height}×{width} images of {classes} classes; --data DIR takes the shape of yours");
    Ok(InputShape { channels, size: [height, width], classes })
}

/// All presets, those with a skeleton of their own too.
pub fn known_presets() -> String {
    presets().into_iter().chain(rescalings()).collect::<Vec<_>>().join(", ")
}

/// Warns of arms whose sampling grids no turn maps onto themselves.
pub fn warn_of_grids(study: &Study, input: InputShape) -> Result<()> {
    for (grid, arms) in study.grid_faults(input)? {
        tell!("warning: {} can't be equivariant: {}", arms.join(", "), grid.in_a_line());
    }
    Ok(())
}

/// The arms that --arm names, by name or name and levels; all without it.
pub fn arms<'a>(study: &'a Study, name: Option<&str>) -> Result<Vec<&'a Arm>> {
    let is_named = |arm: &&Arm| name.is_none_or(|name| arm.name == name || arm.id() == name);
    let arms: Vec<&Arm> = study.arms.iter().filter(is_named).collect();
    if let (Some(name), true) = (name, arms.is_empty()) {
        let known: Vec<String> = study.arms.iter().map(Arm::id).collect();
        return Err(Error::invalid(format!("--arm {name}: the study has {}", known.join(", "))));
    }
    Ok(arms)
}
