//! Networks that go on with a subgroup: groups in groups, fields of both, and skeletons with steps that restrict.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use equisplit::bank::{BankConfig, Steerable};
use equisplit::group::{PointGroup, Symmetry};
use equisplit::lab::{EquivarianceReport, LayerReport, equivariance_report, layer_reports};
use equisplit::model::{InputShape, NetConfig, Network, Skeleton};
use equisplit::nn::{FieldType, Layer, Mode, NamedLayer, Restrict, Weights};

use crate::kernel_support::{flat, random};

fn groups() -> Vec<PointGroup> {
    let of = |make: fn(usize) -> equisplit::Result<PointGroup>| [1, 2, 3, 4, 6, 8, 12].map(|n| make(n).unwrap());
    [of(PointGroup::cyclic), of(PointGroup::dihedral)].concat()
}

/// By their matrices, which know nothing of numbers of elements.
#[test]
fn groups_share_the_elements_with_the_same_matrices() {
    for a in groups() {
        for b in groups() {
            let both = a.intersection(&b);
            let same = |g: usize, h: usize| (a.matrix(g) - b.matrix(h)).norm() < 1e-9;
            let shared: Vec<usize> = a.elements().filter(|&g| b.elements().any(|h| same(g, h))).collect();
            let found: Vec<usize> = a.elements().filter(|&g| a.element_of(&both, g).is_some()).collect();
            assert_eq!(found, shared, "{} and {}", a.name(), b.name());
            for g in a.elements() {
                let h = a.element_of(&b, g);
                assert!(h.is_none_or(|h| same(g, h)) && h.is_some() == shared.contains(&g));
            }
            assert_eq!(a.is_within(&b), shared.len() == a.order());
        }
    }
}

/// Restriction commutes with the elements of the subgroup: they act on its fields as on those of the whole group.
#[test]
fn fields_of_a_subgroup_transform_as_those_of_the_group() {
    for whole in groups().into_iter().filter(|group| group.order() > 1) {
        for part in groups().into_iter().filter(|part| part.is_within(&whole)) {
            let table = whole.restriction(&part).unwrap();
            let mut sorted = table.clone();
            sorted.sort_unstable();
            assert!(sorted.into_iter().eq(whole.elements()), "{} in {}", part.name(), whole.name());
            // f(x, h) → f(x, g⁻¹h), with the plane left out.
            let place = |h: usize| table.iter().position(|&entry| entry == h).unwrap();
            for k in part.elements() {
                let g = part.element_of(&whole, k).unwrap();
                for n in whole.elements() {
                    let source = whole.product(whole.inverse(g), table[n]);
                    let (coset, own) = (n / part.order(), n % part.order());
                    assert_eq!(place(source), coset * part.order() + part.product(part.inverse(k), own));
                }
            }
        }
    }
    let refused = PointGroup::c4().restriction(&PointGroup::c8()).unwrap_err().to_string();
    assert_eq!(refused, "C8 is no subgroup of C4");
}

#[test]
fn the_layer_is_equivariant_under_the_subgroup() {
    let [d4, c4, c2, d1, c1] =
        ["d4", "c4", "c2", "d1", "c1"].map(|name| Arc::new(name.parse::<Symmetry>().unwrap().point_group()));
    for (whole, part) in [(&d4, &c4), (&d4, &d1), (&d4, &c1), (&c4, &c2)] {
        let layer = Restrict::new(FieldType::regular(whole, 3), part).unwrap();
        assert_eq!(layer.output().maps(), 3 * whole.order());
        let x = random(&[2, layer.input().maps(), 5, 5], "x");
        let report: EquivarianceReport =
            equivariance_report(&x, layer.input(), layer.output(), |x| layer.forward_in(x, &mut Mode::Inference))
                .unwrap();
        assert_eq!((report.elements.len(), report.error()), (part.order(), 0.0), "{} to {}", whole.name(), part.name());
    }
    assert!(Restrict::new(FieldType::regular(&c4, 1), &d4).is_err());
}

const TEXT: &str = r#"{"base": 2, "steps": [
    {"conv": {"kernel": 5, "padding": 2}},
    {"residual": {"steps": [{"conv": {"kernel": 3, "padding": 1, "group": "c4"}}]}},
    {"conv": {"kernel": 3, "padding": 1}},
    {"conv": {"kernel": 3, "padding": 1, "group": "c1"}},
    {"conv": {"kernel": 3, "padding": 1}},
    {"global-pool": "mean"},
    {"linear": {"width": "classes"}}
]}"#;
const IMAGE: InputShape = InputShape { channels: 1, size: [9, 9], classes: 3 };

fn config(bank: BankConfig) -> NetConfig {
    let skeleton = Skeleton::new("restricted", serde_json::from_str(TEXT).unwrap()).unwrap();
    NetConfig::new(skeleton, bank, 2.0).unwrap()
}

