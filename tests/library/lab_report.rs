//! `equivariance_report` and `assert_equivariant!` on maps whose equivariance is known.

use std::sync::Arc;

use candle_core::{D, DType, Device, Module, Result, Tensor};
use equisplit::assert_equivariant;
use equisplit::group::PointGroup;
use equisplit::lab::{FieldIndex, Shifts, equivariance_report, shift_report};
use equisplit::nn::FieldType;
use equisplit::rng;
use rand::RngExt;

fn random(shape: &[usize]) -> Tensor {
    let mut stream = rng::stream(11, "x");
    let entries: Vec<f32> = (0..shape.iter().product()).map(|_| stream.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(entries, shape, &Device::Cpu).unwrap()
}

fn d4() -> Arc<PointGroup> {
    Arc::new(PointGroup::d4())
}

/// The message of the panic in `test`.
fn panic_of(test: impl FnOnce()) -> String {
    let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(test)).unwrap_err();
    payload.downcast_ref::<String>().cloned().unwrap()
}

#[test]
fn the_worst_place_is_where_the_fault_is() {
    let fields = FieldType::regular(&d4(), 2);
    // One entry of one image is off: image 1, map 11 = field 1, element 3; row 2, column 4.
    let mut bump = vec![0f32; 3 * 16 * 25];
    bump[(16 + 11) * 25 + 2 * 5 + 4] = 10.0;
    let bump = Tensor::from_vec(bump, (3, 16, 5, 5), &Device::Cpu).unwrap();
    let report = equivariance_report(&random(&[3, 16, 5, 5]), &fields, &fields, |x| x + &bump).unwrap();
    assert_eq!(report.elements[0].error, 0.0, "the identity");
    for (g, element) in report.elements.iter().enumerate().skip(1) {
        // The entry itself, in f(g·x), or where g takes it, in g·f(x).
        let here = FieldIndex { image: 1, field: 1, component: 3, row: 2, column: 4 };
        let moved = element.at.field == 1 && element.at.image == 1 && element.at.component == d4().product(g, 3);
        assert!(element.at == here || moved, "{element:?}");
        assert!(element.error > 0.9 && element.error < 1.1, "10 of some 10 or 11: {element:?}");
    }
    assert!(!report.holds(0.5) && report.holds(1.2));
}

#[test]
fn the_macro_says_element_position_and_field() {
    let group = d4();
    let image = FieldType::trivial(&group, 1);
    let x = random(&[2, 1, 6, 6]);
    assert_equivariant!(|x| x.avg_pool2d(2), &x, &image => &image);
    let message = panic_of(|| assert_equivariant!(|x| x.narrow(3, 1, 5)?.narrow(2, 0, 5), &x, &image => &image));
    for part in ["narrow(3, 1, 5)", "isn't equivariant", "under ", "at row ", "column ", "of field 0", " mr³: "] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_equivariant!(|x| x.narrow(3, 1, 5)?.narrow(2, 0, 5), &x, &image => &image, tolerance: 10.0);
    let message = panic_of(|| assert_equivariant!(|x| x.flatten_from(1), &x, &image => &image));
    assert!(message.contains("can't be tested"), "{message}");
}

#[test]
fn an_output_of_zeros_tests_nothing() {
    let image = FieldType::trivial(&d4(), 1);
    let x = random(&[1, 1, 4, 4]);
    let message = panic_of(|| assert_equivariant!(|x| x.zeros_like(), &x, &image => &image));
    assert!(message.contains("0 everywhere"), "{message}");
}

/// A layer that isn't equivariant: it looks at the pixel to the right.
fn lopsided(x: &Tensor) -> Result<Tensor> {
    let kernel = Tensor::new(&[0f32, 0.0, 0.0, 0.0, 1.0, 0.5, 0.0, 0.0, 0.0], &Device::Cpu)?;
    x.conv2d(&kernel.reshape((1, 1, 3, 3))?, 1, 1, 1, 1)
}

