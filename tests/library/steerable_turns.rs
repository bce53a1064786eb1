//! Turns between those of the grid: how far steerable layers are from equivariance, beside those of another package.

use std::f64::consts::{FRAC_PI_2, TAU};

use candle_core::Tensor;
use equisplit::bank::{Rings, SteerableBank};
use equisplit::group::{PointGroup, Representation, Symmetry};
use nalgebra::{Complex, Matrix2, Vector2};
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    group: Symmetry,
    kernel: usize,
    regular: bool,
    element: usize,
    /// escnn's, see tests/fixtures/steerable_errors.py.
    error: f64,
}

/// Wave vectors that cover a disc of π/2 per pixel evenly.
fn waves() -> impl Iterator<Item = Vector2<f64>> {
    let length = |n: usize| FRAC_PI_2 * ((n as f64 + 0.5) / 6.0).sqrt();
    let angle = |n: usize| TAU * n as f64 / 20.0;
    (0..6).flat_map(move |r| (0..20).map(move |a| Vector2::new(angle(a).cos(), angle(a).sin()) * length(r)))
}

/// Σ_y W[y] exp(ik·y) of every filter of (functions, out, in, size, size), flattened.
fn amplitudes(filters: &[f64], size: usize, k: Vector2<f64>) -> Vec<Complex<f64>> {
    let middle = (size as f64 - 1.0) / 2.0;
    let at = |n: usize| Vector2::new((n % size) as f64 - middle, middle - (n / size) as f64);
    let phases: Vec<Complex<f64>> = (0..size * size).map(|n| Complex::new(0.0, k.dot(&at(n))).exp()).collect();
    filters.chunks_exact(size * size).map(|one| one.iter().zip(&phases).map(|(w, phase)| phase * w).sum()).collect()
}

/// The error of a layer with new weights under `g`: the root mean square over all plane waves of Ŵ[gh, gh'](gk) − Ŵ[h, h'](k), relative
/// to Ŵ[h, h'](k).
fn error(filters: &Tensor, group: &PointGroup, g: usize) -> f64 {
    let (functions, out, inputs, size, _) = filters.dims5().unwrap();
    let entries = filters.flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let turn: Matrix2<f64> = group.matrix(g);
    let (mut differences, mut all) = (0.0, 0.0);
    for k in waves() {
        let (found, still) = (amplitudes(&entries, size, turn * k), amplitudes(&entries, size, k));
        for n in 0..functions {
            for h in 0..out {
                for i in 0..inputs {
                    let at = |h: usize, i: usize| (n * out + h) * inputs + i;
                    let moved_input = if inputs == 1 { 0 } else { group.product(g, i) };
                    let wanted = still[at(h, i)];
                    differences += (found[at(group.product(g, h), moved_input)] - wanted).norm_sqr();
                    all += wanted.norm_sqr();
                }
            }
        }
    }
    (differences / all).sqrt()
}

/// Claim: at 45° and 22.5° the error of a layer on band-limited images is no larger than that of escnn's, measured the same way.
#[test]
fn errors_between_quarter_turns_are_no_larger_than_those_of_escnn() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../fixtures/steerable-errors.json")).unwrap();
    assert_eq!(cases.len(), 18);
    for Case { group, kernel, regular, element, error: theirs } in cases {
        let group = group.point_group();
        let input = if regular { Representation::Regular } else { Representation::Trivial };
        let basis = SteerableBank::basis(&group, input, kernel, &Rings::default()).unwrap();
        let ours = error(&basis, &group, element);
        let degrees = 360.0 * element as f64 / group.order() as f64;
        assert!(
            ours > 0.01 && ours <= theirs,
            "{} {kernel}×{kernel} {input:?} at {degrees}°: {ours}, escnn's {theirs}",
            group.name()
        );
        // Quarter turns are exact, which the measure must show.
        let quarter = group.order() / 4;
        assert!(error(&basis, &group, quarter) < 1e-12);
    }
}
