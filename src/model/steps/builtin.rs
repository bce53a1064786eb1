//! The skeletons of papers, each a file beside this module.

macro_rules! skeletons {
    ($($name:literal),* $(,)?) => {
        /// Names and texts.
        const FILES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../skeletons/", $name, ".toml")))),*];
    };
}

skeletons!(
    "cohen2016",
    "lenet",
    "repeatnet2021",
    "resnet16-cifar",
    "resnet18",
    "vgg10",
    "vgg11",
    "vgg4",
    "vgg5",
    "vgg6",
    "vgg7",
    "vgg8",
    "vgg9",
);

/// Names of the skeletons that come with the program.
pub fn builtins() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// The text of one of them, with what it is in a comment; `None` of another name.
pub fn builtin(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(feature = "study")]
impl super::Steps {
    /// A skeleton that comes with the program.
    ///
    /// # Errors
    /// When there's none of this name; the message has those that there are.
    pub fn named(name: &str) -> crate::Result<Self> {
        use crate::Error;

        let text = builtin(name).ok_or_else(|| {
            Error::invalid(format!(
                "unknown skeleton {name:?}; there are {}",
                builtins().collect::<Vec<_>>().join(", ")
            ))
        })?;
        toml::from_str(text).map_err(|e| Error::invalid(format!("skeleton {name}: {e}")))
    }
}
