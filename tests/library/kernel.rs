//! Operators against plain f64 loops over the definition, and gradients against finite differences.

use crate::kernel_support::{cases, flat, random};
use candle_core::{DType, Device, Result, Tensor, Var};
use equisplit::kernel::{Window, conv2d, field_moments, max_over_axis, max_pool2d, mean_pool2d, normalise_batch};
use proptest::prelude::*;

fn assert_close(found: &Tensor, expected: &[f64], tolerance: f64) {
    let found = flat(found);
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1e-30f64, |m, e| m.max(e.abs()));
    let worst = found.iter().zip(expected).map(|(f, e)| (f - e).abs() / scale).fold(0.0, f64::max);
    assert!(worst <= tolerance, "{worst} > {tolerance}");
}

/// out[n, o, y, x] = Σ input[n, i, y·s + r − p, x·s + c − p]·filters[o, i, r, c], visited as (out, input, filter) entries.
fn visit(x: &[usize], w: &[usize], window: Window, mut f: impl FnMut(usize, usize, usize)) -> [usize; 4] {
    let size = |axis: usize| (x[axis] + 2 * window.padding - w[axis]) / window.stride + 1;
    let out = [x[0], w[0], size(2), size(3)];
    let at = |s: &[usize], i: [usize; 4]| ((i[0] * s[1] + i[1]) * s[2] + i[2]) * s[3] + i[3];
    for (n, o, y, c) in indices(out) {
        for (_, i, r, s) in indices([1, w[1], w[2], w[3]]) {
            let line = (y * window.stride + r).wrapping_sub(window.padding);
            let column = (c * window.stride + s).wrapping_sub(window.padding);
            if line < x[2] && column < x[3] {
                f(at(&out, [n, o, y, c]), at(x, [n, i, line, column]), at(w, [o, i, r, s]));
            }
        }
    }
    out
}

fn indices([a, b, c, d]: [usize; 4]) -> impl Iterator<Item = (usize, usize, usize, usize)> {
    (0..a * b * c * d).map(move |n| (n / (b * c * d), n / (c * d) % b, n / d % c, n % d))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(60)))]
    #[test]
    fn convolution_and_its_gradients_are_the_definition(
        batch in 1usize..20, maps in 1usize..5, out_maps in 1usize..6, size in (1usize..12, 1usize..12), kernel in 1usize..8,
        stride in 1usize..4, padding in 0usize..4,
    ) {
        prop_assume!(size.0 + 2 * padding >= kernel && size.1 + 2 * padding >= kernel);
        let window = Window { stride, padding };
        let (x_shape, w_shape) = ([batch, maps, size.0, size.1], [out_maps, maps, kernel, kernel]);
        let (x, w) = (random(&x_shape, "x"), random(&w_shape, "w"));
        let (xs, ws) = (flat(&x), flat(&w));
        let mut expected = vec![0.0; 1 << 16];
        let out_shape = visit(&x_shape, &w_shape, window, |o, i, f| expected[o] += xs[i] * ws[f]);
        expected.truncate(out_shape.iter().product());
        let g = random(&out_shape, "g");
        let gs = flat(&g);
        let (mut dx, mut dw) = (vec![0.0; xs.len()], vec![0.0; ws.len()]);
        visit(&x_shape, &w_shape, window, |o, i, f| {
            dx[i] += gs[o] * ws[f];
            dw[f] += gs[o] * xs[i];
        });
        for (dtype, tolerance) in [(DType::F64, 1e-13), (DType::F32, 1e-5)] {
            let [x, w] = [&x, &w].map(|t| Var::from_tensor(&t.to_dtype(dtype).unwrap()).unwrap());
            let out = conv2d(&x, &w, window).unwrap();
            prop_assert_eq!(out.dims(), out_shape);
            assert_close(&out, &expected, tolerance);
            let grads = (&out * g.to_dtype(dtype).unwrap()).unwrap().sum_all().unwrap().backward().unwrap();
            assert_close(grads.get(&x).unwrap(), &dx, tolerance);
            assert_close(grads.get(&w).unwrap(), &dw, tolerance);
        }
    }

    #[test]
    fn convolution_has_the_same_bits_for_any_number_of_threads(batch in 1usize..40) {
        let [x, w] = [random(&[batch, 3, 9, 9], "x"), random(&[4, 3, 3, 3], "w")].map(|t| t.to_dtype(DType::F32).unwrap());
        let run = |threads: usize| {
            rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(|| {
                let [x, w] = [&x, &w].map(|t| Var::from_tensor(t).unwrap());
                let out = conv2d(&x, &w, Window::default()).unwrap();
                let grads = out.sqr().unwrap().sum_all().unwrap().backward().unwrap();
                [flat(&out), flat(grads.get(&x).unwrap()), flat(grads.get(&w).unwrap())]
            })
        };
        prop_assert_eq!(run(1), run(3));
    }
}

