//! The operators and networks that run on a GPU against the same on f64 tensors of the CPU. They are skipped, which they
//! say, where the program is built without `--features cuda` or no device is there.

mod common;
#[path = "library/kernel_support/mod.rs"]
mod kernel_support;

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::loss::cross_entropy;
use common::{TINY, equisplit, results, study_file};
use equisplit::kernel::{Activation, FeatureMap, Window};
use equisplit::model::{InputShape, NetConfig, Network, presets};
use equisplit::nn::{Mode, Weights};
use equisplit::rng;
use equisplit::train::DeviceChoice;
use kernel_support::{Storage, flat, random};

fn device() -> Option<Device> {
    match DeviceChoice::Cuda.device() {
        Ok(device) => Some(device),
        Err(error) => {
            eprintln!("skipped: {error}");
            None
        }
    }
}

fn assert_same(
    device: &Device,
    input: &Tensor,
    parameters: &[Tensor],
    operator: impl Fn(FeatureMap, &[Var]) -> Result<FeatureMap>,
) {
    let storage = Storage::Tensors(DType::F32, device.clone());
    kernel_support::assert_same(&storage, input, parameters, operator);
}

/// Batches, maps and pixels that are odd, even and 1.
const SHAPES: [[usize; 4]; 4] = [[1, 1, 7, 7], [5, 3, 12, 9], [8, 12, 8, 8], [17, 40, 10, 11]];

#[test]
fn convolutions_agree() {
    let Some(device) = device() else { return };
    for [batch, in_maps, height, width] in SHAPES {
        let x = random(&[batch, in_maps, height, width], "x");
        for (kernel, stride, padding) in (1..8).flat_map(|k| (1..4).flat_map(move |s| [0, 1, 3].map(|p| (k, s, p)))) {
            if kernel > (height + 2 * padding).min(width + 2 * padding) {
                continue;
            }
            for out_maps in [1, 11] {
                let w = random(&[out_maps, in_maps, kernel, kernel], "w");
                println!(
                    "{batch} images, {in_maps} to {out_maps}, {kernel}×{kernel}, stride {stride}, padding {padding}"
                );
                assert_same(&device, &x, &[w], |maps, w| maps.conv2d(&w[0], Window { stride, padding }));
            }
        }
    }
}

#[test]
fn norms_biases_and_non_linearities_agree() {
    let Some(device) = device() else { return };
    for ([batch, maps, height, width], fields) in SHAPES.into_iter().zip([1, 3, 3, 10]) {
        for shift in [0.0, 3.0] {
            let x = random(&[batch, maps, height, width], "x").affine(1.0, shift).unwrap();
            let [gamma, beta] = ["gamma", "beta"].map(|name| random(&[fields], name).affine(0.5, 1.0).unwrap());
            for activation in [Activation::Identity, Activation::Relu, Activation::Elu] {
                println!("{batch} images, {maps} maps, {fields} fields, mean {shift}, {activation:?}");
                assert_same(&device, &x, &[gamma.clone(), beta.clone()], |maps, p| {
                    Ok(maps.normalise([&p[0], &p[1]], 1e-5, activation)?.0)
                });
                let numbers = |t: &Tensor| flat(t);
                assert_same(&device, &x, &[], |maps, _| maps.scale(numbers(&gamma), numbers(&beta), activation));
            }
            let positive = x.affine(1.0, 2.0).unwrap();
            assert_same(&device, &positive, &[beta], |maps, p| maps.add_bias(&p[0]));
        }
    }
}

#[test]
fn pools_agree() {
    let Some(device) = device() else { return };
    for ([batch, maps, height, width], fields) in SHAPES.into_iter().zip([1, 3, 3, 10]) {
        let x = random(&[batch, maps, height, width], "x");
        // Blank corners of images tie.
        for x in [x.clone(), x.zeros_like().unwrap()] {
            for (size, stride, padding) in
                (1..4).flat_map(|k| (1..4).flat_map(move |s| (0..=k / 2).map(move |p| (k, s, p))))
            {
                let window = Window { stride, padding };
                assert_same(&device, &x, &[], |maps, _| maps.max_pool2d(size, window));
                assert_same(&device, &x, &[], |maps, _| maps.mean_pool2d(size, window));
            }
            assert_same(&device, &x, &[], |maps, _| maps.max_over_pixels());
            assert_same(&device, &x, &[], |maps, _| maps.max_over_fields(fields));
            assert_same(&device, &x, &[], |maps, _| maps.mean_over_fields(fields));
        }
    }
}

