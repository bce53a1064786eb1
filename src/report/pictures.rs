//! Pictures of trained networks: what the filters of their first layer are, and how its maps move with the image.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use candle_core::{DType, Device, Tensor};

use super::figure::{CayleyFigure, Figure, FilterFigure, FilterRow, GroupMaps, Raster};
use crate::data::{self, Dataset, Source};
use crate::error::{Error, Result};
use crate::group::Representation;
use crate::model::{Family, InputShape, Network};
use crate::nn::{Layer, Mode, Weights};
use crate::study::{Arm, DataRecord, Record, Run, first_trained};

/// The study's images, which are read where the first picture needs one.
pub(super) struct Album {
    data: Option<PathBuf>,
    dataset: OnceLock<Option<Dataset>>,
}

impl Album {
    /// `data` says where the images are; those that the program draws lie nowhere.
    pub fn new(data: Option<&Path>) -> Self {
        Self { data: data.map(Path::to_owned), dataset: OnceLock::new() }
    }

    /// The images, or `None` where they can't be had, which is told once.
    fn images(&self, record: &Record) -> Option<&Dataset> {
        let read = || self.read(record).inspect_err(|e| crate::tell!("note: no pictures of feature maps: {e}")).ok();
        self.dataset.get_or_init(read).as_ref()
    }

    fn read(&self, record: &Record) -> Result<Dataset> {
        let config = &record.study.data;
        let needed =
            || Error::invalid(format!("they show an image of {}; --data says where these are", record.data.name));
        if self.data.is_none() && config.source != Source::Builtin {
            return Err(needed());
        }
        let dataset = data::load(config, self.data.as_deref())?;
        match DataRecord::of(&dataset) {
            found if found == record.data => Ok(dataset),
            _ if self.data.is_none() => Err(needed()),
            found => {
                let message = format!("the study's images are {}, and --data has {}", record.data.name, found.name);
                Err(Error::invalid(message))
            }
        }
    }
}

/// Filters of each of the arms that makes several of one, and feature maps of those that are equivariant, of the first finished run
/// each that has a checkpoint. Images with several channels have no pictures.
pub(super) fn figures<'a>(
    record: &Record,
    arms: impl Iterator<Item = &'a Arm>,
    runs: &[Run],
    album: &Album,
) -> Vec<Box<dyn Figure>> {
    let is_finished = |arm: &Arm| runs.iter().any(|run| run.arm == *arm && run.test_error().is_some());
    let is_grey = record.input.unwrap_or(InputShape::DIGITS).channels == 1;
    let mut figures: Vec<Box<dyn Figure>> = Vec::new();
    let mut without = Vec::new();
    for arm in arms {
        // What can't be read costs its pictures, not all the others.
        match of_arm(record, arm, runs, album) {
            Ok(Some(of_arm)) => figures.extend(of_arm),
            Ok(None) if is_grey && has_copies(arm.net.bank) && is_finished(arm) => without.push(arm.id()),
            Ok(None) => {}
            Err(error) => crate::tell!("warning: no pictures of {}: {error}", arm.id()),
        }
    }
    if !without.is_empty() {
        crate::tell!("note: no pictures of the filters of {}: no checkpoint of theirs is left", without.join(", "));
    }
    figures
}

/// Whether a filter of the first layer has several copies, which make a picture.
fn has_copies(bank: Family) -> bool {
    bank.repeats() || matches!(bank, Family::P4 | Family::P4m | Family::Scrambled)
}

