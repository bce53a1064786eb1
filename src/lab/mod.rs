//! The equivariance lab: is a network equivariant, where does it stop being so, and how equivariant did it become?
//!
//! | file | what |
//! | --- | --- |
//! | `element` | what one element of a group shows of a map, and where |
//! | `report` | one map from tensors to tensors against one group: [`equivariance_report`] |
//! | `assertion` | the same as an assertion: [`assert_equivariant!`](crate::assert_equivariant) |
//! | `layers` | a chain of layers, each by itself and from the image on |
//! | `turns` | turns between those of the grid, up to interpolation |
//! | `lie` | the Lie derivative of its scores, and what every layer brings in |
//! | `grid` | where sampling grids lie, by whole numbers |
//! | `angles` | a network's predictions while its images turn |
//! | `check` | all of it for one arm of a study |
//! | `learned` | what a study records of it with every run |

#[cfg(feature = "study")]
mod angles;
mod assertion;
#[cfg(feature = "study")]
mod check;
mod element;
mod grid;
mod layers;
#[cfg(feature = "study")]
mod learned;
mod lie;
mod report;
mod turns;

#[cfg(feature = "study")]
pub use angles::{AngleInvariance, rotation_invariance, turned};
pub use assertion::{assert_commutes, assert_holds};
#[cfg(feature = "study")]
pub use check::{ArmCheck, ImagesCheck, LAYER_IMAGES, Sample, StateCheck, Subject, TURNED_IMAGES, check, held_against};
pub use element::{ElementError, FieldIndex};
pub use grid::{GridCause, GridFault, GridReport};
pub use layers::{LayerReport, layer_reports};
#[cfg(feature = "study")]
pub use learned::{LayerErrors, LearnedEquivariance, LearnedLayer, Turning, learned_equivariance};
pub use lie::{LayerShare, LocalEquivariance, LocalError, local_equivariance};
pub use report::{EquivarianceReport, Shifts, TOLERANCE, equivariance_report, shift_report};
pub use turns::TurnError;
