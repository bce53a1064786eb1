//! Networks of random skeletons: lanes against f64 tensors in candle's graph, gradients included; and the skeletons of the program over
//! groups, layer by layer.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use candle_core::{DType, Device, Tensor, Var};
use equisplit::bank::{BankConfig, families};
use equisplit::group::PointGroup;
use equisplit::lab::{GridReport, layer_reports};
use equisplit::model::steps::{
    ConvStep, FixedWidth, LinearStep, Norm, NormStep, PoolStep, RepeatStep, ResidualStep, Shortcut, Step, Steps, Width,
    builtins,
};
use equisplit::model::{GroupPooling, InputShape, NetConfig, Network, Skeleton};
use equisplit::nn::{Activation, Mode, NamedLayer, NormSharing, Reduction, Weights};
use equisplit::rng;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::kernel_support::{cases, flat, random};

fn activation() -> impl Strategy<Value = Activation> {
    let all =
        [Activation::Identity, Activation::Relu, Activation::LeakyRelu, Activation::Elu, Activation::Swish].to_vec();
    prop::sample::select(all)
}

fn reduction() -> impl Strategy<Value = Reduction> {
    prop::sample::select(vec![Reduction::Max, Reduction::Mean])
}

fn width() -> impl Strategy<Value = Width> {
    prop_oneof![
        prop::sample::select(vec![0.5, 1.0, 1.5]).prop_map(Width::Factor),
        (1usize..4).prop_map(|fixed| Width::Fixed(FixedWidth { fixed })),
    ]
}

/// A convolution; one of a block keeps the size, but for its stride.
fn conv(in_block: bool) -> impl Strategy<Value = Step> {
    let norm = prop::sample::select(vec![Norm::Field, Norm::Field, Norm::Map, Norm::None]);
    let group = prop::sample::select(vec!["c4", "c2", "d1", "c1"]).prop_map(|name| name.parse().unwrap());
    let group = prop::option::weighted(0.3, group);
    let rest = (width(), norm, activation(), prop::sample::select(vec![0.0, 0.0, 0.2]), group);
    (1usize..6, 1usize..3, 0usize..3, rest).prop_map(move |(kernel, stride, padding, rest)| {
        let (kernel, padding) =
            if in_block { (kernel | 1, (kernel | 1) / 2) } else { (kernel, padding.min(kernel / 2)) };
        let (width, norm, activation, dropout, group) = rest;
        // Before a norm the gradient of a bias is what rounding leaves of 0.
        Step::Conv(ConvStep { kernel, stride, padding, width, group, norm, activation, bias: false, dropout })
    })
}

fn pool() -> impl Strategy<Value = Step> {
    (reduction(), 1usize..4, prop::option::of(1usize..4), 0usize..2).prop_map(|(reduce, size, stride, padding)| {
        Step::Pool(PoolStep { reduce, size, stride, padding: padding.min(size / 2) })
    })
}

fn norm() -> impl Strategy<Value = Step> {
    activation().prop_map(|activation| Step::Norm(NormStep { sharing: NormSharing::Field, activation }))
}

fn block(inner: impl Strategy<Value = Step>) -> impl Strategy<Value = Step> {
    let shortcut = prop::sample::select(vec![Shortcut::Auto, Shortcut::Conv]);
    let norm = prop::sample::select(vec![Norm::Field, Norm::None]);
    let steps = prop::collection::vec(inner, 1..4);
    (steps, shortcut, norm, activation()).prop_map(|(steps, shortcut, shortcut_norm, activation)| {
        Step::Residual(ResidualStep { steps, shortcut, shortcut_norm, activation })
    })
}

fn step() -> impl Strategy<Value = Step> {
    let in_block = prop_oneof![4 => conv(true), 1 => norm(), 1 => block(conv(true))];
    let repeated = (1usize..3, prop::collection::vec(block(conv(true)), 1..2))
        .prop_map(|(times, steps)| Step::Repeat(RepeatStep { times, steps }));
    prop_oneof![4 => conv(false), 2 => pool(), 1 => norm(), 3 => block(in_block), 1 => repeated]
}

