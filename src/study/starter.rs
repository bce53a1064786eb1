//! Study files to start from.

use super::limits::folder_name_fault;
use crate::data::Source;
use crate::error::{Error, Result};

/// What a study file to start from is about.
#[derive(Clone, Copy, Debug)]
pub struct Starter<'a> {
    /// The study's name.
    pub name: &'a str,
    /// The skeleton as study files call it.
    pub skeleton: &'a str,
    /// Where its images come from.
    pub source: Source,
    /// The size that they're given.
    pub resize: Option<u32>,
}

impl Starter<'_> {
    /// The text of the file: plain, repeated, scrambled and p4 networks with the same number of parameters.
    ///
    /// # Errors
    /// When no study can be called so.
    pub fn text(&self) -> Result<String> {
        let Self { name, skeleton, source, resize } = *self;
        folder_name_fault(name).map_or(Ok(()), |fault| Err(Error::invalid(fault)))?;
        let (data, images, training) = match source {
            Source::Builtin => ("", BUILTIN_IMAGES, BUILTIN_TRAINING),
            _ => (" --data DIR", "", TRAINING),
        };
        let images = match (resize, source) {
            (Some(size), _) => format!("{images}\nresize = {size:<30} # rows and columns that all images are given"),
            (None, Source::Images) => {
                "\n# resize = 32                          # rows and columns, where images have several sizes"
                    .to_owned()
            }
            (None, _) => images.to_owned(),
        };
        let source = source.name();
        let [name_in_toml, skeleton] = [name, skeleton].map(|text| toml::Value::from(text).to_string());
        Ok(format!(
            r#"# How much of p4's gain over a plain CNN is equivariance, and how much only repeated weights?
# What it will cost: equisplit params {name}.toml{data}
# To run it, and to go on after a break: equisplit run {name}.toml{data}
name = {name_in_toml}
baseline = "z2"                          # gains are measured from this arm,
target = "p4"                            # and this one's gain is attributed
ladder = ["z2", "scrambled", "p4"]       # splits the gain into steps that sum to 100 %
seeds = 5                                # the report says how many would make the intervals narrower

[data]
source = "{source}"{images}

[model]
skeleton = {skeleton}                    # `equisplit skeleton` lists others; [skeleton.NAME] or a file would be your own

[training]
{training}
[budget]
parameters_within = 0.02                 # arms whose numbers of parameters differ more are refused

[[arm]]
name = "z2"                              # plain convolutions, as wide as has p4's number of parameters
match = "p4"

[[arm]]
name = "repeat-swish"                    # repeats its weights as p4 does, without a group
match = "p4"

[[arm]]
name = "scrambled"                       # p4's repetition in an order that is no rotation
match = "p4"

[[arm]]
name = "p4"                              # convolutions over the quarter turns; `width = 8` would be its base width
"#
        ))
    }
}

const BUILTIN_IMAGES: &str = "                       # digits that the program draws; or files: docs/data.md
train = 1500
test = 2000";

const BUILTIN_TRAINING: &str = r#"protocol = "cohen2016"                   # Adam, batches of 128; the keys below differ from it
epochs = 10
learning_rate = 0.005
decay = 0.7
decay_from = 5
"#;

const TRAINING: &str = r#"protocol = "cohen2016"                   # Adam, batches of 128; epochs, learning_rate and others can be set here
"#;
