//! Skeletons as data: what their steps cost against networks that others counted and against our own, and what is refused.

use candle_core::{DType, Device};
use equisplit::bank::{BankConfig, Free, RepeatMask, ScrambledSteerable, Steerable, families};
use equisplit::group::PointGroup;
use equisplit::model::steps::{Fault, Step, Steps, builtins};
use equisplit::model::{Cost, InputShape, NetConfig, Network, Skeleton, StepCost, match_maps, match_widths};
use equisplit::nn::{NamedLayer, Weights};

fn free() -> BankConfig {
    Free {}.into()
}

fn input(skeleton: &Skeleton, classes: usize) -> InputShape {
    let [channels, height, width] = skeleton.steps().input.unwrap();
    InputShape { channels, size: [height, width], classes }
}

fn costs(name: &str, base: Option<f64>, classes: usize) -> Vec<StepCost> {
    let skeleton = Skeleton::named(name).unwrap();
    let (input, base) = (input(&skeleton, classes), base.unwrap_or(skeleton.steps().base));
    NetConfig::new(skeleton, free(), base).unwrap().costs(input).unwrap()
}

fn parameters(name: &str, base: Option<f64>, classes: usize) -> usize {
    costs(name, base, classes).iter().map(|row| row.parameters).sum()
}

/// Counted in PyTorch from the code of Chavan et al. (ICIP 2021), ten classes; ResNet-18 in torchvision has 11,689,512 with 1,000.
/// Zagoruyko & Komodakis (BMVC 2016) give 36.5 and 11.0 million for their Wide ResNets.
#[test]
fn networks_of_papers_have_their_parameters() {
    let vgg = [114_378, 262_218, 559_178, 1_149_770, 2_333_514, 4_694_346, 7_055_178, 9_416_010];
    for (depth, expected) in (4..).zip(vgg) {
        assert_eq!(parameters(&format!("vgg{depth}"), None, 10), expected, "vgg{depth}");
    }
    for (k, expected) in [(1.0, 175_258), (2.0, 692_122), (4.0, 2_749_786), (8.0, 10_963_162)] {
        assert_eq!(parameters("resnet16-cifar", Some(16.0 * k), 10), expected, "×{k}");
    }
    assert_eq!(parameters("repeatnet2021", None, 10), 340_309);
    assert_eq!(parameters("resnet18", None, 256), 11_689_512 - (1_000 - 256) * 513);
    // Convolutions, norms before them, and the head, by the paper's figure 1 and table 1.
    let wide = |blocks: usize, k: usize| {
        let [a, b, c] = [16 * k, 32 * k, 64 * k];
        let stage = |from: usize, to: usize| {
            let first = 9 * (from * to + to * to) + from * to + 2 * (from + to);
            first + (blocks - 1) * (18 * to * to + 4 * to)
        };
        27 * 16 + stage(16, a) + stage(a, b) + stage(b, c) + 2 * c + 10 * c + 10
    };
    for (name, blocks, k, millions) in [("wrn28", 4, 10, 36.5), ("wrn16", 2, 8, 11.0)] {
        let found = parameters(name, None, 10);
        assert_eq!(found, wide(blocks, k), "{name}");
        assert!((found as f64 / 1e6 - millions).abs() < 0.05, "{name}: {found}");
    }
}

/// The networks of Chavan et al. (ICIP 2021) on rot-MNIST: e2cnn's over C4, C8 and C16, counted there, and the authors' rescaled baselines,
/// counted in their code: real parameters and learned signs.
#[test]
fn steerable_networks_and_their_rescaled_baselines_have_the_published_parameters() {
    let skeleton = Skeleton::named("repeatnet2021").unwrap();
    let input = input(&skeleton, 10);
    let of = |bank: BankConfig, widths: [usize; 6], maps: Option<[usize; 6]>| {
        let head = |widths: [usize; 6]| [&widths[..], &[64]].concat();
        let config = NetConfig::new(skeleton.clone(), bank, 16.0).unwrap();
        let config = NetConfig { widths: head(widths), maps: maps.map(head), bias: maps.is_some(), ..config };
        let budget = Network::budget(&config, input).unwrap();
        let built = Network::new(&config, input, &Weights::new(0).builder(DType::F32, &Device::Cpu)).unwrap();
        assert_eq!(built.layers().iter().map(|named| named.layer.parameters().real).sum::<usize>(), budget.parameters);
        (budget.parameters, budget.one_bit_parameters)
    };
    let steerable = |turns| Steerable { group: PointGroup::cyclic(turns).unwrap(), ..Steerable::default() };
    for (turns, widths, expected) in [
        (4, [16, 24, 32, 32, 48, 64], 304_154),
        (8, [11, 17, 23, 23, 34, 45], 305_098),
        (16, [8, 12, 16, 16, 24, 32], 301_746),
    ] {
        assert_eq!(of(steerable(turns).into(), widths, None), (expected, 0), "C{turns}");
        let control = ScrambledSteerable { group: PointGroup::cyclic(turns).unwrap(), ..ScrambledSteerable::default() };
        assert_eq!(of(control.into(), widths, None), (expected, 0), "scrambled C{turns}");
    }
    let base = [22, 33, 45, 45, 67, 90];
    for (maps, expected) in [
        ([64, 96, 128, 128, 192, 256], (352_921, 2_716_736)),
        ([90, 135, 181, 181, 271, 362], (360_773, 5_416_885)),
        ([128, 192, 256, 256, 384, 512], (371_897, 10_860_672)),
    ] {
        assert_eq!(of(RepeatMask {}.into(), base, Some(maps)), expected);
    }
}

