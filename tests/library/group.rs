//! Group axioms and left actions, over random elements and sizes.

use std::collections::BTreeSet;

use equisplit::group::{PlaneElement, PlaneGroup, PointGroup, Representation, Symmetry, act};
use nalgebra::{DMatrix, Matrix2, Matrix3, Vector2};
use proptest::prelude::*;

fn point_groups() -> Vec<PointGroup> {
    let turns = [1, 2, 3, 4, 5, 6, 8, 12, 16];
    turns.into_iter().flat_map(|n| [PointGroup::cyclic(n).unwrap(), PointGroup::dihedral(n).unwrap()]).collect()
}

/// Those that map the grid onto itself.
fn grid_groups() -> Vec<PointGroup> {
    point_groups().into_iter().filter(PointGroup::is_on_grid).collect()
}

fn point_action(group: &PointGroup, g: usize, representation: Representation, size: usize) -> Vec<usize> {
    equisplit::group::point_action(group, g, representation, size).unwrap()
}

fn plane_groups() -> impl Strategy<Value = PlaneGroup> {
    prop_oneof![Just(PlaneGroup::p4()), Just(PlaneGroup::p4m())]
}

/// A plane group and three of its elements.
fn elements() -> impl Strategy<Value = (PlaneGroup, [PlaneElement; 3])> {
    plane_groups().prop_flat_map(|group| {
        let order = group.point_group().order();
        let element = ((-9..9i32, -9..9i32), 0..order)
            .prop_map(|((x, y), point)| PlaneElement { translation: Vector2::new(x, y), point });
        (Just(group), [element.clone(), element.clone(), element])
    })
}

/// Every representation that fields of the group can have.
fn representations(group: &PointGroup) -> Vec<Representation> {
    let quotients = group.subgroups().into_iter().map(|subgroup| group.subgroup(&subgroup).unwrap());
    let all = [Representation::Trivial, Representation::Regular, Representation::Sign].into_iter();
    all.chain(quotients.map(Representation::Quotient)).collect()
}

fn gather(values: &[i64], index: &[Option<usize>]) -> Vec<i64> {
    index.iter().map(|source| source.map_or(0, |i| values[i])).collect()
}

#[test]
fn point_groups_satisfy_the_axioms() {
    for group in point_groups() {
        for g in group.elements() {
            assert_eq!(group.product(g, 0), g);
            assert_eq!(group.product(0, g), g);
            assert_eq!(group.product(g, group.inverse(g)), 0);
            match group.grid_matrix(g) {
                Some(matrix) => assert_eq!(group.element(&matrix).unwrap(), g),
                None => assert!(equisplit::group::point_action(&group, g, Representation::Trivial, 3).is_err()),
            }
            let turn = g % group.turns() * 360 / group.turns();
            assert_eq!(
                group.grid_matrix(g).is_some(),
                turn.is_multiple_of(90) && (g % group.turns() * 4).is_multiple_of(group.turns())
            );
            assert_eq!(group.order() % group.element_order(g), 0, "Lagrange");
            for h in group.elements() {
                let product = group.matrix(g) * group.matrix(h);
                assert!((group.matrix(group.product(g, h)) - product).norm() < 1e-12, "{} {g} {h}", group.name());
                for k in group.elements() {
                    assert_eq!(group.product(g, group.product(h, k)), group.product(group.product(g, h), k));
                }
            }
        }
        // A Cayley table is a Latin square.
        for row in group.cayley_table() {
            let mut row = row.clone();
            row.sort_unstable();
            assert!(row.iter().copied().eq(group.elements()));
        }
    }
}

