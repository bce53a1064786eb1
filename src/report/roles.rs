//! What each arm is in a study for, and which of the looks of its bank it has in figures.

use super::figure::{Arm, Role};
use crate::study::{Level, Study};

/// The arms of a cell as figures know them. Those with the same bank have its looks in the order of the study, but what the study
/// asks about comes first: baseline, target, and what is on the ladder between them.
pub(super) fn roles(study: &Study, cell: &[Level]) -> Vec<Arm> {
    let asked = |name: &str| match name {
        name if name == study.baseline => Some(Role::Baseline),
        name if name == study.target => Some(Role::Target),
        name if study.ladder.iter().any(|rung| rung == name) => Some(Role::Headline),
        _ => None,
    };
    let arms: Vec<(&str, &str)> = study.arms_of(cell).map(|arm| (arm.name.as_str(), arm.net.bank.name())).collect();
    let variants = variants(&arms, |name| asked(name).is_some());
    let arm = |(arm, variant): (&crate::study::Arm, usize)| {
        let bank = arm.net.bank.portrait();
        let of_bank = if variant == 0 && bank.in_question { Role::Headline } else { Role::Other };
        Arm { name: arm.name.clone(), role: asked(&arm.name).unwrap_or(of_bank), bank, variant }
    };
    study.arms_of(cell).zip(variants).map(arm).collect()
}

/// The number of every arm (name, bank) among those with its bank.
fn variants(arms: &[(&str, &str)], is_asked_about: impl Fn(&str) -> bool) -> Vec<usize> {
    let comes_before =
        |(n, name): (usize, &str), (m, other): (usize, &str)| match (is_asked_about(name), is_asked_about(other)) {
            (true, false) => true,
            (false, true) => false,
            _ => n < m,
        };
    let variant = |(m, &(name, bank)): (usize, &(&str, &str))| {
        let others = arms.iter().enumerate().filter(|(_, (_, other))| *other == bank);
        others.filter(|(n, (other, _))| comes_before((*n, other), (m, name))).count()
    };
    arms.iter().enumerate().map(variant).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_study_asks_about_comes_first_and_all_arms_of_a_bank_differ() {
        let found = variants(&[("wide", "free"), ("z2", "free"), ("p4", "p4"), ("plain", "free")], |name| name == "z2");
        assert_eq!(found, [1, 0, 0, 2]);
        assert_eq!(variants(&[("a", "free"), ("b", "free"), ("c", "p4")], |_| true), [0, 1, 0]);
    }
}
