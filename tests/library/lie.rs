//! Lie derivatives against finite differences in f64: a small step of the image, and a small step at every layer.

use candle_core::{DType, Device, Tensor};
use equisplit::bank::{BankConfig, Steerable};
use equisplit::group::PointGroup;
use equisplit::lab::{LocalError, local_equivariance};
use equisplit::model::{GroupPooling, InputShape, NetConfig, Network, Skeleton};
use equisplit::nn::{FieldType, Mode, NamedLayer, Weights};

use crate::kernel_support::{flat, random};

const STEP: f64 = 1e-6;

/// Smooth non-linearities and means, of which finite differences know no kink; a stride, and fields over a group.
const TEXT: &str = r#"{"base": 2, "steps": [
    {"conv": {"kernel": 3, "padding": 1, "activation": "swish"}},
    {"conv": {"kernel": 3, "stride": 2, "activation": "swish"}},
    {"pool": {"size": 2, "reduce": "mean"}},
    {"group-pool": "mean"},
    {"global-pool": "mean"},
    {"linear": {"width": "classes"}}
]}"#;

/// An ordinary head that takes oriented maps for plain ones.
const ORIENTED: &str = r#"{"base": 2, "steps": [
    {"conv": {"kernel": 3, "padding": 1, "activation": "swish"}},
    {"conv": {"kernel": 3, "stride": 2, "activation": "swish"}},
    {"pool": {"size": 2, "reduce": "mean"}},
    {"conv": {"kernel": 2, "width": "classes", "norm": "none", "activation": "none"}},
    {"global-pool": "mean"}
]}"#;

fn network(bank: BankConfig, classes: usize) -> Network {
    built(TEXT, GroupPooling::Mean, bank, classes)
}

fn built(text: &str, group_pooling: GroupPooling, bank: BankConfig, classes: usize) -> Network {
    let skeleton = Skeleton::new("smooth", serde_json::from_str(text).unwrap()).unwrap();
    let config = NetConfig { group_pooling, ..NetConfig::new(skeleton, bank, 3.0).unwrap() };
    let input = InputShape { channels: 1, size: [11, 13], classes };
    Network::new(&config, input, &Weights::new(4).builder(DType::F64, &Device::Cpu)).unwrap()
}

fn images() -> Tensor {
    random(&[5, 1, 11, 13], "images")
}

#[derive(Clone, Copy)]
enum Motion {
    Turn,
    Right,
    Down,
}

/// As numpy's `gradient` has slopes.
fn slopes(row: &[f64]) -> Vec<f64> {
    let n = row.len();
    if n == 1 {
        return vec![0.0];
    }
    let inner = (1..n - 1).map(|place| 0.5 * (row[place + 1] - row[place - 1]));
    [row[1] - row[0]].into_iter().chain(inner).chain([row[n - 1] - row[n - 2]]).collect()
}

