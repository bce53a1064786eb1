//! Pictures of trained networks: what the filters of their first convolution are, and how its maps move with the image.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;

use super::figure::{CayleyFigure, Figure, FilterFigure, FilterRow, GroupMaps, Raster};
use crate::bank::Copies;
use crate::data::rotate::rotate;
use crate::data::{Dataset, Draws, Source};
use crate::error::{Error, Result};
use crate::group::Representation;
use crate::model::{InputShape, Network};
use crate::nn::{Layer, Mode, Weights};
use crate::study::{Arm, DataRecord, Record, Run, first_trained};

/// The study's images, which are read where the first picture needs one.
pub(super) struct Album {
    data: Option<PathBuf>,
    draws: OnceLock<Option<Draws>>,
}

impl Album {
    /// `data` says where the images are; those that the program draws lie nowhere.
    pub fn new(data: Option<&Path>) -> Self {
        Self { data: data.map(Path::to_owned), draws: OnceLock::new() }
    }

    /// The images of a seed, or `None` where they can't be had, which is told once.
    fn images(&self, record: &Record, seed: u64) -> Option<Arc<Dataset>> {
        let read = || self.read(record).inspect_err(|e| log::info!("note: no pictures of feature maps: {e}")).ok();
        self.draws.get_or_init(read).as_ref()?.of(seed).ok()
    }

    fn read(&self, record: &Record) -> Result<Draws> {
        let config = &record.study.data;
        let needed =
            || Error::invalid(format!("they show an image of {}; --data says where these are", record.data.name));
        if self.data.is_none() && config.source != Source::Builtin {
            return Err(needed());
        }
        let draws = Draws::load(config, self.data.as_deref())?;
        match DataRecord::of(&draws) {
            found if found == record.data => Ok(draws),
            _ if self.data.is_none() => Err(needed()),
            found => {
                let message = format!("the study's images are {}, and --data has {}", record.data.name, found.name);
                Err(Error::invalid(message))
            }
        }
    }
}

/// Filters of each of the arms that makes several of one, and feature maps of those that are equivariant, of the first finished run
/// each that has a checkpoint.
pub(super) fn figures<'a>(
    record: &Record,
    arms: impl Iterator<Item = &'a Arm>,
    runs: &[Run],
    album: &Album,
) -> Vec<Box<dyn Figure>> {
    let is_finished = |arm: &Arm| runs.iter().any(|run| run.arm == *arm && run.test_error().is_some());
    let mut figures: Vec<Box<dyn Figure>> = Vec::new();
    let mut without = Vec::new();
    for arm in arms {
        // What can't be read costs its pictures, not all the others.
        match of_arm(record, arm, runs, album) {
            Ok(Some(of_arm)) => figures.extend(of_arm),
            Ok(None) if is_finished(arm) && has_copies(record, arm) => without.push(arm.id()),
            Ok(None) => {}
            Err(error) => log::warn!("no pictures of {}: {error}", arm.id()),
        }
    }
    if !without.is_empty() {
        log::info!("note: no pictures of the filters of {}: no checkpoint of theirs is left", without.join(", "));
    }
    figures
}

/// Whether filters have several copies, which make a picture.
fn has_copies(record: &Record, arm: &Arm) -> bool {
    let weights = VarBuilder::zeros(DType::F32, &Device::Cpu);
    let network = Network::new(&arm.net, record.input.unwrap_or(InputShape::DIGITS), &weights);
    network.is_ok_and(|network| network.layers().iter().any(|layer| layer.layer.copies().is_some()))
}

/// `None` where there's no checkpoint of a finished run.
fn of_arm(record: &Record, arm: &Arm, runs: &[Run], album: &Album) -> Result<Option<Vec<Box<dyn Figure>>>> {
    let Some((run, network)) = trained(record, arm, runs)? else { return Ok(None) };
    let convolution = network.layers().iter().position(|layer| layer.layer.filter_shape().is_some());
    let Some(place) = convolution else { return Ok(Some(Vec::new())) };
    let first = &network.layers()[place];
    let filters = filter_figure(arm, run.config.seed, &first.name, first.layer.as_ref())?;
    // Its maps are drawn where it sees the image itself.
    let images = || album.images(record, run.config.seed).filter(|_| place == 0);
    let maps = cayley_figure(arm, run, &first.name, first.layer.as_ref(), images)?;
    Ok(Some(filters.into_iter().chain(maps).collect()))
}

