//! The operators in vector lanes against the same operators on f64 tensors, which tests/library/kernel.rs checks against their
//! definitions.

use std::sync::Arc;

use crate::kernel_support::{Storage, cases, flat, random, run};
use candle_core::{DType, Device, Result, Tensor, Var};
use equisplit::kernel::{Activation, FeatureMap, Window, Workspace};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand::RngExt;

fn assert_same(input: &Tensor, parameters: &[Tensor], operator: impl Fn(FeatureMap, &[Var]) -> Result<FeatureMap>) {
    crate::kernel_support::assert_same(&Storage::Lanes, input, parameters, operator);
}

// Always the same cases: among very many there is one where rounding puts an entry on the other side of a ReLU's kink.
proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(cases(120)) })]
    #[test]
    fn convolutions_agree(
        batch in 1usize..20, in_maps in 1usize..14, out_maps in 1usize..14, size in (1usize..12, 1usize..12),
        kernel in 1usize..8, stride in 1usize..4, padding in 0usize..4,
    ) {
        prop_assume!(size.0 + 2 * padding >= kernel && size.1 + 2 * padding >= kernel);
        let (x, w) = (random(&[batch, in_maps, size.0, size.1], "x"), random(&[out_maps, in_maps, kernel, kernel], "w"));
        assert_same(&x, &[w], |maps, w| maps.conv2d(&w[0], Window { stride, padding }));
    }

    /// 3×3, 5×5 and 7×7 at stride 1 between at least 8 maps are Winograd's algorithm, by the scheme that fits the size.
    #[test]
    fn winograd_agrees(
        batch in 1usize..40, in_maps in 8usize..40, out_maps in 8usize..40, size in (1usize..20, 1usize..20),
        kernel in prop::sample::select(vec![3usize, 5, 7]), padding in 0usize..9,
    ) {
        prop_assume!(size.0 + 2 * padding >= kernel && size.1 + 2 * padding >= kernel);
        let shape = [out_maps, in_maps, kernel, kernel];
        let (x, w) = (random(&[batch, in_maps, size.0, size.1], "x"), random(&shape, "w"));
        assert_same(&x, &[w], |maps, w| maps.conv2d(&w[0], Window { stride: 1, padding }));
    }

    /// Windows that don't overlap, side by side on the whole image or with pixels left over; with one, the kernel covers the
    /// image.
    #[test]
    fn windows_side_by_side_agree(
        batch in 1usize..70, in_maps in 1usize..40, out_maps in 1usize..40, kernel in (1usize..6, 1usize..6),
        windows in (1usize..4, 1usize..4), over in 0usize..3,
    ) {
        let (stride, [height, width]) = (kernel.0.max(kernel.1), [kernel.0, kernel.1]);
        let size = [(windows.0 - 1) * stride + height, (windows.1 - 1) * stride + width + over];
        let (x, w) = (random(&[batch, in_maps, size[0], size[1]], "x"), random(&[out_maps, in_maps, height, width], "w"));
        assert_same(&x, &[w], |maps, w| maps.conv2d(&w[0], Window { stride, padding: 0 }));
    }

    #[test]
    fn norms_and_non_linearities_agree(
        batch in 1usize..20, fields in 1usize..5, field in 1usize..5, size in (1usize..12, 2usize..12), shift in -3.0..3.0,
    ) {
        // Of two entries the norm makes ±1 whatever they are, so that their gradient is what rounding leaves of 0.
        prop_assume!(batch * field * size.0 * size.1 >= 16);
        let x = random(&[batch, fields * field, size.0, size.1], "x").affine(1.0, shift).unwrap();
        let [gamma, beta] = ["gamma", "beta"].map(|name| random(&[fields], name).affine(0.5, 1.0).unwrap());
        for activation in [Activation::Identity, Activation::Relu, Activation::Elu] {
            assert_same(&x, &[gamma.clone(), beta.clone()], |maps, p| {
                let (maps, moments) = maps.normalise([&p[0], &p[1]], 1e-5, activation)?;
                assert_eq!(moments.count, batch * field * size.0 * size.1);
                Ok(maps)
            });
        }
        // Positive, so that the sum behind the gradient of the bias doesn't cancel.
        let positive = random(&[batch, fields * field, size.0, size.1], "x").affine(1.0, 2.0).unwrap();
        assert_same(&positive, &[beta], |maps, p| maps.add_bias(&p[0]));
    }

    #[test]
    fn pools_agree(
        batch in 1usize..20, fields in 1usize..5, field in 1usize..5, pixels in (4usize..12, 4usize..12), size in 1usize..5,
        stride in 1usize..5, padding in 0usize..3,
    ) {
        let x = random(&[batch, fields * field, pixels.0, pixels.1], "x");
        // -2 to 2: nearly every window has entries that tie.
        let ties = (&x * 2.0).unwrap().round().unwrap();
        for window in [Window::side_by_side(size), Window { stride, padding: padding.min(size / 2) }] {
            assert_same(&x, &[], |maps, _| maps.max_pool2d(size, window));
            assert_same(&ties, &[], |maps, _| maps.max_pool2d(size, window));
            assert_same(&x, &[], |maps, _| maps.mean_pool2d(size, window));
        }
        assert_same(&x, &[], |maps, _| maps.max_over_pixels());
        assert_same(&x, &[], |maps, _| maps.max_over_fields(fields));
        assert_same(&x, &[], |maps, _| maps.mean_over_fields(fields));
        assert_same(&x, &[], |maps, _| maps.through(|t| t.sqr()));
        assert_same(&x, &[], |maps, _| {
            let mut stream = equisplit::rng::stream(2, "mask");
            maps.mask(fields, 1.25, || stream.random())
        });
        let reversed: Arc<[usize]> = (0..field).rev().collect();
        let turned: Arc<[usize]> = (0..field).map(|map| (map + 1) % field).collect();
        assert_same(&x, &[], |maps, _| maps.permute_fields(&reversed)?.permute_fields(&turned));
        // Blank corners of images tie.
        let blank = x.zeros_like().unwrap();
        assert_same(&blank, &[], |maps, _| maps.max_pool2d(size, Window { stride, padding: padding.min(size / 2) }));
        assert_same(&blank, &[], |maps, _| maps.max_over_fields(fields));
    }
}