/// Steps to a head: pooled, or a matrix product of all pixels.
fn steps() -> impl Strategy<Value = Steps> {
    let linear =
        |width, norm, activation| Step::Linear(LinearStep { width, norm, activation, bias: norm == Norm::None });
    let hidden = (activation(), prop::sample::select(vec![Norm::None, Norm::Field]))
        .prop_map(move |(activation, norm)| linear(Width::Factor(1.5), norm, activation));
    let head = (prop::option::of(reduction()), prop::option::of(hidden), reduction());
    (prop::collection::vec(step(), 1..5), head).prop_map(move |(mut steps, (pixels, hidden, group))| {
        // Maxima of many pixels are nearly the same: a norm makes much of how they're rounded.
        let hidden = hidden.filter(|_| pixels != Some(Reduction::Max));
        steps.push(Step::GroupPool(group));
        steps.extend(pixels.map(Step::GlobalPool));
        steps.extend(hidden);
        steps.push(linear(Width::CLASSES, Norm::None, Activation::Identity));
        Steps { input: None, base: 2.0, steps }
    })
}

/// Scores and gradients of all that is learned, by the network's fast way in f32 or candle's graph in f64.
struct Found {
    scores: Tensor,
    gradients: BTreeMap<String, Tensor>,
}

fn weights(config: &NetConfig, input: InputShape, dtype: DType, values: Option<&Weights>) -> (Network, Weights) {
    let weights = Weights::new(7);
    let network = Network::new(config, input, &weights.builder(dtype, &Device::Cpu)).unwrap();
    if let Some(values) = values {
        let values: HashMap<String, Tensor> =
            values.all().into_iter().map(|(path, var)| (path, var.as_tensor().to_dtype(dtype).unwrap())).collect();
        weights.load(&values).unwrap();
    }
    (network, weights)
}

fn found((network, weights): &(Network, Weights), images: &Tensor) -> Found {
    let mut stream = rng::stream(1, "dropout");
    let mut mode = Mode::Training(&mut stream);
    let loss = |scores: &Tensor| {
        let weighted = random(scores.dims(), "gradient").to_dtype(scores.dtype()).unwrap();
        let linear = (scores * weighted).unwrap().sum_all().unwrap();
        ((linear * 0.25).unwrap() + (scores.sqr().unwrap().sum_all().unwrap() * 0.5).unwrap()).unwrap()
    };
    let (scores, gradients) = match images.dtype() {
        DType::F32 => {
            let output = network.output(images, &mut mode).unwrap();
            let scores = output.tensor().flatten_from(1).unwrap();
            let loss = loss(&output.tensor().flatten_from(1).unwrap());
            (scores, output.backward(&loss).unwrap())
        }
        _ => {
            let scores = network.forward(images, &mut mode).unwrap();
            (scores.clone(), loss(&scores).backward().unwrap())
        }
    };
    let of = |var: &Var| gradients.get(var).cloned().unwrap_or_else(|| var.zeros_like().unwrap());
    let gradients = weights.learned().iter().map(|(path, var)| (path.clone(), of(var))).collect();
    Found { scores, gradients }
}

fn largest(tensor: &Tensor) -> f64 {
    flat(tensor).iter().fold(1e-30f64, |most, entry| most.max(entry.abs()))
}

fn difference(found: &Tensor, expected: &Tensor) -> f64 {
    assert_eq!(found.dims(), expected.dims());
    let pairs = flat(found).into_iter().zip(flat(expected));
    pairs.map(|(f, e)| if f.is_nan() { f64::INFINITY } else { (f - e).abs() }).fold(0.0, f64::max)
}