#[test]
fn inputs_with_symmetries_of_their_own_test_nothing() {
    let group = d4();
    let image = FieldType::trivial(&group, 1);
    let untested = |x: &Tensor, part: &str| {
        // Whether the layer is broken or not: nobody can tell.
        for message in [
            panic_of(|| assert_equivariant!(|x| x.relu()? + 1.0, x, &image => &image)),
            panic_of(
                || assert_equivariant!(|x| x.narrow(3, 0, 1)?.broadcast_as(x.shape())? * 2.0, x, &image => &image),
            ),
        ] {
            assert!(message.contains("isn't tested") && message.contains(part), "{message}");
        }
    };
    let device = &Device::Cpu;
    untested(&Tensor::ones((2, 1, 6, 6), DType::F32, device).unwrap(), "the same everywhere");
    untested(&random(&[3, 1, 1, 1]), "stays as it is under r, r², r³, m, mr, mr², mr³");
    // A broken layer on ones is seen where its padding shows, but not on zeros.
    assert!(
        panic_of(
            || assert_equivariant!(lopsided, &Tensor::ones((1, 1, 4, 4), DType::F32, device).unwrap(), &image => &image)
        )
        .contains("isn't equivariant")
    );
    let zeros = Tensor::zeros((2, 1, 6, 6), DType::F32, device).unwrap();
    let message = panic_of(|| assert_equivariant!(|x| lopsided(x)? + 1.0, &zeros, &image => &image));
    assert!(message.contains("the same everywhere"), "{message}");
    // Symmetric under half a turn alone.
    let x = random(&[1, 1, 6, 6]);
    let x = (&x + &x.flip(&[2, 3]).unwrap()).unwrap();
    let message = panic_of(|| assert_equivariant!(|x| x.relu(), &x, &image => &image));
    assert!(message.contains("stays as it is under r², which"), "{message}");
    let report = equivariance_report(&x, &image, &image, |x| x.relu()).unwrap();
    let tested: Vec<bool> = report.elements.iter().map(|element| element.tested).collect();
    assert_eq!(tested, [true, true, false, true, true, true, true, true]);
    assert!(!report.holds(1e-5) && !report.breaks(1e-5));
    // Stripes that a shift doesn't change.
    let stripes = random(&[1, 1, 6, 1]).broadcast_as((1, 1, 6, 6)).unwrap();
    let report = shift_report(&stripes, &image, Shifts { stride: 1, margin: 0 }, |x| x.relu()).unwrap();
    assert_eq!(report.elements.iter().map(|element| element.tested).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn a_constant_hides_nothing() {
    let image = FieldType::trivial(&d4(), 1);
    let x = random(&[2, 1, 8, 8]);
    let errors = |offset: f64| {
        let report = equivariance_report(&x, &image, &image, |x| lopsided(x)? + offset).unwrap();
        assert!(!report.holds(1e-5), "{offset}: {report}");
        report.elements.iter().map(|element| element.error).collect::<Vec<_>>()
    };
    for (plain, offset) in errors(0.0).into_iter().zip(errors(1e4)) {
        assert!((plain - offset).abs() < 0.01, "{plain} and {offset}");
    }
    let message = panic_of(|| assert_equivariant!(|x| lopsided(x)? + 1e4, &x, &image => &image));
    assert!(message.contains("isn't equivariant"), "{message}");
    // What is equivariant stays so, up to what rounding makes of such numbers; beyond, nothing can be told.
    assert_equivariant!(|x| x.avg_pool2d(2)? + 1e4, &x, &image => &image);
    let message = panic_of(|| assert_equivariant!(|x| x.avg_pool2d(2)? + 1e7, &x, &image => &image));
    assert!(message.contains("isn't tested") && message.contains("rounding"), "{message}");
    // A bias of every map hides no other map's fault, nor a field's own.
    let (two, bias) = (FieldType::trivial(&d4(), 2), Tensor::new(&[1e4f32, 0.0], &Device::Cpu).unwrap());
    let biased =
        |x: &Tensor| Tensor::cat(&[x.avg_pool2d(1)?, lopsided(x)?], 1)?.broadcast_add(&bias.reshape((1, 2, 1, 1))?);
    assert!(panic_of(|| assert_equivariant!(biased, &x, &image => &two)).contains("isn't equivariant"));
}

#[test]
fn scores_of_one_image_are_relative_to_those_of_other_classes() {
    let group = d4();
    let (image, classes) = (FieldType::trivial(&group, 1), FieldType::trivial(&group, 3));
    let x = random(&[1, 1, 6, 6]);
    let weight = random(&[1, 36, 3]);
    let head = |x: &Tensor| Ok::<_, equisplit::Error>((x.flatten_from(2)?.matmul(&weight)?.squeeze(1)? + 1e3)?);
    let message = panic_of(|| assert_equivariant!(head, &x, &image => &classes));
    assert!(message.contains("isn't equivariant"), "{message}");
    let sums = |x: &Tensor| Tensor::cat(&[x.mean((2, 3))?, x.sqr()?.mean((2, 3))?, x.abs()?.mean((2, 3))?], 1);
    assert_equivariant!(sums, &x, &image => &classes);
    assert_equivariant!(|x| x.sqr()?.mean((2, 3)), &x, &image => &image);
}

/// A 5×5 kernel that stays under turns and changes its sign under mirrors.
struct Pinwheel;

impl Module for Pinwheel {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut kernel = [0f32; 25];
        [1, 9, 15, 23].iter().zip([1.0, 1.0, 1.0, 1.0]).for_each(|(&n, value)| kernel[n] = value);
        [3, 5, 19, 21].iter().for_each(|&n| kernel[n] = -1.0);
        x.conv2d(&Tensor::new(&kernel, x.device())?.reshape((1, 1, 5, 5))?, 0, 1, 1, 1)
    }
}

#[test]
fn pseudoscalars_change_their_sign_under_mirrors() {
    let (scalar, sign) = (FieldType::trivial(&d4(), 1), FieldType::sign(&d4(), 1));
    let x = random(&[2, 1, 8, 8]);
    assert_equivariant!(|x| Pinwheel.forward(x), &x, &scalar => &sign);
    let report = equivariance_report(&x, &scalar, &scalar, |x| Pinwheel.forward(x)).unwrap();
    assert!(report.elements[..4].iter().all(|turn| turn.error < 1e-5), "{report}");
    assert!(report.elements[4..].iter().all(|mirror| mirror.error > 1.9), "{report}");
    // The square of a pseudoscalar is a scalar again, its ReLU is nothing.
    let y = random(&[2, 1, 8, 8]);
    assert_equivariant!(|y| y.sqr(), &y, &sign => &scalar);
    assert!(!equivariance_report(&y, &sign, &sign, |y| y.relu()).unwrap().holds(1e-5));
}

#[test]
fn pooling_over_a_subgroup_leaves_a_quotient() {
    let group = d4();
    let x = random(&[2, 16, 4, 4]);
    let regular = FieldType::regular(&group, 2);
    for elements in group.subgroups() {
        let subgroup = group.subgroup(&elements).unwrap();
        let quotient = FieldType::quotient(&group, subgroup, 2);
        // The left cosets hK by their smallest members, written out from the Cayley table.
        let mut cosets: Vec<Vec<u32>> = group
            .elements()
            .map(|h| {
                let mut coset: Vec<u32> = elements.iter().map(|&k| group.product(h, k) as u32).collect();
                coset.sort_unstable();
                coset
            })
            .collect();
        cosets.sort();
        cosets.dedup();
        let index = Tensor::new(cosets.concat(), &Device::Cpu).unwrap();
        let pool = |x: &Tensor| -> Result<Tensor> {
            let fields = x.reshape((2, 2, 8, 16))?.index_select(&index, 2)?;
            fields.reshape((2, 2, cosets.len(), elements.len(), 16))?.max(3)?.reshape((2, 2 * cosets.len(), 4, 4))
        };
        assert_equivariant!(pool, &x, &regular => &quotient);
    }
}

#[test]
fn shifts_are_compared_on_the_interior() {
    let fields = FieldType::trivial(&d4(), 1);
    let x = random(&[1, 1, 12, 12]);
    let kernel = random(&[1, 1, 3, 3]);
    let padded = |x: &Tensor| x.conv2d(&kernel, 1, 2, 1, 1);
    let error = |shifts| shift_report(&x, &fields, shifts, padded).unwrap();
    assert_eq!(error(Shifts { stride: 2, margin: 1 }).elements.len(), 2);
    assert!(error(Shifts { stride: 2, margin: 1 }).holds(1e-6));
    assert!(!error(Shifts { stride: 1, margin: 1 }).holds(1e-3), "half a step");
    assert!(error(Shifts { stride: 2, margin: 3 }).elements.is_empty(), "no interior");
    // The last position of a shifted image has padding where the image itself has a pixel.
    let same =
        |margin| shift_report(&x, &fields, Shifts { stride: 1, margin }, |x| x.conv2d(&kernel, 1, 1, 1, 1)).unwrap();
    assert!(!same(0).holds(1e-3) && same(1).holds(1e-6));
}

#[test]
fn errors_relative_to_other_images_are_1_where_turning_does_as_much() {
    let image = FieldType::trivial(&d4(), 1);
    let x = random(&[40, 1, 20, 20]);
    // Transposing makes a turn one in the other sense, half a turn away, where the pixels are independent. A constant
    // makes the norm large, but images no less different.
    let report = equivariance_report(&x, &image, &image, |x| x.transpose(2, 3)? + 10.0).unwrap();
    let turn = &report.elements[1];
    assert!((turn.image_error.unwrap() - 1.0).abs() < 0.05, "{turn:?}");
    assert!(turn.norm_error < 0.1, "{turn:?}");
    assert_eq!(report.elements[2].image_error, Some(0.0));
    let same = equivariance_report(&x, &image, &image, |x| x.sum_keepdim(D::Minus1)?.sum_keepdim(2)?.ones_like());
    assert_eq!(same.unwrap().elements[1].image_error, None);
}

#[test]
fn types_that_do_not_fit_are_refused() {
    let x = random(&[1, 1, 4, 4]);
    let (d4, c4) = (FieldType::trivial(&d4(), 1), FieldType::trivial(&Arc::new(PointGroup::c4()), 1));
    let refused =
        |x: &Tensor, input, output| equivariance_report(x, input, output, |x| x.relu()).unwrap_err().to_string();
    assert!(refused(&x, &c4, &d4).contains("D4"));
    // A subgroup's elements can be compared.
    let some = equivariance_report(&x, &d4, &c4, |x| x.relu()).unwrap();
    assert_eq!(
        some.elements.iter().map(|element| element.element.as_str()).collect::<Vec<_>>(),
        ["1", "r", "r²", "r³"]
    );
    assert!(refused(&random(&[1, 1, 4, 5]), &c4, &c4).contains("square"));
    assert!(refused(&random(&[1, 2, 4, 4]), &c4, &c4).contains("maps"));
}

#[test]
fn class_scores_are_fields_without_pixels() {
    let group = Arc::new(PointGroup::d4());
    let (image, classes) = (FieldType::trivial(&group, 2), FieldType::trivial(&group, 2));
    let x = Tensor::rand(-1f32, 1.0, (3, 2, 6, 6), &Device::Cpu).unwrap();
    assert_equivariant!(|x| x.mean((2, 3)), &x, &image => &classes);
    let uneven = Tensor::rand(0f32, 1.0, (1, 1, 6, 6), &Device::Cpu).unwrap();
    let report = equivariance_report(&x, &image, &classes, |x| x.broadcast_mul(&uneven)?.mean((2, 3))).unwrap();
    assert!(!report.holds(1e-3), "{report}");
}

#[test]
fn a_mask_that_turns_do_not_see_is_seen_by_shifts() {
    let image = FieldType::trivial(&Arc::new(PointGroup::d4()), 1);
    let x = Tensor::rand(-1f32, 1.0, (2, 1, 8, 8), &Device::Cpu).unwrap();
    let rings: Vec<f32> = (0..64).map(|n: i32| ((2 * (n / 8) - 7).pow(2) + (2 * (n % 8) - 7).pow(2)) as f32).collect();
    let mask = Tensor::from_vec(rings, (1, 1, 8, 8), &Device::Cpu).unwrap();
    assert_equivariant!(|x| x.broadcast_mul(&mask), &x, &image => &image);
    let shifts = Shifts { stride: 1, margin: 0 };
    let message = panic_of(|| assert_equivariant!(|x| x.broadcast_mul(&mask), &x, &image => &image, shifts: shifts));
    assert!(message.contains("isn't equivariant: relative error") && message.contains("shift (1, 0)"), "{message}");
}

#[test]
fn shifts_and_a_tolerance_go_together_in_any_order() {
    let image = FieldType::trivial(&d4(), 1);
    let x = random(&[2, 1, 8, 8]);
    let shifts = Shifts { stride: 2, margin: 0 };
    assert_equivariant!(|x| x.avg_pool2d(2), &x, &image => &image, shifts: shifts, tolerance: 1e-6);
    assert_equivariant!(|x| x.avg_pool2d(2), &x, &image => &image, tolerance: 1e-6, shifts: shifts);
    let tilted = |x: &Tensor| {
        x.avg_pool2d(2)?
            + Tensor::arange(0f32, 16.0, &Device::Cpu)?.reshape((1, 1, 4, 4))?.broadcast_as((2, 1, 4, 4))?
    };
    let message = panic_of(|| assert_equivariant!(tilted, &x, &image => &image, tolerance: 0.1, shifts: shifts));
    assert!(message.contains("isn't equivariant"), "{message}");
    assert_equivariant!(tilted, &x, &image => &image, tolerance: 1e3, shifts: shifts);
}

#[test]
fn scores_stay_while_the_image_moves_in_a_frame() {
    let group = d4();
    let (image, classes) = (FieldType::trivial(&group, 1), FieldType::trivial(&group, 2));
    let x = random(&[3, 1, 8, 8]);
    let kernel = random(&[2, 1, 3, 3]);
    // Symmetric under the group, so that only shifts are left to fail.
    let kernel = kernel.mean_keepdim((2, 3)).unwrap().broadcast_as((2, 1, 3, 3)).unwrap().contiguous().unwrap();
    let invariant = |x: &Tensor| x.conv2d(&kernel, 1, 2, 1, 1)?.relu()?.max(3)?.max(2);
    let shifts = Shifts { stride: 2, margin: 1 };
    assert_equivariant!(|x: &Tensor| x.conv2d(&kernel, 1, 1, 1, 1)?.relu()?.max(3)?.max(2), &x, &image => &classes, shifts: Shifts { stride: 1, margin: 1 });
    assert!(shift_report(&x, &classes, shifts, invariant).unwrap().holds(1e-5));
    // Half a step of a stride isn't a shift of the output.
    assert!(shift_report(&x, &classes, Shifts { stride: 1, margin: 2 }, invariant).unwrap().breaks(1e-2));
    let ring = |n: usize| (2.0 * n as f32 - 9.0).powi(2);
    let rings: Vec<f32> = (0..100).map(|n| ring(n / 10) + ring(n % 10)).collect();
    let rings = Tensor::from_vec(rings, (1, 1, 10, 10), &Device::Cpu).unwrap();
    let centred = |x: &Tensor| {
        let sides = [(10 - x.dim(2)?) / 2, (10 - x.dim(2)?).div_ceil(2)];
        let weighted =
            x.pad_with_zeros(2, sides[0], sides[1])?.pad_with_zeros(3, sides[0], sides[1])?.broadcast_mul(&rings)?;
        Tensor::cat(&[weighted.mean((2, 3))?, weighted.abs()?.mean((2, 3))?], 1)
    };
    assert_equivariant!(centred, &x, &image => &classes);
    let message =
        panic_of(|| assert_equivariant!(centred, &x, &image => &classes, shifts: Shifts { stride: 2, margin: 0 }));
    assert!(message.contains("isn't equivariant") && message.contains("under shift ("), "{message}");
    // A network of one size only can't be framed: an error, no defect of the macro.
    let fixed = |x: &Tensor| x.reshape((3, 64))?.narrow(1, 0, 2);
    assert!(shift_report(&x, &classes, shifts, fixed).is_err());
}
