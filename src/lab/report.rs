//! Whether a map from tensors to tensors commutes with a group, element by element.

use std::fmt;

use candle_core::{DType, Tensor};
use serde::Serialize;

use super::{ElementError, FieldIndex};
use crate::error::{Error, Result};
use crate::group::PointGroup;
use crate::nn::FieldType;

/// Largest relative error that rounding explains in f32, for layers and networks of the sizes in this crate.
pub const TOLERANCE: f64 = 1e-5;

/// Rounding errors that are taken for granted, in units of the precision at the largest output: the last layer of a p4m network,
/// 384 products a sum, had up to 10. In f32 that's 3·10⁻⁶ of the largest output.
const ROUNDINGS: f64 = 24.0;

/// Relative error from which on what rounding alone explains is no test any more.
const BLURRED: f64 = 0.1;

/// How far f is from f(g·x) = g·f(x), for every g that was tried.
#[derive(Clone, Debug, Serialize)]
pub struct EquivarianceReport {
    /// Largest deviation of f(x) from its mean, which errors are relative to, so that no constant hides them: of each map over
    /// images and pixels; where maps have a single pixel, as scores do, over images and maps; of a single number in all it's
    /// that number. NaN if there's one. Where it's 0, f is the same everywhere.
    pub scale: f64,
    /// max |f(x)|.
    pub largest: f64,
    /// The relative error that rounding explains where `largest` is far above `scale`.
    pub rounding: f64,
    /// One entry per group element, then one per shift.
    pub elements: Vec<ElementError>,
}

/// Shifts to be tested: moving the input by `stride` pixels must move the output by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shifts {
    /// Input pixels per output pixel.
    pub stride: usize,
    /// Output pixels at every edge that aren't compared, because padding reaches them.
    pub margin: usize,
}

/// Compares f(g·x) with g·f(x) for every element g of the point group that maps the grid onto itself, f being `map`.
///
/// `x` is (batch, input.maps(), n, n), `map` takes it to (batch, output.maps(), m, m), or to (batch, output.maps()) as a
/// classifier does. Elements act about the centre of the
/// maps, so these are the stabiliser of the centre in the plane group. Use an input without symmetry of its own, such as
/// random numbers. A candle module is tested with `|x| module.forward(x)`.
///
/// # Errors
/// When `map` fails, its output isn't of the type `output`, maps aren't square, or the output's group isn't the input's or a subgroup of it,
/// whose elements are then compared.
pub fn equivariance_report<E: Into<Error>>(
    x: &Tensor,
    input: &FieldType,
    output: &FieldType,
    map: impl Fn(&Tensor) -> std::result::Result<Tensor, E>,
) -> Result<EquivarianceReport> {
    report_named(x, input, output, &input.group, map)
}

/// The same with elements called as in `names`, a group that has them all.
pub(super) fn report_named<E: Into<Error>>(
    x: &Tensor,
    input: &FieldType,
    output: &FieldType,
    names: &PointGroup,
    map: impl Fn(&Tensor) -> std::result::Result<Tensor, E>,
) -> Result<EquivarianceReport> {
    let (whole, part) = (&input.group, &output.group);
    if !part.is_within(whole) {
        let message = format!("the input transforms under {}, but the output under {}", whole.name(), part.name());
        return Err(Error::invalid(message));
    }
    let map = |x: &Tensor| map(x).map_err(Into::into).and_then(as_maps);
    let reference = map(x)?;
    output.check(reference.dims())?;
    let mut report = EquivarianceReport::new(&reference)?;
    for k in part.grid_elements() {
        let (Some(g), Some(named)) = (part.element_of(whole, k), part.element_of(names, k)) else { continue };
        let moved = input.act(g, x)?;
        report.compare(&names.element_name(named), &map(&moved)?, &output.act(k, &reference)?, output.field_size())?;
        // Element 0 is the identity, which leaves everything as it is.
        report.untested_if(k != 0 && same(&moved, x)?);
    }
    Ok(report)
}

