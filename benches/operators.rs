//! Each operator on the CPU against candle's own, each bank's expansion, and a whole training step.
//!
//! `cargo bench --bench operators`, on one thread: `RAYON_NUM_THREADS=1 cargo bench --bench operators`

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::loss::cross_entropy;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use equisplit::bank::{
    Bank, CopiesBank, FreeBank, RandomMaskBank, RepeatDropBank, RepeatLinearBank, RepeatMaskBank, RepeatSwishBank,
    Rescale, Scramble,
};
use equisplit::group::{PointGroup, Representation};
use equisplit::kernel::{Activation, FeatureMap, Window, Workspace};
use equisplit::model::{InputShape, NetConfig, Network};
use equisplit::nn::{Mode, Weights};
use equisplit::rng;
use equisplit::train::{Optimiser, OptimiserConfig};

const BATCH: usize = 128;

fn noise(shape: &[usize]) -> Tensor {
    let normal = rand_distr::Normal::new(0.0f32, 1.0).expect("a standard normal distribution");
    let entries: Vec<f32> =
        rand::RngExt::sample_iter(rng::stream(0, "noise"), normal).take(shape.iter().product()).collect();
    Tensor::from_vec(entries, shape, &Device::Cpu).expect("as many entries as the shape has")
}

/// Times an operator, forward and back to the gradients of all variables, in lanes and as candle has it.
fn compare(
    group: &mut BenchmarkGroup<WallTime>,
    name: &str,
    input: &Tensor,
    ours: impl Fn(FeatureMap) -> Result<FeatureMap>,
    candle: impl Fn(&Tensor) -> Result<Tensor>,
) {
    let workspace = Workspace::default();
    let variable = Var::from_tensor(input).expect("a copy");
    let both = |forward_only: bool| -> Result<()> {
        let output = ours(FeatureMap::from_images(input, &workspace, !forward_only)?)?.output()?;
        let loss = output.tensor().sum_all()?;
        if !forward_only {
            output.backward(&loss)?;
        }
        Ok(())
    };
    group.bench_function(format!("{name}/forward/equisplit"), |b| b.iter(|| both(true)));
    group.bench_function(format!("{name}/forward/candle"), |b| b.iter(|| candle(input)?.sum_all()));
    group.bench_function(format!("{name}/step/equisplit"), |b| b.iter(|| both(false)));
    group.bench_function(format!("{name}/step/candle"), |b| b.iter(|| candle(&variable)?.sum_all()?.backward()));
}

fn operators(c: &mut Criterion) {
    let mut group = c.benchmark_group("operators");
    group.sample_size(10);
    let maps = noise(&[BATCH, 40, 26, 26]);
    let filters = Var::from_tensor(&noise(&[40, 40, 3, 3])).expect("a copy");
    let conv = |maps: FeatureMap| maps.conv2d(&filters, Window::default());
    compare(&mut group, "conv 40→40 3×3", &maps, conv, |t| t.conv2d(&filters, 0, 1, 1, 1));
    let large = Var::from_tensor(&noise(&[40, 40, 5, 5])).expect("a copy");
    let window = Window { stride: 1, padding: 2 };
    compare(&mut group, "conv 40→40 5×5", &maps, |m| m.conv2d(&large, window), |t| t.conv2d(&large, 2, 1, 1, 1));
    let [gamma, beta] = [1.0, 0.0].map(|value| {
        let list = Tensor::full(value as f32, 10, &Device::Cpu).expect("ten numbers");
        Var::from_tensor(&list).expect("a copy")
    });
    let norm = |maps: FeatureMap| Ok(maps.normalise([&gamma, &beta], 1e-5, Activation::Relu)?.0);
    let candle_norm = |t: &Tensor| {
        let flat = t.reshape((BATCH, 10, 4 * 26 * 26))?;
        let centred = flat.broadcast_sub(&flat.mean_keepdim((0, 2))?)?;
        let deviation = (centred.sqr()?.mean_keepdim((0, 2))? + 1e-5)?.sqrt()?;
        let scaled = centred.broadcast_div(&deviation)?.broadcast_mul(&gamma.reshape((1, 10, 1))?)?;
        scaled.broadcast_add(&beta.reshape((1, 10, 1))?)?.relu()
    };
    compare(&mut group, "field norm and ReLU", &maps, norm, candle_norm);
    let pairs = Window::side_by_side(2);
    compare(&mut group, "max pool 2×2", &maps, |maps| maps.max_pool2d(2, pairs), |t| t.max_pool2d(2));
    compare(&mut group, "mean pool 2×2", &maps, |maps| maps.mean_pool2d(2, pairs), |t| t.avg_pool2d(2));
    let by_field = |t: &Tensor| t.reshape((BATCH, 10, 4, 26 * 26));
    compare(&mut group, "max over fields", &maps, |maps| maps.max_over_fields(10), |t| by_field(t)?.max(2));
    compare(&mut group, "mean over fields", &maps, |maps| maps.mean_over_fields(10), |t| by_field(t)?.mean(2));
}

