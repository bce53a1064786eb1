//! Filters that are another layer's: what is counted, what is learned, and what is refused.

use std::collections::HashMap;

use candle_core::{DType, Device, Tensor, Var};
use equisplit::bank::{BankConfig, Free};
use equisplit::kernel::check_override;
use equisplit::model::{InputShape, NetConfig, Network, Skeleton, rescalings};
use equisplit::nn::{Mode, Weights};
use equisplit::rng;

use crate::kernel_support::{flat, random};

const CIFAR: InputShape = InputShape { channels: 3, size: [32, 32], classes: 10 };

fn preset(name: &str) -> NetConfig {
    let skeleton = Skeleton::named(NetConfig::skeleton_of(name).unwrap()).unwrap();
    NetConfig::preset_on(skeleton, name).unwrap().unwrap()
}

/// Claim: real parameters and signs are the authors' at full width.
#[test]
fn rescaled_networks_cost_what_the_authors_do() {
    let count = |net: NetConfig| {
        let budget = Network::budget(&net, CIFAR).unwrap();
        (budget.parameters, budget.one_bit_parameters)
    };
    let with = |name: &str, bank: &str| NetConfig { bank: BankConfig::named(bank).unwrap(), ..preset(name) };
    assert_eq!(rescalings().len(), 8);
    for (name, expected) in [
        ("rep-vgg4", (126_282, 9_289_728)),
        ("rep-vgg5", (273_738, 9_142_272)),
        ("rep-vgg6", (568_650, 8_847_360)),
        ("rep-vgg7", (1_158_474, 8_257_536)),
        ("rep-vgg8", (2_338_122, 7_077_888)),
        ("rep-vgg9", (4_697_418, 4_718_592)),
        ("rep-vgg10", (7_056_714, 2_359_296)),
    ] {
        assert_eq!(count(preset(name)), expected, "{name}");
        assert_eq!(count(with(name, "random-mask")), expected, "{name}");
        assert_eq!(count(with(name, "repeat-linear")), (expected.0, 0), "{name}");
        assert_eq!(count(with(name, "repeat-drop")), (expected.0, 0), "{name}");
    }
    assert_eq!(count(with("rep-vgg4", "repeat-swish")), (126_534, 0));
    assert_eq!(count(with("rep-vgg6", "repeat-swish")), (568_746, 0));
    for (scale, expected) in [(2, (178_426, 688_128)), (4, (183_066, 2_742_272)), (8, (192_346, 10_948_608))] {
        assert_eq!(count(NetConfig { scale, ..preset("rep-resnet16") }), expected, "×{scale}");
    }
    // As large as the network that it comes near, whose maps it has.
    let budget = |net: &NetConfig| Network::budget(net, CIFAR).unwrap();
    let large = NetConfig::new(Skeleton::named("vgg11").unwrap(), Free {}.into(), 64.0).unwrap();
    let (rescaled, large) = (budget(&preset("rep-vgg6")), budget(&large));
    assert_eq!((rescaled.maps, rescaled.multiply_adds), (large.maps, large.multiply_adds));
    let steps = preset("rep-vgg6").costs(CIFAR).unwrap();
    assert_eq!(steps.iter().filter(|step| step.what.contains("of conv4's filters")).count(), 2);
}

/// Base by base: 2→4, 4→4 from it cut short, 3→6 from the first, and one within a block.
const TEXT: &str = r#"{"base": 4, "steps": [
    {"conv": {"kernel": 3, "padding": 1, "activation": "swish"}},
    {"conv": {"kernel": 3, "padding": 1, "activation": "swish", "width": 1.5, "bias": true}},
    {"conv": {"kernel": 3, "padding": 1, "activation": "swish"}},
    {"residual": {"steps": [{"conv": {"kernel": 3, "padding": 1, "activation": "swish"}}], "activation": "none"}},
    {"global-pool": "mean"},
    {"linear": {"width": "classes"}}
]}"#;
const IMAGE: InputShape = InputShape { channels: 2, size: [6, 7], classes: 3 };

fn net(bank: &str, pairs: &[(&str, &str)]) -> NetConfig {
    let skeleton = Skeleton::new("borrowing", serde_json::from_str(TEXT).unwrap()).unwrap();
    let filters_of = pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let bank = BankConfig::named(bank).unwrap();
    NetConfig { scale: 1, filters_of, ..NetConfig::new(skeleton, bank, 4.0).unwrap() }
}

const PAIRS: [(&str, &str); 3] = [("conv2", "conv1"), ("conv3", "conv1"), ("block1.conv4", "conv1")];
const BANKS: [&str; 5] = ["repeat-linear", "repeat-swish", "repeat-mask", "repeat-drop", "random-mask"];

fn build(net: &NetConfig, dtype: DType) -> (Network, Weights) {
    let weights = Weights::new(7);
    let network = Network::new(net, IMAGE, &weights.builder(dtype, &Device::Cpu)).unwrap();
    (network, weights)
}

fn loss(scores: &Tensor) -> Tensor {
    let linear = (scores * random(scores.dims(), "gradient").to_dtype(scores.dtype()).unwrap()).unwrap();
    (linear.sum_all().unwrap() + (scores.sqr().unwrap().sum_all().unwrap() * 0.5).unwrap()).unwrap()
}