#[test]
fn subgroups_are_the_ones_in_the_textbooks() {
    let orders = |group: PointGroup| group.subgroups().iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(orders(PointGroup::c4()), [1, 2, 4]);
    // D4 has one trivial, five of order 2, three of order 4 (one cyclic, two Klein), and itself.
    assert_eq!(orders(PointGroup::d4()), [1, 2, 2, 2, 2, 2, 4, 4, 4, 8]);
    // C_N has τ(N), D_N τ(N) + σ(N): C12 6, D12 34, D64 7 + 127.
    let count = |group: equisplit::Result<PointGroup>| group.unwrap().subgroups().len();
    assert_eq!([count(PointGroup::cyclic(12)), count(PointGroup::dihedral(12))], [6, 34]);
    assert_eq!(count(PointGroup::dihedral(64)), 134);
    for group in point_groups() {
        let subgroups = group.subgroups();
        assert_eq!(subgroups.iter().collect::<BTreeSet<_>>().len(), subgroups.len(), "each once");
        for subgroup in &subgroups {
            assert!(group.is_subgroup(subgroup));
            assert_eq!(group.generated_by(subgroup), *subgroup);
            assert!(group.subgroup(subgroup).unwrap().contains(*subgroup.last().unwrap()));
        }
        // What two elements generate is among them.
        for (g, h) in group.elements().flat_map(|g| group.elements().map(move |h| (g, h))) {
            assert!(subgroups.contains(&group.generated_by(&[g, h])), "{} {g} {h}", group.name());
        }
    }
    assert!(!PointGroup::d4().is_subgroup(&[0, 1]));
}

#[test]
fn elements_are_turns_and_mirrors_of_the_plane() {
    let d8 = PointGroup::dihedral(8).unwrap();
    let half = 0.5f64.sqrt();
    assert!((d8.matrix(1) - Matrix2::new(half, -half, half, half)).norm() < 1e-15, "an eighth counter-clockwise");
    assert_eq!(d8.matrix(2), Matrix2::new(0.0, -1.0, 1.0, 0.0));
    // An eighth turn takes x to the diagonal, the mirror that follows takes that below.
    assert!((d8.matrix(9) * Vector2::new(1.0, 0.0) - Vector2::new(half, -half)).norm() < 1e-15);
    assert_eq!(d8.grid_elements().collect::<Vec<_>>(), [0, 2, 4, 6, 8, 10, 12, 14]);
    let names: Vec<String> = [0, 1, 2, 7, 8, 9, 15].map(|g| d8.element_name(g)).into();
    assert_eq!(names, ["1", "r", "r²", "r⁷", "m", "mr", "mr⁷"]);
    assert_eq!(PointGroup::cyclic(16).unwrap().element_name(13), "r¹³");
    assert_eq!((d8.name(), PointGroup::trivial().name()), ("D8".to_owned(), "C1".to_owned()));
    for wrong in [0, 65] {
        assert!(PointGroup::cyclic(wrong).is_err() && PointGroup::dihedral(wrong).is_err());
    }
    assert!(PlaneGroup::new(d8).unwrap_err().to_string().contains("D8"));
    assert_eq!(PlaneGroup::new(PointGroup::c4()).unwrap(), PlaneGroup::p4());
}

#[test]
fn symmetries_are_named() {
    let named = |name: &str| name.parse::<Symmetry>().unwrap();
    assert_eq!((named("c4"), named("p4m")), (Symmetry::P4, Symmetry::P4M));
    assert_eq!(named("d16").point_group(), PointGroup::dihedral(16).unwrap());
    for name in ["p4", "p4m", "c1", "c8", "d1", "d64"] {
        assert_eq!(named(name).to_string(), name);
        assert_eq!(serde_json::from_str::<Symmetry>(&format!("\"{name}\"")).unwrap(), named(name));
        assert_eq!(serde_json::to_string(&named(name)).unwrap(), format!("\"{name}\""));
    }
    for wrong in ["", "c", "c0", "c65", "c08", "d+4", "C4", "p8", "c4 "] {
        let error = wrong.parse::<Symmetry>().unwrap_err().to_string();
        assert!(error.contains("c1 to c64"), "{error}");
    }
}