/// `None` where there's no checkpoint of a finished run.
fn of_arm(record: &Record, arm: &Arm, runs: &[Run], album: &Album) -> Result<Option<Vec<Box<dyn Figure>>>> {
    let Some((run, network)) = trained(record, arm, runs)? else { return Ok(None) };
    let Some(first) = network.layers().first() else { return Ok(None) };
    let filters = filter_figure(arm, run.config.seed, &first.name, first.layer.as_ref())?;
    let maps = cayley_figure(arm, run, &first.name, first.layer.as_ref(), || album.images(record))?;
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

fn filter_figure(arm: &Arm, seed: u64, name: &str, layer: &dyn Layer) -> Result<Option<Box<dyn Figure>>> {
    let Some([maps, channels, kernel, _]) = layer.filter_shape().filter(|shape| shape[1] == 1) else { return Ok(None) };
    let filters = filters(layer, channels, kernel)?;
    let group = layer.output();
    let base = arm.net.widths.first().copied().unwrap_or(maps);
    let (columns, what, order): (Vec<String>, String, Vec<Vec<usize>>) = match arm.net.bank {
        Family::P4 | Family::P4m | Family::Scrambled => {
            let copies = group.group.order();
            let rows = (0..maps / copies).map(|field| (0..copies).map(|g| field * copies + g).collect()).collect();
            let what = match arm.net.bank {
                Family::Scrambled => "the copies that its scramble makes of it".to_owned(),
                _ => format!("its orbit under {}", group.group.name()),
            };
            // A scramble's copies belong to no element of a group.
            let name = |g| match arm.net.bank {
                Family::Scrambled => format!("{}", g + 1),
                _ => group.group.element_name(g).to_owned(),
            };
            ((0..copies).map(name).collect(), what, rows)
        }
        // The kernels of random-mask aren't copies of each other.
        bank if bank.repeats() => {
            let tiles = maps.div_ceil(base);
            let rows = (0..base).map(|n| (0..tiles).map(|tile| tile * base + n).filter(|&map| map < maps).collect());
            (
                (1..=tiles).map(|n| n.to_string()).collect(),
                "its tiles with their transformation".to_owned(),
                rows.collect(),
            )
        }
        _ => return Ok(None),
    };
    let row = |(n, maps): (usize, &Vec<usize>)| FilterRow {
        name: format!("{}", n + 1),
        copies: maps.iter().map(|&map| filters[map].clone()).collect(),
    };
    let rows = order.iter().enumerate().map(row).collect();
    Ok(Some(Box::new(FilterFigure::new([&arm.name, name], seed, columns, &what, rows))))
}

/// The filters of a layer without a bias, read off as its answer to a single bright pixel: a correlation shows each filter
/// upside down and back to front there.
fn filters(layer: &dyn Layer, channels: usize, kernel: usize) -> Result<Vec<Raster>> {
    let size = 2 * kernel - 1;
    let mut pixels = vec![0f32; channels * size * size];
    pixels[(kernel - 1) * size + kernel - 1] = 1.0;
    let point = Tensor::from_vec(pixels, (1, channels, size, size), &Device::Cpu)?;
    let mut answer = maps(layer, &point)?;
    answer.iter_mut().for_each(|raster| raster.values.reverse());
    Ok(answer)
}

/// The study's first test image and the same turned, and what the layer makes of both.
fn cayley_figure<'a>(
    arm: &Arm,
    run: &Run,
    name: &str,
    layer: &dyn Layer,
    images: impl FnOnce() -> Option<&'a Dataset>,
) -> Result<Option<Box<dyn Figure>>> {
    let output = layer.output();
    let grey = layer.input().maps() == 1;
    if !grey || !arm.net.bank.is_equivariant() || output.representation != Representation::Regular {
        return Ok(None);
    }
    let Some(sample) = images().map(|images| run.sample(images, 1)) else { return Ok(None) };
    let (upright, side) = (sample.images.image(0).to_vec(), sample.images.width);
    // A quarter turn of other images has another shape.
    if sample.images.height != side {
        return Ok(None);
    }
    let order = output.group.order();
    let of = |pixels: Vec<f32>| -> Result<GroupMaps> {
        let values = pixels.iter().copied().map(f64::from).collect();
        let mut normalised = pixels;
        sample.statistics.normalise(&mut normalised);
        let image = Tensor::from_vec(normalised, (1, 1, side, side), &Device::Cpu)?;
        // The first field of maps.
        let maps = maps(layer, &image)?.into_iter().take(order).collect();
        Ok(GroupMaps { image: Raster { width: side, values }, maps })
    };
    let panels = [of(upright.clone())?, of(quarter_turn(&upright, side))?];
    let mirrors = arm.net.bank == Family::P4m;
    Ok(Some(Box::new(CayleyFigure::new(&arm.name, run.config.seed, name, mirrors, panels))))
}

/// The maps that a layer makes of one image.
fn maps(layer: &dyn Layer, image: &Tensor) -> Result<Vec<Raster>> {
    let output = layer.forward_in(image, &mut Mode::Inference)?.get(0)?;
    let (maps, _, width) = output.dims3()?;
    let map = |n: usize| {
        let values = output.get(n)?.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f64::from).collect();
        Ok(Raster { width, values })
    };
    (0..maps).map(map).collect()
}

/// A square image turned counter-clockwise, as numpy's `rot90`.
fn quarter_turn(pixels: &[f32], side: usize) -> Vec<f32> {
    let pixel = |n: usize| pixels[(n % side) * side + side - 1 - n / side];
    (0..pixels.len()).map(pixel).collect()
}
