//! What a study compares, and what varies between its runs.

use serde::{Deserialize, Serialize};

use super::Source;

/// Which arms a study compares, and what its seeds stand for.
#[derive(Debug, Clone, Copy)]
pub struct Design<'a> {
    /// Name of the study.
    pub study: &'a str,
    /// The arm that shares start from.
    pub baseline: &'a str,
    /// The arm whose gain is shared out.
    pub target: &'a str,
    /// Arms from baseline to target, or none.
    pub ladder: &'a [String],
    /// What differs between seeds.
    pub covers: Covers,
    /// Where seeds draw their test images from, if they do and it's known.
    pub source: Option<Source<'a>>,
}

/// What differs between the seeds of a study beside initial weights, the order of images and other draws of training: what its
/// intervals over seeds are for. What is the same for all seeds they take as given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covers {
    /// Whether every seed has training images of its own.
    pub training_images: bool,
    /// Whether every seed has test images of its own.
    pub test_images: bool,
}

impl Covers {
    /// What intervals over seeds are for, in words that follow "intervals".
    pub fn in_words(self) -> &'static str {
        match (self.training_images, self.test_images) {
            (false, false) => "are for these training and test images, over seeds",
            (true, false) => {
                "are for these test images, over seeds and the parts of the training images that each draws"
            }
            (false, true) => {
                "are for these training images, over seeds and the test images that each draws from the source"
            }
            (true, true) => {
                "are over seeds and the training and test images that each draws from the source, not for images beyond it"
            }
        }
    }
}
