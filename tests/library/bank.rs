//! Banks against arrays computed by other packages, and their gradients against finite differences.

use candle_core::{DType, Device, Tensor, Var};
use candle_nn::Init;
use equisplit::bank::{
    Bank, CopiesBank, FreeBank, Initialisation, Kind, RandomMaskBank, RepeatDropBank, RepeatLinearBank, RepeatMaskBank,
    RepeatSwishBank, Rescale, Scramble, count,
};
use equisplit::group::{PointGroup, Representation};
use equisplit::rng;
use rand::RngExt;

const C: Device = Device::Cpu;

fn scrambled(group: &PointGroup, input: Representation, sizes: [usize; 3], seed: u64) -> equisplit::Result<CopiesBank> {
    CopiesBank::scrambled(group, input, sizes, Scramble::Joint, &mut rng::stream(seed, "scramble"))
}

fn every_bank() -> Vec<(&'static str, Box<dyn Bank>)> {
    let (c4, d4) = (PointGroup::c4(), PointGroup::d4());
    let rescale = Rescale { base: [2, 3], scaled: [5, 6], kernel: 3 };
    use Representation::{Regular, Trivial};
    vec![
        ("free", Box::new(FreeBank::new(3, 2, 3).unwrap())),
        ("p4 lifting", Box::new(CopiesBank::group(&c4, Trivial, [2, 3, 3]).unwrap())),
        ("p4 regular", Box::new(CopiesBank::group(&c4, Regular, [2, 1, 2]).unwrap())),
        ("p4m lifting", Box::new(CopiesBank::group(&d4, Trivial, [2, 1, 3]).unwrap())),
        ("p4m regular", Box::new(CopiesBank::group(&d4, Regular, [1, 2, 3]).unwrap())),
        ("scrambled p4", Box::new(scrambled(&c4, Regular, [2, 1, 3], 0).unwrap())),
        ("scrambled p4m", Box::new(scrambled(&d4, Trivial, [2, 1, 3], 0).unwrap())),
        ("repeat-linear", Box::new(RepeatLinearBank::new(rescale).unwrap())),
        ("repeat-swish", Box::new(RepeatSwishBank::new(rescale).unwrap())),
        ("repeat-mask", Box::new(RepeatMaskBank::new(rescale).unwrap())),
        ("repeat-drop", Box::new(RepeatDropBank::new(rescale, 0.5).unwrap())),
        ("random-mask", Box::new(RandomMaskBank::new(rescale).unwrap())),
    ]
}

