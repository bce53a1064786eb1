//! What each arm is in a study for, and which of the looks of its bank it has in figures: the same in all studies, as far as
//! its name tells what it is.

use std::collections::BTreeSet;

use super::figure::{Arm, Role};
use crate::model::Family;
use crate::study::{Level, Study};

/// Arms that look the same in all studies, bank by bank, in the order of their looks. The first are those that a study is asked
/// about.
fn known(bank: Family) -> &'static [&'static str] {
    match bank {
        Family::Free => &["z2", "wide", "z2-as-published"],
        Family::P4 => &["p4", "p4-without-pooling", "p4-rp"],
        Family::Scrambled => &["scrambled", "scrambled-positions", "scrambled-group"],
        Family::P4m => &["p4m"],
        Family::RepeatLinear => &["repeat-linear"],
        Family::RepeatSwish => &["repeat-swish"],
        Family::RepeatMask => &["repeat-mask"],
        Family::RepeatDrop => &["repeat-drop"],
        Family::RandomMask => &["random-mask"],
    }
}

/// Whether the first arm with a bank answers the question that studies ask.
fn is_in_question(bank: Family) -> bool {
    match bank {
        Family::P4 | Family::P4m | Family::Scrambled => true,
        Family::RepeatSwish | Family::RepeatMask | Family::RandomMask => true,
        Family::Free | Family::RepeatLinear | Family::RepeatDrop => false,
    }
}

/// The arms of a cell as figures know them.
pub(super) fn roles(study: &Study, cell: &[Level]) -> Vec<Arm> {
    let arms: Vec<(&str, Family)> = study.arms_of(cell).map(|arm| (arm.name.as_str(), arm.net.bank)).collect();
    let variants = variants(&arms);
    let arm = |(&(name, bank), variant): (&(&str, Family), usize)| {
        let role = match name {
            name if name == study.baseline => Role::Baseline,
            name if name == study.target => Role::Target,
            name if study.ladder.iter().any(|rung| rung == name) => Role::Headline,
            _ if variant == 0 && is_in_question(bank) => Role::Headline,
            _ => Role::Other,
        };
        Arm { name: name.to_owned(), role, bank, variant }
    };
    arms.iter().zip(variants).map(arm).collect()
}

/// A number for every arm among those with its bank: that of its own name, or else of the known arm that its name begins with,
/// as scrambled-p4m looks as scrambled does where there's no arm of that name; or else the first that's free.
fn variants(arms: &[(&str, Family)]) -> Vec<usize> {
    let own = |(name, bank): (&str, Family)| known(bank).iter().position(|known| *known == name);
    let kin = |(name, bank): (&str, Family)| {
        let begins = |known: &&str| name.strip_prefix(*known).is_some_and(|rest| rest.starts_with('-'));
        let longest = known(bank).iter().copied().filter(begins).max_by_key(|known| known.len())?;
        own((longest, bank))
    };
    let mut variants: Vec<Option<usize>> = arms.iter().map(|&arm| own(arm)).collect();
    let taken = variants.iter().zip(arms).filter_map(|(variant, (_, bank))| Some((bank.name(), (*variant)?)));
    let mut taken: BTreeSet<(&str, usize)> = taken.collect();
    for (variant, &arm) in variants.iter_mut().zip(arms).filter(|(variant, _)| variant.is_none()) {
        *variant = kin(arm).filter(|place| taken.insert((arm.1.name(), *place)));
    }
    let mut free = |bank: Family| (0..).find(|place| taken.insert((bank.name(), *place))).unwrap_or_default();
    variants.into_iter().zip(arms).map(|(variant, (_, bank))| variant.unwrap_or_else(|| free(*bank))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arms_look_as_those_that_they_are_called_after_and_all_look_different() {
        use Family::{Free, P4, P4m, RepeatSwish, Scrambled};
        assert_eq!(variants(&[("z2", Free), ("scrambled", Scrambled), ("repeat-swish", RepeatSwish)]), [0, 0, 0]);
        let swish = [("repeat-swish-wide", RepeatSwish), ("repeat-swish", RepeatSwish), ("mine", RepeatSwish)];
        assert_eq!(variants(&swish), [1, 0, 2]);
        assert_eq!(variants(&[("scrambled-positions-2", Scrambled), ("scrambled-x", Scrambled)]), [1, 0]);
        assert_eq!(variants(&[("wide", Free), ("plain", Free), ("p4", P4), ("p4m", P4m)]), [1, 0, 0, 0]);
        let many: Vec<String> = (0..30).map(|n| format!("scrambled-{n}")).collect();
        let many: Vec<(&str, Family)> = many.iter().map(|name| (name.as_str(), Scrambled)).collect();
        let mut found = variants(&many);
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), 30);
    }

    #[test]
    fn every_bank_has_a_known_arm_of_its_own() {
        let names: BTreeSet<&str> = Family::ALL.iter().flat_map(|&bank| known(bank)).copied().collect();
        assert_eq!(names.len(), Family::ALL.iter().map(|&bank| known(bank).len()).sum::<usize>());
    }
}