/// Claim: gradients of shared filters are those of finite differences in f64, for every bank.
#[test]
fn the_owner_learns_from_all_that_take_its_filters() {
    let images = random(&[5, 2, 6, 7], "images");
    for bank in BANKS {
        let (network, weights) = build(&net(bank, &PAIRS), DType::F64);
        let value = || {
            let mut stream = rng::stream(1, "dropout");
            loss(&network.forward(&images, &mut Mode::Training(&mut stream)).unwrap())
        };
        let gradients = value().backward().unwrap();
        let learned = weights.learned();
        assert!(learned.keys().all(|path| !path.starts_with("conv2.base") && !path.contains("conv4.weight")));
        let owner: &Var = &learned["conv1.weight"];
        let gradient = flat(gradients.get(owner).unwrap());
        let start = flat(owner.as_tensor());
        let set = |values: &[f64]| {
            owner.set(&Tensor::from_vec(values.to_vec(), owner.dims(), &Device::Cpu).unwrap()).unwrap();
        };
        for n in (0..start.len()).step_by(5) {
            let at = |by: f64| {
                let mut values = start.clone();
                values[n] += by;
                set(&values);
                value().to_scalar::<f64>().unwrap()
            };
            let slope = (at(1e-6) - at(-1e-6)) / 2e-6;
            set(&start);
            assert!((slope - gradient[n]).abs() < 1e-6 * (1.0 + slope.abs()), "{bank} {n}: {slope}, {}", gradient[n]);
        }
    }
}

/// The lanes' own way back gives what candle's graph does in f64, with one copy of every base in the weights.
#[test]
fn lanes_agree_with_candles_graph() {
    check_override().unwrap();
    for bank in BANKS {
        let config = net(bank, &PAIRS);
        let (fast, of_fast) = build(&config, DType::F32);
        let (reference, of_reference) = build(&config, DType::F64);
        let values: HashMap<String, Tensor> = of_fast
            .all()
            .into_iter()
            .map(|(path, var)| (path, var.as_tensor().to_dtype(DType::F64).unwrap()))
            .collect();
        of_reference.load(&values).unwrap();
        let budget = Network::budget(&config, IMAGE).unwrap();
        let learned: usize = of_fast.learned().values().map(|var| var.elem_count()).sum();
        assert_eq!(learned, budget.parameters + budget.one_bit_parameters, "{bank}");
        let of_layers: usize =
            fast.layers().iter().map(|named| named.layer.parameters()).map(|count| count.real + count.one_bit).sum();
        assert_eq!(of_layers, learned, "{bank}: as its layers say");
        let images = random(&[20, 2, 6, 7], "images");
        let (mut one, mut two) = (rng::stream(1, "dropout"), rng::stream(1, "dropout"));
        let output = fast.output(&images.to_dtype(DType::F32).unwrap(), &mut Mode::Training(&mut one)).unwrap();
        let value = loss(&output.tensor().flatten_from(1).unwrap());
        let found = output.backward(&value).unwrap();
        let expected = loss(&reference.forward(&images, &mut Mode::Training(&mut two)).unwrap()).backward().unwrap();
        let learned = of_reference.learned();
        let of_all = learned.values().filter_map(|var| expected.get(var)).flat_map(flat);
        // Before a norm the gradient of a bias is what rounding leaves of 0.
        let scale = of_all.fold(0.0f64, |most, entry| most.max(entry.abs()));
        for (path, var) in learned {
            let Some(expected) = expected.get(&var) else { continue };
            let (found, expected) = (flat(found.get(&of_fast.learned()[&path]).unwrap()), flat(expected));
            for (found, expected) in found.iter().zip(&expected) {
                assert!((found - expected).abs() < 1e-5 * scale, "{bank} {path}: {found}, {expected}");
            }
        }
    }
}

#[test]
fn what_has_no_base_to_take_is_refused() {
    let refused = |bank: &str, pairs: &[(&str, &str)]| {
        Network::budget(&net(bank, pairs), IMAGE).map(|budget| budget.parameters).unwrap_err().to_string()
    };
    for (pairs, part) in [
        (&[("conv2", "conv3")][..], "conv2: filters_of = conv3, but there's no such convolution before this one"),
        (&[("conv2", "conv2")], "no such convolution before"),
        (&[("conv2", "conv9")], "no such convolution before"),
        (&[("conv3", "conv2"), ("conv2", "conv1")], "conv3: filters_of = conv2, but conv2 has no filters of its own"),
        (&[("conv9", "conv1")], "borrowing has no convolution conv9, but conv1, conv2, conv3, block1.conv4"),
    ] {
        let message = refused("repeat-mask", pairs);
        assert!(message.contains(part), "{message}");
    }
    assert!(refused("free", &PAIRS).contains("free has no base"));
    assert!(refused("p4", &PAIRS).contains("p4 has no base"));
    let kernel = TEXT.replace("\"width\": 1.5", "\"width\": 1.5, \"kernel\": 5").replace(
        "{\"kernel\": 3, \"padding\": 1, \"activation\": \"swish\", \"width\": 1.5, \"kernel\": 5",
        "{\"kernel\": 5, \"padding\": 2, \"activation\": \"swish\", \"width\": 1.5",
    );
    let skeleton = Skeleton::new("borrowing", serde_json::from_str(&kernel).unwrap()).unwrap();
    let net = NetConfig { skeleton, ..net("repeat-mask", &PAIRS) };
    let message = Network::budget(&net, IMAGE).map(|budget| budget.parameters).unwrap_err().to_string();
    assert!(message.contains("conv2: filters_of = conv1, but its filters have 3×3 pixels, and these 5×5"), "{message}");
}

/// Records have the key where there's something in it, and read it again.
#[test]
fn records_say_what_is_shared() {
    let rescaled = serde_json::to_string(&preset("rep-vgg9")).unwrap();
    assert!(rescaled.contains(r#""filters_of":{"conv10":"conv8","conv9":"conv7"}"#), "{rescaled}");
    assert_eq!(serde_json::from_str::<NetConfig>(&rescaled).unwrap(), preset("rep-vgg9"));
    assert!(!serde_json::to_string(&preset("rep-resnet16")).unwrap().contains("filters_of"));
}