/// The velocity of maps whose grid is as many times coarser as `stride`.
fn velocity(fields: &FieldType, maps: &Tensor, motion: Motion, stride: f64) -> Tensor {
    let (batch, count, height, width) = maps.dims4().unwrap();
    let (entries, mut velocity) = (flat(maps), Vec::new());
    for map in entries.chunks(height * width) {
        let rows: Vec<Vec<f64>> = map.chunks(width).map(slopes).collect();
        let column = |c: usize| slopes(&map.iter().skip(c).step_by(width).copied().collect::<Vec<_>>());
        let columns: Vec<Vec<f64>> = (0..width).map(column).collect();
        for r in 0..height {
            for c in 0..width {
                let (right, down) = (c as f64 - (width as f64 - 1.0) / 2.0, r as f64 - (height as f64 - 1.0) / 2.0);
                velocity.push(match motion {
                    // What is right of the centre comes up from below, what is below it from the left.
                    Motion::Turn => right * columns[c][r] - down * rows[r][c],
                    Motion::Right => -rows[r][c] / stride,
                    Motion::Down => -columns[c][r] / stride,
                });
            }
        }
    }
    let turns = fields.group.turns();
    if matches!(motion, Motion::Turn) && fields.field_size() > 1 {
        // By the discrete Fourier transform over the turns, frequency by frequency.
        let plane = height * width;
        for field in 0..batch * count / turns {
            for pixel in 0..plane {
                let at = |turn: usize| (field * turns + turn) * plane + pixel;
                let angle = |turn: usize| std::f64::consts::TAU * turn as f64 / turns as f64;
                for k in (1..turns).take_while(|k| 2 * k < turns).map(|k| k as f64) {
                    let part = |wave: fn(f64) -> f64| -> f64 {
                        (0..turns).map(|turn| entries[at(turn)] * wave(k * angle(turn))).sum::<f64>() * 2.0
                            / turns as f64
                    };
                    let (cosine, sine) = (part(f64::cos), part(f64::sin));
                    for turn in 0..turns {
                        let phase = k * angle(turn);
                        velocity[at(turn)] -= k * (sine * phase.cos() - cosine * phase.sin());
                    }
                }
            }
        }
    }
    Tensor::from_vec(velocity, maps.shape(), &Device::Cpu).unwrap()
}

fn through(layers: &[NamedLayer], maps: &Tensor) -> Tensor {
    let step = |maps: Tensor, layer: &NamedLayer| layer.layer.forward_in(&maps, &mut Mode::Inference).unwrap();
    layers.iter().fold(maps.clone(), step)
}

/// df(x)·v by a central difference.
fn along(layers: &[NamedLayer], x: &Tensor, v: &Tensor) -> Tensor {
    let at = |step: f64| through(layers, &(x + (v * step).unwrap()).unwrap());
    ((at(STEP) - at(-STEP)).unwrap() / (2.0 * STEP)).unwrap()
}

fn norm(values: &Tensor) -> f64 {
    flat(values).iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// L f, and what every layer brings in.
type Derivatives = (Tensor, Vec<Tensor>);

/// L f, and d(rest)·L f_i of every layer.
fn derivatives(layers: &[NamedLayer], motion: Motion) -> Derivatives {
    // conv1 and its norm, conv2 with its stride of 2 and its norm, the pool of 2×2.
    let stride = |n: usize| match n {
        0..=2 => 1.0,
        3 | 4 => 2.0,
        _ => 4.0,
    };
    let mut maps = images();
    let mut fields = layers[0].layer.input();
    let whole = along(layers, &maps, &velocity(layers[0].layer.input(), &maps, motion, 1.0));
    let mut shares = Vec::new();
    for (n, layer) in layers.iter().enumerate() {
        let one = std::slice::from_ref(layer);
        let moved = along(one, &maps, &velocity(fields, &maps, motion, stride(n)));
        fields = layer.layer.output();
        let output = through(one, &maps);
        let own = velocity(layer.layer.output(), &output, motion, stride(n + 1));
        shares.push(along(&layers[n + 1..], &output, &(moved - own).unwrap()));
        maps = output;
    }
    (whole, shares)
}

fn check(found: &LocalError, expected: &[Derivatives], scores: &Tensor, tolerance: f64) {
    let mean = |of: &dyn Fn(&Derivatives) -> f64| {
        (expected.iter().map(|one| of(one).powi(2)).sum::<f64>() / expected.len() as f64).sqrt()
    };
    let near =
        |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < tolerance, "{found}, not {expected}");
    let whole = mean(&|(whole, _)| norm(whole));
    near(found.norm_error.unwrap(), whole / norm(scores));
    near(found.mean_square, whole * whole / scores.elem_count() as f64);
    let ratio = found.image_error.unwrap() / found.norm_error.unwrap();
    for (n, share) in found.layers.iter().enumerate() {
        let expected = mean(&|(_, shares)| norm(&shares[n])) / norm(scores);
        assert!((share.norm_error.unwrap() - expected).abs() < tolerance * whole / norm(scores), "{}", share.layer);
        assert!((share.image_error.unwrap() - ratio * share.norm_error.unwrap()).abs() < 1e-9);
    }
}

