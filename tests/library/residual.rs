//! Branches that are added: lanes against f64 tensors in candle's graph, gradients included, and the lab's look into them.

use std::sync::Arc;

use candle_core::{DType, Device, Result, Tensor, Var};
use equisplit::group::PointGroup;
use equisplit::kernel::{Activation, FeatureMap, Window};
use equisplit::lab::{GridReport, layer_reports};
use equisplit::nn::{
    Conv, ConvConfig, FieldNorm, FieldNormConfig, Layer, Mode, NamedLayer, Residual, Weights, group_conv, lifting_conv,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::kernel_support::{Storage, cases, random};

fn assert_same(input: &Tensor, parameters: &[Tensor], operator: impl Fn(FeatureMap, &[Var]) -> Result<FeatureMap>) {
    crate::kernel_support::assert_same(&Storage::Lanes, input, parameters, operator);
}

const ACTIVATIONS: [Activation; 5] =
    [Activation::Identity, Activation::Relu, Activation::LeakyRelu, Activation::Elu, Activation::Swish];

/// What a random branch is made of.
#[derive(Clone, Copy, Debug)]
enum Step {
    Conv(usize),
    Norm(Activation),
    Activation(Activation),
    /// A block within the block, whose shortcut is the identity.
    Block,
}

fn step() -> impl Strategy<Value = Step> {
    let activation = || prop::sample::select(ACTIVATIONS.to_vec());
    prop_oneof![
        prop::sample::select(vec![1usize, 3, 5]).prop_map(Step::Conv),
        activation().prop_map(Step::Norm),
        activation().prop_map(Step::Activation),
        Just(Step::Block),
    ]
}

/// Applies a step; its parameters are the next two or three of `parameters`: filters of five pixels, γ and β.
fn apply(maps: FeatureMap, step: Step, parameters: &[Var]) -> Result<FeatureMap> {
    let conv = |maps: FeatureMap, kernel: usize| {
        let middle = (5 - kernel) / 2;
        let filters = parameters[0].narrow(2, middle, kernel)?.narrow(3, middle, kernel)?.contiguous()?;
        maps.conv2d(&filters, Window { stride: 1, padding: kernel / 2 })
    };
    let norm = |maps: FeatureMap, activation| Ok(maps.normalise([&parameters[1], &parameters[2]], 1e-5, activation)?.0);
    match step {
        Step::Conv(kernel) => conv(maps, kernel),
        Step::Norm(activation) => norm(maps, activation),
        Step::Activation(activation) => maps.activate(activation),
        Step::Block => maps.branches(|maps| norm(conv(maps, 3)?, Activation::Relu), Ok),
    }
}

// Always the same cases: among very many there is one where rounding puts an entry on the other side of a ReLU's kink.
proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(3), ..ProptestConfig::with_cases(cases(150)) })]
    #[test]
    fn branches_agree_with_candles_graph(
        batch in 1usize..20, maps in 1usize..6, size in (3usize..10, 3usize..10), first in any::<bool>(),
        main in prop::collection::vec(step(), 1..5), shortcut in prop::collection::vec(step(), 0..3),
        after in prop::sample::select(ACTIVATIONS.to_vec()),
    ) {
        // Of few entries a norm makes ±1 whatever they are, and their gradient is what rounding leaves of 0.
        prop_assume!(batch * size.0 * size.1 >= 24);
        let x = random(&[batch, maps, size.0, size.1], "x");
        let steps = main.len() + shortcut.len() + 1;
        let parameters: Vec<Tensor> = (0..steps)
            .flat_map(|n| {
                let filters = random(&[maps, maps, 5, 5], &format!("w{n}"));
                let [gamma, beta] =
                    ["gamma", "beta"].map(|name| random(&[maps], &format!("{name}{n}")).affine(0.5, 1.0).unwrap());
                [filters, gamma, beta]
            })
            .collect();
        assert_same(&x, &parameters, |maps, parameters| {
            let of = |n: usize| &parameters[3 * n..3 * n + 3];
            // Where a norm is right before the fork, its sums must not be taken from one branch alone.
            let maps = if first { apply(maps, Step::Norm(Activation::Relu), of(steps - 1))? } else { maps };
            let along = |maps: FeatureMap, steps: &[Step], from: usize| {
                steps.iter().enumerate().try_fold(maps, |maps, (n, &step)| apply(maps, step, of(from + n)))
            };
            let sum = maps.branches(|maps| along(maps, &main, 0), |maps| along(maps, &shortcut, main.len()))?;
            sum.activate(after)
        });
    }

    #[test]
    fn means_over_pixels_and_non_linearities_agree(
        batch in 1usize..20, maps in 1usize..6, size in (1usize..9, 1usize..9),
        activation in prop::sample::select(ACTIVATIONS.to_vec()),
    ) {
        let x = random(&[batch, maps, size.0, size.1], "x");
        assert_same(&x, &[], |maps, _| maps.activate(activation)?.mean_over_pixels());
    }
}