/// d loss / d input by central differences, against backward; `f` maps the input to a tensor, probed at random.
fn check_gradient(input: &Tensor, f: impl Fn(&Tensor) -> Tensor) {
    let probe = random(f(input).dims(), "probe");
    let loss = |x: &Tensor| (f(x) * &probe).unwrap().sum_all().unwrap();
    let var = Var::from_tensor(input).unwrap();
    let analytic = flat(loss(&var).backward().unwrap().get(&var).unwrap());
    let entries = flat(input);
    for (n, analytic) in analytic.iter().enumerate() {
        let at = |step: f64| {
            let mut entries = entries.clone();
            entries[n] += step;
            let moved = Tensor::from_vec(entries, input.shape(), &Device::Cpu).unwrap();
            loss(&moved).to_scalar::<f64>().unwrap()
        };
        let numeric = (at(1e-6) - at(-1e-6)) / 2e-6;
        assert!((numeric - analytic).abs() < 1e-7, "entry {n}: {numeric} {analytic}");
    }
}

#[test]
fn batch_norm_is_the_definition_and_its_gradient_that_of_finite_differences() {
    let (x, gamma, beta) = (random(&[3, 6, 2, 5], "x"), random(&[3], "gamma"), random(&[3], "beta"));
    let norm = |x: &Tensor, gamma: &Tensor, beta: &Tensor| {
        normalise_batch(x, gamma, beta, &field_moments(x, 3).unwrap(), 1e-3).unwrap()
    };
    let by_field = x.reshape((3, 3, 20)).unwrap().transpose(0, 1).unwrap().reshape((3, 60)).unwrap();
    let moments = field_moments(&x, 3).unwrap();
    assert_eq!(moments.count, 60);
    for (field, entries) in by_field.to_vec2::<f64>().unwrap().iter().enumerate() {
        let mean = entries.iter().sum::<f64>() / 60.0;
        let variance = entries.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 60.0;
        assert!((moments.mean[field] - mean).abs() < 1e-14);
        assert!((moments.variance[field] - variance).abs() < 1e-14);
        let (g, b) = (flat(&gamma)[field], flat(&beta)[field]);
        let expected: Vec<f64> = entries.iter().map(|x| g * (x - mean) / (variance + 1e-3).sqrt() + b).collect();
        let found = norm(&x, &gamma, &beta).reshape((3, 3, 20)).unwrap().narrow(1, field, 1).unwrap();
        assert_close(&found, &expected, 1e-12);
        let single = norm(
            &x.to_dtype(DType::F32).unwrap(),
            &gamma.to_dtype(DType::F32).unwrap(),
            &beta.to_dtype(DType::F32).unwrap(),
        );
        assert_close(&single.reshape((3, 3, 20)).unwrap().narrow(1, field, 1).unwrap(), &expected, 1e-5);
    }
    check_gradient(&x, |x| norm(x, &gamma, &beta));
    check_gradient(&gamma, |gamma| norm(&x, gamma, &beta));
    check_gradient(&beta, |beta| norm(&x, &gamma, beta));
}

/// The pixels of the windows of a pool in the order of its output, those of each in row order, as entries of the input.
fn pooled_entries([batch, maps, height, width]: [usize; 4], size: usize, window: Window) -> Vec<Vec<usize>> {
    let Window { stride, padding } = window;
    let [out_height, out_width] = [height, width].map(|pixels| (pixels + 2 * padding - size) / stride + 1);
    let of_window = |(n, map, y, x): (usize, usize, usize, usize)| {
        let inside = |(_, _, r, c): (usize, usize, usize, usize)| {
            let line = (y * stride + r).checked_sub(padding).filter(|line| *line < height)?;
            let column = (x * stride + c).checked_sub(padding).filter(|column| *column < width)?;
            Some(((n * maps + map) * height + line) * width + column)
        };
        indices([1, 1, size, size]).filter_map(inside).collect()
    };
    indices([batch, maps, out_height, out_width]).map(of_window).collect()
}