/// Whether two tensors of one shape have the same entries.
pub(super) fn same(a: &Tensor, b: &Tensor) -> Result<bool> {
    Ok(values(a)? == values(b)?)
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
/// A classifier's scores, (batch, maps), must stay as they are: it's given `x` in a frame of zeros, which leaves room for
/// the shift and `shifts.margin` output pixels on all sides, so that nothing is cut off.
///
/// # Errors
/// When `map` fails, as it may on a framed input of another size, or the input doesn't have four dimensions.
pub fn shift_report<E: Into<Error>>(
    x: &Tensor,
    output: &FieldType,
    shifts: Shifts,
    map: impl Fn(&Tensor) -> std::result::Result<Tensor, E>,
) -> Result<EquivarianceReport> {
    let map = |x: &Tensor| map(x).map_err(Into::into);
    let reference = map(x)?;
    if reference.rank() == 2 {
        return head_report(x, shifts, map);
    }
    let mut report = EquivarianceReport::new(&reference)?;
    for axis in [2, 3] {
        let length = reference.dim(axis)?;
        let compared = length.saturating_sub(2 * shifts.margin + 1);
        if compared == 0 || x.dim(axis)? <= shifts.stride {
            continue;
        }
        let kept = x.narrow(axis, 0, x.dim(axis)? - shifts.stride)?;
        let moved = map(&kept.pad_with_zeros(axis, shifts.stride, 0)?)?;
        let moved = moved.narrow(axis, shifts.margin + 1, compared)?;
        let wanted = reference.narrow(axis, shifts.margin, compared)?;
        report.compare(shift_name(axis), &moved, &wanted, output.field_size())?;
        report.untested_if(same(&kept, &x.narrow(axis, shifts.stride, x.dim(axis)? - shifts.stride)?)?);
    }
    Ok(report)
}

/// A classifier's scores while the image moves in a frame of zeros.
fn head_report(x: &Tensor, shifts: Shifts, map: impl Fn(&Tensor) -> Result<Tensor>) -> Result<EquivarianceReport> {
    let Shifts { stride, margin } = shifts;
    let framed = |by: [usize; 2]| -> Result<Tensor> {
        let room = |by| [margin * stride + by, (margin + 1) * stride - by];
        let ([top, bottom], [left, right]) = (room(by[0]), room(by[1]));
        Ok(x.pad_with_zeros(2, top, bottom)?.pad_with_zeros(3, left, right)?)
    };
    let scores = |x: &Tensor| map(x).and_then(as_maps);
    let still = framed([0, 0])?;
    let reference = scores(&still)?;
    let mut report = EquivarianceReport::new(&reference)?;
    for (axis, by) in [(2, [stride, 0]), (3, [0, stride])] {
        let moved = framed(by)?;
        report.compare(shift_name(axis), &scores(&moved)?, &reference, 1)?;
        report.untested_if(same(&moved, &still)?);
    }
    Ok(report)
}

fn shift_name(axis: usize) -> &'static str {
    if axis == 2 { "shift (1, 0)" } else { "shift (0, 1)" }
}

impl EquivarianceReport {
    /// No elements yet; `reference` is f(x).
    pub(super) fn new(reference: &Tensor) -> Result<Self> {
        let (images, maps, all) = (reference.dim(0)?, reference.dim(1)?, values(reference)?);
        let pixels = all.len() / (images * maps).max(1);
        let largest = largest(all.iter().map(|value| value.abs()));
        let of_map = |map| {
            let map = all.chunks_exact(pixels.max(1)).skip(map).step_by(maps);
            deviation(&map.flatten().copied().collect::<Vec<_>>())
        };
        let within_maps = self::largest((0..maps).map(of_map));
        let scale = match (images, pixels) {
            _ if !largest.is_finite() => largest,
            (1, 1) if maps == 1 => largest,
            // Scores: of a few images those of a class may be much the same.
            (_, 1) if images == 1 || within_maps > 0.0 => deviation(&all),
            _ => within_maps,
        };
        let rounding = ROUNDINGS * precision(reference.dtype()) * largest;
        let rounding = if scale > 0.0 { rounding / scale } else { 0.0 };
        Ok(Self { scale, largest, rounding, elements: Vec::new() })
    }

