//! The G-CNN without its group: the same tying of weights, but the copies are shuffled at random.

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::{Bank, CopiesBank, Family, Line, Marker, Portrait, Site, check_input, check_sizes};
use crate::error::{Error, Result};
use crate::group::{PointGroup, Representation, Symmetry, point_action};
use crate::rng::{self, Stream};

/// As many shuffles as are tried before a filter is called too small to be scrambled.
const TRIES: usize = 100;

/// As the group bank that it mimics, but without the group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scrambled {
    /// The group that it mimics.
    pub mimics: Symmetry,
    /// What it takes from the group that it mimics.
    pub scramble: Scramble,
}

impl Family for Scrambled {
    const NAME: &'static str = "scrambled";
    const PORTRAIT: Portrait = Portrait::new([0, 158, 115], Marker::Diamond, Line::Short)
        .in_words("copies that no group ties together")
        .repeats_only()
        .in_question();
    const WIDTH: usize = 10;
    const DRAWS: bool = true;

    fn bank(&self, site: &Site) -> Result<Box<dyn Bank>> {
        let mut stream = rng::stream(site.seed, &format!("scramble/{}", site.layer));
        let bank = CopiesBank::scrambled(site.group, site.input, site.sizes(), self.scramble, &mut stream);
        Ok(Box::new(bank?))
    }

    fn symmetry(&self) -> Option<Symmetry> {
        Some(self.mimics)
    }
}

/// What a scramble takes from the group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scramble {
    /// All of it: each copy's entries are shuffled over the group axis and the pixels together.
    #[default]
    Joint,
    /// How it moves pixels: each copy's pixels are shuffled, alike in all components; the group axis is permuted as the
    /// group does. A filter of one pixel stays as it is.
    Positions,
    /// How it permutes the group axis: each copy's components are shuffled; the pixels move as the group moves them. A
    /// lifting convolution has no group axis to shuffle, so it stays as it is.
    GroupAxis,
}

impl CopiesBank {
    /// The control that separates equivariance from repetition: parameters, maps, multiply-adds and tying pattern of the
    /// [group bank](CopiesBank::group) with the same arguments, but random bijections of a filter's entries, drawn from
    /// `stream`, in place of what `scramble` says of the group's action. Copy 0 stays the identity.
    ///
    /// # Errors
    /// When a size is 0, or the filter has too few entries for bijections that aren't a group action.
    pub fn scrambled(
        group: &PointGroup,
        input: Representation,
        [out_fields, in_fields, kernel]: [usize; 3],
        scramble: Scramble,
        stream: &mut Stream,
    ) -> Result<Self> {
        check_sizes("scrambled", &[("out fields", out_fields), ("in fields", in_fields), ("kernel", kernel)])?;
        check_input(input)?;
        let components = input.dim(group);
        let entries = components * kernel * kernel;
        let nothing_to_shuffle = group.order() == 1
            || match scramble {
                Scramble::GroupAxis => components == 1,
                Scramble::Positions => kernel == 1,
                Scramble::Joint => entries == 1,
            };
        for _ in 0..TRIES {
            let table = |g| scramble.table(group, g, input, kernel, stream);
            let tables: Vec<Vec<usize>> = group.elements().map(table).collect::<Result<_>>()?;
            if nothing_to_shuffle || !is_action(group, &tables) {
                // A scramble's copies belong to no element of a group.
                let names = (1..=group.order()).map(|copy| copy.to_string()).collect();
                let labels = ("the copies that its scramble makes of it".to_owned(), names);
                return Ok(Self { out_fields, in_fields, components, kernel, tables, labels });
            }
        }
        Err(Error::invalid(format!(
            "a filter of {entries} entries has no bijections that break the group; use a larger kernel"
        )))
    }
}

impl Scramble {
    /// Where each entry (component, row, column) of copy `g` comes from.
    fn table(
        self,
        group: &PointGroup,
        g: usize,
        input: Representation,
        kernel: usize,
        stream: &mut Stream,
    ) -> Result<Vec<usize>> {
        let (components, pixels) = (input.dim(group), kernel * kernel);
        let mut shuffled = |n: usize| {
            let mut order: Vec<usize> = (0..n).collect();
            if g != 0 {
                order.shuffle(stream);
            }
            order
        };
        let product = |axis: &[usize], plane: &[usize]| {
            axis.iter().flat_map(|component| plane.iter().map(move |pixel| component * pixels + pixel)).collect()
        };
        Ok(match self {
            Self::Joint => shuffled(components * pixels),
            Self::Positions => {
                // On one pixel only the group axis is left of the action.
                let axis = point_action(group, g, input, 1)?;
                product(&axis, &shuffled(pixels))
            }
            Self::GroupAxis => {
                let plane = point_action(group, g, Representation::Trivial, kernel)?;
                product(&shuffled(components), &plane)
            }
        })
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
    use crate::rng;

    const ALL: [Scramble; 3] = [Scramble::Joint, Scramble::Positions, Scramble::GroupAxis];

    fn tables(group: &PointGroup, input: Representation, scramble: Scramble, seed: u64) -> Vec<Vec<usize>> {
        let stream = &mut rng::stream(seed, "scramble");
        CopiesBank::scrambled(group, input, [1, 1, 3], scramble, stream).unwrap().tables
    }

    #[test]
    fn group_tables_are_actions_and_scrambles_are_not() {
        for group in [PointGroup::c4(), PointGroup::d4()] {
            for input in [Representation::Trivial, Representation::Regular] {
                let action: Vec<_> = group.elements().map(|g| point_action(&group, g, input, 3).unwrap()).collect();
                assert!(is_action(&group, &action));
                for (seed, scramble) in (0..20).flat_map(|seed| ALL.map(|scramble| (seed, scramble))) {
                    let tables = tables(&group, input, scramble, seed);
                    let untouched = scramble == Scramble::GroupAxis && input == Representation::Trivial;
                    assert_eq!(is_action(&group, &tables), untouched, "{scramble:?}");
                    assert!(tables[0].iter().copied().eq(0..tables[0].len()));
                    for mut table in tables {
                        table.sort_unstable();
                        assert!(table.iter().copied().eq(0..table.len()), "a bijection");
                    }
                }
            }
        }
    }

    #[test]
    fn a_scramble_keeps_what_it_does_not_name() {
        let group = PointGroup::d4();
        for g in group.elements() {
            let action = point_action(&group, g, Representation::Regular, 3).unwrap();
            let positions = &tables(&group, Representation::Regular, Scramble::Positions, 1)[g];
            assert!(positions.iter().zip(&action).all(|(a, b)| a / 9 == b / 9), "the group axis");
            let axis = &tables(&group, Representation::Regular, Scramble::GroupAxis, 1)[g];
            assert!(axis.iter().zip(&action).all(|(a, b)| a % 9 == b % 9), "the pixels");
        }
    }

    #[test]
    fn what_has_nothing_to_shuffle_stays_as_the_group_has_it() {
        let group = PointGroup::c4();
        for (input, kernel, scramble) in [
            (Representation::Trivial, 1, Scramble::Joint),
            (Representation::Trivial, 1, Scramble::Positions),
            (Representation::Regular, 1, Scramble::Positions),
            (Representation::Trivial, 3, Scramble::GroupAxis),
        ] {
            let stream = &mut rng::stream(0, "scramble");
            let tables = CopiesBank::scrambled(&group, input, [1, 1, kernel], scramble, stream).unwrap().tables;
            let action = group.elements().map(|g| point_action(&group, g, input, kernel).unwrap());
            assert!(tables.into_iter().eq(action), "{scramble:?} of {kernel}×{kernel}");
        }
    }
}
