//! Which look each arm has in figures: the same in all studies, as far as its name tells what it is.

use std::collections::BTreeSet;

use super::figure::{Arm, Role};
use crate::study::{Level, Study};

/// Controls that look the same in all studies, in the order of their looks: the first twelve can be told apart.
const KNOWN: [&str; 12] = [
    "repeat-swish",
    "scrambled",
    "repeat-mask",
    "random-mask",
    "repeat-linear",
    "wide",
    "repeat-drop",
    "scrambled-positions",
    "scrambled-group",
    "p4-without-pooling",
    "p4-rp",
    "z2-as-published",
];

/// The arms of a cell as figures know them.
pub(super) fn roles(study: &Study, cell: &[Level]) -> Vec<Arm> {
    let names: Vec<&str> = study.arms_of(cell).map(|arm| arm.name.as_str()).collect();
    let controls = names.iter().copied().filter(|name| *name != study.baseline && *name != study.target);
    let mut looks = looks(&controls.collect::<Vec<_>>()).into_iter();
    let role = |name: &str| match name {
        name if name == study.baseline => Role::Baseline,
        name if name == study.target => Role::Target,
        _ => Role::Control(looks.next().unwrap_or_default()),
    };
    let roles: Vec<Role> = names.iter().copied().map(role).collect();
    names.into_iter().zip(roles).map(|(name, role)| Arm { name: name.to_owned(), role }).collect()
}

/// A look for every control: that of its own name, or else of the known arm that its name begins with, as scrambled-p4m looks
/// as scrambled does where there's no arm of that name; or else the first that's free.
fn looks(controls: &[&str]) -> Vec<usize> {
    let own = |name: &str| KNOWN.iter().position(|known| *known == name);
    let kin = |name: &str| {
        let begins = |known: &&str| name.strip_prefix(*known).is_some_and(|rest| rest.starts_with('-'));
        let known = KNOWN.into_iter().filter(begins).max_by_key(|known| known.len())?;
        own(known)
    };
    let mut looks: Vec<Option<usize>> = controls.iter().map(|name| own(name)).collect();
    let mut taken: BTreeSet<usize> = looks.iter().flatten().copied().collect();
    for (look, name) in looks.iter_mut().zip(controls).filter(|(look, _)| look.is_none()) {
        *look = kin(name).filter(|place| taken.insert(*place));
    }
    let mut free = (0..).filter(|place| !taken.contains(place));
    looks.into_iter().map(|look| look.or_else(|| free.next()).unwrap_or_default()).collect()
}

#[cfg(test)]
mod tests {
    use super::looks;

    #[test]
    fn arms_look_as_those_that_they_are_called_after_and_all_look_different() {
        assert_eq!(looks(&["scrambled", "repeat-swish"]), [1, 0]);
        assert_eq!(looks(&["scrambled-p4m", "repeat-swish-wide", "repeat-swish", "mine"]), [1, 2, 0, 3]);
        assert_eq!(looks(&["scrambled-positions-2", "scrambled-x"]), [7, 1]);
        assert_eq!(looks(&["wider", "wide"]), [0, 5]);
        let many: Vec<String> = (0..30).map(|n| format!("scrambled-{n}")).collect();
        let mut found = looks(&many.iter().map(String::as_str).collect::<Vec<_>>());
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), 30);
    }
}