// Fewer cases, since the reference is slow.
proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(cases(30)) })]
    /// With so many maps, few tiles fit in a near cache, and their points are worked on a part at a time.
    #[test]
    fn winograd_with_many_maps_agrees(
        batch in 1usize..12, in_maps in 92usize..110, out_maps in 92usize..110, size in (5usize..12, 5usize..12),
        kernel in prop::sample::select(vec![3usize, 5, 7]), padding in 1usize..4,
    ) {
        let shape = [out_maps, in_maps, kernel, kernel];
        let (x, w) = (random(&[batch, in_maps, size.0, size.1], "x"), random(&shape, "w"));
        assert_same(&x, &[w], |maps, w| maps.conv2d(&w[0], Window { stride: 1, padding }));
    }
}

/// Convolutions of both kinds, norm, pool: what a network does.
fn block(maps: FeatureMap, p: &[Var]) -> Result<FeatureMap> {
    let (maps, _) = maps.conv2d(&p[0], Window::default())?.normalise([&p[1], &p[2]], 1e-5, Activation::Relu)?;
    maps.conv2d(&p[3], Window::default())?
        .max_pool2d(2, Window::side_by_side(2))?
        .conv2d(&p[4], Window { stride: 2, padding: 1 })
}

fn block_parameters() -> Vec<Tensor> {
    let shapes: [&[usize]; 5] = [&[12, 3, 5, 5], &[3], &[3], &[10, 12, 3, 3], &[4, 10, 4, 4]];
    shapes.iter().enumerate().map(|(n, shape)| random(shape, &format!("p{n}"))).collect()
}

#[test]
fn a_whole_block_agrees() {
    assert_same(&random(&[21, 3, 20, 18], "x"), &block_parameters(), block);
}

/// Norms are computed where they are read, and sums of what is written: by a norm, a bias, a pool, an operator of candle's.
#[test]
fn norms_agree_whatever_reads_them() {
    let x = random(&[9, 8, 7, 6], "x");
    let filters = random(&[8, 8, 3, 3], "w");
    let [gamma, beta, bias] = ["gamma", "beta", "bias"].map(|name| random(&[4], name).affine(0.5, 1.0).unwrap());
    let parameters = [filters, gamma, beta, bias];
    let orders: [&[&str]; 6] = [
        &["norm", "conv", "norm", "norm", "conv"],
        &["conv", "bias", "norm", "bias", "conv"],
        &["conv", "norm", "max", "bias", "conv", "norm", "mean"],
        &["conv", "norm", "candle", "norm", "fields"],
        &["conv", "norm", "max", "norm", "mean", "conv"],
        &["conv", "norm", "candle", "bias", "norm", "max"],
    ];
    for (order, activation) in orders.iter().flat_map(|order| {
        [Activation::Identity, Activation::Relu, Activation::Elu].map(|activation| (order, activation))
    }) {
        assert_same(&x, &parameters, |maps, p| {
            order.iter().try_fold(maps, |maps, operator| match *operator {
                "norm" => Ok(maps.normalise([&p[1], &p[2]], 1e-5, activation)?.0),
                "conv" => maps.conv2d(&p[0], Window { stride: 1, padding: 1 }),
                "bias" => maps.add_bias(&p[3]),
                "max" => maps.max_pool2d(2, Window::side_by_side(2)),
                "mean" => maps.mean_pool2d(2, Window::side_by_side(2)),
                "fields" => maps.mean_over_fields(4),
                _ => maps.through(|tensor| tensor.sqr()),
            })
        });
    }
}