fn expansion(c: &mut Criterion) {
    let mut group = c.benchmark_group("expansion");
    let rescale = Rescale { base: [20, 20], scaled: [40, 40], kernel: 3 };
    let (c4, regular) = (PointGroup::c4(), Representation::Regular);
    let stream = &mut rng::stream(0, "scramble");
    let scrambled = CopiesBank::scrambled(&c4, regular, [10, 10, 3], Scramble::Joint, stream);
    let banks: [(&str, equisplit::Result<Box<dyn Bank>>); 8] = [
        ("free", FreeBank::new(40, 40, 3).map(|bank| Box::new(bank) as _)),
        ("p4", CopiesBank::group(&c4, regular, [10, 10, 3]).map(|bank| Box::new(bank) as _)),
        ("scrambled", scrambled.map(|bank| Box::new(bank) as _)),
        ("repeat-linear", RepeatLinearBank::new(rescale).map(|bank| Box::new(bank) as _)),
        ("repeat-swish", RepeatSwishBank::new(rescale).map(|bank| Box::new(bank) as _)),
        ("repeat-mask", RepeatMaskBank::new(rescale).map(|bank| Box::new(bank) as _)),
        ("repeat-drop", RepeatDropBank::new(rescale, 0.5).map(|bank| Box::new(bank) as _)),
        ("random-mask", RandomMaskBank::new(rescale).map(|bank| Box::new(bank) as _)),
    ];
    for (name, bank) in banks {
        let bank = bank.expect("sizes that fit");
        let variable = |shape: &[usize]| Var::from_tensor(&noise(shape)).expect("a copy").as_tensor().clone();
        let values: Vec<Tensor> = bank.parameters().iter().map(|p| variable(&p.shape)).collect();
        group.bench_function(format!("{name}/forward"), |b| b.iter(|| bank.filters(&values)));
        let back = || -> equisplit::Result<_> { Ok(bank.filters(&values)?.sum_all()?.backward()?) };
        group.bench_function(format!("{name}/step"), |b| b.iter(back));
    }
}

fn step(c: &mut Criterion) {
    let mut group = c.benchmark_group("training step, batch 128");
    group.sample_size(10);
    let images = noise(&[BATCH, 1, 28, 28]);
    let classes = Tensor::zeros(BATCH, DType::U32, &Device::Cpu).expect("zeros");
    for arm in ["p4", "z2"] {
        let weights = Weights::new(0);
        let config = NetConfig::preset(arm).expect("a preset");
        let network = Network::new(&config, InputShape::DIGITS, &weights.builder(DType::F32, &Device::Cpu));
        let network = network.expect("a network for digits");
        let mut optimiser = Optimiser::new(weights.learned(), OptimiserConfig::default()).expect("moments");
        let mut stream = rng::stream(0, "dropout");
        let mut run = |fast: bool| -> equisplit::Result<()> {
            let mode = &mut Mode::Training(&mut stream);
            let gradients = if fast {
                let output = network.output(&images, mode)?;
                let loss = cross_entropy(&output.tensor().flatten_from(1)?, &classes)?;
                output.backward(&loss)?
            } else {
                cross_entropy(&network.forward(&images, mode)?, &classes)?.backward()?
            };
            optimiser.step(&gradients, 1e-3)
        };
        group.bench_function(format!("{arm}/lanes"), |b| b.iter(|| run(true)));
        group.bench_function(format!("{arm}/tensors in candle's graph"), |b| b.iter(|| run(false)));
    }
}

criterion_group!(benches, operators, expansion, step);
criterion_main!(benches);
