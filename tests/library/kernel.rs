//! Operators against plain f64 loops over the definition, and gradients against finite differences.

use crate::kernel_support::{cases, flat, random};
use candle_core::{DType, Device, Tensor, Var};
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

#[test]
fn max_pool_takes_the_maximum_and_sends_the_gradient_there() {
    let x = Tensor::new(&[[[[1f64, 5., 2.], [3., 4., 9.], [7., 7., 7.]]]], &Device::Cpu).unwrap();
    assert_eq!(flat(&max_pool2d(&x, 2).unwrap()), [5.0]);
    assert_eq!(flat(&max_pool2d(&x, 3).unwrap()), [9.0]);
    check_gradient(&random(&[2, 3, 5, 4], "x"), |x| max_pool2d(x, 2).unwrap());
    assert!(max_pool2d(&x, 4).is_err());
    assert!(max_pool2d(&x, 0).is_err());
    // Where all tie, the gradients still sum to the gradient of the output.
    let equal = Var::from_tensor(&Tensor::ones((1, 1, 2, 2), DType::F64, &Device::Cpu).unwrap()).unwrap();
    let grads = max_pool2d(&equal, 2).unwrap().backward().unwrap();
    assert_eq!(flat(grads.get(&equal).unwrap()).iter().sum::<f64>(), 1.0);
}

#[test]
fn mean_pool_takes_the_mean_and_spreads_the_gradient() {
    let x = Tensor::new(&[[[[1f64, 5., 2.], [3., 4., 9.], [7., 7., 7.]]]], &Device::Cpu).unwrap();
    assert_eq!(flat(&mean_pool2d(&x, 2).unwrap()), [13.0 / 4.0]);
    assert_eq!(flat(&mean_pool2d(&x, 3).unwrap()), [5.0]);
    check_gradient(&random(&[2, 3, 5, 4], "x"), |x| mean_pool2d(x, 2).unwrap());
    assert!(mean_pool2d(&x, 4).is_err());
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