    /// Takes down that the last element showed nothing, if that's so.
    pub(super) fn untested_if(&mut self, untested: bool) {
        if let Some(last) = self.elements.last_mut() {
            last.tested = !untested;
        }
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
        let at = FieldIndex::of(largest.0, [maps, height, width], field_size);
        let relative = |difference: f64, scale: f64| match difference {
            0.0 => 0.0,
            _ if !scale.is_finite() => f64::INFINITY,
            _ => difference / scale,
        };
        // Of what is the same everywhere nothing but rounding is small.
        let explained = self.scale == 0.0 && largest.1 <= ROUNDINGS * f64::from(f32::EPSILON) * self.largest;
        self.elements.push(ElementError {
            element: element.to_owned(),
            tested: true,
            error: if explained { 0.0 } else { relative(largest.1, self.scale) },
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
        mean(self.moving().map(|element| element.norm_error))
    }

    /// Mean of [`ElementError::image_error`] over the elements but the identity; `None` where there are no others.
    pub fn mean_image_error(&self) -> Option<f64> {
        mean(self.moving().filter_map(|element| element.image_error))
    }

    fn moving(&self) -> impl Iterator<Item = &ElementError> {
        self.elements.iter().filter(|element| element.element != "1")
    }

    /// Whether f commutes with all elements up to a relative error of `tolerance`, and every one of them showed it. An output
    /// that is the same everywhere shows nothing, and doesn't count; nor does an input that an element leaves as it is.
    pub fn holds(&self, tolerance: f64) -> bool {
        self.nothing_shown().is_none() && !self.breaks(tolerance)
    }

    /// Whether f is seen not to commute with an element.
    pub fn breaks(&self, tolerance: f64) -> bool {
        let tolerance = tolerance.max(self.rounding);
        self.elements.iter().any(|element| element.error > tolerance)
    }

    /// Why equal outputs would show nothing; `None` where they show something.
    pub fn nothing_shown(&self) -> Option<String> {
        let untested = self.elements.iter().filter(|element| !element.tested).map(|element| element.element.as_str());
        let untested: Vec<&str> = untested.collect();
        match self.scale {
            _ if self.elements.is_empty() => Some("too few pixels for a test".to_owned()),
            _ if self.largest == 0.0 => Some("the output is 0 everywhere, which tests nothing".to_owned()),
            0.0 => Some("the output is the same everywhere, which tests nothing".to_owned()),
            scale if self.rounding > BLURRED => {
                let largest = self.largest;
                Some(format!("the output is up to {largest:.1e} and deviates by {scale:.1e}, which rounding blurs"))
            }
            _ if !untested.is_empty() => {
                let untested = untested.join(", ");
                Some(format!("the input stays as it is under {untested}, which tests nothing; take random numbers"))
            }
            _ => None,
        }
    }
}

impl fmt::Display for EquivarianceReport {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let worst = self.worst().filter(|worst| worst.error > 0.0);
        match (self.nothing_shown(), worst) {
            (Some(reason), None) => return write!(f, "{reason}"),
            _ if !self.largest.is_finite() => return write!(f, "the output isn't finite everywhere"),
            _ => {}
        }
        let Some(ElementError { element, error, at, .. }) = self.worst() else { return Ok(()) };
        let FieldIndex { image, field, component, row, column } = at;
        write!(
            f,
            "relative error {error:.1e} under {element}, largest at row {row}, column {column} of field {field}, \
             component {component} (image {image}); by element:"
        )?;
        self.elements.iter().try_for_each(|element| write!(f, " {}: {:.1e}", element.element, element.error))
    }
}

/// The largest; NaN if there's one, which `max` would drop.
fn largest(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |a, b| if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) })
}

/// Largest distance from the mean; 0 of numbers that are all the same, whose mean may be rounded.
fn deviation(values: &[f64]) -> f64 {
    if values.iter().all(|value| *value == values[0]) {
        return 0.0;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    largest(values.iter().map(|value| (value - mean).abs()))
}

/// The relative distance of neighbouring numbers.
fn precision(of: DType) -> f64 {
    match of {
        DType::F64 => f64::EPSILON,
        DType::F16 => 2f64.powi(-10),
        DType::BF16 => 2f64.powi(-7),
        _ => f64::from(f32::EPSILON),
    }
}

/// √(number of images) times the root mean square distance between two different images of a batch.
pub(super) fn between_images(values: &[f64], images: usize) -> Option<f64> {
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

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = values.fold((0usize, 0.0), |(count, sum), value| (count + 1, sum + value));
    (count > 0).then(|| sum / count as f64)
}
