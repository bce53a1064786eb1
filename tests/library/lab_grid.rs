//! The static analysis of sampling grids, against what lifting convolutions on random images do.

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use equisplit::bank::CopiesBank;
use equisplit::group::{PointGroup, Representation};
use equisplit::kernel::Window;
use equisplit::lab::{GridCause, GridReport, equivariance_report};
use equisplit::model::{InputShape, NetConfig, Network, Skeleton};
use equisplit::nn::NamedLayer;
use equisplit::nn::{Conv, ConvConfig, FieldType, Layer, Mode, Reduction, SlidingWindow, SpatialPool, Weights};
use equisplit::rng;
use rand::RngExt;

/// Many images: in a single one, the maxima of windows that don't meet may still be the same pixels.
fn random(size: usize) -> Tensor {
    let mut stream = rng::stream(3, "image");
    let pixels: Vec<f64> = (0..16 * size * size).map(|_| stream.random_range(0.5..1.5)).collect();
    Tensor::from_vec(pixels, (16, 1, size, size), &Device::Cpu).unwrap()
}

/// The relative error under quarter turns.
fn error(layer: &dyn Layer, size: usize) -> f64 {
    let f = |x: &Tensor| layer.forward_in(x, &mut Mode::Inference);
    equivariance_report(&random(size), layer.input(), layer.output(), f).unwrap().error()
}

#[test]
fn the_rule_says_what_convolutions_do() {
    let group = Arc::new(PointGroup::c4());
    let (mut fit, mut unfit) = (0, 0);
    for kernel in 1..=4 {
        for (stride, padding) in (1..=4).flat_map(|stride| (0..=2).map(move |padding| (stride, padding))) {
            let bank = CopiesBank::group(&group, Representation::Trivial, [1, 1, kernel]).unwrap();
            let config = ConvConfig::default().with_stride(stride).with_padding(padding);
            let vb = Weights::new(1).builder(DType::F64, &Device::Cpu);
            let conv = Conv::new(Box::new(bank), &group, config, vb).unwrap();
            let window = SlidingWindow { size: kernel, stride, padding };
            assert_eq!(conv.window(), Some(window));
            for size in 1..=11 {
                let Some(left_over) = window.left_over(size) else { continue };
                let positions = conv.output_size([size, size]).unwrap()[0];
                // Where all positions lie on the padding, nothing can differ.
                let seen = (0..positions).any(|n| (n * stride + kernel > padding) && n * stride < padding + size);
                if !seen {
                    continue;
                }
                let error = error(&conv, size);
                let case = format!("{window:?} on {size}: {left_over} left over, error {error:.1e}");
                assert_eq!(left_over == 0, error < 1e-12, "{case}");
                if left_over == 0 { fit += 1 } else { unfit += 1 }
            }
        }
    }
    assert!(fit > 100 && unfit > 100, "{fit} and {unfit} cases");
}

/// Whether the windows along an axis have the same pixels as their mirror images.
fn is_symmetric(window: SlidingWindow, pixels: usize, positions: usize) -> bool {
    let SlidingWindow { size, stride, padding } = window;
    let ranges: Vec<[usize; 2]> = (0..positions)
        .map(|n| [(n * stride).saturating_sub(padding), (n * stride + size - padding).min(pixels)])
        .collect();
    ranges.iter().rev().map(|[start, end]| [pixels - end, pixels - start]).eq(ranges.iter().copied())
}

#[test]
fn the_rule_says_what_pools_do() {
    let fields = FieldType::trivial(&Arc::new(PointGroup::d4()), 1);
    let (mut fit, mut unfit) = (0, 0);
    for (reduction, size) in
        [Reduction::Max, Reduction::Mean].into_iter().flat_map(|r| (1..=5).map(move |size| (r, size)))
    {
        let side_by_side = SpatialPool::new(fields.clone(), reduction, size).unwrap();
        assert_eq!(side_by_side.window(), Some(SlidingWindow { size, stride: size, padding: 0 }));
        for (stride, padding) in (1..=5).flat_map(|stride| (0..=size / 2).map(move |padding| (stride, padding))) {
            let pool = side_by_side.clone().with_window(Window { stride, padding }).unwrap();
            let window = pool.window().unwrap();
            assert_eq!(window, SlidingWindow { size, stride, padding });
            for pixels in 1..=14 {
                let Some(left_over) = window.left_over(pixels) else {
                    assert_eq!(pool.output_size([pixels, 20]), None);
                    continue;
                };
                let [positions, _] = pool.output_size([pixels, 20]).unwrap();
                // Of a window that is left over, all pixels may be padding.
                if left_over > 0 && is_symmetric(window, pixels, positions) {
                    continue;
                }
                let error = error(&pool, pixels);
                assert_eq!(left_over == 0, error < 1e-12, "{reduction:?} {window:?} on {pixels}: {error:.1e}");
                if left_over == 0 { fit += 1 } else { unfit += 1 }
            }
        }
    }
    assert!(fit > 100 && unfit > 100, "{fit} and {unfit} cases");
}

