//! The augmentation of the published rot-MNIST training codes: the image is enlarged threefold, rotated by any angle, possibly
//! mirrored, and averaged back, so that interpolation blurs it little.

use std::f64::consts::TAU;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use crate::data::rotate::{downsample, rotate, upsample};
use crate::rng::Stream;

/// How much an image is enlarged before it is rotated.
const ENLARGED: usize = 3;

/// Which of these an image goes through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
pub struct Published {
    /// Rotation by an angle uniform in [0, 2π).
    #[serde(default)]
    pub rotate: bool,
    /// Horizontal and vertical mirroring, each with probability 1/2.
    #[serde(default)]
    pub flip: bool,
}

impl Published {
    /// Writes a changed copy of `image`, shape (channels, height, width), to `out`; all channels change alike. Without
    /// rotation pixels are only moved, never interpolated.
    pub(super) fn apply(self, image: &[f32], [height, width]: [usize; 2], out: &mut [f32], rng: &mut Stream) {
        let plane = height * width;
        if self.rotate {
            let angle = rng.random::<f64>() * TAU;
            let mut scratch = vec![0.0; 2 * plane * ENLARGED * ENLARGED];
            let (enlarged, rotated) = scratch.split_at_mut(plane * ENLARGED * ENLARGED);
            for (from, to) in image.chunks_exact(plane).zip(out.chunks_exact_mut(plane)) {
                upsample(from, height, width, ENLARGED, enlarged);
                rotate(enlarged, ENLARGED * height, ENLARGED * width, angle, rotated);
                downsample(rotated, height, width, ENLARGED, to);
            }
        } else {
            out.copy_from_slice(image);
        }
        if self.flip {
            mirror(out, width, plane, rng.random(), rng.random());
        }
    }
}

/// Mirrors planes in place: left and right, top and bottom.
fn mirror(image: &mut [f32], width: usize, plane: usize, horizontally: bool, vertically: bool) {
    if horizontally {
        image.chunks_exact_mut(width).for_each(<[f32]>::reverse);
    }
    if vertically {
        // A plane read backwards is mirrored both ways; mirroring its rows once more leaves top and bottom.
        image.chunks_exact_mut(plane).for_each(<[f32]>::reverse);
        image.chunks_exact_mut(width).for_each(<[f32]>::reverse);
    }
}
