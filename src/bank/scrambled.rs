//! The G-CNN without its group: the same tying of weights, but the copies are shuffled at random.

use rand::seq::SliceRandom;

use super::{CopiesBank, check_sizes};
use crate::error::{Error, Result};
use crate::group::{PointGroup, Representation};
use crate::rng;

/// As many shuffles as are tried before a filter is called too small to be scrambled.
const TRIES: usize = 100;

impl CopiesBank {
    /// The control that separates equivariance from repetition: parameters, maps, multiply-adds and tying pattern of the
    /// [group bank](CopiesBank::group) with the same arguments, but fixed random bijections of a filter's entries in place
    /// of the group's action. Copy 0 stays the identity.
    ///
    /// The bijections are drawn from the stream `scramble/{layer}` of
    /// `seed`, so that they differ between layers and stay the same over the training seeds of a study.
    ///
    /// # Errors
    /// When a size is 0, or the filter has too few entries for bijections that aren't a group action.
    pub fn scrambled(
        group: &PointGroup,
        input: Representation,
        [out_fields, in_fields, kernel]: [usize; 3],
        seed: u64,
        layer: &str,
    ) -> Result<Self> {
        check_sizes("scrambled", &[("out fields", out_fields), ("in fields", in_fields), ("kernel", kernel)])?;
        let components = input.dim(group);
        let entries = components * kernel * kernel;
        let mut stream = rng::stream(seed, &format!("scramble/{layer}"));
        for _ in 0..TRIES {
            let tables: Vec<Vec<usize>> = group
                .elements()
                .map(|g| {
                    let mut table: Vec<usize> = (0..entries).collect();
                    if g != 0 {
                        table.shuffle(&mut stream);
                    }
                    table
                })
                .collect();
            if !is_action(group, &tables) {
                return Ok(Self { out_fields, in_fields, components, kernel, tables });
            }
        }
        Err(Error::invalid(format!(
            "scrambled ({layer}): a filter of {entries} entries has no bijections that break the group; use a larger kernel"
        )))
    }
}

/// Whether the tables compose as the group's elements do.
fn is_action(group: &PointGroup, tables: &[Vec<usize>]) -> bool {
    group.elements().all(|g| {
        group.elements().all(|h| {
            let composed = tables[g].iter().map(|&entry| tables[h][entry]);
            composed.eq(tables[group.product(g, h)].iter().copied())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::point_action;

    #[test]
    fn group_tables_are_actions_and_scrambles_are_not() {
        for group in [PointGroup::c4(), PointGroup::d4()] {
            for input in [Representation::Trivial, Representation::Regular] {
                let action: Vec<_> = group.elements().map(|g| point_action(&group, g, input, 3)).collect();
                assert!(is_action(&group, &action));
                for seed in 0..20 {
                    let bank = CopiesBank::scrambled(&group, input, [1, 1, 3], seed, "conv1").unwrap();
                    assert!(!is_action(&group, &bank.tables));
                    assert!(bank.tables[0].iter().copied().eq(0..bank.tables[0].len()));
                    for mut table in bank.tables {
                        table.sort_unstable();
                        assert!(table.iter().copied().eq(0..table.len()), "a bijection");
                    }
                }
            }
        }
    }

    #[test]
    fn one_entry_cannot_be_scrambled() {
        let error =
            CopiesBank::scrambled(&PointGroup::c4(), Representation::Trivial, [1, 1, 1], 0, "conv1").unwrap_err();
        assert!(error.to_string().contains("1 entries"), "{error}");
    }
}
