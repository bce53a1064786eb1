//! What stands beside an attribution: comparisons of pairs of arms, and warnings.

use crate::stats_support::{arm, close, design, finished, study};
use equisplit::report::table;
use equisplit::stats::attribution::attribute;

#[test]
fn comparisons_name_the_seeds_they_are_over_and_have_an_interval() {
    let arms = [finished("z2", &[50, 52, 51]), arm("c", &[Some(40), None, Some(42)]), finished("p4", &[23, 22, 24])];
    let result = attribute(&design(&[]), &arms).unwrap();
    let [whole, control, _] = &result.comparisons[..] else { panic!("{:?}", result.comparisons) };
    assert_eq!((whole.seeds_used.as_deref(), control.seeds_used.as_deref()), (None, Some(&[1, 3][..])));
    // As the gain's: mean 28, half width 4.302653. The control's: 10 and 9 thousandths, 12.7062·0.5.
    close(whole.ci95, [0.028 - 0.004_302_653, 0.028 + 0.004_302_653]);
    close(control.ci95, [0.0095 - 0.006_353_102, 0.0095 + 0.006_353_102]);
    let text = table::attribution(&result);
    assert!(text.contains("z2 → c, over seeds 1, 3 alone") && text.contains("\nz2 → p4  "), "{text}");
}

#[test]
fn arms_are_tested_in_two_families() {
    let mut arms = study();
    arms.push(finished("scrambled", &[37, 30, 33]));
    let result = attribute(&design(&[]), &arms).unwrap();
    let names: Vec<_> = result.comparisons.iter().map(|c| (c.from.as_str(), c.to.as_str())).collect();
    let expected = [("z2", "p4"), ("z2", "repeat"), ("z2", "scrambled"), ("repeat", "p4"), ("scrambled", "p4")];
    assert_eq!(names, expected);

    // SciPy's ttest_rel. Holm doubles the smaller p of each family of two; the larger stays, and the gain's too.
    let p = [0.001_273_074_991, 0.003_316_758_722, 0.021_033_207_461, 0.001_027_221_637, 0.030_776_630_805];
    let adjusted = [p[0], 2.0 * p[1], p[2], 2.0 * p[3], p[4]];
    for ((comparison, p), adjusted) in result.comparisons.iter().zip(p).zip(adjusted) {
        let found = (comparison.test.unwrap().p, comparison.p_holm.unwrap());
        assert!((found.0 - p).abs() < 1e-11 && (found.1 - adjusted).abs() < 1e-11, "{comparison:?}");
    }
    assert_eq!(result.comparisons[0].improvement.unwrap().probability, 1.0);
    assert_eq!(result.comparisons[0].improvement.unwrap().ci95, None);
}

#[test]
fn what_can_not_be_compared_is_no_part_of_a_family() {
    let mut arms = study();
    arms.push(arm("never", &[None; 3]));
    let result = attribute(&design(&[]), &arms).unwrap();
    let never = &result.comparisons[2];
    assert_eq!((never.to.as_str(), never.difference, never.improvement), ("never", None, None));
    assert_eq!((never.test, never.p_holm), (None, None));
    let repeat = &result.comparisons[1];
    assert_eq!(repeat.p_holm, Some(repeat.test.unwrap().p));
}

/// The warnings of a study of z2, a control and p4.
fn warnings(z2: &[usize], control: &[usize], p4: &[usize]) -> Vec<String> {
    let arms = [finished("z2", z2), finished("c", control), finished("p4", p4)];
    attribute(&design(&[]), &arms).unwrap().warnings
}

fn warns(warnings: &[String], of: &str) {
    assert_eq!(warnings.iter().filter(|warning| warning.contains(of)).count(), 1, "{of}: {warnings:?}");
}

#[test]
fn warns_where_seeds_say_too_little() {
    warns(&warnings(&[50], &[40], &[23]), "one seed says nothing");
    warns(&warnings(&[50, 52], &[40, 41], &[23, 24]), "two seeds say next to nothing");
    warns(&warnings(&[50, 52, 51], &[40, 41, 42], &[23, 22, 24]), "3 seeds: intervals hold 95 % only if");
    let wide = warnings(&[50, 52, 51, 50, 53], &[40, 10, 60, 55, 20], &[23, 22, 24, 22, 23]);
    warns(&wide, "the interval of c's share is");
    assert_eq!(warnings(&[50, 52, 51, 49, 53], &[40, 41, 42, 39, 41], &[23, 22, 24, 22, 23]), Vec::<String>::new());
}

#[test]
fn warns_of_intervals_without_width() {
    let same = warnings(&[50, 52, 51, 49, 53], &[40, 42, 41, 39, 43], &[23, 25, 24, 22, 26]);
    warns(&same, "the gain of p4 over z2 is the same in all 5 seeds");
    warns(&same, "c's share is the same in all seeds");
}

#[test]
fn warns_of_a_seed_that_lies_apart() {
    let collapsed = warnings(&[50, 52, 51, 49, 53, 50], &[40, 41, 42, 39, 190, 41], &[23, 22, 24, 22, 23, 24]);
    warns(&collapsed, "seed 5 of c lies apart with a test error of 19.00 %");
}

#[test]
fn says_how_many_seeds_would_establish_a_gain() {
    // Gains 9, -4, 2: mean 2.33, sd 6.51 thousandths, 7.82 by the median 1.386 of χ² at 2 degrees of freedom;
    // 2.0141·7.82/√46 = 2.321, 2.0154·7.82/√45 = 2.349.
    warns(
        &warnings(&[50, 40, 45], &[45, 45, 45], &[41, 44, 43]),
        "takes about 46 seeds by the variance seen (to be safe",
    );
}