// Always the same cases: among very many there is one where rounding puts an entry on the other side of a kink.
proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None, rng_seed: RngSeed::Fixed(9), max_global_rejects: 20_000, ..ProptestConfig::with_cases(cases(60))
    })]
    #[test]
    fn random_networks_agree_with_candles_graph(
        steps in steps(), bank in 0..families().len(), size in (5usize..13, 5usize..13), channels in 1usize..4,
        // Of few entries a norm makes ±1 whatever they are, and their gradient is what rounding leaves of 0.
        batch in 24usize..40, every_layer in any::<bool>(), oriented in any::<bool>(),
    ) {
        let bank: BankConfig = families()[bank].clone();
        let input = InputShape { channels, size: [size.0, size.1], classes: 3 };
        let skeleton = Skeleton::new("random", steps).unwrap();
        let mut config = NetConfig::new(skeleton, bank.clone(), 2.0).unwrap();
        if bank.symmetry().is_some() {
            config.pool_every_layer = every_layer && !oriented;
            config.group_pooling = if oriented { GroupPooling::None } else { config.group_pooling };
        }
            // Networks that there aren't, as on too small images, are refused.
        prop_assume!(config.costs(input).is_ok());
        let fast = weights(&config, input, DType::F32, None);
        let reference = weights(&config, input, DType::F64, Some(&fast.1));
        let images = random(&[batch, channels, size.0, size.1], "images").to_dtype(DType::F32).unwrap();
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let one = pool(1).install(|| found(&fast, &images));
        let expected = found(&reference, &images.to_dtype(DType::F64).unwrap());
        let off = difference(&one.scores, &expected.scores) / largest(&expected.scores);
        prop_assert!(off <= 1e-5, "scores: {off}");
        let scale = expected.gradients.values().map(largest).fold(1e-30, f64::max);
        for (path, gradient) in &expected.gradients {
            let off = difference(&one.gradients[path], gradient) / scale;
            prop_assert!(off <= 1e-5, "{path}: {off}");
        }
        // The same bits for any number of threads.
        let three = pool(3).install(|| found(&weights(&config, input, DType::F32, None), &images));
        prop_assert_eq!(flat(&one.scores), flat(&three.scores));
        for (path, gradient) in &one.gradients {
            prop_assert_eq!(flat(gradient), flat(&three.gradients[path]), "{}", path);
        }
    }
}

/// A size near the one that a skeleton is made for, or half or a quarter of it, which turns map onto itself.
fn fitting(config: &NetConfig, input: InputShape) -> InputShape {
    let small = if input.size[0] > 100 { 65 } else { input.size[0] };
    let report = GridReport::analyse(config, InputShape { size: [small; 2], ..input }).unwrap();
    let size = if report.faults.is_empty() { small } else { report.fitting_sizes[0] };
    InputShape { size: [size; 2], ..input }
}

#[test]
fn every_skeleton_of_the_program_is_equivariant_layer_by_layer() {
    for name in builtins() {
        let skeleton = Skeleton::named(name).unwrap();
        for (bank, group) in [("p4", PointGroup::c4()), ("p4m", PointGroup::d4())] {
            let base = (skeleton.steps().base / 32.0).max(2.0);
            let config = NetConfig::new(skeleton.clone(), BankConfig::named(bank).unwrap(), base).unwrap();
            let [channels, height, width] = skeleton.steps().input.unwrap();
            let input = fitting(&config, InputShape { channels, size: [height, width], classes: 10 });
            let (network, weights) = weights(&config, input, DType::F32, None);
            shake(&weights);
            let [height, width] = input.size;
            let images = random(&[3, channels, height, width], "images").to_dtype(DType::F32).unwrap();
            network.forward(&images, &mut Mode::Training(&mut rng::stream(0, "dropout"))).unwrap();
            let reports = layer_reports(network.layers(), &Arc::new(group), &images).unwrap();
            assert!(reports.len() >= network.layers().len());
            for report in reports {
                let error = report.alone.error();
                assert!(
                    report.declared && error <= 1e-5,
                    "{name} {bank} {} on {:?}: {error}",
                    report.layer,
                    input.size
                );
            }
        }
    }
}

/// Weights as after some training: norms with scales and shifts.
fn shake(weights: &Weights) {
    let shaken = weights.learned().into_iter().map(|(path, var)| {
        let noise = random(var.dims(), &path).to_dtype(DType::F32).unwrap();
        (path, (var.as_tensor() + (noise * 0.3).unwrap()).unwrap())
    });
    let others = weights.all().into_iter().map(|(path, var)| (path, var.as_tensor().copy().unwrap()));
    let values: HashMap<String, Tensor> = others.chain(shaken).collect();
    weights.load(&values).unwrap();
}

