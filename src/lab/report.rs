//! Whether a map from tensors to tensors commutes with a group, element by element.

use std::fmt;

use candle_core::{DType, Tensor};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::nn::FieldType;
use crate::stats::student;

/// Largest relative error that rounding explains in f32, for layers and networks of the sizes in this crate.
pub const TOLERANCE: f64 = 1e-5;

/// How far f is from f(g·x) = g·f(x), for every g that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct EquivarianceReport {
    /// max |f(x)|, which errors are relative to; NaN if there's one. Where it's 0, nothing was tested.
    pub scale: f64,
    /// One entry per group element, then one per shift.
    pub elements: Vec<ElementError>,
}

/// The violation of equivariance under one element.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ElementError {
    /// What the element is called (see [`crate::group::PointGroup::element_name`]), or "shift (rows, columns)".
    pub element: String,
    /// max |f(g·x) − g·f(x)| / max |f(x)|; infinite where one of them isn't a finite number.
    pub error: f64,
    /// ‖f(g·x) − g·f(x)‖ / ‖f(x)‖ over all images, maps and pixels together, as Gruver et al. (2023) measure learned
    /// equivariance.
    pub norm_error: f64,
    /// ‖f(g·x) − g·f(x)‖ relative to ‖f(x) − f(x′)‖, both root mean squares over the images x and over pairs of different
    /// images: 0 where f commutes with g, 1 where a turned image leads as far away as another image does. Unlike
    /// `norm_error` it isn't small for a network that says much the same of every image, as new ones do. `None` where all
    /// images lead to the same.
    pub image_error: Option<f64>,
    /// Where the difference is largest.
    pub at: Place,
}

/// An entry of (batch, maps, height, width), all counted from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The image of the batch.
    pub image: usize,
    /// The field, or channel.
    pub field: usize,
    /// The map within the field: the group element of a regular field.
    pub component: usize,
    /// The row.
    pub row: usize,
    /// The column.
    pub column: usize,
}

/// Shifts to be tested: moving the input by `stride` pixels must move the output by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shifts {
    /// Input pixels per output pixel.
    pub stride: usize,
    /// Output pixels at every edge that aren't compared, because padding reaches them.
    pub margin: usize,
}

/// Compares f(g·x) with g·f(x) for every element g of the point group, f being `map`.
///
/// `x` is (batch, input.maps(), n, n), `map` takes it to (batch, output.maps(), m, m), or to (batch, output.maps()) as a
/// classifier does. Elements act about the centre of the
/// maps, so these are the stabiliser of the centre in the plane group. Use an input without symmetry of its own, such as
/// random numbers. A candle module is tested with `|x| module.forward(x)`.
///
/// # Errors
/// When `map` fails, its output isn't of the type `output`, maps aren't square, or the two types have different groups.
pub fn equivariance_report<E: Into<Error>>(
    x: &Tensor,
    input: &FieldType,
    output: &FieldType,
    map: impl Fn(&Tensor) -> std::result::Result<Tensor, E>,
) -> Result<EquivarianceReport> {
    if input.group != output.group {
        let names = [&input.group, &output.group].map(|group| group.name());
        let message = format!("the input transforms under {}, but the output under {}", names[0], names[1]);
        return Err(Error::invalid(message));
    }
    let map = |x: &Tensor| map(x).map_err(Into::into).and_then(as_maps);
    let reference = map(x)?;
    output.check(reference.dims())?;
    let mut report = EquivarianceReport::new(&reference)?;
    for g in input.group.elements() {
        let name = input.group.element_name(g);
        report.compare(name, &map(&input.act(g, x)?)?, &output.act(g, &reference)?, output.field_size())?;
    }
    Ok(report)
}

/// The output of a head, (batch, maps), as maps of one pixel.
fn as_maps(output: Tensor) -> Result<Tensor> {
    match output.dims() {
        &[batch, maps] => Ok(output.reshape((batch, maps, 1, 1))?),
        _ => Ok(output),
    }
}