#[test]
fn the_number_of_threads_does_not_change_a_bit() {
    let same =
        |x: Tensor, parameters: &[Tensor], operator: &(dyn Fn(FeatureMap, &[Var]) -> Result<FeatureMap> + Sync)| {
            let results = [1, 2, 3, 16].map(|threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let results = pool.install(|| run(&Storage::Lanes, &x, parameters, operator)).unwrap();
                results.iter().map(flat).collect::<Vec<_>>()
            });
            assert!(results.iter().all(|found| *found == results[0]));
        };
    same(random(&[37, 3, 20, 18], "x"), &block_parameters(), &block);
    let pools = |maps: FeatureMap, _: &[Var]| {
        maps.max_pool2d(3, Window { stride: 2, padding: 1 })?.mean_pool2d(3, Window { stride: 1, padding: 1 })
    };
    same(random(&[37, 5, 9, 11], "x"), &[], &pools);
    // Threads share what is within a group where there are few of them.
    for kernel in [3, 5, 7] {
        let convolution = |maps: FeatureMap, w: &[Var]| maps.conv2d(&w[0], Window { stride: 1, padding: 2 });
        same(random(&[21, 20, 9, 11], "x"), &[random(&[24, 20, kernel, kernel], "w")], &convolution);
    }
}

#[test]
fn one_nan_makes_nan_of_all_that_it_meets() {
    let gamma = random(&[4], "gamma");
    let relu = |maps: FeatureMap, p: &[Var]| Ok(maps.normalise([&p[0], &p[0]], 1e-5, Activation::Relu)?.0);
    for place in 0..4 {
        // In every position of a 2×2 window, of a field, and of an image.
        let mut entries = flat(&random(&[1, 4, 2, 2], "x"));
        entries[5 * place] = f64::NAN;
        let x = Tensor::from_vec(entries, (1, 4, 2, 2), &Device::Cpu).unwrap();
        for storage in [Storage::Lanes, Storage::REFERENCE] {
            let nans = |p: &[Tensor], operator: &dyn Fn(FeatureMap, &[Var]) -> Result<FeatureMap>| {
                flat(&run(&storage, &x, p, operator).unwrap()[0]).iter().map(|value| value.is_nan()).collect::<Vec<_>>()
            };
            let map: Vec<bool> = (0..4).map(|map| map == place).collect();
            assert_eq!(nans(&[], &|maps, _| maps.max_pool2d(2, Window::side_by_side(2))), map, "{storage:?}");
            let padded = Window { stride: 1, padding: 1 };
            assert_eq!(
                nans(&[], &|maps, _| maps.max_pool2d(3, padded)),
                map.iter().flat_map(|nan| [*nan; 4]).collect::<Vec<_>>()
            );
            assert_eq!(nans(&[], &|maps, _| maps.max_over_pixels()), map, "{storage:?}");
            assert_eq!(nans(&[], &|maps, _| maps.max_over_fields(1)), map, "{storage:?}");
            assert_eq!(nans(&[], &|maps, _| maps.mean_over_fields(1)), map, "{storage:?}");
            assert_eq!(
                nans(std::slice::from_ref(&gamma), &relu),
                map.iter().flat_map(|nan| [*nan; 4]).collect::<Vec<_>>()
            );
            let ones = Tensor::ones((1, 4, 1, 1), DType::F64, &Device::Cpu).unwrap();
            assert_eq!(nans(&[ones], &|maps, w| maps.conv2d(&w[0], Window::default())), map);
        }
    }
}

