//! Skeletons as data: what their steps cost against networks that others counted and against our own, and what is refused.

use equisplit::bank::{BankConfig, Free, families};
use equisplit::model::steps::{Step, StepCost, Steps, builtins};
use equisplit::model::{InputShape, NetConfig, Network, Skeleton};

fn free() -> BankConfig {
    Free {}.into()
}

fn input(steps: &Steps, classes: usize) -> InputShape {
    let [channels, height, width] = steps.input.unwrap();
    InputShape { channels, size: [height, width], classes }
}

fn parameters(name: &str, base: Option<f64>, classes: usize) -> usize {
    let steps = Steps::named(name).unwrap();
    let rows = steps.costs(&free(), base, input(&steps, classes)).unwrap();
    rows.iter().map(|row| row.parameters).sum()
}

/// Counted in PyTorch from the code of Chavan et al. (ICIP 2021), ten classes; ResNet-18 in torchvision has 11,689,512 with 1,000.
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
}

/// The same networks built of layers, whatever the bank.
#[test]
fn costs_by_arithmetic_are_those_of_built_networks() {
    for (name, skeleton) in [("cohen2016", Skeleton::Cohen2016), ("lenet", Skeleton::Lenet)] {
        let steps = Steps::named(name).unwrap();
        for bank in families() {
            for (width, input) in [(6, InputShape::DIGITS), (5, InputShape { channels: 3, size: [28, 32], classes: 7 })]
            {
                let rows = steps.costs(&bank, Some(width as f64), input).unwrap();
                let budget = Network::budget(&NetConfig::uniform(skeleton, bank.clone(), width), input).unwrap();
                let sum = |of: fn(&StepCost) -> usize| rows.iter().map(of).sum::<usize>();
                let what = format!("{name} over {bank:?}, {input:?}");
                assert_eq!(sum(|row| row.parameters), budget.parameters, "{what}");
                assert_eq!(sum(|row| row.one_bit_parameters), budget.one_bit_parameters, "{what}");
                assert_eq!(rows.iter().map(|row| row.multiply_adds).sum::<u64>(), budget.multiply_adds, "{what}");
                let hidden = rows.iter().filter(|row| row.what.contains("ReLU"));
                assert_eq!(hidden.map(|row| row.maps).max().unwrap(), budget.maps, "{what}");
            }
        }
    }
}

#[test]
fn every_skeleton_of_the_program_takes_every_bank() {
    for name in builtins() {
        let steps = Steps::named(name).unwrap();
        for bank in families() {
            let base = steps.base / 8.0;
            let rows = steps.costs(&bank, Some(base.max(4.0)), input(&steps, 10));
            assert!(rows.is_ok(), "{name} over {bank:?}: {:?}", rows.unwrap_err().to_string());
        }
        let written = serde_json::to_string(&steps).unwrap();
        assert_eq!(serde_json::from_str::<Steps>(&written).unwrap(), steps, "{name} as JSON");
    }
}

#[test]
fn sizes_maps_and_branches_are_followed() {
    let steps = Steps::named("resnet16-cifar").unwrap();
    let rows = steps.costs(&free(), None, input(&steps, 10)).unwrap();
    let row = |name: &str| rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("{name} in {rows:?}"));
    assert_eq!((row("block3.conv6").size, row("block3.conv6").maps), ([16, 16], 32));
    let wide = steps.costs(&free(), Some(64.0), input(&steps, 10)).unwrap();
    assert!(wide.iter().any(|row| row.name == "block1.shortcut" && row.maps == 64));
    let shortcut = row("block3.shortcut");
    assert_eq!((shortcut.size, shortcut.parameters), ([16, 16], 16 * 32 + 64));
    assert_eq!(shortcut.multiply_adds, 16 * 32 * 256);
    assert!(rows.iter().all(|row| row.name != "block1.shortcut" && row.name != "block4.shortcut"));
    assert_eq!(rows.last().unwrap().maps, 10);
    // Of 29 pixels the first convolution leaves 25; both pools halve, the second leaves a column over.
    let steps = Steps::named("repeatnet2021").unwrap();
    let rows = steps.costs(&free(), None, input(&steps, 10)).unwrap();
    let sizes: Vec<usize> = rows.iter().map(|row| row.size[0]).collect();
    assert_eq!(sizes, [25, 25, 12, 12, 12, 6, 6, 2, 1, 1, 1, 1]);
}

fn refused(steps: &str) -> String {
    let text = format!(r#"{{"base": 8, "steps": [{steps}]}}"#);
    let steps: Steps = serde_json::from_str(&text).unwrap();
    steps.costs(&free(), None, InputShape::DIGITS).unwrap_err().to_string()
}

const HEAD: &str = r#"{"global-pool": "mean"}, {"linear": {"width": "classes"}}"#;

#[test]
fn what_is_no_network_is_refused_with_the_step_and_what_reaches_it() {
    let conv = r#"{"conv": {"kernel": 3}}"#;
    let told = refused(&format!(r#"{{"repeat": {{"times": 20, "steps": [{conv}]}}}}, {HEAD}"#));
    assert!(told.contains("conv14: 2×2 pixels reach it, too few for a window of 3×3"), "{told}");
    let told = refused(&format!(r#"{{"conv": {{"kernel": 3, "width": 0.1}}}}, {HEAD}"#));
    assert!(told.contains("conv1: a width of 0.1 times 8 is 0, but it must be 1 to 4096"), "{told}");
    for factor in ["-1", "1e300", "0"] {
        let told = refused(&format!(r#"{{"conv": {{"kernel": 3, "width": {factor}}}}}, {HEAD}"#));
        assert!(told.contains("conv1: a width of"), "{told}");
    }
    let told = refused(&format!(r#"{conv}, {{"residual": {{"steps": [{conv}], "shortcut": "identity"}}}}, {HEAD}"#));
    assert!(told.contains("block1: 8 maps of 26×26 pixels can't be added to 8 maps of 24×24 pixels"), "{told}");
    let told = refused(&format!(r#"{conv}, {{"residual": {{"steps": [{conv}]}}}}, {HEAD}"#));
    assert!(told.contains("block1: no stride of a 1×1 convolution leads from 8 maps of 26×26"), "{told}");
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
    assert!(told.contains("pool1: padding = 2 leaves windows without a pixel"), "{told}");
    for broken in [r#"{"conv": {"kernel": 0}}"#, r#"{"conv": {"kernel": 3, "stride": 0}}"#, r#"{"pool": {"size": 0}}"#]
    {
        assert!(refused(&format!("{broken}, {HEAD}")).contains("must be at least 1 pixel"), "{broken}");
    }
    let huge = format!(r#"{{"conv": {{"kernel": 3, "padding": {}}}}}, {HEAD}"#, usize::MAX);
    assert!(refused(&huge).contains("conv1: "), "{huge}");
}

#[test]
fn the_faulty_step_is_found() {
    let steps = Steps::named("cohen2016").unwrap();
    let small = InputShape { size: [13, 13], ..InputShape::DIGITS };
    assert!(matches!(steps.steps[3], Step::Repeat(_)));
    assert_eq!(steps.faulty_step(&free(), None, small), Some(3));
    assert_eq!(steps.faulty_step(&free(), None, InputShape::DIGITS), None);
}