fn multiply_adds(layers: &[NamedLayer], input: [usize; 2]) -> u64 {
    let step = |(sum, size), NamedLayer { layer, .. }: &NamedLayer| {
        (sum + layer.multiply_adds(size), layer.output_size(size).unwrap())
    };
    layers.iter().fold((0, input), step).0
}

/// The same networks built of layers, whatever the bank: the tensors that they learn, and what their layers say.
#[test]
fn costs_by_arithmetic_are_those_of_built_networks() {
    for name in builtins() {
        let skeleton = Skeleton::named(name).unwrap();
        let base = (skeleton.steps().base / 16.0).max(3.0);
        for bank in families() {
            let input = input(&skeleton, 7);
            let [height, width] = input.size;
            // ResNet-18 is made for large images, which aren't needed here.
            let size = if height > 100 { [65, 97] } else { [height, width + 4] };
            let input = InputShape { size, channels: 2, ..input };
            let config = NetConfig::new(skeleton.clone(), bank.clone(), base).unwrap();
            let weights = Weights::new(0);
            let network = Network::new(&config, input, &weights.builder(DType::F32, &Device::Cpu));
            let network = network.unwrap_or_else(|e| panic!("{name} over {bank:?}: {e}"));
            let budget = Network::budget(&config, input).unwrap();
            let what = format!("{name} over {bank:?}");
            let learned: usize = weights.learned().values().map(|var| var.elem_count()).sum();
            assert_eq!(budget.parameters + budget.one_bit_parameters, learned, "{what}");
            let said = network.layers().iter().map(|layer| layer.layer.parameters());
            let (real, one_bit) = said.fold((0, 0), |sum, count| (sum.0 + count.real, sum.1 + count.one_bit));
            assert_eq!((budget.parameters, budget.one_bit_parameters), (real, one_bit), "{what}");
            assert_eq!(budget.multiply_adds, multiply_adds(network.layers(), input.size), "{what}");
        }
    }
}

#[test]
fn skeletons_are_json_too() {
    for name in builtins() {
        let steps = Skeleton::named(name).unwrap().steps().clone();
        let written = serde_json::to_string(&steps).unwrap();
        assert_eq!(serde_json::from_str::<Steps>(&written).unwrap(), steps, "{name}");
    }
}

/// The presets have about as many parameters on every skeleton, but `wide`.
#[test]
fn presets_of_one_skeleton_have_about_the_same_parameters() {
    for name in builtins() {
        let skeleton = Skeleton::named(name).unwrap();
        let input = input(&skeleton, 10);
        let of = |preset: &str| {
            let config = NetConfig::preset_on(skeleton.clone(), preset).unwrap().unwrap();
            Network::budget(&config, input).unwrap().parameters as f64
        };
        for preset in ["p4", "p4m", "repeat-swish", "scrambled", "p4-rp"] {
            let ratio = of(preset) / of("z2");
            assert!((0.7..1.4).contains(&ratio), "{name}: {preset} has {ratio} times the parameters of z2");
        }
    }
    let p4 = NetConfig::preset("p4").unwrap();
    assert_eq!((p4.widths, NetConfig::preset("z2").unwrap().widths), (vec![10; 6], vec![20; 6]));
}

