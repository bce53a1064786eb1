//! Widths that are found, and what a skeleton's sizes and widths lead to where rounding could mislead.

use equisplit::bank::{BankConfig, Free};
use equisplit::lab::GridReport;
use equisplit::model::{Cost, InputShape, NetConfig, Skeleton, StepCost, match_maps, match_widths};

fn skeleton(text: &str) -> Skeleton {
    Skeleton::new("own", toml::from_str(text).unwrap()).unwrap()
}

fn network(text: &str, bank: &str, base: f64) -> NetConfig {
    let bank = if bank == "free" { Free {}.into() } else { BankConfig::named(bank).unwrap() };
    NetConfig::new(skeleton(text), bank, base).unwrap()
}

fn grey(size: usize) -> InputShape {
    InputShape { channels: 1, size: [size; 2], classes: 10 }
}

fn sum(costs: &[StepCost], of: impl Fn(&StepCost) -> u64) -> u64 {
    costs.iter().map(of).sum()
}

const SMALL: &str = r#"
base = 8
steps = [
  { conv = { kernel = 3, padding = 1 } },
  { conv = { kernel = 3, padding = 1 } },
  { global-pool = "mean" },
  { linear = { width = "classes" } },
]"#;

/// Widths that differ by little, all over the network, are enough for any count of parameters of a deep one.
#[test]
fn deep_networks_are_matched_by_neighbouring_widths() {
    for layers in [20, 60, 150] {
        let text = format!(
            r#"
            base = 5
            steps = [
              {{ repeat = {{ times = {layers}, steps = [{{ conv = {{ kernel = 3, padding = 1 }} }}] }} }},
              {{ global-pool = "mean" }},
              {{ linear = {{ width = "classes" }} }},
            ]"#
        );
        let p4 = network(&text, "p4", 2.0).costs(grey(9)).unwrap();
        let target = sum(&p4, |step| step.parameters as u64);
        let config = network(&text, "free", 5.0);
        let widths = match_widths(&config, grey(9), Cost::Parameters, target).unwrap().widths;
        let (least, most) = (widths.iter().min().unwrap(), widths.iter().max().unwrap());
        // Two neighbouring widths, and perhaps a last layer or two beyond them.
        assert!(most - least <= 2, "{layers}: {widths:?}");
        let halves = widths.split_at(layers / 2);
        let [first, second] = [halves.0, halves.1].map(|half| half.iter().sum::<usize>());
        assert!(first.abs_diff(second) <= 4, "{layers}: {widths:?}");
    }
}

#[test]
fn layers_of_different_widths_are_repeated_alike() {
    let config = NetConfig { widths: vec![4, 20], ..network(SMALL, "repeat-mask", 8.0) };
    let doubled = NetConfig { maps: Some(vec![8, 40]), ..config.clone() };
    let target = sum(&doubled.costs(grey(12)).unwrap(), |step| step.multiply_adds);
    assert_eq!(match_maps(&config, grey(12), target).unwrap().maps, doubled.maps);
    // A base that isn't repeated leaves nothing to fill in, which is no reason not to repeat it.
    let config = network(SMALL, "random-mask", 8.0);
    let doubled = NetConfig { maps: Some(vec![16, 16]), ..config.clone() };
    let target = sum(&doubled.costs(grey(12)).unwrap(), |step| step.multiply_adds);
    assert_eq!(match_maps(&config, grey(12), target).unwrap().maps, doubled.maps);
    let fewer = NetConfig { maps: Some(vec![16, 7]), ..network(SMALL, "repeat-mask", 8.0) };
    let error = fewer.costs(grey(12)).unwrap_err().to_string();
    assert!(error.contains("conv2: 7 maps, but its base alone has 8"), "{error}");
}