/// Compares f of a shifted input with the shifted f, on the pixels that both have and no padding reaches: one output pixel
/// down, and one to the right. Empty where the output has no such pixels.
///
/// # Errors
/// When `map` fails, or the tensors don't have four dimensions.
pub fn shift_report<E: Into<Error>>(
    x: &Tensor,
    output: &FieldType,
    shifts: Shifts,
    map: impl Fn(&Tensor) -> std::result::Result<Tensor, E>,
) -> Result<EquivarianceReport> {
    let map = |x: &Tensor| map(x).map_err(Into::into);
    let reference = map(x)?;
    let mut report = EquivarianceReport::new(&reference)?;
    for axis in [2, 3] {
        let length = reference.dim(axis)?;
        let compared = length.saturating_sub(2 * shifts.margin + 1);
        if compared == 0 || x.dim(axis)? <= shifts.stride {
            continue;
        }
        let kept = x.narrow(axis, 0, x.dim(axis)? - shifts.stride)?;
        let moved = map(&kept.pad_with_zeros(axis, shifts.stride, 0)?)?;
        let element = if axis == 2 { "shift (1, 0)" } else { "shift (0, 1)" };
        let moved = moved.narrow(axis, shifts.margin + 1, compared)?;
        report.compare(element, &moved, &reference.narrow(axis, shifts.margin, compared)?, output.field_size())?;
    }
    Ok(report)
}

impl EquivarianceReport {
    /// No elements yet; `reference` is f(x).
    pub(super) fn new(reference: &Tensor) -> Result<Self> {
        // `max` would drop a NaN, and a map of nothing else would count as 0 everywhere.
        let size = |value: &f64| if value.is_nan() { f64::NAN } else { value.abs() };
        let larger = |a: f64, b: f64| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) };
        let scale = values(reference)?.iter().map(size).fold(0.0, larger);
        Ok(Self { scale, elements: Vec::new() })
    }

    /// Takes down how far `found` is from `wanted`, fields having `field_size` maps.
    pub(super) fn compare(&mut self, element: &str, found: &Tensor, wanted: &Tensor, field_size: usize) -> Result<()> {
        if found.dims() != wanted.dims() {
            let message = format!("{element}: the output has the shape {:?}, not {:?}", found.dims(), wanted.dims());
            return Err(Error::invalid(message));
        }
        let (images, maps, height, width) = found.dims4()?;
        let (found, wanted) = (values(found)?, values(wanted)?);
        let mut largest = (0, 0.0f64);
        let (mut squares, mut all) = (0.0f64, 0.0f64);
        for (n, (found, wanted)) in found.iter().zip(&wanted).enumerate() {
            let difference = (found - wanted).abs();
            // A NaN is smaller than nothing, and would pass.
            let difference = if difference.is_finite() { difference } else { f64::INFINITY };
            if difference > largest.1 {
                largest = (n, difference);
            }
            squares += difference * difference;
            all += wanted * wanted;
        }
        let map = largest.0 / (width * height) % maps;
        let at = Place {
            image: largest.0 / (width * height * maps),
            field: map / field_size,
            component: map % field_size,
            row: largest.0 / width % height,
            column: largest.0 % width,
        };
        let relative = |difference: f64, scale: f64| match difference {
            0.0 => 0.0,
            _ if !scale.is_finite() => f64::INFINITY,
            _ => difference / scale,
        };
        self.elements.push(ElementError {
            element: element.to_owned(),
            error: relative(largest.1, self.scale),
            norm_error: relative(squares.sqrt(), all.sqrt()),
            image_error: between_images(&wanted, images).map(|distance| squares.sqrt() / distance),
            at,
        });
        Ok(())
    }

    /// The element with the largest error; `None` where none was tried.
    pub fn worst(&self) -> Option<&ElementError> {
        self.elements.iter().max_by(|a, b| a.error.total_cmp(&b.error))
    }

    /// The largest error; 0 where no element was tried.
    pub fn error(&self) -> f64 {
        self.worst().map_or(0.0, |worst| worst.error)
    }

    /// Mean of [`ElementError::norm_error`] over the elements but the identity; `None` where there are no others.
    pub fn mean_norm_error(&self) -> Option<f64> {
        student::mean(&self.moving().map(|element| element.norm_error).collect::<Vec<_>>())
    }

    /// Mean of [`ElementError::image_error`] over the elements but the identity; `None` where there are no others.
    pub fn mean_image_error(&self) -> Option<f64> {
        student::mean(&self.moving().filter_map(|element| element.image_error).collect::<Vec<_>>())
    }

    fn moving(&self) -> impl Iterator<Item = &ElementError> {
        self.elements.iter().filter(|element| element.element != "1")
    }

    /// Whether f commutes with all elements up to a relative error of `tolerance`. An output that is 0 everywhere shows
    /// nothing, and doesn't count.
    pub fn holds(&self, tolerance: f64) -> bool {
        self.scale > 0.0 && self.elements.iter().all(|element| element.error <= tolerance)
    }
}