/// Values in [-1.5, 1.5) for learned tensors (so that some scores lie beyond the clipping), [0, 1) for frozen ones.
fn draw(bank: &dyn Bank) -> Vec<Tensor> {
    let mut stream = rng::stream(7, "test");
    let values = bank.parameters().into_iter().map(|p| {
        let range = if p.kind == Kind::Frozen { 0.0..1.0 } else { -1.5..1.5 };
        let entries: Vec<f64> = (0..p.shape.iter().product()).map(|_| stream.random_range(range.clone())).collect();
        Tensor::from_vec(entries, p.shape, &C).unwrap()
    });
    values.collect()
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// A fixed linear function of the filters, so that every entry's gradient is its own.
fn probe(bank: &dyn Bank) -> Tensor {
    let mut stream = rng::stream(8, "probe");
    let shape = bank.filter_shape();
    let entries: Vec<f64> = (0..shape.iter().product()).map(|_| stream.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(entries, &shape, &C).unwrap()
}

fn loss(bank: &dyn Bank, values: &[Tensor]) -> Tensor {
    (bank.filters(values).unwrap() * probe(bank)).unwrap().sum_all().unwrap()
}

#[test]
fn gradients_agree_with_finite_differences() {
    for (name, bank) in every_bank() {
        let values = draw(bank.as_ref());
        let vars: Vec<Var> = values.iter().map(|v| Var::from_tensor(v).unwrap()).collect();
        let tensors: Vec<Tensor> = vars.iter().map(|v| v.as_tensor().clone()).collect();
        let gradients = loss(bank.as_ref(), &tensors).backward().unwrap();
        for (n, parameter) in bank.parameters().iter().enumerate().filter(|(_, p)| p.kind == Kind::Real) {
            let analytic = flat(gradients.get(&vars[n]).unwrap());
            for (entry, analytic) in analytic.into_iter().enumerate() {
                let at = |step: f64| {
                    let mut moved = flat(&values[n]);
                    moved[entry] += step;
                    let mut values = values.clone();
                    values[n] = Tensor::from_vec(moved, parameter.shape.clone(), &C).unwrap();
                    loss(bank.as_ref(), &values).to_scalar::<f64>().unwrap()
                };
                let numeric = (at(1e-6) - at(-1e-6)) / 2e-6;
                assert!((numeric - analytic).abs() < 1e-7, "{name}.{}[{entry}]: {numeric} {analytic}", parameter.name);
            }
        }
    }
}

#[test]
fn signs_have_the_clipped_straight_through_gradient() {
    for (name, bank) in every_bank().into_iter().filter(|(_, bank)| count(bank.as_ref()).one_bit > 0) {
        let mut values = draw(bank.as_ref());
        let n = values.len() - 1;
        let scores = Var::from_tensor(&values[n]).unwrap();
        values[n] = scores.as_tensor().clone();
        let gradients = loss(bank.as_ref(), &values).backward().unwrap();
        let gradient = flat(gradients.get(&scores).unwrap());
        values[n] = scores.ones_like().unwrap();
        let unsigned = flat(&bank.filters(&values).unwrap());
        let expected = flat(&scores).into_iter().zip(unsigned).zip(flat(&probe(bank.as_ref())));
        for (gradient, ((score, weight), probe)) in gradient.into_iter().zip(expected) {
            let expected = if score.abs() < 1.0 { weight * probe } else { 0.0 };
            assert!((gradient - expected).abs() < 1e-12, "{name}: score {score}: {gradient} {expected}");
        }
    }
}

#[test]
fn counts_are_those_of_the_table() {
    let counts: Vec<_> =
        every_bank().iter().map(|(_, b)| (count(b.as_ref()).real, count(b.as_ref()).one_bit)).collect();
    let base = 2 * 3 * 9;
    let signs = 5 * 6 * 9;
    let tiles = 3 * 2;
    let expected = [
        (54, 0),
        (54, 0),
        (2 * 4 * 4, 0),
        (18, 0),
        (2 * 8 * 9, 0),
        (2 * 4 * 9, 0),
        (18, 0),
        (base, 0),
        (base + 2 * tiles, 0),
        (base, signs),
        (base, 0),
        (base, signs),
    ];
    assert_eq!(counts, expected);
}

#[test]
fn a_scramble_keeps_the_entries_of_every_copy() {
    let bank = scrambled(&PointGroup::c4(), Representation::Regular, [2, 3, 3], 1).unwrap();
    let filters = bank.filters(&draw(&bank)).unwrap().reshape((2, 4, 3, 36)).unwrap();
    let sorted = |o: usize, g: usize, i: usize| {
        let mut entries: Vec<f64> = filters.get(o).unwrap().get(g).unwrap().get(i).unwrap().to_vec1().unwrap();
        entries.sort_by(f64::total_cmp);
        entries
    };
    for (o, g, i) in (0..2).flat_map(|o| (0..4).flat_map(move |g| (0..3).map(move |i| (o, g, i)))) {
        assert_eq!(sorted(o, g, i), sorted(o, 0, i));
    }
}

#[test]
fn random_mask_fills_the_first_kernels_with_the_learned_ones() {
    let bank = RandomMaskBank::new(Rescale { base: [2, 3], scaled: [5, 6], kernel: 3 }).unwrap();
    let mut values = draw(&bank);
    values[2] = values[2].ones_like().unwrap();
    let filters = flat(&bank.filters(&values).unwrap());
    assert_eq!(filters[..54], flat(&values[0]));
    assert_eq!(filters[54..], flat(&values[1]));
}

#[test]
fn repeat_drop_keeps_or_drops_entries_of_the_tiled_base() {
    let rescale = Rescale { base: [8, 8], scaled: [32, 32], kernel: 3 };
    let (drop, linear) = (RepeatDropBank::new(rescale, 0.75).unwrap(), RepeatLinearBank::new(rescale).unwrap());
    let values = draw(&drop);
    let (dropped, tiled) = (flat(&drop.filters(&values).unwrap()), flat(&linear.filters(&values[..1]).unwrap()));
    let kept = dropped.iter().zip(&tiled).filter(|(d, t)| d == t).count() as f64 / tiled.len() as f64;
    assert!(dropped.iter().zip(&tiled).all(|(d, t)| d == t || *d == 0.0));
    assert!((kept - 0.75).abs() < 0.02, "{kept}");
}

#[test]
fn zero_sizes_and_wrong_tensors_are_refused() {
    assert!(FreeBank::new(0, 1, 3).unwrap_err().to_string().contains("out maps is 0"));
    assert!(CopiesBank::group(&PointGroup::c4(), Representation::Trivial, [1, 0, 3]).is_err());
    let rescale = Rescale { base: [0, 3], scaled: [5, 6], kernel: 3 };
    assert!(RepeatSwishBank::new(rescale).unwrap_err().to_string().contains("base out maps is 0"));
    assert!(RepeatDropBank::new(Rescale { base: [1, 1], ..rescale }, 0.0).is_err());
    assert!(RandomMaskBank::new(Rescale { base: [5, 6], ..rescale }).is_err());
    let bank = FreeBank::new(2, 1, 3).unwrap();
    let wrong = Tensor::zeros((2, 1, 5, 5), DType::F32, &C).unwrap();
    let message = bank.filters(&[wrong]).unwrap_err().to_string();
    assert!(message.contains("[2, 1, 3, 3]") && message.contains("[2, 1, 5, 5]"), "{message}");
}

#[test]
fn under_xavier_repetition_starts_as_in_the_authors_code() {
    let rescale = Rescale { base: [20, 20], scaled: [40, 40], kernel: 3 };
    let (base, tile) = ((6.0f64 / 360.0).sqrt(), (6.0f64 / 5.0).sqrt());
    let swish = RepeatSwishBank::new(rescale).unwrap();
    assert_eq!(bounds(&swish, Initialisation::Xavier), [base, tile, tile]);
    // There the frozen kernels are He's with 40 in maps: the same bound.
    let mask = RandomMaskBank::new(rescale).unwrap();
    assert_eq!(bounds(&mask, Initialisation::Xavier)[..2], [base, (6.0f64 / (40.0 * 9.0)).sqrt()]);
}

#[test]
fn under_any_rule_a_repeated_base_starts_as_the_plain_layer_that_it_is() {
    let rescale = Rescale { base: [20, 10], scaled: [40, 20], kernel: 3 };
    let banks: [Box<dyn Bank>; 5] = [
        Box::new(RepeatLinearBank::new(rescale).unwrap()),
        Box::new(RepeatSwishBank::new(rescale).unwrap()),
        Box::new(RepeatMaskBank::new(rescale).unwrap()),
        Box::new(RepeatDropBank::new(rescale, 0.5).unwrap()),
        Box::new(RandomMaskBank::new(rescale).unwrap()),
    ];
    let plain = FreeBank::new(20, 10, 3).unwrap();
    for rule in [Initialisation::FanIn, Initialisation::Xavier, Initialisation::He] {
        for bank in &banks {
            assert_eq!(bounds(bank.as_ref(), rule)[0], bounds(&plain, rule)[0], "{bank:?} {rule:?}");
        }
    }
    assert_eq!(bounds(&plain, Initialisation::FanIn), [(1.0f64 / 90.0).sqrt()]);
    assert_eq!(bounds(&plain, Initialisation::He), [(6.0f64 / 90.0).sqrt()]);
    // A group convolution sums over all maps of its fields.
    let group = CopiesBank::group(&PointGroup::c4(), Representation::Regular, [5, 10, 3]).unwrap();
    assert_eq!(bounds(&group, Initialisation::FanIn), [(1.0f64 / (4.0 * 90.0)).sqrt()]);
}

fn bounds(bank: &dyn Bank, rule: Initialisation) -> Vec<f64> {
    let bound = |init: Init| match init {
        Init::Uniform { lo, up } => lo.abs().max(up),
        other => panic!("{other:?}"),
    };
    bank.parameters().into_iter().map(|p| bound(p.initial.distribution(rule))).collect()
}

fn npy(folder: &std::path::Path, name: &str) -> Tensor {
    Tensor::read_npy(folder.join(name)).unwrap()
}

/// Largest difference relative to the largest entry; 0 means every bit is the same.
fn difference(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    let (a, b): (Vec<f32>, Vec<f32>) =
        (a.flatten_all().unwrap().to_vec1().unwrap(), b.flatten_all().unwrap().to_vec1().unwrap());
    if a.iter().zip(&b).all(|(a, b)| a.to_bits() == b.to_bits()) {
        return 0.0;
    }
    a.iter().zip(&b).map(|(a, b)| (a - b).abs() / b.abs().max(f32::MIN_POSITIVE)).fold(f32::MIN_POSITIVE, f32::max)
}

#[test]
fn group_banks_meet_groupy_bit_for_bit() {
    let folder = crate::common::golden("groupy");
    let kinds = [
        ("z2_p4", PointGroup::c4(), Representation::Trivial),
        ("p4_p4", PointGroup::c4(), Representation::Regular),
        ("z2_p4m", PointGroup::d4(), Representation::Trivial),
        ("p4m_p4m", PointGroup::d4(), Representation::Regular),
    ];
    for (kind, group, input) in kinds {
        for kernel in [3, 4].into_iter().filter(|&k| k == 3 || !kind.contains("p4m")) {
            let weight = npy(&folder, &format!("{kind}_k{kernel}.weight.npy"));
            let weight = if input == Representation::Trivial { weight.squeeze(2).unwrap() } else { weight };
            let bank = CopiesBank::group(&group, input, [weight.dims()[0], weight.dims()[1], kernel]).unwrap();
            let filters = npy(&folder, &format!("{kind}_k{kernel}.filters.npy"));
            assert_eq!(difference(&bank.filters(&[weight]).unwrap(), &filters), 0.0, "{kind} {kernel}");
        }
    }
}

#[test]
fn repetition_banks_meet_the_authors_layer() {
    let folder = crate::common::golden("repeat");
    let cases = ["linear_4x3_to_8x9", "swish_4x3_to_8x9", "swish_6x1_to_12x1", "mask_4x3_to_8x6", "mask_4x3_to_10x7"];
    for case in cases {
        let array = |part: &str| npy(&folder, &format!("{case}.{part}.npy"));
        let (base, filters) = (array("base"), array("filters"));
        let (b, f) = (base.dims().to_vec(), filters.dims());
        let rescale = Rescale { base: [b[0], b[1]], scaled: [f[0], f[1]], kernel: f[2] };
        let (bank, values, tolerance): (Box<dyn Bank>, _, _) = match &case[..4] {
            "line" => (Box::new(RepeatLinearBank::new(rescale).unwrap()), vec![base], 0.0),
            "mask" => (Box::new(RepeatMaskBank::new(rescale).unwrap()), vec![base, array("mask")], 0.0),
            _ => (Box::new(RepeatSwishBank::new(rescale).unwrap()), vec![base, array("alpha"), array("beta")], 1e-6),
        };
        let found = difference(&bank.filters(&values).unwrap(), &filters);
        assert!(found <= tolerance, "{case}: {found}");
    }
}