/// A pool by its definition: which entries become one, what becomes of them, and the share of its gradient that each gets.
type Pool = (fn(&Tensor, usize, Window) -> Result<Tensor>, fn(&[f64], usize) -> (f64, Vec<f64>));

const POOLS: [Pool; 2] = [
    (max_pool2d, |entries, _| {
        let first = (0..entries.len()).fold(0, |first, n| if entries[n] > entries[first] { n } else { first });
        (entries[first], (0..entries.len()).map(|n| f64::from(u8::from(n == first))).collect())
    }),
    (mean_pool2d, |entries, size| {
        let area = (size * size) as f64;
        (entries.iter().sum::<f64>() / area, vec![1.0 / area; entries.len()])
    }),
];

/// All windows of 1 to 4 pixels with strides of 1 to 4 and up to 2 pixels of padding that are allowed.
fn windows() -> impl Iterator<Item = (usize, Window)> {
    let of_size = |size: usize| (0..=size / 2).flat_map(move |padding| (1..=4).map(move |stride| (stride, padding)));
    (1..=4).flat_map(move |size| of_size(size).map(move |(stride, padding)| (size, Window { stride, padding })))
}

/// Eighths, so that f32 holds them and their sums as they are; there are so few of them that many tie.
fn eighths(shape: &[usize], name: &str) -> Tensor {
    ((random(shape, name) * 8.0).unwrap().round().unwrap() / 8.0).unwrap()
}

#[test]
fn pools_and_their_gradients_are_the_definition_whatever_the_window() {
    let mut pooled = 0;
    for (shape, (size, window)) in [[2, 3, 5, 5], [1, 2, 4, 7], [3, 1, 9, 2], [1, 1, 1, 6]]
        .into_iter()
        .flat_map(|shape| windows().map(move |window| (shape, window)))
    {
        let fits = shape[2..].iter().all(|pixels| pixels + 2 * window.padding >= size);
        let x = eighths(&shape, "x");
        for (pool, definition) in POOLS {
            if !fits {
                assert!(pool(&x, size, window).unwrap_err().to_string().contains("doesn't fit"), "{size} {window:?}");
                continue;
            }
            let (entries, pooled_entries) = (flat(&x), pooled_entries(shape, size, window));
            let gradient = eighths(pool(&x, size, window).unwrap().dims(), "gradient");
            let (mut expected, mut of_input) = (Vec::new(), vec![0.0; entries.len()]);
            for (window, gradient) in pooled_entries.iter().zip(flat(&gradient)) {
                let (value, shares) = definition(&window.iter().map(|n| entries[*n]).collect::<Vec<_>>(), size);
                expected.push(value);
                window.iter().zip(shares).for_each(|(n, share)| of_input[*n] += gradient * share);
            }
            for (dtype, tolerance) in [(DType::F64, 1e-14), (DType::F32, 1e-6)] {
                let x = Var::from_tensor(&x.to_dtype(dtype).unwrap()).unwrap();
                let out = pool(&x, size, window).unwrap();
                assert_close(&out, &expected, tolerance);
                let loss = (&out * gradient.to_dtype(dtype).unwrap()).unwrap().sum_all().unwrap();
                assert_close(loss.backward().unwrap().get(&x).unwrap(), &of_input, tolerance);
            }
            pooled += 1;
        }
    }
    assert!(pooled > 200, "{pooled} pools");
}

#[test]
fn gradients_of_pools_are_those_of_finite_differences() {
    for (size, window) in windows() {
        check_gradient(&random(&[1, 2, 5, 4], "x"), |x| max_pool2d(x, size, window).unwrap());
        check_gradient(&random(&[1, 2, 5, 4], "x"), |x| mean_pool2d(x, size, window).unwrap());
    }
}

