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
    "wrn16",
    "wrn28",
);

/// Names of the skeletons that come with the program.
pub fn builtins() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(name, _)| *name)
}

/// The text of one of them, with what it is in a comment; `None` of another name.
pub fn builtin(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
