//! Images and labels: sources, rotation, augmentation.
//!
//! [`builtin`] draws digits that need no files. With the feature `study`, `load` is the way in: it turns a `DataConfig` and a
//! folder into a [`Dataset`]. Everything a set is made from enters its fingerprint, so that results can be tied to the exact data
//! behind them.

#[cfg(feature = "study")]
pub mod amat;
pub mod augment;
pub mod builtin;
#[cfg(feature = "study")]
pub mod cache;
#[cfg(feature = "study")]
pub mod cifar;
#[cfg(feature = "fetch")]
pub mod fetch;
#[cfg(feature = "study")]
pub mod idx;
#[cfg(feature = "study")]
pub mod info;
#[cfg(feature = "study")]
pub mod mnist_rot;
#[cfg(feature = "study")]
pub mod npz;
pub mod rotate;

#[cfg(feature = "study")]
mod config;
#[cfg(feature = "study")]
mod draws;
#[cfg(feature = "study")]
mod folder;
pub(crate) mod hash;
#[cfg(feature = "study")]
mod idx_named;
#[cfg(feature = "study")]
#[cfg_attr(not(feature = "images"), path = "without_images.rs")]
mod image_folder;
mod image_size;
mod images;
#[cfg(feature = "study")]
mod load;
#[cfg(feature = "study")]
mod padded;
#[cfg(feature = "study")]
mod pixels;
#[cfg(feature = "study")]
mod stream;
#[cfg(feature = "study")]
mod turned;
mod values;

pub use augment::Augmentation;
#[cfg(feature = "study")]
pub use config::{DataConfig, Draw, Rotate, Source};
#[cfg(feature = "study")]
pub use draws::{Draws, FiniteSource};
pub use image_size::ImageSize;
pub use images::{CLASSES, Dataset, Images, Label, MAX_CLASSES, Shape};
#[cfg(feature = "study")]
pub use load::{load, shape};
pub use values::Pixels;