fn reports(bank: BankConfig, group: PointGroup) -> Vec<LayerReport> {
    let weights = Weights::new(3);
    let network = Network::new(&config(bank), IMAGE, &weights.builder(DType::F64, &Device::Cpu)).unwrap();
    layer_reports(network.layers(), &Arc::new(group), &random(&[2, 1, 9, 9], "images")).unwrap()
}

fn names(report: &LayerReport) -> Vec<&str> {
    let elements = report.from_image.elements.iter();
    elements.map(|element| element.element.as_str()).filter(|name| !name.starts_with("shift")).collect()
}

/// Claim: D8 → C4 → trivial, as in Weiler & Cesa's networks: each layer is equivariant under what is left.
#[test]
fn every_layer_is_equivariant_under_what_is_left() {
    let d8 = PointGroup::dihedral(8).unwrap();
    let steerable: BankConfig = Steerable { group: d8, ..Steerable::default() }.into();
    let found = reports(steerable, d8);
    let of = |name: &str| found.iter().find(|report| report.layer == name).unwrap_or_else(|| panic!("{name}"));
    let exact = ["1", "r²", "r⁴", "r⁶", "m", "mr²", "mr⁴", "mr⁶"];
    for layer in ["conv1", "conv1.norm"] {
        assert_eq!((names(of(layer)), of(layer).declared), (exact.to_vec(), true), "{layer}");
    }
    for layer in
        ["block1.conv2.restrict", "block1.conv2", "block1.shortcut.restrict", "block1.shortcut", "block1", "conv3"]
    {
        assert_eq!((names(of(layer)), of(layer).declared), (exact[..4].to_vec(), true), "{layer}");
    }
    for report in found.iter().filter(|report| report.declared) {
        assert!(report.alone.error() < 1e-11 && report.from_image.error() < 1e-11, "{}", report.layer);
    }
    // Behind the last restriction nothing is claimed, and nothing holds.
    assert!(!of("conv4").declared && !of("linear1").declared);
    assert!(of("linear1").from_image.error() > 1e-3);
    // Mirrors are lost with the first one.
    let c4 = PointGroup::c4();
    let p4 = reports(BankConfig::named("p4").unwrap(), c4);
    let last = p4.iter().rfind(|report| report.layer == "conv3").unwrap();
    assert!(last.declared && last.from_image.error() < 1e-11);
}

/// What is counted is what is learned, for every bank; banks without a group know of no restriction.
#[test]
fn widths_are_fields_of_the_group_that_is_left() {
    let count = |bank: BankConfig| {
        let config = config(bank);
        let weights = Weights::new(0);
        let network = Network::new(&config, IMAGE, &weights.builder(DType::F32, &Device::Cpu)).unwrap();
        let budget = Network::budget(&config, IMAGE).unwrap();
        let learned: usize = weights.learned().values().map(|var| var.elem_count()).sum();
        assert_eq!(learned, budget.parameters + budget.one_bit_parameters);
        let names: Vec<String> = network.layers().iter().map(|NamedLayer { name, .. }| name.clone()).collect();
        (budget.parameters, names)
    };
    // p4m: 2 lifted fields of 5×5; as 4 fields of C4 to 2, by 3×3 and by the shortcut's 1×1; 2 to 2; as 8 maps to 2; 2 to 2. Then norms
    // and head.
    let fields = 2 * 25 + 4 * 2 * 4 * (9 + 1) + 2 * 2 * 4 * 9 + 8 * 2 * 9 + 2 * 2 * 9;
    let (p4m, layers) = count(BankConfig::named("p4m").unwrap());
    assert_eq!(p4m, fields + 6 * 2 * 2 + 3 * 3);
    assert!(layers.contains(&"conv4.restrict".to_owned()));
    assert_eq!(count(BankConfig::named("scrambled").unwrap().with("mimics", "p4m".into()).unwrap()).0, p4m);
    let (free, layers) = count(BankConfig::named("free").unwrap());
    assert_eq!(free, 2 * 25 + 4 * (4 * 9) + 5 * 2 * 2 + 3 * 3);
    assert!(layers.iter().all(|name| !name.contains("restrict")));
}

#[test]
fn steps_are_told_by_words_of_the_group() {
    let steps: Vec<String> =
        config(BankConfig::named("p4m").unwrap()).costs(IMAGE).unwrap().into_iter().map(|step| step.what).collect();
    assert!(
        steps.contains(&"restriction to C4".to_owned()) && steps.contains(&"restriction to C1".to_owned()),
        "{steps:?}"
    );
    let wrong = TEXT.replace("\"c1\"", "\"c0\"");
    let error = serde_json::from_str::<equisplit::model::steps::Steps>(&wrong).unwrap_err().to_string();
    assert!(error.contains("no group \"c0\""), "{error}");
    // A restriction to what the network has already is none.
    let c4: Tensor = random(&[1, 4, 3, 3], "x");
    let group = Arc::new(PointGroup::c4());
    let same = Restrict::new(FieldType::regular(&group, 1), &group).unwrap();
    assert_eq!(flat(&same.forward_in(&c4, &mut Mode::Inference).unwrap()), flat(&c4));
}