#[test]
fn padding_is_no_maximum_and_counts_as_zeros_in_means() {
    let x = Tensor::new(&[[[[-1f64, -5., -2.], [-3., -4., -9.], [-7., -7., -7.]]]], &Device::Cpu).unwrap();
    let window = Window { stride: 2, padding: 1 };
    assert_eq!(flat(&max_pool2d(&x, 3, window).unwrap()), [-1.0, -2.0, -3.0, -4.0]);
    assert_eq!(flat(&mean_pool2d(&x, 2, window).unwrap()), [-0.25, -1.75, -2.5, -6.75]);
    let lowest = Var::from_tensor(&Tensor::full(f64::NEG_INFINITY, x.shape(), &Device::Cpu).unwrap()).unwrap();
    let gradients = max_pool2d(&lowest, 3, window).unwrap().backward().unwrap();
    assert_eq!(flat(gradients.get(&lowest).unwrap()), [1.0, 1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn a_nan_is_the_maximum_and_the_mean_of_every_window_that_it_is_in() {
    let shape = [1, 2, 4, 5];
    for (place, (size, window)) in (0..40).flat_map(|place| windows().map(move |window| (place, window))) {
        let mut entries = flat(&random(&shape, "x"));
        entries[place] = f64::NAN;
        let x = Tensor::from_vec(entries, &shape, &Device::Cpu).unwrap();
        let expected: Vec<bool> = pooled_entries(shape, size, window).iter().map(|w| w.contains(&place)).collect();
        for (pool, _) in POOLS {
            let found: Vec<bool> = flat(&pool(&x, size, window).unwrap()).iter().map(|x| x.is_nan()).collect();
            assert_eq!(found, expected, "{size} {window:?}");
        }
    }
}

#[test]
fn pools_that_cannot_be_are_refused() {
    let x = random(&[1, 2, 3, 5], "x");
    for (pool, _) in POOLS {
        let refused = |size: usize, stride: usize, padding: usize, why: &str| {
            let message = pool(&x, size, Window { stride, padding }).unwrap_err().to_string();
            assert!(message.contains(why), "{message}");
        };
        refused(4, 1, 0, "4×4 pixels with padding 0 doesn't fit 3×5 pixels");
        refused(6, 1, 1, "6×6 pixels with padding 1 doesn't fit 3×5 pixels");
        refused(0, 1, 0, "must be at least 1");
        refused(2, 0, 0, "must be at least 1");
        refused(3, 1, 2, "its padding must be at most half of its size, 1");
        refused(3, 1, usize::MAX, "its padding must be at most half of its size, 1");
        refused(usize::MAX, 1, usize::MAX / 2, "doesn't fit");
        assert!(
            pool(&Tensor::zeros((1, 1, 0, 3), DType::F64, &Device::Cpu).unwrap(), 2, Window { stride: 1, padding: 1 })
                .is_err()
        );
    }
}

#[test]
fn max_over_an_axis_removes_it_and_sends_the_gradient_to_one_winner() {
    let x = random(&[2, 3, 4, 5], "x");
    for axis in 0..4 {
        let found = max_over_axis(&x, axis).unwrap();
        let expected = x.max(axis).unwrap();
        assert_eq!(found.dims(), expected.dims());
        assert_eq!(flat(&found), flat(&expected));
        check_gradient(&x, |x| max_over_axis(x, axis).unwrap());
    }
    let equal = Var::from_tensor(&Tensor::ones((1, 4), DType::F64, &Device::Cpu).unwrap()).unwrap();
    let grads = max_over_axis(&equal, 1).unwrap().backward().unwrap();
    assert_eq!(flat(grads.get(&equal).unwrap()).iter().sum::<f64>(), 1.0);
}

#[test]
fn shapes_that_do_not_fit_are_refused() {
    let (x, w) = (random(&[1, 2, 3, 3], "x"), random(&[1, 2, 4, 4], "w"));
    assert!(conv2d(&x, &w, Window::default()).unwrap_err().to_string().contains("don't fit"));
    assert!(conv2d(&x, &w, Window { stride: 0, padding: 1 }).is_err());
    assert!(conv2d(&x, &random(&[1, 3, 2, 2], "w"), Window::default()).is_err());
    assert!(field_moments(&x, 3).is_err());
    let empty = Tensor::zeros((0, 2, 3, 3), DType::F32, &Device::Cpu).unwrap();
    assert!(conv2d(&empty, &random(&[1, 2, 2, 2], "w"), Window::default()).is_err());
    assert!(max_over_axis(&empty, 1).is_err());
    assert!(max_over_axis(&x, 4).is_err());
}
