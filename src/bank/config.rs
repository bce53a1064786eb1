//! A configured bank of whatever family.

use std::any::Any;
use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Bank, Family, Portrait, Site};
use crate::error::{Error, Result};
use crate::group::Symmetry;

/// The configuration of a bank: a value of any [`Family`].
#[derive(Clone)]
pub struct BankConfig(Arc<dyn AnyFamily>);

/// A [`Family`] as an object; what is said there holds here.
trait AnyFamily: Debug + Send + Sync {
    fn facts(&self) -> Facts;
    fn bank(&self, site: &Site) -> Result<Box<dyn Bank>>;
    fn symmetry(&self) -> Option<Symmetry>;
    fn check(&self) -> Result<()>;
    fn rescaled_to(&self, base: [usize; 2], parameter: &str, shape: &[usize]) -> Option<[usize; 2]>;
    fn keys(&self) -> Map<String, Value>;
    fn with_keys(&self, keys: Map<String, Value>) -> serde_json::Result<BankConfig>;
    fn equals(&self, other: &dyn Any) -> bool;
    fn as_any(&self) -> &dyn Any;
}

/// What is the same for all values of a family.
#[derive(Clone, Copy)]
struct Facts {
    name: &'static str,
    portrait: Portrait,
    width: usize,
    rescales: bool,
    draws: bool,
    is_equivariant: bool,
}

impl<F: Family> AnyFamily for F {
    fn facts(&self) -> Facts {
        Facts {
            name: F::NAME,
            portrait: F::PORTRAIT,
            width: F::WIDTH,
            rescales: F::RESCALES,
            draws: F::DRAWS,
            is_equivariant: F::IS_EQUIVARIANT,
        }
    }

    fn bank(&self, site: &Site) -> Result<Box<dyn Bank>> {
        Family::bank(self, site)
    }

    fn symmetry(&self) -> Option<Symmetry> {
        Family::symmetry(self)
    }

    fn check(&self) -> Result<()> {
        Family::check(self)
    }

    fn rescaled_to(&self, base: [usize; 2], parameter: &str, shape: &[usize]) -> Option<[usize; 2]> {
        F::rescaled_to(base, parameter, shape)
    }

    fn keys(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(keys)) => keys,
            _ => Map::new(),
        }
    }

    fn with_keys(&self, keys: Map<String, Value>) -> serde_json::Result<BankConfig> {
        serde_json::from_value::<F>(Value::Object(keys)).map(BankConfig::new)
    }

    fn equals(&self, other: &dyn Any) -> bool {
        other.downcast_ref::<F>() == Some(self)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl BankConfig {
    /// A bank of a family.
    pub fn new<F: Family>(family: F) -> Self {
        Self(Arc::new(family))
    }

    /// The value, if the bank is of this family.
    pub fn get<F: Family>(&self) -> Option<&F> {
        self.0.as_any().downcast_ref()
    }

    /// [`Family::NAME`]
    pub fn name(&self) -> &'static str {
        self.0.facts().name
    }

    /// [`Family::PORTRAIT`]
    pub fn portrait(&self) -> Portrait {
        self.0.facts().portrait
    }

    /// [`Family::WIDTH`]
    pub fn width(&self) -> usize {
        self.0.facts().width
    }

    /// [`Family::RESCALES`]
    pub fn rescales(&self) -> bool {
        self.0.facts().rescales
    }

    /// [`Family::DRAWS`]
    pub fn draws(&self) -> bool {
        self.0.facts().draws
    }

    /// [`Family::IS_EQUIVARIANT`]
    pub fn is_equivariant(&self) -> bool {
        self.0.facts().is_equivariant
    }

    /// [`Family::symmetry`]
    pub fn symmetry(&self) -> Option<Symmetry> {
        self.0.symmetry()
    }

    /// [`Family::bank`]
    ///
    /// # Errors
    /// As there.
    pub fn bank(&self, site: &Site) -> Result<Box<dyn Bank>> {
        self.0.bank(site)
    }

    /// [`Family::check`]
    ///
    /// # Errors
    /// As there.
    pub fn check(&self) -> Result<()> {
        self.0.check()
    }

    /// [`Family::rescaled_to`]
    pub fn rescaled_to(&self, base: [usize; 2], parameter: &str, shape: &[usize]) -> Option<[usize; 2]> {
        self.0.rescaled_to(base, parameter, shape)
    }

    /// Its own keys and their values.
    pub fn keys(&self) -> Map<String, Value> {
        self.0.keys()
    }

    /// The family with these values of its keys.
    pub(super) fn with_keys(&self, keys: Map<String, Value>) -> serde_json::Result<Self> {
        self.0.with_keys(keys)
    }

    /// The same with another value for one of its keys.
    ///
    /// # Errors
    /// When it has no such key, or the value isn't one of its kind.
    pub fn with(&self, key: &str, value: Value) -> Result<Self> {
        let mut keys = self.keys();
        if !keys.contains_key(key) {
            return Err(Error::invalid(format!("{} has no key {key}", self.name())));
        }
        keys.insert(key.to_owned(), value);
        self.with_keys(keys).map_err(|e| Error::invalid(e.to_string()))
    }
}

impl<F: Family> From<F> for BankConfig {
    fn from(family: F) -> Self {
        Self::new(family)
    }
}

impl Debug for BankConfig {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PartialEq for BankConfig {
    fn eq(&self, other: &Self) -> bool {
        self.0.equals(other.0.as_any())
    }
}