fn names(layers: &[NamedLayer]) -> Vec<&str> {
    layers.iter().map(|layer| layer.name.as_str()).collect()
}

#[test]
fn layers_are_called_as_in_the_checkpoints_of_before() {
    let of = |name: &str, preset: &str| {
        let config = NetConfig::preset_on(Skeleton::named(name).unwrap(), preset).unwrap().unwrap();
        weights(&config, InputShape::DIGITS, DType::F32, None).0
    };
    let cohen = of("cohen2016", "p4");
    let found = names(cohen.layers());
    assert_eq!(found[..5], ["conv1", "conv1.norm", "conv2", "conv2.norm", "pool2"]);
    assert_eq!(found[found.len() - 3..], ["conv7", "conv7.group_pool", "conv7.max"]);
    assert_eq!(
        names(of("lenet", "z2").layers()),
        ["conv1", "conv1.norm", "pool1", "conv2", "conv2.norm", "pool2", "conv3", "conv3.max"]
    );
    let pooled = of("cohen2016", "p4-rp");
    assert_eq!(names(pooled.layers())[..4], ["conv1", "conv1.norm", "conv1.group_pool", "conv2"]);
}

/// What the static analysis says of sizes that don't fit, and that it's true.
#[test]
fn strided_networks_name_the_layer_and_the_sizes_that_fit() {
    let skeleton = Skeleton::named("resnet16-cifar").unwrap();
    let config = NetConfig::new(skeleton, BankConfig::named("p4").unwrap(), 2.0).unwrap();
    let input = InputShape { channels: 3, size: [32, 32], classes: 10 };
    let report = GridReport::analyse(&config, input).unwrap();
    let layers: Vec<&str> = report.faults.iter().map(|fault| fault.layer.as_str()).collect();
    // Of 32 pixels the strided 3×3 convolution leaves the last over, and the 1×1 one of the shortcut does.
    assert_eq!(layers, ["block3.conv6", "block3.shortcut", "block5.conv10", "block5.shortcut"]);
    assert_eq!(report.fitting_sizes, [29, 33]);
    let error = |size: usize| {
        let input = InputShape { size: [size; 2], ..input };
        let network = weights(&config, input, DType::F64, None).0;
        let images = random(&[2, 3, size, size], "images");
        let reports = layer_reports(network.layers(), &Arc::new(PointGroup::c4()), &images).unwrap();
        reports.last().unwrap().from_image.error()
    };
    assert!(error(33) < 1e-12 && error(29) < 1e-12);
    assert!(error(32) > 1e-3, "{}", error(32));
}

#[test]
fn a_matrix_product_of_pixels_is_no_invariant() {
    let text = r#"{"base": 2, "steps": [
        {"conv": {"kernel": 3}}, {"linear": {"width": "classes"}}
    ]}"#;
    let skeleton = Skeleton::new("mine", serde_json::from_str(text).unwrap()).unwrap();
    let config = NetConfig::new(skeleton, BankConfig::named("p4").unwrap(), 2.0).unwrap();
    let input = InputShape { size: [6, 6], ..InputShape::DIGITS };
    let report = GridReport::analyse(&config, input).unwrap();
    assert!(report.to_string().contains("linear1: a matrix product of 4×4 pixels"), "{report}");
    let network = weights(&config, input, DType::F64, None).0;
    let images = random(&[2, 1, 6, 6], "images");
    let reports = layer_reports(network.layers(), &Arc::new(PointGroup::c4()), &images).unwrap();
    assert!(reports.last().unwrap().alone.error() > 1e-2);
    // Images of another size have another number of pixels.
    let message = network.forward(&random(&[2, 1, 8, 8], "images"), &mut Mode::Inference).unwrap_err().to_string();
    assert!(message.contains("layer linear1") && message.contains("4×4") && message.contains("6×6"), "{message}");
}