impl fmt::Display for EquivarianceReport {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.scale == 0.0 {
            return write!(f, "the output is 0 everywhere, which tests nothing");
        }
        if !self.scale.is_finite() {
            return write!(f, "the output isn't finite everywhere");
        }
        let Some(ElementError { element, error, at, .. }) = self.worst() else {
            return write!(f, "no element was tried");
        };
        let Place { image, field, component, row, column } = at;
        write!(
            f,
            "relative error {error:.1e} under {element}, largest at row {row}, column {column} of field {field}, \
             component {component} (image {image}); by element:"
        )?;
        self.elements.iter().try_for_each(|element| write!(f, " {}: {:.1e}", element.element, element.error))
    }
}

/// √(number of images) times the root mean square distance between two different images of a batch.
fn between_images(values: &[f64], images: usize) -> Option<f64> {
    let entries = values.len() / images.max(1);
    let mut squares = 0.0;
    for entry in 0..entries {
        let of_images = || (0..images).map(|image| values[image * entries + entry]);
        let mean = of_images().sum::<f64>() / images as f64;
        squares += of_images().map(|value| (value - mean).powi(2)).sum::<f64>();
    }
    // Of independent images the mean square distance is twice the variance.
    let distance = (2.0 * squares * images as f64 / (images as f64 - 1.0)).sqrt();
    (images > 1 && distance > 0.0).then_some(distance)
}

/// All entries, in order.
fn values(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?)
}

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
/// [`TOLERANCE`](crate::lab::TOLERANCE) unless given, relative to the largest output. With `shifts: Shifts { … }` the map is
/// tested under shifts too, as [`shift_report`](crate::lab::shift_report) does:
///
/// ```
/// # use std::sync::Arc;
/// # use candle_core::{Device, Tensor};
/// # use equisplit::{assert_equivariant, group::PointGroup, lab::Shifts, nn::FieldType};
/// # let image = FieldType::trivial(&Arc::new(PointGroup::d4()), 1);
/// # let x = Tensor::rand(-1f32, 1.0, (2, 1, 8, 8), &Device::Cpu)?;
/// assert_equivariant!(|x| x.avg_pool2d(2), &x, &image => &image, shifts: Shifts { stride: 2, margin: 0 });
/// # Ok::<(), candle_core::Error>(())
/// ```
#[macro_export]
macro_rules! assert_equivariant {
    ($map:expr, $x:expr, $input:expr => $output:expr $(,)?) => {
        $crate::assert_equivariant!($map, $x, $input => $output, tolerance: $crate::lab::TOLERANCE)
    };
    ($map:expr, $x:expr, $input:expr => $output:expr, shifts: $shifts:expr $(,)?) => {{
        $crate::assert_equivariant!($map, $x, $input => $output);
        let report = $crate::lab::shift_report($x, $output, $shifts, $map);
        $crate::lab::assert_holds(stringify!($map), report, $crate::lab::TOLERANCE)
    }};
    ($map:expr, $x:expr, $input:expr => $output:expr, tolerance: $tolerance:expr $(,)?) => {
        $crate::lab::assert_holds(
            stringify!($map),
            $crate::lab::equivariance_report($x, $input, $output, $map),
            $tolerance,
        )
    };
}

/// What [`assert_equivariant!`](crate::assert_equivariant) does with its report on the map called `name`.
///
/// # Panics
/// Unless there's a report, something was tested, and it holds.
#[track_caller]
pub fn assert_holds(name: &str, report: Result<EquivarianceReport>, tolerance: f64) {
    match report {
        Ok(report) if report.elements.is_empty() => panic!("{name}: too few pixels for a test"),
        Ok(report) if report.holds(tolerance) => {}
        Ok(report) => panic!("{name} isn't equivariant: {report}"),
        Err(error) => panic!("the equivariance of {name} can't be tested: {error}"),
    }
}