#[test]
fn one_number_scales_a_network() {
    let widths = |name: &str, base: f64| Skeleton::named(name).unwrap().steps().widths(base).unwrap();
    // The plain widths of the code of Chavan et al., and those of their C4 network, 64 to 256 maps, as fields.
    assert_eq!(widths("repeatnet2021", 32.0 / 2f64.sqrt()), [22, 33, 45, 45, 67, 90, 64]);
    assert_eq!(widths("repeatnet2021", 16.0)[..6], [16, 24, 32, 32, 48, 64]);
    assert_eq!(widths("vgg11", 64.0), [64, 64, 128, 128, 256, 256, 512, 512, 512, 512]);
}

/// Networks of thirty layers are matched, and layers that are added keep the same widths.
#[test]
fn widths_of_deep_networks_are_found() {
    for (name, target) in [("vgg11", 1_000_000), ("resnet16-cifar", 50_000), ("wrn28", 300_000), ("resnet18", 200_000)]
    {
        let skeleton = Skeleton::named(name).unwrap();
        let input = input(&skeleton, 10);
        for preset in ["z2", "p4", "repeat-swish"] {
            let config = NetConfig::preset_on(skeleton.clone(), preset).unwrap().unwrap();
            let matched = match_widths(&config, input, Cost::Parameters, target).unwrap();
            let found = Network::budget(&matched, input).unwrap().parameters;
            assert!(found.abs_diff(target as usize) * 100 <= target as usize, "{name} {preset}: {found}");
            let shortcuts = |config: &NetConfig| {
                config.costs(input).unwrap().iter().filter(|row| row.name.ends_with("shortcut")).count()
            };
            // Those of one base width, but the skeleton's own, of which a first convolution of fixed width may be one.
            let narrow = NetConfig { widths: skeleton.steps().widths(4.0).unwrap(), ..config.clone() };
            assert_eq!(shortcuts(&matched), shortcuts(&narrow), "{name} {preset}: {:?}", matched.widths);
        }
    }
    // The maps of a repeated network grow with the skeleton's factors.
    let skeleton = Skeleton::named("vgg6").unwrap();
    let input = input(&skeleton, 10);
    let bank = equisplit::bank::RepeatSwish::default();
    let config = NetConfig::new(skeleton, bank.into(), 16.0).unwrap();
    let target = 4 * Network::budget(&NetConfig { scale: 1, ..config.clone() }, input).unwrap().multiply_adds;
    let matched = match_maps(&config, input, target).unwrap();
    assert_eq!(matched.widths, config.widths);
    let found = Network::budget(&matched, input).unwrap().multiply_adds;
    assert!(found.abs_diff(target) * 100 <= target, "{found}, not {target}");
}

#[test]
fn sizes_maps_and_branches_are_followed() {
    let rows = costs("resnet16-cifar", None, 10);
    let row = |name: &str| rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("{name} in {rows:?}"));
    assert_eq!((row("block3.conv6").size, row("block3.conv6").maps), ([16, 16], 32));
    let wide = costs("resnet16-cifar", Some(64.0), 10);
    assert!(wide.iter().any(|row| row.name == "block1.shortcut" && row.maps == 64));
    let shortcut = row("block3.shortcut");
    assert_eq!((shortcut.size, shortcut.parameters), ([16, 16], 16 * 32 + 64));
    assert_eq!(shortcut.multiply_adds, 16 * 32 * 256);
    assert!(rows.iter().all(|row| row.name != "block1.shortcut" && row.name != "block4.shortcut"));
    assert_eq!(rows.last().unwrap().maps, 10);
    // Of 29 pixels the first convolution leaves 25; both pools halve, the second leaves a column over.
    let rows = costs("repeatnet2021", None, 10);
    let sizes: Vec<usize> = rows.iter().map(|row| row.size[0]).collect();
    assert_eq!(sizes, [25, 25, 12, 12, 12, 6, 6, 2, 1, 1, 1]);
}

fn fault(steps: Steps, input: InputShape) -> Fault {
    let base = steps.base;
    let config = NetConfig::new(Skeleton::new("mine", steps).unwrap(), free(), base);
    config.and_then(|config| config.costs(input)).unwrap_err()
}

