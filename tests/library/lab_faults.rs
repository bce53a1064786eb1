//! Faults as people make them, planted into a chain of equivariant layers: each is found, at the layer that has it.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use equisplit::Result;
use equisplit::bank::{Bank, CopiesBank, FieldSizes, Parameter};
use equisplit::group::{PointGroup, Representation};
use equisplit::kernel::FeatureMap;
use equisplit::lab::{LayerReport, TOLERANCE, layer_reports};
use equisplit::nn::NamedLayer;
use equisplit::nn::{
    Activate, Activation, Conv, ConvConfig, FieldNorm, FieldNormConfig, FieldType, GroupPool, Layer, Mode, NormSharing,
    Reduction, SpatialPool, Weights,
};
use equisplit::rng;
use rand::RngExt;

fn random(shape: &[usize], name: &str) -> Tensor {
    let mut stream = rng::stream(7, name);
    let entries: Vec<f32> = (0..shape.iter().product()).map(|_| stream.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(entries, shape, &Device::Cpu).unwrap()
}

/// A layer after which something happens to the maps that shouldn't.
struct Faulty {
    layer: Box<dyn Layer>,
    fault: fn(&Tensor) -> candle_core::Result<Tensor>,
}

impl Layer for Faulty {
    fn apply(&self, input: FeatureMap, mode: &mut Mode) -> Result<FeatureMap> {
        Ok(self.layer.apply(input, mode)?.through(self.fault)?)
    }

    fn input(&self) -> &FieldType {
        self.layer.input()
    }

    fn output(&self) -> &FieldType {
        self.layer.output()
    }
}

/// A group bank whose copy 1 is transposed, as when rows and columns are mixed up in one place.
#[derive(Debug)]
struct Transposed(CopiesBank);

impl Bank for Transposed {
    fn filter_shape(&self) -> [usize; 4] {
        self.0.filter_shape()
    }

    fn field_sizes(&self) -> FieldSizes {
        self.0.field_sizes()
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.0.parameters()
    }

    fn filters(&self, values: &[Tensor]) -> Result<Tensor> {
        let filters = self.0.filters(values)?;
        let [out_maps, ..] = self.filter_shape();
        let copies = self.field_sizes().output;
        let rows = (0..out_maps).map(|map| {
            let filter = filters.narrow(0, map, 1)?;
            if map % copies == 1 { filter.transpose(2, 3)?.contiguous() } else { Ok(filter) }
        });
        Ok(Tensor::cat(&rows.collect::<candle_core::Result<Vec<_>>>()?, 0)?)
    }
}

const NAMES: [&str; 7] = ["conv1", "norm1", "relu1", "pool1", "conv2", "norm2", "group_pool"];

/// Lifting, norm, ReLU, pool, group convolution, norm and group pooling over C4, with `change` made to them; the norms have
/// seen batches.
fn chain(
    sharing: NormSharing,
    transposed: bool,
    change: impl Fn(&str, Box<dyn Layer>) -> Box<dyn Layer>,
) -> Vec<NamedLayer> {
    let group = Arc::new(PointGroup::c4());
    let weights = Weights::new(1);
    let vb = weights.builder(DType::F32, &Device::Cpu);
    let norm = FieldNormConfig::default().with_sharing(sharing);
    let lifting = CopiesBank::group(&group, Representation::Trivial, [3, 1, 3]).unwrap();
    let regular = CopiesBank::group(&group, Representation::Regular, [2, 3, 3]).unwrap();
    let regular: Box<dyn Bank> = if transposed { Box::new(Transposed(regular)) } else { Box::new(regular) };
    let (first, second) = (FieldType::regular(&group, 3), FieldType::regular(&group, 2));
    let config = ConvConfig::default();
    let layers: Vec<Box<dyn Layer>> = vec![
        Box::new(Conv::new(Box::new(lifting), &group, config, vb.pp("conv1")).unwrap()),
        Box::new(FieldNorm::new(first.clone(), FieldNormConfig::default(), vb.pp("norm1")).unwrap()),
        Box::new(Activate::new(first.clone(), Activation::Relu)),
        Box::new(SpatialPool::new(first, Reduction::Max, 2).unwrap()),
        Box::new(Conv::new(regular, &group, config, vb.pp("conv2")).unwrap()),
        Box::new(FieldNorm::new(second.clone(), norm, vb.pp("norm2")).unwrap()),
        Box::new(GroupPool::new(second, Reduction::Max)),
    ];
    let layers = NAMES.into_iter().zip(layers);
    let layers: Vec<_> =
        layers.map(|(name, layer)| NamedLayer { name: name.to_owned(), layer: change(name, layer) }).collect();
    for _ in 0..5 {
        let mode = &mut Mode::Training(&mut rng::stream(0, "unused"));
        layers
            .iter()
            .fold(random(&[8, 1, 14, 14], "batch"), |maps, named| named.layer.forward_in(&maps, mode).unwrap());
    }
    layers
}

fn reports(layers: &[NamedLayer]) -> Vec<LayerReport> {
    layer_reports(layers, &Arc::new(PointGroup::c4()), &random(&[2, 1, 14, 14], "images")).unwrap()
}

fn broken(layers: &[NamedLayer]) -> Vec<String> {
    let reports = reports(layers);
    assert!(reports.iter().all(|report| report.declared && report.alone.scale > 0.0));
    reports.into_iter().filter(|report| report.is_broken(TOLERANCE)).map(|report| report.layer).collect()
}

/// A fault after one layer.
fn after(place: &'static str, fault: fn(&Tensor) -> candle_core::Result<Tensor>) -> Vec<NamedLayer> {
    chain(
        NormSharing::Field,
        false,
        |name, layer| if name == place { Box::new(Faulty { layer, fault }) } else { layer },
    )
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let layers = chain(NormSharing::Field, false, |_, layer| layer);
    let reports = reports(&layers);
    assert_eq!(broken(&layers), Vec::<String>::new());
    for report in &reports {
        assert!(report.from_image.error() <= TOLERANCE, "{}: {}", report.layer, report.from_image);
        // Four turns; then two shifts.
        assert_eq!((report.alone.elements.len(), report.from_image.elements.len()), (6, 4));
    }
}

#[test]
fn a_transposed_kernel_is_found() {
    assert_eq!(broken(&chain(NormSharing::Field, true, |_, layer| layer)), ["conv2"]);
}

#[test]
fn a_wrong_roll_of_the_group_axis_is_found() {
    // Two maps of the second field change places.
    let layers = after("conv2", |y| {
        let index = Tensor::new(&[0u32, 1, 2, 3, 5, 4, 6, 7], y.device())?;
        y.index_select(&index, 1)
    });
    assert_eq!(broken(&layers), ["conv2"]);
    let report = &reports(&layers)[4];
    assert_eq!(report.alone.worst().unwrap().at.field, 1, "{}", report.alone);
}

#[test]
fn a_bias_per_orientation_is_found() {
    let layers = after("norm1", |y| {
        let bias: Vec<f32> = (0..12).map(|map| if map == 6 { 0.1 } else { 0.0 }).collect();
        y.broadcast_add(&Tensor::new(bias, y.device())?.reshape((1, 12, 1, 1))?)
    });
    assert_eq!(broken(&layers), ["norm1"]);
    let worst = reports(&layers)[1].alone.worst().unwrap().clone();
    assert_eq!(worst.at.field, 1, "map 6 is in field 1: {worst:?}");
}

#[test]
fn norm_statistics_per_orientation_are_found() {
    assert_eq!(broken(&chain(NormSharing::Map, false, |_, layer| layer)), ["norm2"]);
}

#[test]
fn a_crop_that_is_off_by_one_is_found() {
    let crop: fn(&Tensor) -> candle_core::Result<Tensor> = |y| y.narrow(2, 1, 10)?.narrow(3, 1, 10)?.contiguous();
    // 12 pixels to 10: one from every side is right, two from one side aren't.
    assert_eq!(broken(&after("conv1", crop)), Vec::<String>::new());
    assert_eq!(broken(&after("conv1", |y| y.narrow(2, 2, 10)?.narrow(3, 1, 10)?.contiguous())), ["conv1"]);
}

#[test]
fn a_broadcast_over_positions_is_found_by_shifts_alone() {
    // A mask that is symmetric about the centre commutes with turns, but not with shifts.
    let layers = after("relu1", |y| {
        let mask: Vec<f32> = (0..144)
            .map(|n| if (5..7).contains(&(n / 12)) && (5..7).contains(&(n % 12)) { 2.0 } else { 1.0 })
            .collect();
        y.broadcast_mul(&Tensor::from_vec(mask, (1, 1, 12, 12), y.device())?)
    });
    assert_eq!(broken(&layers), ["relu1"]);
    let report = &reports(&layers)[2].alone;
    assert!(report.worst().unwrap().element.starts_with("shift"), "{report}");
    assert!(report.elements[..4].iter().all(|element| element.error == 0.0), "{report}");
}

#[test]
fn not_a_number_does_not_pass() {
    let layers = after("relu1", |y| y.affine(f64::NAN, 0.0));
    let report = &reports(&layers)[2];
    assert!(!report.alone.holds(TOLERANCE) && report.is_broken(TOLERANCE), "{}", report.alone);
    assert!(report.alone.to_string().contains("isn't finite"), "{}", report.alone);
}