#[test]
fn both_branches_may_hold_the_same_weights() {
    let (x, w) = (random(&[9, 3, 7, 5], "x"), random(&[3, 3, 3, 3], "w"));
    let window = Window { stride: 1, padding: 1 };
    assert_same(&x, &[w], |maps, w| {
        maps.branches(|maps| maps.conv2d(&w[0], window)?.conv2d(&w[0], window), |maps| maps.conv2d(&w[0], window))
    });
}

#[test]
fn non_linearities_have_the_values_of_their_definitions() {
    let x = Tensor::new(&[[[[-2.0f64, -0.5, 0.0, 1.5]]]], &Device::Cpu).unwrap();
    let expected = [
        [-2.0, -0.5, 0.0, 1.5],
        [0.0, 0.0, 0.0, 1.5],
        [-0.02, -0.005, 0.0, 1.5],
        // e⁻² − 1 and e^−½ − 1.
        [-0.864_664_716_763, -0.393_469_340_287, 0.0, 1.5],
        // −2/(1 + e²), −½/(1 + e^½), 1.5/(1 + e^−1.5).
        [-0.238_405_844_044, -0.188_770_334_399, 0.0, 1.226_361_714_290],
    ];
    for (activation, expected) in ACTIVATIONS.into_iter().zip(expected) {
        let found = FeatureMap::from_tensor(&x).activate(activation).unwrap().into_tensor().unwrap();
        let found: Vec<f64> = found.flatten_all().unwrap().to_vec1().unwrap();
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-11, "{activation:?}: {found}, not {expected}");
        }
    }
}

#[test]
fn branches_of_different_shapes_are_refused_by_both_ways() {
    let x = random(&[2, 3, 6, 6], "x").to_dtype(DType::F32).unwrap();
    let w = random(&[3, 3, 3, 3], "w").to_dtype(DType::F32).unwrap();
    let lanes = FeatureMap::from_images(&x, &Default::default(), true).unwrap();
    for maps in [lanes, FeatureMap::from_tensor(&x)] {
        let shrunk = maps.branches(|maps| maps.conv2d(&w, Window { stride: 1, padding: 0 }), Ok);
        let error = shrunk.map(drop).unwrap_err().to_string();
        assert!(error.contains("[2, 3, 4, 4] and [2, 3, 6, 6] can't be added"), "{error}");
    }
}

/// A block of group convolutions with norms; where `stride` isn't 1, the shortcut is a convolution with one pixel.
fn block(
    group: &Arc<PointGroup>,
    weights: &Weights,
    [fields, out]: [usize; 2],
    stride: usize,
) -> equisplit::Result<Residual> {
    let vb = weights.builder(DType::F32, &Device::Cpu);
    let config = ConvConfig::default().with_padding(1);
    let named = |name: &str, layer: Box<dyn Layer>| NamedLayer { name: name.to_owned(), layer };
    let conv = |name: &str, fields: usize, kernel: usize, config: ConvConfig| -> equisplit::Result<Conv> {
        group_conv(group, fields, out, kernel, config, vb.pp(name))
    };
    let norm = |name: &str, conv: &Conv, activation| -> equisplit::Result<FieldNorm> {
        let config = FieldNormConfig::default().with_activation(activation);
        FieldNorm::new(conv.output().clone(), config, vb.pp(name))
    };
    let (first, second) = (conv("a", fields, 3, config.with_stride(stride))?, conv("b", out, 3, config)?);
    let norms = [norm("a.norm", &first, Activation::Relu)?, norm("b.norm", &second, Activation::Identity)?];
    let [first_norm, second_norm] = norms;
    let main = vec![
        named("block.main.a", Box::new(first)),
        named("block.main.a.norm", Box::new(first_norm)),
        named("block.main.b", Box::new(second)),
        named("block.main.b.norm", Box::new(second_norm)),
    ];
    let shortcut = match stride {
        1 => Vec::new(),
        _ => {
            let conv = conv("s", fields, 1, ConvConfig::default().with_stride(stride))?;
            vec![named("block.shortcut.s", Box::new(conv))]
        }
    };
    Residual::new(main, shortcut, Activation::Relu)
}

