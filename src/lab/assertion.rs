//! Equivariance as an assertion, for tests of layers.

use candle_core::Tensor;

use super::{EquivarianceReport, Shifts, equivariance_report, shift_report};
use crate::error::{Error, Result};
use crate::nn::FieldType;

/// Panics unless a map from tensors to tensors commutes with a point group; the message has the worst element, and the
/// position and field where it's worst.
///
/// ```
/// # use std::sync::Arc;
/// # use candle_core::{Device, Tensor};
/// use equisplit::assert_equivariant;
/// use equisplit::group::PointGroup;
/// use equisplit::nn::FieldType;
///
/// let group = Arc::new(PointGroup::d4());
/// let image = FieldType::trivial(&group, 1);
/// let x = Tensor::rand(-1f32, 1.0, (2, 1, 8, 8), &Device::Cpu)?;
/// assert_equivariant!(|x| x.relu(), &x, &image => &image);
/// assert_equivariant!(|x| x.avg_pool2d(2), &x, &image => &image, tolerance: 1e-6);
/// # Ok::<(), candle_core::Error>(())
/// ```
///
/// The map is a closure from `&Tensor` to a `Result<Tensor, _>`, of candle's error or of this crate's. The tolerance is
/// [`TOLERANCE`](crate::lab::TOLERANCE) unless given, relative to how far outputs deviate from their mean. It panics too
/// where nothing was tested: an input that an element leaves as it is, like one of ones, or an output that is the same
/// everywhere. With `shifts: Shifts { … }` the map is tested under shifts too, as
/// [`shift_report`](crate::lab::shift_report) does:
///
/// ```
/// # use std::sync::Arc;
/// # use candle_core::{Device, Tensor};
/// # use equisplit::{assert_equivariant, group::PointGroup, lab::Shifts, nn::FieldType};
/// # let image = FieldType::trivial(&Arc::new(PointGroup::d4()), 1);
/// # let x = Tensor::rand(-1f32, 1.0, (2, 1, 8, 8), &Device::Cpu)?;
/// assert_equivariant!(|x| x.avg_pool2d(2), &x, &image => &image, shifts: Shifts { stride: 2, margin: 0 });
/// let shifts = Shifts { stride: 1, margin: 0 };
/// assert_equivariant!(|x| x.mean((2, 3)), &x, &image => &image, shifts: shifts, tolerance: 1e-4);
/// # Ok::<(), candle_core::Error>(())
/// ```
#[macro_export]
macro_rules! assert_equivariant {
    ($map:expr, $x:expr, $input:expr => $output:expr $(,)?) => {
        $crate::assert_equivariant!($map, $x, $input => $output, tolerance: $crate::lab::TOLERANCE)
    };
    ($map:expr, $x:expr, $input:expr => $output:expr, shifts: $shifts:expr $(,)?) => {
        $crate::assert_equivariant!($map, $x, $input => $output, shifts: $shifts, tolerance: $crate::lab::TOLERANCE)
    };
    ($map:expr, $x:expr, $input:expr => $output:expr, tolerance: $tolerance:expr, shifts: $shifts:expr $(,)?) => {
        $crate::assert_equivariant!($map, $x, $input => $output, shifts: $shifts, tolerance: $tolerance)
    };
    ($map:expr, $x:expr, $input:expr => $output:expr, tolerance: $tolerance:expr $(,)?) => {
        $crate::lab::assert_commutes(stringify!($map), $map, $x, [$input, $output], None, $tolerance)
    };
    ($map:expr, $x:expr, $input:expr => $output:expr, shifts: $shifts:expr, tolerance: $tolerance:expr $(,)?) => {
        $crate::lab::assert_commutes(stringify!($map), $map, $x, [$input, $output], Some($shifts), $tolerance)
    };
}

/// What [`assert_equivariant!`](crate::assert_equivariant) does with the map called `name`, from fields of the first type to
/// those of the second.
///
/// # Panics
/// Unless the map can be tested and commutes with the point group, and with shifts if there are some.
#[track_caller]
pub fn assert_commutes<E: Into<Error>>(
    name: &str,
    map: impl Fn(&Tensor) -> std::result::Result<Tensor, E>,
    x: &Tensor,
    [input, output]: [&FieldType; 2],
    shifts: Option<Shifts>,
    tolerance: f64,
) {
    assert_holds(name, equivariance_report(x, input, output, &map), tolerance);
    if let Some(shifts) = shifts {
        assert_holds(name, shift_report(x, output, shifts, &map), tolerance);
    }
}

/// Judges a report on the map called `name`.
///
/// # Panics
/// Unless there's a report, everything in it was tested, and it holds.
#[track_caller]
pub fn assert_holds(name: &str, report: Result<EquivarianceReport>, tolerance: f64) {
    match report {
        Ok(report) if report.breaks(tolerance) => panic!("{name} isn't equivariant: {report}"),
        Ok(report) => {
            if let Some(reason) = report.nothing_shown() {
                panic!("the equivariance of {name} isn't tested: {reason}");
            }
        }
        Err(error) => panic!("the equivariance of {name} can't be tested: {error}"),
    }
}
