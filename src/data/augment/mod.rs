//! Online augmentation: every image anew in every epoch.
//!
//! Either by the published recipe of rot-MNIST, a table as `{ rotate = true, flip = true }`, or by a list of steps, which are composed
//! to one map of the plane, so that pixels are interpolated once.

mod plane;
mod published;
mod step;
mod words;

use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::rng::Stream;
use plane::Affine;
pub use published::Published;
pub use step::{AffineStep, Angles, CropStep, Flip, Step, Turn};

/// Most steps of a list.
const MOST_STEPS: usize = 32;

/// Which random changes an image goes through.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Augmentation {
    /// Those of the published training codes.
    Published(Published),
    /// These, one after the other.
    Steps(Vec<Step>),
}

impl Default for Augmentation {
    /// None.
    fn default() -> Self {
        Self::Published(Published::default())
    }
}

impl From<Published> for Augmentation {
    fn from(published: Published) -> Self {
        Self::Published(published)
    }
}

impl<'de> Deserialize<'de> for Augmentation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Form)
    }
}

/// A table or a list.
struct Form;

impl<'de> Visitor<'de> for Form {
    type Value = Augmentation;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a table as { rotate = true, flip = true }, or a list of steps as [{ rotate = \"any\" }, { flip = \"horizontal\" }]")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Augmentation, A::Error> {
        Published::deserialize(MapAccessDeserializer::new(map)).map(Augmentation::Published)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, steps: A) -> Result<Augmentation, A::Error> {
        let steps = Vec::deserialize(SeqAccessDeserializer::new(steps));
        // A table with several keys is told as so many elements.
        let told = |e: A::Error| match e.to_string().contains("exactly 1 element") {
            true => A::Error::custom("a step has one key, as in [{ rotate = 20 }, { flip = \"horizontal\" }]"),
            false => e,
        };
        steps.map(Augmentation::Steps).map_err(told)
    }
}

impl Augmentation {
    /// Whether it leaves images as they are.
    pub fn is_none(&self) -> bool {
        match self {
            Self::Published(published) => *published == Published::default(),
            Self::Steps(steps) => steps.is_empty(),
        }
    }

    /// Whether it turns images.
    pub fn rotates(&self) -> bool {
        match self {
            Self::Published(published) => published.rotate,
            Self::Steps(steps) => steps.iter().any(Step::rotates),
        }
    }

    /// Whether it mirrors images.
    pub fn flips(&self) -> bool {
        match self {
            Self::Published(published) => published.flip,
            Self::Steps(steps) => steps.iter().any(|step| matches!(step, Step::Flip(_))),
        }
    }

    /// What of it can't be done, if anything.
    pub fn fault(&self) -> Option<String> {
        match self {
            Self::Published(_) => None,
            Self::Steps(steps) if steps.len() > MOST_STEPS => {
                Some(format!("{} steps, but at most {MOST_STEPS} are possible", steps.len()))
            }
            Self::Steps(steps) => steps.iter().find_map(Step::fault),
        }
    }

    /// Writes a changed copy of `image`, shape (channels, height, width), to `out`; all channels change alike. What comes from outside
    /// of the image is 0. Steps are composed before any pixel is read; where they only move pixels, none is interpolated, else
    /// bilinearly.
    ///
    /// # Panics
    /// If `image` or `out` doesn't have channels · height · width values.
    pub fn apply(&self, image: &[f32], [channels, height, width]: [usize; 3], out: &mut [f32], rng: &mut Stream) {
        let length = channels * height * width;
        assert_eq!((image.len(), out.len()), (length, length), "{channels}×{height}×{width} image");
        match self {
            Self::Published(published) => published.apply(image, [height, width], out, rng),
            Self::Steps(steps) => {
                // Where a pixel of the changed image comes from: the last step is undone first.
                let source =
                    steps.iter().fold(Affine::IDENTITY, |source, step| source.after(step.undone([height, width], rng)));
                for (from, to) in image.chunks_exact(height * width).zip(out.chunks_exact_mut(height * width)) {
                    source.resample(from, [height, width], to);
                }
            }
        }
    }
}