#[test]
fn what_no_number_can_match_is_refused_with_the_nearest() {
    let fixed = r#"
        base = 8
        steps = [
          { conv = { kernel = 3, width = { fixed = 4 } } },
          { global-pool = "mean" },
          { linear = { width = 1, activation = "relu" } },
          { linear = { width = "classes" } },
        ]"#;
    let error = match_maps(&network(fixed, "repeat-mask", 8.0), grey(9), 1 << 40).unwrap_err().to_string();
    assert!(error.contains("no maps bring repeat-mask") && error.contains("`maps = ["), "{error}");
    for base in ["inf", "nan", "0.0", "-1.0"] {
        let text = SMALL.replace("base = 8", &format!("base = {base}"));
        let config = NetConfig { widths: vec![4, 4], ..network(&text, "free", 1.0) };
        let error = config.costs(grey(9)).unwrap_err().to_string();
        assert!(error.contains("own: base = "), "{error}");
    }
}

fn block(main: &str, size: usize) -> Result<String, String> {
    let text = format!(
        r#"
        base = 8
        steps = [
          {{ conv = {{ kernel = 3, padding = 1 }} }},
          {{ residual = {{ steps = [{main}] }} }},
          {{ global-pool = "mean" }},
          {{ linear = {{ width = "classes" }} }},
        ]"#
    );
    let costs = network(&text, "p4", 4.0).costs(grey(size)).map_err(|e| e.to_string())?;
    let shortcut = costs.into_iter().find(|step| step.name.ends_with("shortcut"));
    Ok(shortcut.map_or_else(|| "identity".to_owned(), |step| step.what))
}

/// Both branches see every so many pixels, also where another stride would give as many.
#[test]
fn a_shortcut_has_the_stride_of_the_other_branch() {
    let strided = "{ conv = { kernel = 1, stride = 4, width = 2 } }";
    assert!(block(strided, 9).unwrap().contains("stride 4"));
    let twice = "{ conv = { kernel = 3, padding = 1, stride = 2 } }, { pool = { size = 2 } }";
    assert!(block(twice, 16).unwrap().contains("stride 4"));
    for main in ["{ conv = { kernel = 3 } }", r#"{ conv = { kernel = 1 } }, { global-pool = "mean" }"#] {
        let error = block(main, 5).unwrap_err();
        assert!(error.contains("block1: no 1×1 convolution"), "{error}");
    }
    // Widths that differ do so however they're rounded: 1.2 · 4 is 4.
    assert!(block("{ conv = { kernel = 1, width = 1.2 } }", 9).unwrap().contains("1×1 convolution"));
    assert_eq!(block("{ conv = { kernel = 1, width = 1 } }", 9).unwrap(), "identity");
}

/// Networks whose head is a convolution as large as what reaches it are of one size.
#[test]
fn the_grid_analysis_takes_networks_of_one_size() {
    let text = r#"
        base = 8
        steps = [
          { conv = { kernel = 5 } },
          { pool = { size = 2 } },
          { conv = { kernel = 5 } },
          { pool = { size = 2 } },
          { conv = { kernel = 4, width = "classes", norm = "none", activation = "none" } },
        ]"#;
    let report = GridReport::analyse(&network(text, "p4", 4.0), grey(28)).unwrap();
    assert!(report.faults.is_empty(), "{report}");
    let error = GridReport::analyse(&network(text, "p4", 4.0), grey(40)).unwrap_err().to_string();
    assert!(error.contains("not to a number for every class"), "{error}");
}

/// What isn't repeated, since it's as large whatever the arm, has no signs.
#[test]
fn a_head_behind_fixed_maps_repeats_nothing() {
    let text = r#"
        base = 8
        steps = [
          { conv = { kernel = 3, padding = 1 } },
          { conv = { kernel = 3, padding = 1, width = { fixed = 6 } } },
          { conv = { kernel = 1, width = "classes", norm = "none" } },
          { global-pool = "mean" },
        ]"#;
    for bank in ["random-mask", "repeat-mask"] {
        let costs = network(text, bank, 8.0).costs(grey(9)).unwrap();
        let head = costs.iter().find(|step| step.name == "conv3").unwrap();
        assert_eq!((head.parameters, head.one_bit_parameters), (60, 0), "{bank}");
    }
}