#[test]
fn representations_are_homomorphisms() {
    for group in point_groups() {
        let irreps = group.irreps();
        let regular = |g| Representation::Regular.matrix(&group, g);
        let of: Vec<Box<dyn Fn(usize) -> DMatrix<f64>>> = (representations(&group).into_iter())
            .map(|rep| Box::new(move |g| rep.matrix(&group, g)) as Box<dyn Fn(usize) -> DMatrix<f64>>)
            .chain(
                irreps
                    .iter()
                    .map(|&irrep| Box::new(move |g| irrep.matrix(&group, g)) as Box<dyn Fn(usize) -> DMatrix<f64>>),
            )
            .collect();
        for matrix in &of {
            let one = matrix(0);
            assert_eq!(one, DMatrix::identity(one.nrows(), one.nrows()));
            for (g, h) in group.elements().flat_map(|g| group.elements().map(move |h| (g, h))) {
                assert!(
                    (matrix(group.product(g, h)) - matrix(g) * matrix(h)).norm() < 1e-12,
                    "{} {g} {h}",
                    group.name()
                );
            }
            assert!(group.elements().all(|g| (matrix(g).transpose() * matrix(g) - &one).norm() < 1e-12), "orthogonal");
        }
        // Characters: different irreps are orthogonal, and the regular representation has each of them as often as its dimension over
        // that of what commutes with it (2 for the turns of C_N, which commute among themselves).
        let character = |irrep: equisplit::group::Irrep| group.elements().map(move |g| irrep.matrix(&group, g).trace());
        let inner = |a: Vec<f64>, b: Vec<f64>| a.iter().zip(&b).map(|(a, b)| a * b).sum::<f64>() / group.order() as f64;
        for (n, &a) in irreps.iter().enumerate() {
            let own = inner(character(a).collect(), character(a).collect());
            let expected = if a.dim(&group) == 2 && !group.has_mirrors() { 2.0 } else { 1.0 };
            assert!((own - expected).abs() < 1e-12, "{} {a:?}: {own}", group.name());
            for &b in &irreps[n + 1..] {
                assert!(inner(character(a).collect(), character(b).collect()).abs() < 1e-12);
            }
            let multiplicity =
                inner(character(a).collect(), group.elements().map(|g| regular(g).trace()).collect()) / own;
            assert!((multiplicity - a.dim(&group) as f64 / own).abs() < 1e-12);
        }
        let dims: f64 = irreps
            .iter()
            .map(|&a| (a.dim(&group) as f64).powi(2) / inner(character(a).collect(), character(a).collect()))
            .sum();
        assert!((dims - group.order() as f64).abs() < 1e-9, "{}: {dims}", group.name());
    }
}

#[test]
fn elements_act_as_numpy_does() {
    let group = PointGroup::d4();
    let act = |g| point_action(&group, g, Representation::Trivial, 2);
    // [[0, 1], [2, 3]]: rot90 gives [[1, 3], [0, 2]], flipud [[2, 3], [0, 1]], flipud(rot90) [[0, 2], [1, 3]].
    assert_eq!(act(1), [1, 3, 0, 2]);
    assert_eq!(act(4), [2, 3, 0, 1]);
    assert_eq!(act(5), [0, 2, 1, 3]);
    // numpy.rot90(numpy.arange(9).reshape(3, 3))
    assert_eq!(point_action(&PointGroup::c4(), 1, Representation::Trivial, 3), [2, 5, 8, 1, 4, 7, 0, 3, 6]);
}

#[test]
fn signs_are_determinants_and_multiply() {
    let group = PointGroup::d4();
    let sign = |g| Representation::Sign.factor(&group, g);
    assert_eq!(group.elements().map(sign).collect::<Vec<_>>(), [1, 1, 1, 1, -1, -1, -1, -1]);
    for (g, h) in group.elements().flat_map(|g| group.elements().map(move |h| (g, h))) {
        assert_eq!(sign(group.product(g, h)), sign(g) * sign(h));
    }
    assert!(group.elements().all(|g| Representation::Regular.factor(&group, g) == 1));
}

#[test]
fn quotients_lie_between_regular_and_trivial() {
    for group in grid_groups() {
        for elements in group.subgroups() {
            let subgroup = group.subgroup(&elements).unwrap();
            assert!(group.elements().all(|g| subgroup.contains(g) == elements.contains(&g)));
            let quotient = Representation::Quotient(subgroup);
            assert_eq!(quotient.dim(&group) * elements.len(), group.order(), "Lagrange");
            for g in group.elements() {
                let action = |representation| point_action(&group, g, representation, 2);
                if elements.len() == 1 {
                    assert_eq!(action(quotient), action(Representation::Regular));
                }
                if elements.len() == group.order() {
                    assert_eq!(action(quotient), action(Representation::Trivial));
                }
            }
        }
    }
    // D4 over its mirror m: the cosets {1, m}, {r, mr³}, {r², mr²}, {r³, mr}; r takes each to the next.
    let group = PointGroup::d4();
    let quotient = Representation::Quotient(group.subgroup(&[0, 4]).unwrap());
    assert_eq!(point_action(&group, 1, quotient, 1), [3, 0, 1, 2]);
    assert_eq!(point_action(&group, 4, quotient, 1), [0, 3, 2, 1]);
    assert!(group.subgroup(&[0, 1]).is_err() && group.subgroup(&[0, 9]).is_err() && group.subgroup(&[]).is_err());
}

