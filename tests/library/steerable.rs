//! Steerable filters: the spans of another package, turns without interpolation, and controls that are no group.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use equisplit::bank::{self, Bank, Rings, SteerableBank};
use equisplit::group::{PointGroup, Representation};
use equisplit::{npy, rng};
use nalgebra::DMatrix;

use crate::common::equisplit;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/golden/steerable");

/// Rows are basis functions, columns their entries, in the order of our elements.
fn rows(basis: &Tensor, order: &[usize]) -> DMatrix<f64> {
    let (dimension, out, inputs, k, _) = basis.dims5().unwrap();
    let values = basis.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let at = |n: usize, g: usize, h: usize, x: usize| values[((n * out + g) * inputs + h) * k * k + x];
    let place = |maps: usize, n: usize| if maps == 1 { 0 } else { order[n] };
    DMatrix::from_fn(dimension, out * inputs * k * k, |n, column| {
        let (g, h, x) = (column / (inputs * k * k), column / (k * k) % inputs, column % (k * k));
        at(n, place(out, g), place(inputs, h), x)
    })
}

/// What projecting the rows of one onto the span of the other leaves, relative to their norm; the largest.
fn left_over(rows: &DMatrix<f64>, onto: &DMatrix<f64>) -> f64 {
    let q = onto.transpose().qr().q();
    let rest = rows.transpose() - &q * (q.transpose() * rows.transpose());
    (0..rows.nrows()).map(|n| rest.column(n).norm() / rows.row(n).norm()).fold(0.0, f64::max)
}

fn rank(rows: &DMatrix<f64>) -> usize {
    let singular = rows.clone().svd(false, false).singular_values;
    singular.iter().filter(|&&value| value > 1e-6 * singular[0]).count()
}

/// Claim: `equisplit basis` spans what escnn's expanded bases span.
#[test]
fn spans_are_those_of_escnn() {
    let folder = tempfile::tempdir().unwrap();
    let (turns, d4) = ((0..16).collect::<Vec<usize>>(), vec![0, 1, 2, 3, 6, 5, 4, 7]);
    for (name, group, kernel, input, order) in [
        ("c4_k5_lifting", "c4", "5", "trivial", &turns),
        ("c4_k5_regular", "c4", "5", "regular", &turns),
        ("c8_k5_lifting", "c8", "5", "trivial", &turns),
        ("c16_k7_lifting", "c16", "7", "trivial", &turns),
        ("d4_k5_lifting", "d4", "5", "trivial", &d4),
    ] {
        let out = folder.path().join("basis.npy");
        let args = ["basis", "--group", group, "--kernel", kernel, "--input", input, "--out"];
        equisplit().args(args).arg(&out).assert().success();
        let (own, theirs) = (npy::read(&out).unwrap(), npy::read(format!("{GOLDEN}/{name}.npy").as_ref()).unwrap());
        assert_eq!((own.dims(), own.dtype()), (theirs.dims(), DType::F32), "{name}");
        // Element n of ours is element order[n] of theirs.
        let (own, theirs) = (rows(&own, &turns), rows(&theirs, order));
        assert_eq!((rank(&own), rank(&theirs)), (own.nrows(), theirs.nrows()), "{name}");
        let (a, b) = (left_over(&own, &theirs), left_over(&theirs, &own));
        assert!(a < 1e-4 && b < 1e-4, "{name}: {a:.1e} and {b:.1e}");
    }
}

#[test]
fn wrong_rings_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let basis = |more: &[&str]| {
        let args = ["basis", "--group", "c8", "--kernel", "5", "--input", "trivial"];
        let out = folder.path().join("basis.npy");
        let output = equisplit().args(args).args(more).arg("--out").arg(&out).assert().failure();
        assert!(!out.exists());
        String::from_utf8(output.get_output().stderr.clone()).unwrap()
    };
    for (more, part) in [
        (["--rings", "0,2,1"], "rings = [0.0, 2.0, 1.0], but expected radii"),
        (["--rings", "0,NaN"], "rings"),
        (["--sigma", "0.6,0.6"], "sigma has 2 numbers, but 5×5 filters have 3 rings"),
        (["--sigma", "0.6,0,1"], "sigma"),
        (["--cutoff", "0,2,2,2"], "cutoff has 4 numbers"),
        (["--cutoff", "0,2,4000"], "highest frequency"),
        (["--rings", "50"], "has no pixels of 5×5"),
        (["--cutoff", "0,129,2"], "up to 128"),
    ] {
        let error = basis(&more);
        assert!(error.contains(part) && error.lines().count() == 1, "{more:?}: {error}");
    }
}