fn network(group: &Arc<PointGroup>, stride: usize) -> Vec<NamedLayer> {
    let weights = Weights::new(7);
    let vb = weights.builder(DType::F32, &Device::Cpu);
    let lifting = lifting_conv(group, 1, 3, 3, ConvConfig::default().with_padding(1), vb.pp("lifting")).unwrap();
    let out = if stride == 1 { 3 } else { 4 };
    let block = block(group, &weights, [3, out], stride).unwrap();
    vec![
        NamedLayer { name: "lifting".to_owned(), layer: Box::new(lifting) },
        NamedLayer { name: "block".to_owned(), layer: Box::new(block) },
    ]
}

#[test]
fn blocks_are_equivariant_where_their_grids_meet_and_the_lab_names_the_branch_where_not() {
    for group in [PointGroup::c4(), PointGroup::d4()].map(Arc::new) {
        for (stride, size) in [(1, 8), (1, 9), (2, 9)] {
            let layers = network(&group, stride);
            assert_eq!(GridReport::of(&layers, [size; 2]).faults, [], "stride {stride}, {size} pixels");
            let images = random(&[4, 1, size, size], "images").to_dtype(DType::F32).unwrap();
            let reports = layer_reports(&layers, &group, &images).unwrap();
            let names: Vec<&str> = reports.iter().map(|report| report.layer.as_str()).collect();
            assert!(names.contains(&"block.main.b") && names.ends_with(&["block"]), "{names:?}");
            for report in reports {
                assert!(report.declared && !report.is_broken(1e-5), "{} at {size} pixels: {report:?}", report.layer);
            }
        }
        // Of 8 pixels and a border of zeros, 3×3 windows with stride 2 leave a column over, in both branches.
        let layers = network(&group, 2);
        let report = GridReport::of(&layers, [8; 2]);
        let faults: Vec<&str> = report.faults.iter().map(|fault| fault.layer.as_str()).collect();
        assert_eq!(faults, ["block.main.a", "block.shortcut.s"]);
        assert_eq!(report.fitting_sizes, [7, 9]);
        let images = random(&[4, 1, 8, 8], "images").to_dtype(DType::F32).unwrap();
        let broken = |report: &equisplit::lab::LayerReport| report.is_broken(1e-5).then(|| report.layer.clone());
        let broken: Vec<String> = layer_reports(&layers, &group, &images).unwrap().iter().filter_map(broken).collect();
        assert_eq!(broken, ["block.main.a", "block.shortcut.s", "block"]);
    }
}

#[test]
fn blocks_cost_what_their_branches_cost_and_refuse_what_they_cannot_add() {
    let group = Arc::new(PointGroup::c4());
    let weights = Weights::new(1);
    let residual = block(&group, &weights, [3, 4], 2).unwrap();
    // 3×3 from 3 and from 4 fields, 1×1 from 3, each over 4 elements to 4 fields; two norms with γ and β of 4 fields.
    assert_eq!(residual.parameters().real, 4 * 3 * 4 * 9 + 4 * 4 * 4 * 9 + 4 * 3 * 4 + 2 * 8);
    assert_eq!(residual.output_size([9, 9]), Some([5, 5]));
    // Maps: 12 in, 16 out, 5×5 pixels.
    assert_eq!(residual.multiply_adds([9, 9]), 25 * (16 * 12 * 9 + 16 * 16 * 9 + 16 * 12));
    let x = random(&[2, 12, 9, 9], "x").to_dtype(DType::F32).unwrap();
    assert_eq!(residual.forward_in(&x, &mut Mode::Inference).unwrap().dims(), [2, 16, 5, 5]);
    let [main, _] = residual.branches();
    assert_eq!(main.len(), 4);
    let wider = |fields: [usize; 2]| block(&group, &Weights::new(1), fields, 1).map(drop);
    assert!(wider([3, 3]).is_ok());
    let error = wider([3, 4]).unwrap_err().to_string();
    assert!(
        error.contains("the shortcut leads to 3 × Regular fields, but the other branch with 4 × Regular"),
        "{error}"
    );
    assert!(Residual::new(Vec::new(), Vec::new(), Activation::Relu).is_err());
}