/// Networks of plain maps and of fields of C4, C5 and C8.
fn smooth() -> impl Iterator<Item = Network> {
    let steerable = |turns| Steerable { group: PointGroup::cyclic(turns).unwrap(), ..Steerable::default() };
    let named = ["free", "p4"].map(|name| BankConfig::named(name).unwrap());
    named.into_iter().chain([5, 8].map(|n| steerable(n).into())).map(|bank| network(bank, 3))
}

/// Claim: the derivative and every layer's share of it are those of finite differences, for plain maps and fields of C5, C4 and C8.
#[test]
fn derivatives_are_those_of_finite_differences() {
    let p4 = || BankConfig::named("p4").unwrap();
    let oriented = built(ORIENTED, GroupPooling::None, p4(), 3);
    assert_ne!(
        oriented.layers()[4].layer.output(),
        oriented.layers()[5].layer.input(),
        "oriented maps reach a plain head"
    );
    for network in [oriented].into_iter().chain(smooth()) {
        let layers = network.layers();
        let found = local_equivariance(layers, &images()).unwrap().unwrap();
        let scores = through(layers, &images());
        let names: Vec<&str> = found.rotation.layers.iter().map(|share| share.layer.as_str()).collect();
        assert!(names.iter().eq(layers.iter().map(|layer| &layer.name)), "{names:?}");
        check(&found.rotation, &[derivatives(layers, Motion::Turn)], &scores, 1e-5);
        let shifts = [Motion::Right, Motion::Down].map(|motion| derivatives(layers, motion));
        check(&found.translation, &shifts, &scores, 1e-5);
    }
}

/// Of many classes random sums stand for all: the mean square is about that of all of them.
#[test]
fn many_classes_are_sampled() {
    let network = network(BankConfig::named("free").unwrap(), 200);
    let layers = network.layers();
    let found = local_equivariance(layers, &images()).unwrap().unwrap();
    let expected = norm(&derivatives(layers, Motion::Turn).0);
    let ratio = found.rotation.norm_error.unwrap() * norm(&through(layers, &images())) / expected;
    assert!((ratio - 1.0).abs() < 0.4, "{ratio}");
}

/// What only looks at the mean of all pixels is no more than its edge away from standing still.
#[test]
fn what_looks_at_the_mean_alone_moves_by_its_edges() {
    let text = r#"{"base": 1, "steps": [{"global-pool": "mean"}, {"linear": {"width": "classes"}}]}"#;
    let skeleton = Skeleton::new("mean", serde_json::from_str(text).unwrap()).unwrap();
    let config = NetConfig::new(skeleton, BankConfig::named("free").unwrap(), 1.0).unwrap();
    let input = InputShape { channels: 1, size: [11, 13], classes: 3 };
    let network = Network::new(&config, input, &Weights::new(1).builder(DType::F64, &Device::Cpu)).unwrap();
    // Blank but for the middle: no edge.
    let inner = images().narrow(2, 4, 3).unwrap().narrow(3, 4, 5).unwrap();
    let framed = inner.pad_with_zeros(2, 4, 4).unwrap().pad_with_zeros(3, 4, 4).unwrap();
    let still = local_equivariance(network.layers(), &framed).unwrap().unwrap();
    assert!(still.translation.norm_error.unwrap() < 1e-12 && still.rotation.norm_error.unwrap() < 1e-12);
    let cut = local_equivariance(network.layers(), &images()).unwrap().unwrap();
    assert!(cut.translation.norm_error.unwrap() > 1e-3);
    let many = local_equivariance(&network.layers()[..1], &images());
    assert!(many.is_ok(), "the mean by itself is a score");
}