fn random(shape: &[usize], seed: u64) -> Tensor {
    use rand::RngExt;
    let mut stream = rng::stream(seed, "test/steerable");
    let values: Vec<f64> = (0..shape.iter().product()).map(|_| stream.random::<f64>() - 0.5).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn flat(tensor: &Tensor) -> Vec<f64> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// On C4 and D4 the filters of the copies are the rearranged filters of the first, as group banks have them.
#[test]
fn on_the_grid_copies_are_those_of_group_banks() {
    for group in [PointGroup::c4(), PointGroup::d4(), PointGroup::dihedral(1).unwrap()] {
        for (input, kernel) in
            [(Representation::Trivial, 5), (Representation::Regular, 5), (Representation::Regular, 4)]
        {
            let steerable = SteerableBank::group(&group, input, [2, 3, kernel], &Rings::default()).unwrap();
            let weight = random(&steerable.parameters()[0].shape, 1);
            let filters = steerable.filters(&[weight]).unwrap();
            // Copy 0 of component h is w[o, i, h].
            let (out, components) = (group.order(), input.dim(&group));
            let first = filters.reshape((2, out, 3 * components * kernel * kernel)).unwrap().narrow(1, 0, 1).unwrap();
            let shape =
                if components == 1 { vec![2, 3, kernel, kernel] } else { vec![2, 3, components, kernel, kernel] };
            let full = bank::CopiesBank::group(&group, input, [2, 3, kernel]).unwrap();
            let copied = full.filters(&[first.contiguous().unwrap().reshape(shape).unwrap()]).unwrap();
            let far = flat(&filters).iter().zip(flat(&copied)).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(far < 1e-14, "{} {input:?} {kernel}: {far}", group.name());
        }
    }
}

/// The definition, entry by entry: W[o·N + g, i·N + h] = Σ θ[o, i, g⁻¹h, b] ψ_b(g⁻¹x).
#[test]
fn filters_are_the_sum_that_defines_them() {
    let group = PointGroup::cyclic(8).unwrap();
    let rings = Rings::default();
    let bank = SteerableBank::group(&group, Representation::Regular, [2, 3, 5], &rings).unwrap();
    assert_eq!((bank.filter_shape(), &bank.parameters()[0].shape[..]), ([16, 24, 5, 5], &[2, 3, 8, 11][..]));
    let weight = random(&[2, 3, 8, 11], 2);
    let (theta, filters) = (flat(&weight), flat(&bank.filters(&[weight]).unwrap()));
    let basis = rings.basis(5, &group).unwrap();
    for (o, g, i, h) in [(0, 0, 0, 0), (1, 3, 2, 5), (0, 7, 1, 2), (1, 1, 0, 0)] {
        let moved = basis.moved(&group, g);
        let component = (h + 8 - g) % 8;
        for pixel in 0..25 {
            let of = |b: usize| theta[((o * 3 + i) * 8 + component) * 11 + b] * moved[b * 25 + pixel];
            let expected: f64 = (0..11).map(of).sum();
            let found = filters[((o * 8 + g) * 24 + i * 8 + h) * 25 + pixel];
            assert!((found - expected).abs() < 1e-12);
        }
    }
}

/// Turning the plane by g turns the functions by an orthogonal matrix, whatever g: the span is the same, and so is every norm.
#[test]
fn the_span_turns_in_itself() {
    for (group, kernel) in
        [(PointGroup::cyclic(16).unwrap(), 7), (PointGroup::dihedral(6).unwrap(), 5), (PointGroup::c8(), 3)]
    {
        let basis = Rings::default().basis(kernel, &group).unwrap();
        let matrix = |g| DMatrix::from_row_slice(basis.len(), kernel * kernel, &basis.moved(&group, g));
        let upright = matrix(0);
        let inverse = upright.clone().pseudo_inverse(1e-10).unwrap();
        for g in group.elements() {
            let moved = matrix(g);
            let turn = &moved * &inverse;
            assert!((&turn * &upright - &moved).norm() < 1e-9, "{} {g}: in the span", group.name());
            let one = DMatrix::<f64>::identity(basis.len(), basis.len());
            assert!((&turn * turn.transpose() - one).norm() < 1e-9, "{} {g}: orthogonal", group.name());
            assert!((moved.norm_squared() - basis.len() as f64).abs() < 1e-9, "{} {g}: norm", group.name());
        }
    }
}

/// What few pixels can't tell apart isn't counted twice: the bases of even and small kernels and of absurd cut-offs are independent, and
/// span what all functions together do.
#[test]
fn functions_that_say_nothing_new_are_left_out() {
    let orbits = |basis: &equisplit::bank::RingBasis, group: &PointGroup, kernel: usize| {
        let copies: Vec<Vec<f64>> = group.elements().map(|g| basis.moved(group, g)).collect();
        let area = kernel * kernel;
        DMatrix::from_fn(basis.len(), group.order() * area, |b, n| copies[n / area][b * area + n % area])
    };
    let far = Rings { cutoff: Some(vec![128, 128]), ..Rings::default() };
    for (group, kernel, rings, expected) in [
        (PointGroup::c4(), 4, Rings::default(), 10),
        (PointGroup::d4(), 4, Rings::default(), 10),
        (PointGroup::c4(), 5, Rings::default(), 11),
        (PointGroup::c8(), 4, Rings::default(), 11),
        (PointGroup::c4(), 2, Rings::default(), 4),
        (PointGroup::trivial(), 3, far.clone(), 9),
    ] {
        let basis = rings.basis(kernel, &group).unwrap();
        assert_eq!(basis.len(), expected, "{} {kernel}", group.name());
        assert_eq!(rank(&orbits(&basis, &group, kernel)), expected, "{} {kernel}", group.name());
    }
}

/// An output of new weights has the variance that the study's rule gives filters with a parameter a pixel.
#[test]
fn new_filters_have_the_variance_of_the_rule() {
    use equisplit::bank::{Initial, Initialisation};
    for rule in [Initialisation::FanIn, Initialisation::Xavier, Initialisation::He] {
        let group = PointGroup::c8();
        let sum_of_squares = |bank: &dyn Bank, seed| {
            let parameter = bank.parameters().remove(0);
            let Initial::Weight(fan) = parameter.initial else { panic!("filters start by the rule") };
            let candle_nn::Init::Uniform { up, .. } = rule.distribution(fan) else { panic!("uniform") };
            let weight = (random(&parameter.shape, seed) * (2.0 * up)).unwrap();
            let squares: f64 = flat(&bank.filters(&[weight]).unwrap()).iter().map(|value| value * value).sum();
            squares / bank.filter_shape()[0] as f64
        };
        let steerable = SteerableBank::group(&group, Representation::Regular, [20, 20, 5], &Rings::default()).unwrap();
        let free = bank::FreeBank::new(160, 160, 5).unwrap();
        let (a, b) = (sum_of_squares(&steerable, 3), sum_of_squares(&free, 4));
        assert!((a / b - 1.0).abs() < 0.02, "{rule:?}: {a} and {b}");
    }
}

/// A scramble has the group's parameters, sizes and norms, and its copies compose as no group's do.
#[test]
fn scrambles_are_no_group() {
    let group = PointGroup::c8();
    for input in [Representation::Trivial, Representation::Regular] {
        let [of_group, scrambled, again, other] =
            [None, Some(1), Some(1), Some(2)].map(|seed: Option<u64>| match seed {
                None => SteerableBank::group(&group, input, [2, 3, 5], &Rings::default()).unwrap(),
                Some(seed) => {
                    let stream = &mut rng::stream(seed, "scramble");
                    SteerableBank::scrambled(&group, input, [2, 3, 5], &Rings::default(), stream).unwrap()
                }
            });
        assert_eq!(bank::count(&of_group), bank::count(&scrambled));
        assert_eq!(of_group.filter_shape(), scrambled.filter_shape());
        let weight = random(&of_group.parameters()[0].shape, 5);
        let filters = |bank: &SteerableBank| flat(&bank.filters(std::slice::from_ref(&weight)).unwrap());
        let (one, two) = (filters(&of_group), filters(&scrambled));
        assert_eq!(two, filters(&again));
        assert_ne!(two, filters(&other));
        let size = one.len() / 16;
        for field in 0..2 {
            let copy = |values: &[f64], g: usize| {
                DMatrix::from_row_slice(3 * input.dim(&group), 25, &values[(field * 8 + g) * size..][..size])
            };
            assert_eq!(copy(&one, 0), copy(&two, 0), "the first copy is the filter itself");
            for g in 1..8 {
                assert!((copy(&one, g) - copy(&two, g)).norm() > 0.1 * copy(&one, g).norm(), "copy {g}");
            }
        }
    }
}

/// Gradients against finite differences, through matrix product and copies.
#[test]
fn gradients_are_those_of_finite_differences() {
    let bank = SteerableBank::group(&PointGroup::c8(), Representation::Regular, [1, 2, 3], &Rings::default()).unwrap();
    let shape = bank.parameters()[0].shape.clone();
    let weight = candle_core::Var::from_tensor(&random(&shape, 6)).unwrap();
    let [o, i, k, _] = bank.filter_shape();
    let direction = random(&[o, i, k, k], 7);
    let loss = |weight: &Tensor| {
        let filters = bank.filters(std::slice::from_ref(weight)).unwrap();
        ((filters.sqr().unwrap() * &direction).unwrap()).sum_all().unwrap()
    };
    let gradients = loss(weight.as_tensor()).backward().unwrap();
    let gradient = flat(gradients.get(&weight).unwrap());
    let values = flat(weight.as_tensor());
    for n in (0..values.len()).step_by(7) {
        let at = |by: f64| {
            let mut values = values.clone();
            values[n] += by;
            loss(&Tensor::from_vec(values, &shape[..], &Device::Cpu).unwrap()).to_scalar::<f64>().unwrap()
        };
        let slope = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!((slope - gradient[n]).abs() < 1e-7, "{n}: {slope} and {}", gradient[n]);
    }
}

/// Layers of C8 are equivariant under quarter turns, which they meet exactly, with the names that the group gives them.
#[test]
fn quarter_turns_of_c8_are_exact() {
    use equisplit::lab::equivariance_report;
    use equisplit::nn::{Conv, ConvConfig, FieldType, Layer, Mode};
    let group = Arc::new(PointGroup::dihedral(8).unwrap());
    let vars = candle_nn::VarMap::new();
    let vb = candle_nn::VarBuilder::from_varmap(&vars, DType::F64, &Device::Cpu);
    let bank = SteerableBank::group(&group, Representation::Regular, [2, 2, 5], &Rings::default()).unwrap();
    let conv = Conv::new(Box::new(bank), &group, ConvConfig::default(), vb).unwrap();
    let fields = FieldType::regular(&group, 2);
    let x = random(&[1, 32, 9, 9], 8);
    let report = equivariance_report(&x, &fields, &fields, |x| conv.forward_in(x, &mut Mode::Inference)).unwrap();
    let names: Vec<&str> = report.elements.iter().map(|element| element.element.as_str()).collect();
    assert_eq!(names, ["1", "r²", "r⁴", "r⁶", "m", "mr²", "mr⁴", "mr⁶"]);
    assert!(!report.breaks(1e-12), "{report}");
}
