//! What studies know of steerable banks and their controls.

use serde::{Deserialize, Serialize};

use super::{Rings, SteerableBank};
use crate::bank::{Bank, Family, Line, Marker, Portrait, Site};
use crate::error::{Error, Result};
use crate::group::{PointGroup, Symmetry};
use crate::rng;

/// Steerable convolutions over C_N or D_N.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Steerable {
    /// The point group, as "c8".
    #[serde(with = "point_group")]
    pub group: PointGroup,
    /// The basis of its filters.
    #[serde(flatten)]
    pub rings: Rings,
}

/// As the steerable bank that it mimics, but without the group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScrambledSteerable {
    /// The group that it mimics, as "c8".
    #[serde(with = "point_group")]
    pub group: PointGroup,
    /// The basis of its filters.
    #[serde(flatten)]
    pub rings: Rings,
}

/// Ordinary convolutions whose filters have the steerable banks' basis: what the basis does by itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BandLimited {
    /// The basis of its filters.
    #[serde(flatten)]
    pub rings: Rings,
}

impl Default for Steerable {
    /// Eighth turns.
    fn default() -> Self {
        Self { group: PointGroup::c8(), rings: Rings::default() }
    }
}

impl Default for ScrambledSteerable {
    /// As many copies as there are eighth turns.
    fn default() -> Self {
        Self { group: PointGroup::c8(), rings: Rings::default() }
    }
}

impl Family for Steerable {
    const NAME: &'static str = "steerable";
    const PORTRAIT: Portrait = Portrait::new([86, 180, 233], Marker::Hexagon, Line::Solid).in_question();
    const WIDTH: usize = 8;
    const IS_EQUIVARIANT: bool = true;

    fn bank(&self, site: &Site) -> Result<Box<dyn Bank>> {
        Ok(Box::new(SteerableBank::group(site.group, site.input, site.sizes(), &self.rings)?))
    }

    fn symmetry(&self) -> Option<Symmetry> {
        Some(self.group.into())
    }

    fn check(&self) -> Result<()> {
        check(&self.group, &self.rings)
    }
}

impl Family for ScrambledSteerable {
    const NAME: &'static str = "scrambled-steerable";
    const PORTRAIT: Portrait = Portrait::new([0, 98, 71], Marker::Spark, Line::Long)
        .in_words("copies of steerable filters that no group ties together")
        .repeats_only()
        .in_question();
    const WIDTH: usize = 8;
    const DRAWS: bool = true;

    fn bank(&self, site: &Site) -> Result<Box<dyn Bank>> {
        let mut stream = rng::stream(site.seed, &format!("scramble/{}", site.layer));
        Ok(Box::new(SteerableBank::scrambled(site.group, site.input, site.sizes(), &self.rings, &mut stream)?))
    }

    fn symmetry(&self) -> Option<Symmetry> {
        Some(self.group.into())
    }

    fn check(&self) -> Result<()> {
        check(&self.group, &self.rings)
    }
}

impl Family for BandLimited {
    const NAME: &'static str = "band-limited";
    const PORTRAIT: Portrait = Portrait::new([95, 95, 95], Marker::Pentagon, Line::Dotted);
    const WIDTH: usize = 22;

    fn bank(&self, site: &Site) -> Result<Box<dyn Bank>> {
        Ok(Box::new(SteerableBank::band_limited(site.sizes(), &self.rings)?))
    }

    fn check(&self) -> Result<()> {
        self.rings.check()
    }
}

fn check(group: &PointGroup, rings: &Rings) -> Result<()> {
    match group.order() {
        1 => Err(Error::invalid("group = \"c1\" has no copies; the bank band-limited has this basis without any")),
        _ => rings.check(),
    }
}

/// Point groups by their own names, never those of plane groups.
mod point_group {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::group::{PointGroup, Symmetry};

    pub(super) fn serialize<S: Serializer>(group: &PointGroup, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&group.name().to_lowercase())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PointGroup, D::Error> {
        Symmetry::deserialize(deserializer).map(Symmetry::point_group)
    }
}
