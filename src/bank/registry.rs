//! The families of banks that there are.

use std::sync::{LazyLock, PoisonError, RwLock};

use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::{Map, Value};

use super::{
    BandLimited, BankConfig, Family, Free, P4, P4m, RandomMask, RepeatDrop, RepeatLinear, RepeatMask, RepeatSwish,
    Scrambled, ScrambledSteerable, Steerable,
};
use crate::error::{Error, Result};

/// Every family with its keys at their defaults. A bank of this crate is added here, beside its `mod` above.
static FAMILIES: LazyLock<RwLock<Vec<BankConfig>>> = LazyLock::new(|| {
    RwLock::new(vec![
        Free {}.into(),
        P4 {}.into(),
        P4m {}.into(),
        Scrambled::default().into(),
        RepeatLinear {}.into(),
        RepeatSwish::default().into(),
        RepeatMask {}.into(),
        RepeatDrop::default().into(),
        RandomMask {}.into(),
        Steerable::default().into(),
        ScrambledSteerable::default().into(),
        BandLimited::default().into(),
    ])
});

/// Names of networks that are called otherwise than their bank, so that no bank can be called so.
pub const RESERVED_NAMES: [&str; 3] = ["z2", "wide", "p4-rp"];

/// The key that names the family.
const NAME_KEY: &str = "bank";

/// Keys that every network has, so that no bank's can be called so.
pub const RESERVED_KEYS: [&str; 23] = [
    "bank",
    "bias",
    "dropout",
    "filters_of",
    "group_pooling",
    "initialisation",
    "levels",
    "maps",
    "match",
    "match_multiply_adds",
    "name",
    "norm",
    "pool_every_layer",
    "preset",
    "scale",
    "scramble_seed",
    "seed",
    "seeds",
    "skeleton",
    "train",
    "training",
    "width",
    "widths",
];

/// All families, each with its keys at their defaults.
pub fn families() -> Vec<BankConfig> {
    FAMILIES.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The family that study files call `name`.
pub fn family(name: &str) -> Option<BankConfig> {
    families().into_iter().find(|family| family.name() == name)
}

/// Makes a family of banks known to study files and records, for as long as the program runs.
///
/// # Errors
/// When another family or a preset has its name, one of its keys is one that every network has, or its default can't be written
/// down and read again.
pub fn register<F: Family>() -> Result<()> {
    let own = BankConfig::new(F::default());
    let mut families = FAMILIES.write().unwrap_or_else(PoisonError::into_inner);
    if families.iter().any(|family| family.get::<F>().is_some()) {
        return Ok(());
    }
    if families.iter().any(|family| family.name() == F::NAME) {
        return Err(Error::invalid(format!("two families of banks are called {:?}", F::NAME)));
    }
    if RESERVED_NAMES.contains(&F::NAME) {
        return Err(Error::invalid(format!("{:?} is a preset; call the family otherwise", F::NAME)));
    }
    let is_object = serde_json::to_value(F::default()).is_ok_and(|value| value.is_object());
    if !is_object || !own.with_keys(own.keys()).is_ok_and(|read| read == own) {
        let message = "its default can't be written down as keys and read again: it's a struct, every field of it is there, \
                       and no number is infinite or NaN";
        return Err(Error::invalid(format!("{}: {message}", F::NAME)));
    }
    if let Some(key) = own.keys().keys().find(|key| RESERVED_KEYS.contains(&key.as_str())) {
        return Err(Error::invalid(format!("{}: every network has a key {key:?}; call the bank's otherwise", F::NAME)));
    }
    families.push(own);
    Ok(())
}

impl BankConfig {
    /// The bank that study files call `name`, with its keys at their defaults.
    ///
    /// # Errors
    /// When no family is called so; the message has those that are.
    pub fn named(name: &str) -> Result<Self> {
        family(name).ok_or_else(|| {
            let known: Vec<&str> = families().iter().map(Self::name).collect();
            Error::invalid(format!("unknown bank {name:?}; there are {}", known.join(", ")))
        })
    }
}

/// From a table with the family's name as `bank` and its keys beside it. Records have keys of other families too, which are passed
/// over; those of no family are refused.
impl<'de> Deserialize<'de> for BankConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let mut table = Map::deserialize(deserializer)?;
        let name = match table.remove(NAME_KEY) {
            Some(Value::String(name)) => name,
            Some(other) => return Err(D::Error::custom(format!("bank = {other}, but it's a name"))),
            None => return Err(D::Error::missing_field(NAME_KEY)),
        };
        let family = Self::named(&name).map_err(D::Error::custom)?;
        let own = family.keys();
        for (key, value) in &table {
            let of_others = families().iter().find_map(|other| other.keys().get(key).cloned());
            match of_others {
                None => return Err(D::Error::custom(format!("unknown field `{key}`"))),
                // No program gave a bank that doesn't have the key another value.
                Some(default) if !own.contains_key(key) && default != *value => {
                    return Err(D::Error::custom(format!("{key} = {value}, but {name} has no such key")));
                }
                Some(_) => {}
            }
        }
        table.retain(|key, _| own.contains_key(key));
        family.with_keys(table).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::bank::{Bank, Portrait, Site};

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Namesake {}

    impl Family for Namesake {
        const NAME: &'static str = "p4";
        const PORTRAIT: Portrait = P4::PORTRAIT;

        fn bank(&self, site: &Site) -> Result<Box<dyn Bank>> {
            Free {}.bank(site)
        }
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Grasping {
        width: usize,
    }

    impl Family for Grasping {
        const NAME: &'static str = "grasping";
        const PORTRAIT: Portrait = P4::PORTRAIT;

        fn bank(&self, site: &Site) -> Result<Box<dyn Bank>> {
            Free {}.bank(site)
        }
    }

    #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Unit;

    impl Family for Unit {
        const NAME: &'static str = "unit";
        const PORTRAIT: Portrait = P4::PORTRAIT;

        fn bank(&self, site: &Site) -> Result<Box<dyn Bank>> {
            Free {}.bank(site)
        }
    }

    #[test]
    fn names_are_their_familys_alone_and_keys_no_networks() {
        for own in families() {
            assert_eq!(family(own.name()), Some(own.clone()));
            assert!(own.keys().keys().all(|key| !RESERVED_KEYS.contains(&key.as_str())), "{own:?}");
        }
        assert_eq!(family("p5"), None);
        assert!(register::<P4>().is_ok(), "again");
        assert!(register::<Namesake>().unwrap_err().to_string().contains("\"p4\""));
        assert!(register::<Unit>().unwrap_err().to_string().contains("read again"));
        assert!(register::<Grasping>().unwrap_err().to_string().contains("\"width\""));
    }
}