#[test]
fn a_matrix_outside_the_group_is_refused() {
    assert!(PlaneGroup::p4().element(&Matrix3::new(1, 0, 0, 0, -1, 0, 0, 0, 1)).is_err());
    assert!(PlaneGroup::p4m().element(&Matrix3::new(1, 0, 0, 0, -1, 0, 0, 0, 1)).is_ok());
    assert!(PlaneGroup::p4m().element(&Matrix3::new(1, 0, 0, 0, 1, 0, 0, 0, 2)).is_err());
}

proptest! {
    #[test]
    fn plane_groups_satisfy_the_axioms((group, [a, b, c]) in elements()) {
        let one = group.identity();
        prop_assert_eq!(group.product(a, one), a);
        prop_assert_eq!(group.product(one, a), a);
        prop_assert_eq!(group.product(a, group.inverse(a)), one);
        prop_assert_eq!(group.product(group.inverse(a), a), one);
        prop_assert_eq!(group.product(a, group.product(b, c)), group.product(group.product(a, b), c));
        // The 3×3 matrices are a faithful representation.
        prop_assert_eq!(group.matrix(group.product(a, b)), group.matrix(a) * group.matrix(b));
        prop_assert_eq!(group.element(&group.matrix(a)).unwrap(), a);
    }

    #[test]
    fn element_orders_are_those_of_the_matrices((group, [a, ..]) in elements()) {
        let one = Matrix3::<i32>::identity();
        let power = |n: usize| (0..n).fold(one, |m, _| m * group.matrix(a));
        let first_return = (1..=8).find(|&n| power(n) == one);
        prop_assert_eq!(group.element_order(a), first_return);
    }

    #[test]
    fn stabilisers_fix_their_point((group, [a, ..]) in elements()) {
        let x = a.translation;
        let stabiliser = group.stabiliser(x);
        prop_assert_eq!(stabiliser.len(), group.point_group().order());
        for &e in &stabiliser {
            prop_assert_eq!(group.point_group().grid_matrix(e.point).unwrap() * x + e.translation, x);
            prop_assert!(stabiliser.contains(&group.product(e, stabiliser[1])));
        }
    }

    /// On maps large enough that nothing leaves them, a·(b·f) = (ab)·f, for images and regular maps, odd and even sizes.
    #[test]
    fn actions_are_left_actions((group, [a, b, _]) in elements(), size in 1usize..5, values in prop::collection::vec(1..1000i64, 200)) {
        let small = |e: PlaneElement| PlaneElement { translation: e.translation.map(|t| t % 3), ..e };
        let (a, b) = (small(a), small(b));
        let margin = 6;
        let large = size + 2 * margin;
        for representation in representations(group.point_group()) {
            let maps = representation.dim(group.point_group());
            let mut field = vec![0; maps * large * large];
            for (n, &value) in values.iter().take(maps * size * size).enumerate() {
                let (map, row, column) = (n / (size * size), n / size % size, n % size);
                field[(map * large + margin + row) * large + margin + column] = value;
            }
            let apply = |e, f: &[i64]| gather(f, &act(&group, e, representation, large));
            prop_assert_eq!(apply(a, &apply(b, &field)), apply(group.product(a, b), &field));
            prop_assert_eq!(apply(group.identity(), &field), field);
        }
    }

    /// Point operations permute the entries of a filter.
    #[test]
    fn point_actions_are_left_actions_by_permutations(which in any::<prop::sample::Index>(), size in 1usize..7, pair in any::<[prop::sample::Index; 2]>()) {
        let group = grid_groups()[which.index(grid_groups().len())];
        let [g, h] = pair.map(|index| index.index(group.order()));
        for representation in representations(&group) {
            let action = |g| point_action(&group, g, representation, size);
            let (first, then, both) = (action(h), action(g), action(group.product(g, h)));
            prop_assert!(then.iter().map(|&i| first[i]).eq(both));
            let mut sorted = then.clone();
            sorted.sort_unstable();
            prop_assert!(sorted.into_iter().eq(0..representation.dim(&group) * size * size));
        }
    }
}