#[test]
fn lanes_without_an_image_do_not_enter_the_gradient_of_filters() {
    // A constant map has variance 0, so that a norm's slope is huge where there's no image to stay finite for.
    let x = random(&[9, 8, 1, 1], "x").ones_like().unwrap();
    let w = random(&[8, 8, 1, 1], "w");
    let found = run(&Storage::Lanes, &x, &[w, random(&[8], "gamma"), random(&[8], "beta")], |mut maps, p| {
        for _ in 0..8 {
            maps = maps.normalise([&p[1], &p[2]], 1e-12, Activation::Identity)?.0.add_bias(&p[2])?;
        }
        maps.conv2d(&p[0], Window::default())
    });
    // The output and the filters' gradient; the others may well overflow on their way through such slopes.
    let found = found.unwrap();
    assert!([&found[0], &found[2]].into_iter().flat_map(flat).all(f64::is_finite));
}

#[test]
fn at_zero_a_relu_passes_no_gradient_back() {
    let x = random(&[3, 2, 4, 4], "x").zeros_like().unwrap();
    let relu = |maps: FeatureMap, p: &[Var]| Ok(maps.normalise([&p[0], &p[1]], 1e-5, Activation::Relu)?.0);
    let [gamma, beta] = [1.0, 0.0].map(|value| random(&[2], "p").affine(0.0, value).unwrap());
    for storage in [Storage::Lanes, Storage::REFERENCE] {
        let found = run(&storage, &x, &[gamma.clone(), beta.clone()], relu).unwrap();
        assert!(found[1..].iter().flat_map(flat).all(|gradient| gradient == 0.0), "{found:?}");
    }
}

#[test]
fn inference_has_no_gradients() {
    let x = random(&[2, 4, 5, 5], "x").to_dtype(DType::F32).unwrap();
    let output = FeatureMap::from_images(&x, &Workspace::default(), false)
        .unwrap()
        .max_pool2d(2, Window::side_by_side(2))
        .unwrap()
        .output();
    let output = output.unwrap();
    let loss = output.tensor().sum_all().unwrap();
    assert!(output.backward(&loss).unwrap_err().to_string().contains("inference"));
}

#[test]
fn what_does_not_fit_is_refused() {
    let x = random(&[2, 4, 5, 5], "x").to_dtype(DType::F32).unwrap();
    let maps = || FeatureMap::from_images(&x, &Workspace::default(), true).unwrap();
    let filters = |shape: &[usize]| random(shape, "w").to_dtype(DType::F32).unwrap();
    assert!(maps().conv2d(&filters(&[2, 3, 3, 3]), Window::default()).is_err());
    assert!(maps().conv2d(&filters(&[2, 4, 6, 6]), Window::default()).is_err());
    assert!(maps().conv2d(&filters(&[2, 4, 3, 3]), Window { stride: 0, padding: 0 }).is_err());
    let huge = Window { stride: 1, padding: usize::MAX / 2 + 1 };
    assert!(maps().conv2d(&filters(&[2, 4, 3, 3]), huge).is_err());
    let empty = Tensor::zeros((0, 4, 5, 5), DType::F32, &Device::Cpu).unwrap();
    assert!(FeatureMap::from_images(&empty, &Workspace::default(), true).is_err());
    for (size, stride, padding) in [(6, 6, 0), (8, 1, 1), (0, 1, 0), (2, 0, 0), (3, 1, 2), (2, 1, usize::MAX)] {
        assert!(maps().max_pool2d(size, Window { stride, padding }).is_err());
        assert!(maps().mean_pool2d(size, Window { stride, padding }).is_err());
    }
    assert!(maps().max_over_fields(3).is_err() && maps().add_bias(&filters(&[3])).is_err());
}

/// The tests above once more, without vector instructions, and without AVX-512.
#[test]
fn the_other_paths_agree() {
    if std::env::var_os("EQUISPLIT_SIMD").is_some() {
        return;
    }
    #[cfg(target_arch = "x86_64")]
    let has_avx2 = pulp::x86::V3::try_new().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    let has_avx2 = false;
    for path in ["portable", "avx2"].into_iter().take(if has_avx2 { 2 } else { 1 }) {
        let mut tests = std::process::Command::new(std::env::current_exe().unwrap());
        let tests = tests
            .args(["agree", "--skip", "bank::", "--test-threads", "2"])
            .env("EQUISPLIT_SIMD", path)
            .output()
            .unwrap();
        let report = String::from_utf8_lossy(&tests.stdout);
        assert!(tests.status.success() && report.contains("13 passed"), "{path}: {report}");
    }
}