/// The first finished run that has a checkpoint, and its network.
fn trained<'a>(record: &Record, arm: &Arm, runs: &'a [Run]) -> Result<Option<(&'a Run, Network)>> {
    let trained = first_trained(arm, runs)?.filter(|(run, _)| run.test_error().is_some());
    let Some((run, checkpoint)) = trained else { return Ok(None) };
    let weights = Weights::new(run.config.seed);
    let network = Network::new(
        &run.config.net,
        record.input.unwrap_or(InputShape::DIGITS),
        &weights.builder(DType::F32, &Device::Cpu),
    )?;
    weights.load(&checkpoint.tensors)?;
    Ok(Some((run, network)))
}

/// `None` where no filter has copies. Every channel of a filter has a row.
fn filter_figure(arm: &Arm, seed: u64, name: &str, layer: &dyn Layer) -> Result<Option<Box<dyn Figure>>> {
    let (Some(filters), Some(Copies { what, names, maps })) = (layer.filters()?, layer.copies()) else {
        return Ok(None);
    };
    let (_, channels, _, width) = filters.dims4()?;
    let row = |n: usize, channel: usize| {
        let raster = |&map: &usize| Ok(Raster { width, values: values(&filters.get(map)?.get(channel)?)? });
        let copies = maps[n].iter().map(raster).collect::<Result<_>>()?;
        let name = if channels == 1 { format!("{}", n + 1) } else { format!("{}.{}", n + 1, channel + 1) };
        Ok(FilterRow { name, copies })
    };
    let filters = (0..maps.len()).map(|n| (0..channels).map(|channel| row(n, channel)).collect());
    let filters = filters.collect::<Result<_>>()?;
    Ok(Some(Box::new(FilterFigure::new([&arm.name, name], seed, names, &what, filters))))
}

/// The entries of a tensor.
fn values(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(tensor.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f64::from).collect())
}

/// The run's first test image and the same turned, and what the layer makes of both.
fn cayley_figure(
    arm: &Arm,
    run: &Run,
    name: &str,
    layer: &dyn Layer,
    images: impl FnOnce() -> Option<Arc<Dataset>>,
) -> Result<Option<Box<dyn Figure>>> {
    let output = layer.output();
    let channels = layer.input().maps();
    if !arm.net.bank.is_equivariant() || output.representation != Representation::Regular {
        return Ok(None);
    }
    let Some(sample) = images().map(|images| run.sample(&images, 1)) else { return Ok(None) };
    let (upright, side) = (sample.images.image(0).to_vec(), sample.images.width);
    // A quarter turn of other images has another shape.
    let (group, order) = (*output.group, output.group.order());
    if sample.images.height != side || order > CayleyFigure::MOST_MAPS {
        return Ok(None);
    }
    let of = |pixels: Vec<f32>| -> Result<GroupMaps> {
        // Colours as the mean of their channels.
        let area = side * side;
        let grey = |pixel: usize| pixels[pixel..].iter().step_by(area).map(|&value| f64::from(value)).sum::<f64>();
        let values = (0..area).map(|pixel| grey(pixel) / channels as f64).collect();
        let mut normalised = pixels.clone();
        sample.statistics.normalise(&mut normalised);
        let image = Tensor::from_vec(normalised, (1, channels, side, side), &Device::Cpu)?;
        // The first field of maps.
        let maps = maps(layer, &image)?.into_iter().take(order).collect();
        Ok(GroupMaps { image: Raster { width: side, values }, maps })
    };
    let panels = [of(upright.clone())?, of(moved(&upright, side, CayleyFigure::angle(&group)))?];
    let figure = CayleyFigure::new(&arm.name, run.config.seed, name, group, panels);
    Ok(Some(Box::new(figure.coloured(channels > 1))))
}

/// The maps that a layer makes of one image.
fn maps(layer: &dyn Layer, image: &Tensor) -> Result<Vec<Raster>> {
    let output = layer.forward_in(image, &mut Mode::Inference)?.get(0)?;
    let (maps, _, width) = output.dims3()?;
    let map = |n: usize| Ok(Raster { width, values: values(&output.get(n)?)? });
    (0..maps).map(map).collect()
}

/// A square image turned counter-clockwise by so many degrees, channel by channel: by 90° as numpy's `rot90`, else with bilinear interpolation;
/// without an angle as numpy's `flipud`.
fn moved(pixels: &[f32], side: usize, angle: Option<f64>) -> Vec<f32> {
    let moved = |channel: &[f32]| -> Vec<f32> {
        match angle {
            None => channel.chunks(side).rev().flatten().copied().collect(),
            Some(90.0) => (0..channel.len()).map(|n| channel[(n % side) * side + side - 1 - n / side]).collect(),
            Some(angle) => {
                let mut out = vec![0.0; channel.len()];
                rotate(channel, side, side, angle.to_radians(), &mut out);
                out
            }
        }
    };
    pixels.chunks(side * side).flat_map(moved).collect()
}