#[test]
fn one_nan_makes_nan_of_all_that_it_meets() {
    let Some(device) = device() else { return };
    let storage = Storage::Tensors(DType::F32, device);
    for place in 0..4 {
        let mut entries = flat(&random(&[1, 4, 2, 2], "x"));
        entries[5 * place] = f64::NAN;
        let x = Tensor::from_vec(entries, (1, 4, 2, 2), &Device::Cpu).unwrap();
        let nans = |operator: &dyn Fn(FeatureMap) -> Result<FeatureMap>| {
            let found = kernel_support::run(&storage, &x, &[], |maps, _| operator(maps)).unwrap();
            flat(&found[0]).iter().map(|value| value.is_nan()).collect::<Vec<_>>()
        };
        let map: Vec<bool> = (0..4).map(|map| map == place).collect();
        assert_eq!(nans(&|maps| maps.max_pool2d(2, Window::side_by_side(2))), map, "max pool");
        assert_eq!(nans(&|maps| maps.max_over_pixels()), map, "max over pixels");
        assert_eq!(nans(&|maps| maps.max_over_fields(1)), map, "max over fields");
        assert_eq!(nans(&|maps| maps.mean_over_fields(1)), map, "mean over fields");
    }
}

/// Gradients of tensors, by path.
type Gradients = BTreeMap<String, Vec<f64>>;

/// The loss of a network on noise and the gradients of its tensors.
fn loss_and_gradients(net: &NetConfig, dtype: DType, device: &Device) -> Result<(f64, Gradients)> {
    let weights = Weights::new(3);
    let network = Network::new(net, InputShape::DIGITS, &weights.builder(dtype, device)).unwrap();
    let images = random(&[6, 1, 28, 28], "images").to_dtype(dtype)?.to_device(device)?;
    let classes = Tensor::new(&[0u32, 3, 9, 1, 3, 5], device)?;
    // Dropout draws the same for both.
    let output = network.output(&images, &mut Mode::Training(&mut rng::stream(3, "dropout"))).unwrap();
    let loss = cross_entropy(&output.tensor().flatten_from(1)?, &classes)?;
    let value = loss.to_dtype(DType::F64)?.to_scalar::<f64>()?;
    let gradients = output.backward(&loss)?;
    let of = |(path, var): (String, Var)| gradients.get(&var).map(|gradient| (path, flat(gradient)));
    Ok((value, weights.learned().into_iter().filter_map(of).collect()))
}

#[test]
fn every_preset_has_the_same_loss_and_gradients() {
    let Some(device) = device() else { return };
    for arm in &presets() {
        let preset = NetConfig::preset(arm).unwrap();
        let widths = preset.widths.iter().map(|width| width.div_ceil(4)).collect();
        let net = NetConfig { widths, maps: None, ..preset };
        let (expected, reference) = loss_and_gradients(&net, DType::F64, &Device::Cpu).unwrap();
        let (loss, gradients) = loss_and_gradients(&net, DType::F32, &device).unwrap();
        println!("{arm}: loss {loss}, expected {expected}");
        assert!((loss - expected).abs() < 1e-5 * expected, "{arm}: {loss} and {expected}");
        assert_eq!(gradients.len(), reference.len(), "{arm}");
        let norm = |entries: &mut dyn Iterator<Item = f64>| entries.map(|e| e * e).sum::<f64>().sqrt();
        let largest = reference.values().map(|all| norm(&mut all.iter().copied())).fold(0.0, f64::max);
        for ((path, found), (same_path, expected)) in gradients.iter().zip(&reference) {
            assert_eq!(path, same_path, "{arm}");
            let difference = norm(&mut found.iter().zip(expected).map(|(f, e)| f - e));
            // Before a norm the gradient of a scale cancels, and rounding relative to it says nothing.
            let error = difference / norm(&mut expected.iter().copied()).max(1e-2 * largest);
            println!("{arm}: {path} {error:.1e}");
            assert!(error < 1e-4, "{arm}: {path} is off by {error}");
        }
    }
}

fn run(study: &str, out: &Path, jobs: &str) {
    let args = ["run", study, "--out", out.to_str().unwrap(), "--jobs", jobs, "--threads", "1", "--device", "cuda"];
    equisplit().args(args).assert().success();
}

#[test]
fn a_study_on_the_gpu_repeats_itself_to_the_bit() {
    if device().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let study = study_file(folder.path(), TINY);
    let made = |name: &str, jobs: &str| {
        run(&study, &folder.path().join(name), jobs);
        results(&folder.path().join(name).join("tiny"))
    };
    let reference = made("one", "1");
    assert!(reference == made("again", "1"), "the same command twice");
    assert!(reference == made("two", "2"), "two jobs");
}
