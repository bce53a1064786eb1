//! Networks: equivariance of every layer and of the whole, budgets, matching.

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use equisplit::bank::{RepeatSwish, Scrambled, Steerable};
use equisplit::group::{PointGroup, Symmetry};
use equisplit::lab::{equivariance_report, layer_reports};
use equisplit::model::{Budget, Cost, GroupPooling, InputShape, NetConfig, Network, match_widths, presets};
use equisplit::nn::{
    FieldDropout, FieldType, GroupPool, Layer, Linear, LinearConfig, Mode, Reduction, SpatialPool, Weights,
};
use equisplit::rng;
use rand::RngExt;

const IMAGE: InputShape = InputShape::DIGITS;

fn random(shape: &[usize], dtype: DType, name: &str) -> Tensor {
    let mut stream = rng::stream(5, name);
    let entries: Vec<f64> = (0..shape.iter().product()).map(|_| stream.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(entries, shape, &Device::Cpu).unwrap().to_dtype(dtype).unwrap()
}

/// A network whose norms have statistics, scales and shifts as after some training.
fn network(config: &NetConfig, dtype: DType) -> Network {
    let weights = Weights::new(3);
    let network = Network::new(config, IMAGE, &weights.builder(dtype, &Device::Cpu)).unwrap();
    let mut values = HashMap::new();
    for (path, var) in weights.all() {
        let noise = (random(var.dims(), dtype, &path) * 0.3).unwrap();
        values.insert(path, (var.as_tensor() + noise).unwrap());
    }
    weights.load(&values).unwrap();
    let mut stream = rng::stream(0, "dropout");
    network.forward(&random(&[8, 1, 28, 28], dtype, "warm-up"), &mut Mode::Training(&mut stream)).unwrap();
    network
}

/// Largest equivariance error of the layers, each on the maps that reach it, and of the whole network.
fn errors(network: &Network, group: &Arc<PointGroup>, dtype: DType) -> (Vec<(String, f64)>, f64) {
    let reports = layer_reports(network.layers(), group, &random(&[2, 1, 28, 28], dtype, "images")).unwrap();
    let whole = reports.last().unwrap().from_image.error();
    (reports.into_iter().map(|report| (report.layer, report.alone.error())).collect(), whole)
}

#[test]
fn every_layer_and_the_whole_net_are_equivariant() {
    let p4_mean = NetConfig { group_pooling: GroupPooling::Mean, dropout: 0.3, ..NetConfig::preset("p4").unwrap() };
    let p4m = NetConfig { widths: vec![3, 4, 3, 2, 3, 4], ..NetConfig::preset("p4m").unwrap() };
    let p4m_rp = NetConfig { pool_every_layer: true, ..p4m.clone() };
    let (c4, d4) = (Arc::new(PointGroup::c4()), Arc::new(PointGroup::d4()));
    let p4 = NetConfig::preset("p4").unwrap();
    let p4_rp = NetConfig::preset("p4-rp").unwrap();
    let of = |group: &Arc<PointGroup>| {
        let bank = Steerable { group: **group, ..Steerable::default() };
        NetConfig { bank: bank.into(), widths: vec![3, 4, 3, 2, 3, 4], ..NetConfig::preset("steerable").unwrap() }
    };
    let (c8, d8) = (Arc::new(PointGroup::c8()), Arc::new(PointGroup::dihedral(8).unwrap()));
    let cases = [
        ("p4", p4, &c4),
        ("p4-rp", p4_rp, &c4),
        ("p4 mean", p4_mean, &c4),
        ("p4m", p4m, &d4),
        ("p4m-rp", p4m_rp, &d4),
        ("steerable C4", of(&c4), &c4),
        ("steerable C8", of(&c8), &c8),
        ("steerable D8", of(&d8), &d8),
    ];
    for (name, config, group) in cases {
        for (dtype, tolerance) in [(DType::F32, 1e-5), (DType::F64, 1e-12)] {
            let (layers, whole) = errors(&network(&config, dtype), group, dtype);
            for (layer, error) in layers {
                assert!(error <= tolerance, "{name} {layer} {dtype:?}: {error}");
            }
            assert!(whole <= tolerance, "{name} {dtype:?}: {whole}");
        }
    }
}

#[test]
fn the_controls_are_measurably_not_equivariant() {
    let c4 = Arc::new(PointGroup::c4());
    let presets = presets().into_iter().map(|name| (NetConfig::preset(&name).unwrap(), name));
    for (config, name) in presets.filter(|(config, _)| !config.bank.is_equivariant()) {
        let (layers, whole) = errors(&network(&config, DType::F64), &c4, DType::F64);
        assert!(whole > 1e-2, "{name}: {whole}");
        for (layer, error) in layers.iter().filter(|(layer, _)| !layer.contains('.') && layer.starts_with("conv")) {
            assert!(*error > 1e-2, "{name} {layer}: {error}");
        }
    }
    let oriented = NetConfig { group_pooling: GroupPooling::None, ..NetConfig::preset("p4").unwrap() };
    assert!(errors(&network(&oriented, DType::F64), &c4, DType::F64).1 > 1e-2, "p4 without group pooling");
}

#[test]
fn layers_that_no_skeleton_uses_are_equivariant_too() {
    let group = Arc::new(PointGroup::d4());
    let regular = FieldType::regular(&group, 2);
    let x = random(&[3, 16, 6, 6], DType::F64, "x");
    let mean = SpatialPool::new(regular.clone(), Reduction::Mean, 3).unwrap();
    let pool = GroupPool::new(regular.clone(), Reduction::Mean);
    let check = |layer: &dyn Layer, x: &Tensor| {
        let f = |x: &Tensor| layer.forward_in(x, &mut Mode::Inference);
        equivariance_report(x, layer.input(), layer.output(), f).unwrap().error()
    };
    assert!(check(&mean, &x) < 1e-12);
    assert!(check(&pool, &x) < 1e-12);
    // A linear head on pooled fields is invariant, one on regular fields isn't.
    let weights = Weights::new(1);
    let vb = weights.builder(DType::F64, &Device::Cpu);
    let point = random(&[3, 16, 1, 1], DType::F64, "point");
    let pooled = pool.forward_in(&point, &mut Mode::Inference).unwrap();
    assert!(
        check(&Linear::new(pool.output().clone(), [1, 1], 10, LinearConfig::default(), vb.pp("a")).unwrap(), &pooled)
            < 1e-12
    );
    assert!(
        check(&Linear::new(regular.clone(), [1, 1], 10, LinearConfig::default(), vb.pp("b")).unwrap(), &point) > 1e-2
    );
    // Dropout drops whole fibres, so it commutes with the group when the pixels do.
    let dropout = FieldDropout::new(regular, 0.5).unwrap();
    let ones = x.ones_like().unwrap();
    let dropped = dropout.forward_in(&ones, &mut Mode::Training(&mut rng::stream(1, "d"))).unwrap();
    let fibres = dropped.reshape((3, 2, 8, 36)).unwrap();
    let spread = (fibres.max(2).unwrap() - fibres.min(2).unwrap()).unwrap().sum_all().unwrap();
    assert_eq!(spread.to_scalar::<f64>().unwrap(), 0.0);
    let mean = dropped.mean_all().unwrap().to_scalar::<f64>().unwrap();
    assert!((mean - 1.0).abs() < 0.25, "{mean}");
}

#[test]
fn budgets_are_those_counted_by_hand() {
    let budget = |name| Network::budget(&NetConfig::preset(name).unwrap(), IMAGE).unwrap();
    // Convolutions + norms + biases of the classes.
    let z2 = 9 * 20 + 5 * 9 * 400 + 16 * 200 + 2 * 6 * 20 + 10;
    let p4 = 9 * 10 + 5 * 9 * 400 + 16 * 400 + 2 * 6 * 10 + 10;
    let adds = |maps: u64, first: u64, classes: u64| {
        let pixels = 24 * 24 + 10 * 10 + 8 * 8 + 6 * 6 + 4 * 4;
        9 * first * maps * 26 * 26 + 9 * maps * maps * pixels + 16 * maps * classes
    };
    let expected = |parameters, one_bit_parameters, maps, multiply_adds| Budget {
        parameters,
        one_bit_parameters,
        maps,
        multiply_adds,
    };
    assert_eq!(budget("z2"), expected(z2, 0, 20, adds(20, 1, 10)));
    assert_eq!(budget("p4"), expected(p4, 0, 40, adds(40, 1, 40)));
    assert_eq!(budget("scrambled"), budget("p4"));
    let base = z2 + 2 * 6 * 20;
    let signs = 9 * 40 + 5 * 9 * 1600 + 16 * 400;
    assert_eq!(budget("repeat-linear"), expected(base, 0, 40, adds(40, 1, 10)));
    assert_eq!(budget("repeat-swish"), expected(base + 2 * (2 + 5 * 4 + 2), 0, 40, adds(40, 1, 10)));
    assert_eq!(budget("repeat-mask"), expected(base, signs, 40, adds(40, 1, 10)));
    assert_eq!(budget("random-mask"), budget("repeat-mask"));
    assert_eq!(budget("repeat-drop"), budget("repeat-linear"));
    assert_eq!(budget("p4-rp").parameters, z2);
    let oriented = NetConfig { group_pooling: GroupPooling::None, ..NetConfig::preset("p4").unwrap() };
    assert_eq!(Network::budget(&oriented, IMAGE).unwrap().parameters, p4);
}

#[test]
fn budgets_count_the_tensors_that_learn() {
    for name in &presets() {
        let config = NetConfig::preset(name).unwrap();
        let weights = Weights::new(0);
        Network::new(&config, IMAGE, &weights.builder(DType::F32, &Device::Cpu)).unwrap();
        let learned: usize = weights.learned().values().map(|var| var.elem_count()).sum();
        let budget = Network::budget(&config, IMAGE).unwrap();
        assert_eq!(learned, budget.parameters + budget.one_bit_parameters, "{name}");
    }
}

#[test]
fn widths_are_found_within_one_percent() {
    let target = Network::budget(&NetConfig::preset("p4").unwrap(), IMAGE).unwrap().parameters;
    for name in &presets() {
        let matched = match_widths(&NetConfig::preset(name).unwrap(), IMAGE, Cost::Parameters, target as u64).unwrap();
        let found = Network::budget(&matched, IMAGE).unwrap().parameters;
        assert!(found.abs_diff(target) as f64 <= 0.01 * target as f64, "{name}: {found}, not {target}");
        let (narrowest, widest) = (matched.widths.iter().min().unwrap(), matched.widths.iter().max().unwrap());
        assert!(widest - narrowest <= 1, "{name}: {:?}", matched.widths);
    }
    let error =
        match_widths(&NetConfig::preset("p4m").unwrap(), IMAGE, Cost::Parameters, 1000).unwrap_err().to_string();
    assert!(error.contains("1000 real parameters") && error.contains("nearest"), "{error}");
}

#[test]
fn what_cannot_be_built_is_refused() {
    let refused = |config: NetConfig, input: InputShape| {
        Network::budget(&config, input).err().map(|e| e.to_string()).unwrap_or_default()
    };
    let p4 = NetConfig::preset("p4").unwrap();
    let small = InputShape { size: [12, 12], ..IMAGE };
    assert!(refused(p4.clone(), small).contains("conv4: 2×2 pixels reach it"), "{}", refused(p4.clone(), small));
    assert!(refused(NetConfig { widths: vec![10; 5], ..p4.clone() }, IMAGE).contains("5 widths"));
    assert!(refused(NetConfig { widths: vec![0; 6], ..p4.clone() }, IMAGE).contains("is 0"));
    assert!(refused(NetConfig { dropout: 1.0, ..p4.clone() }, IMAGE).contains("dropout"));
    let swish = NetConfig::new(Default::default(), RepeatSwish::default().into(), 20.0).unwrap();
    assert!(refused(NetConfig { scale: 0, ..swish }, IMAGE).contains("is 0"));
    let pooled = NetConfig { pool_every_layer: true, group_pooling: GroupPooling::None, ..p4 };
    assert!(refused(pooled, IMAGE).contains("group_pooling"));
    let mimics = Scrambled { mimics: Symmetry::P4M, ..Scrambled::default() };
    let mimics = NetConfig { bank: mimics.into(), ..NetConfig::preset("scrambled").unwrap() };
    assert_eq!(Network::budget(&mimics, IMAGE).unwrap().maps, 80);
}

#[test]
fn a_wrong_input_names_the_layer() {
    let network = network(&NetConfig::preset("p4").unwrap(), DType::F32);
    let images = random(&[2, 3, 28, 28], DType::F32, "rgb");
    let message = network.forward(&images, &mut Mode::Inference).unwrap_err().to_string();
    assert!(message.contains("layer conv1") && message.contains("[2, 3, 28, 28]"), "{message}");
}