fn refused(steps: &str) -> String {
    let text = format!(r#"{{"base": 8, "steps": [{steps}]}}"#);
    fault(serde_json::from_str(&text).unwrap(), InputShape::DIGITS).message
}

const HEAD: &str = r#"{"global-pool": "mean"}, {"linear": {"width": "classes"}}"#;

#[test]
fn what_is_no_network_is_refused_with_the_step_and_what_reaches_it() {
    let conv = r#"{"conv": {"kernel": 3}}"#;
    let told = refused(&format!(r#"{{"repeat": {{"times": 20, "steps": [{conv}]}}}}, {HEAD}"#));
    assert!(told.contains("conv14: 2×2 pixels reach it, too few for a window of 3×3"), "{told}");
    let told = refused(&format!(r#"{{"conv": {{"kernel": 3, "width": 0.1}}}}, {HEAD}"#));
    assert!(told.contains("conv1: its width is 0, but it must be 1 to 4096"), "{told}");
    for factor in ["-1", "1e300", "0"] {
        let told = refused(&format!(r#"{{"conv": {{"kernel": 3, "width": {factor}}}}}, {HEAD}"#));
        assert!(told.contains("conv1: a width of"), "{told}");
    }
    let told = refused(&format!(r#"{conv}, {{"residual": {{"steps": [{conv}], "shortcut": "identity"}}}}, {HEAD}"#));
    assert!(told.contains("block1: 8 maps of 26×26 pixels can't be added to 8 maps of 24×24 pixels"), "{told}");
    let told = refused(&format!(r#"{conv}, {{"residual": {{"steps": [{conv}]}}}}, {HEAD}"#));
    assert!(
        told.contains("block1: no 1×1 convolution of stride 1, as the main branch's, leads from 8 maps of 26×26"),
        "{told}"
    );
    let told = refused(&format!(r#"{{"repeat": {{"times": 1000000, "steps": [{conv}]}}}}, {HEAD}"#));
    assert!(told.contains("times = 1000000, but it must be 1 to 1000"), "{told}");
    let padded = r#"{"conv": {"kernel": 1}}"#;
    let nested =
        (0..3).fold(padded.to_owned(), |steps, _| format!(r#"{{"repeat": {{"times": 900, "steps": [{steps}]}}}}"#));
    assert!(refused(&format!("{nested}, {HEAD}")).contains("more than 1000 convolutions"));
    let deep =
        (0..40).fold(padded.to_owned(), |steps, _| format!(r#"{{"repeat": {{"times": 1, "steps": [{steps}]}}}}"#));
    assert!(refused(&format!("{deep}, {HEAD}")).contains("17 deep"));
    for headless in [conv.to_owned(), String::new(), format!(r#"{conv}, {{"global-pool": "mean"}}"#)] {
        assert!(refused(&headless).contains("not to a number for every class"), "{headless}");
    }
    let told = refused(&format!(r#"{{"pool": {{"size": 2, "padding": 2}}}}, {HEAD}"#));
    assert!(told.contains("pool0: a pool of 2×2 pixels with padding 2; its padding must be at most half"), "{told}");
    for broken in [r#"{"conv": {"kernel": 0}}"#, r#"{"conv": {"kernel": 3, "stride": 0}}"#, r#"{"pool": {"size": 0}}"#]
    {
        assert!(refused(&format!("{broken}, {HEAD}")).contains("must be at least 1 pixel"), "{broken}");
    }
    for huge in [4097, 4_000_000_000, usize::MAX] {
        for steps in [
            format!(r#"{{"conv": {{"kernel": 3, "padding": {huge}}}}}"#),
            format!(r#"{{"conv": {{"kernel": 3, "stride": {huge}}}}}"#),
            format!(r#"{{"conv": {{"kernel": {huge}, "padding": {huge}}}}}"#),
            format!(r#"{{"pool": {{"size": {huge}, "padding": 1}}}}"#),
        ] {
            let told = refused(&format!("{steps}, {HEAD}"));
            assert!(told.contains("1: ") || told.contains("pool0: "), "{told}");
            assert!(told.contains("at most 4096 are possible"), "{told}");
        }
    }
    let told = refused(&format!(r#"{conv}, {{"group-pool": "max"}}, {{"group-pool": "mean"}}, {HEAD}"#));
    assert!(told.contains("group-pool: mean, but max in an earlier step"), "{told}");
}

#[test]
fn the_faulty_step_is_found() {
    let steps = Skeleton::named("cohen2016").unwrap().steps().clone();
    let small = InputShape { size: [13, 13], ..InputShape::DIGITS };
    assert!(matches!(steps.steps[3], Step::Repeat(_)));
    assert_eq!(fault(steps, small).place, [3, 0]);
    let nested = r#"{"conv": {"kernel": 1}}, {"residual": {"steps": [
        {"conv": {"kernel": 1}}, {"residual": {"steps": [{"conv": {"kernel": 1}}, {"pool": {"size": 0}}]}}
    ]}}"#;
    let text = format!(r#"{{"base": 8, "steps": [{nested}, {HEAD}]}}"#);
    assert_eq!(fault(serde_json::from_str(&text).unwrap(), InputShape::DIGITS).place, [1, 1, 1]);
}
