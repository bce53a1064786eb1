//! The steps of a list.

use std::f64::consts::TAU;

use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::plane::Affine;
use crate::data::ImageSize;
use crate::number;
use crate::rng::Stream;

/// A random change of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", expecting = "a step, as { rotate = \"any\" }")]
pub enum Step {
    /// A turn about the middle.
    Rotate(Turn),
    /// Mirroring, with probability 1/2 each way.
    Flip(Flip),
    /// A window of the image's size out of the image with zeros around it.
    Crop(CropStep),
    /// A turn, a scale, a shear and a shift together, as torchvision's `RandomAffine`.
    Affine(AffineStep),
    /// Always: the image in another size, seen through a window of its own size about the middle; a crop after it moves the window.
    Resize(ImageSize),
}

/// How far an image is turned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged, expecting = "rotate is \"any\", \"quarter\", or degrees: 20 turns within ±20°")]
pub enum Turn {
    /// By one of these.
    Angles(Angles),
    /// Within so many degrees to either side, uniformly.
    Within(f64),
}

/// Angles of a [`Turn`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Angles {
    /// Any, uniformly.
    Any,
    /// 0°, 90°, 180° or 270°, each as likely; on square images pixels are only moved.
    Quarter,
}

/// Which sides change places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flip {
    /// Left and right.
    Horizontal,
    /// Top and bottom.
    Vertical,
    /// Either, independently.
    Both,
}

/// A window out of a padded image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table, as { padding = 4 }")]
pub struct CropStep {
    /// Pixels of zeros on every side; the window moves by up to as many each way.
    pub padding: u32,
}

/// Ranges of an affine map, each uniform.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table, as { degrees = 20, scale = [0.8, 1.2], shear = 20 }")]
pub struct AffineStep {
    /// Turns within so many degrees to either side.
    #[serde(default)]
    pub degrees: f64,
    /// Least and greatest factor of its size.
    #[serde(default = "as_it_is", deserialize_with = "number::exactly")]
    pub scale: [f64; 2],
    /// Shears along rows within so many degrees to either side.
    #[serde(default)]
    pub shear: f64,
    /// Shifts within so many pixels each way.
    #[serde(default)]
    pub shift: f64,
}

fn as_it_is() -> [f64; 2] {
    [1.0, 1.0]
}

/// Most pixels that a crop pads by or an affine map shifts by.
const MOST_PIXELS: u32 = 4096;

/// Largest factor of an affine map.
const LARGEST_SCALE: f64 = 100.0;

impl Step {
    pub(super) fn rotates(&self) -> bool {
        match self {
            Self::Rotate(_) => true,
            Self::Affine(affine) => affine.degrees > 0.0,
            Self::Flip(_) | Self::Crop(_) | Self::Resize(_) => false,
        }
    }

    /// What of it can't be done, if anything.
    pub(super) fn fault(&self) -> Option<String> {
        let degrees = |what: &str, degrees: f64, most: f64| {
            let fits = (0.0..=most).contains(&degrees);
            (!fits).then(|| format!("{what} {degrees}°, but it must be 0 to {most}"))
        };
        match *self {
            Self::Rotate(Turn::Within(angle)) => degrees("rotate within", angle, 180.0),
            Self::Crop(CropStep { padding }) if padding > MOST_PIXELS => {
                Some(format!("crop: padding = {padding}, but at most {MOST_PIXELS} are possible"))
            }
            Self::Resize(to) if !to.size().iter().all(|side| (1..=MOST_PIXELS as usize).contains(side)) => {
                let [rows, columns] = to.size();
                Some(format!("resize = {rows}×{columns}, but sides must be 1 to {MOST_PIXELS}"))
            }
            Self::Affine(AffineStep { degrees: angle, scale: [least, most], shear, shift }) => {
                let wrong_scale = !(least > 0.0 && least <= most && most <= LARGEST_SCALE);
                let scale =
                    || format!("affine: scale = [{least}, {most}], but expected two factors above 0 in their order");
                let wrong_shift = !(0.0..=f64::from(MOST_PIXELS)).contains(&shift);
                let shift = || format!("affine: shift = {shift}, but it must be 0 to {MOST_PIXELS}");
                degrees("affine: turns within", angle, 180.0)
                    .or_else(|| degrees("affine: shears within", shear, 80.0))
                    .or_else(|| wrong_scale.then(scale))
                    .or_else(|| wrong_shift.then(shift))
            }
            _ => None,
        }
    }

    /// A draw of the change of images of `size` (rows, columns), backwards: where a pixel comes from.
    pub(super) fn undone(&self, size: [usize; 2], rng: &mut Stream) -> Affine {
        match *self {
            Self::Rotate(Turn::Angles(Angles::Any)) => Affine::turn(rng.random::<f64>() * TAU),
            Self::Rotate(Turn::Angles(Angles::Quarter)) => Affine::quarter_turn(rng.random_range(0..4)),
            Self::Rotate(Turn::Within(degrees)) => Affine::turn(within(degrees, rng).to_radians()),
            Self::Flip(flip) => {
                let mut side = |flips: bool| if flips && rng.random() { -1.0 } else { 1.0 };
                let (vertical, horizontal) = (side(flip != Flip::Horizontal), side(flip != Flip::Vertical));
                Affine::linear([[vertical, 0.0], [0.0, horizontal]])
            }
            Self::Resize(to) => {
                let [rows, columns] = to.size();
                let [down, across] = [size[0] as f64 / rows as f64, size[1] as f64 / columns as f64];
                Affine::linear([[down, 0.0], [0.0, across]])
            }
            Self::Crop(CropStep { padding }) => {
                let most = i64::from(padding);
                Affine::shift([0, 1].map(|_| rng.random_range(-most..=most) as f64))
            }
            Self::Affine(AffineStep { degrees, scale: [least, most], shear, shift }) => {
                let angle = within(degrees, rng).to_radians();
                let scale = least + (most - least) * rng.random::<f64>();
                let slant = within(shear, rng).to_radians().tan();
                let [y, x] = [0, 1].map(|_| within(shift, rng));
                // The image is sheared, scaled, turned and shifted; each is undone, the last first.
                let unsheared = Affine::linear([[1.0, 0.0], [slant, 1.0]]);
                let unscaled = Affine::linear([[1.0 / scale, 0.0], [0.0, 1.0 / scale]]);
                unsheared.after(unscaled).after(Affine::turn(-angle)).after(Affine::shift([-y, -x]))
            }
        }
    }
}

/// A number that is uniform within ±`most`.
fn within(most: f64, rng: &mut Stream) -> f64 {
    (2.0 * rng.random::<f64>() - 1.0) * most
}