#[test]
fn windows_that_a_pool_cannot_have_are_refused() {
    let fields = FieldType::trivial(&Arc::new(PointGroup::d4()), 1);
    let refused = |size: usize, stride: usize, padding: usize| {
        let pool = SpatialPool::new(fields.clone(), Reduction::Max, size).unwrap();
        pool.with_window(Window { stride, padding }).unwrap_err().to_string()
    };
    assert!(refused(3, 0, 0).contains("at least 1"));
    assert!(refused(3, 2, 2).contains("at most half of its size, 1"));
    assert!(SpatialPool::new(fields.clone(), Reduction::Max, 0).is_err());
}

fn report(skeleton: &str, size: [usize; 2]) -> GridReport {
    let config = NetConfig::preset_on(Skeleton::named(skeleton).unwrap(), "p4").unwrap().unwrap();
    let input = InputShape { size: [40, 40], ..InputShape::DIGITS };
    let network = Network::new(&config, input, &Weights::new(0).builder(DType::F32, &Device::Cpu)).unwrap();
    GridReport::of(network.layers(), size)
}

#[test]
fn cohens_skeleton_on_29_pixels_names_the_pool() {
    assert_eq!(report("cohen2016", [28, 28]).faults, []);
    let report = report("cohen2016", [29, 29]);
    assert_eq!(report.faults.len(), 1);
    assert_eq!((report.faults[0].layer.as_str(), report.faults[0].size), ("pool2", [25, 25]));
    assert_eq!(report.fitting_sizes, [28, 30]);
    assert_eq!(
        report.to_string(),
        "pool2: 2×2 pool, stride 2: of 25×25 pixels 1 at the right and bottom are left over, so that turned grids do not \
         meet (stride 1 would fit)\nuse an input of 28×28 or 30×30 instead of 29×29"
    );
}

#[test]
fn every_pool_of_a_chain_counts() {
    // 30 → 26 → 13 → 9, which the second pool doesn't divide; 28 and 32 reach an even number both times.
    let report = report("lenet", [30, 30]);
    assert_eq!(report.faults.len(), 1);
    assert_eq!((report.faults[0].layer.as_str(), report.faults[0].size), ("pool2", [9, 9]));
    assert_eq!(report.fitting_sizes, [28, 32]);
}

#[test]
fn what_is_not_square_or_too_small_is_said() {
    let oblong = report("cohen2016", [28, 30]);
    assert_eq!(oblong.faults.iter().map(|fault| fault.cause).collect::<Vec<_>>(), [GridCause::NotSquare]);
    let small = report("cohen2016", [12, 12]);
    assert!(small.faults.iter().any(|fault| fault.cause == GridCause::TooSmall), "{small}");
}

#[test]
fn strided_convolutions_with_padding_are_named_as_such() {
    let group = Arc::new(PointGroup::c4());
    let bank = CopiesBank::group(&group, Representation::Trivial, [1, 1, 3]).unwrap();
    let config = ConvConfig::default().with_stride(2).with_padding(1);
    let conv = Conv::new(Box::new(bank), &group, config, Weights::new(0).builder(DType::F32, &Device::Cpu)).unwrap();
    let layers = [NamedLayer { name: "stem".to_owned(), layer: Box::new(conv) }];
    let report = GridReport::of(&layers, [28, 28]);
    assert!(
        report.to_string().starts_with("stem: 3×3 convolution, stride 2, padding 1: of 28×28 pixels 1 "),
        "{report}"
    );
    assert_eq!(report.fitting_sizes, [27, 29]);
}
