//! Skeletons by name.

use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::steps::{Step, Steps, builtin, builtins};
use crate::error::{Error, Result};

/// A network's plan without widths and banks: steps, and what they're called.
///
/// Records write those of the program as their name, and others whole, so that a record says all that determines its network.
#[derive(Clone, Debug, PartialEq)]
pub struct Skeleton {
    name: Arc<str>,
    steps: Arc<Steps>,
}

/// A skeleton that isn't the program's, as records have it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<[usize; 3]>,
    base: f64,
    steps: Vec<Step>,
}

/// What records have.
#[derive(Deserialize)]
#[serde(untagged, expecting = "the name of a skeleton, or a table with its name, base and steps")]
enum Form {
    Name(String),
    Whole(Written),
}

impl Default for Skeleton {
    /// `cohen2016`
    fn default() -> Self {
        Self::named("cohen2016").expect("a skeleton of the program, all of which a unit test reads")
    }
}

impl Skeleton {
    /// A skeleton that comes with the program.
    ///
    /// # Errors
    /// When there's none of this name; the message has those that there are.
    pub fn named(name: &str) -> Result<Self> {
        let text = builtin(name).ok_or_else(|| {
            let known = builtins().collect::<Vec<_>>().join(", ");
            Error::invalid(format!("unknown skeleton {name:?}; there are {known}"))
        })?;
        let steps: Steps = toml::from_str(text).map_err(|e| Error::invalid(format!("skeleton {name}: {e}")))?;
        Ok(Self { name: name.into(), steps: steps.into() })
    }

    /// A skeleton of one's own.
    ///
    /// # Errors
    /// When the program has another one of this name.
    pub fn new(name: &str, steps: Steps) -> Result<Self> {
        match Self::named(name) {
            Ok(known) if *known.steps != steps => {
                Err(Error::invalid(format!("the program has a skeleton {name:?}; call this one otherwise")))
            }
            _ => Ok(Self { name: name.into(), steps: steps.into() }),
        }
    }

    /// What it's called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it consists of.
    pub fn steps(&self) -> &Steps {
        &self.steps
    }
}

impl Serialize for Skeleton {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        if Self::named(&self.name).is_ok_and(|known| known == *self) {
            return serializer.serialize_str(&self.name);
        }
        let Steps { input, base, steps } = &*self.steps;
        Written { name: self.name.to_string(), input: *input, base: *base, steps: steps.clone() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Skeleton {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        match Form::deserialize(deserializer)? {
            Form::Name(name) => Self::named(&name).map_err(D::Error::custom),
            // The program may have gained another one of this name since.
            Form::Whole(Written { name, input, base, steps }) => {
                Ok(Self { name: name.into(), steps: Steps { input, base, steps }.into() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skeletons_are_read_as_they_were_written() {
        for name in builtins() {
            let skeleton = Skeleton::named(name).unwrap();
            assert_eq!(serde_json::to_string(&skeleton).unwrap(), format!("{name:?}"));
            let own = Skeleton::new("mine", skeleton.steps().clone()).unwrap();
            let written = serde_json::to_string(&own).unwrap();
            assert!(written.starts_with(r#"{"name":"mine","#), "{written}");
            assert_eq!(serde_json::from_str::<Skeleton>(&written).unwrap(), own, "{name}");
            assert_eq!(serde_json::from_str::<Skeleton>(&format!("{name:?}")).unwrap(), skeleton);
        }
        assert!(!Skeleton::default().steps().steps.is_empty());
        let error = serde_json::from_str::<Skeleton>(r#""vgg12""#).unwrap_err().to_string();
        assert!(error.contains("vgg12") && error.contains("vgg11"), "{error}");
        let vgg = Skeleton::named("vgg4").unwrap();
        // As in a store of a program that hadn't one of this name yet.
        let older = Skeleton { name: "vgg5".into(), steps: vgg.steps.clone() };
        let written = serde_json::to_string(&older).unwrap();
        assert_eq!(serde_json::from_str::<Skeleton>(&written).unwrap(), older);
        assert!(
            Skeleton::new("vgg5", vgg.steps().clone()).unwrap_err().to_string().contains("call this one otherwise")
        );
    }
}
