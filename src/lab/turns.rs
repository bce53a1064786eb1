//! Turns by angles that don't map the grid onto itself: equivariance up to interpolation.

use std::f64::consts::TAU;

use candle_core::{DType, Tensor};
use serde::Serialize;

use crate::data::rotate::rotate;
use crate::error::Result;
use crate::group::PointGroup;
use crate::nn::FieldType;

/// How far a layer is from equivariance under a turn between those of the grid. Turned images and maps are interpolated bilinearly, so
/// that even a perfect layer has an error; it's taken in the circle that a turn leaves in the image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TurnError {
    /// What the element is called, see [`PointGroup::element_name`].
    pub element: String,
    /// By how many degrees it turns.
    pub degrees: f64,
    /// ‖f(g·x) − g·f(x)‖ / ‖f(x)‖ of the layer alone, on the maps that reach it.
    pub alone: f64,
    /// The same of everything from the image up to the layer.
    pub from_image: f64,
}

/// The turns of a group between 0 and 90° that don't map the grid onto itself; those beyond, and mirrors, follow from them by elements that
/// do. Of a group with larger angles alone its smallest turn.
pub(super) fn between(group: &PointGroup) -> Vec<usize> {
    let off_grid = |g: &usize| group.grid_matrix(*g).is_none();
    let first: Vec<usize> = (1..group.turns()).take_while(|g| 4 * g < group.turns()).filter(off_grid).collect();
    let smallest = || (1..group.turns()).find(off_grid).into_iter().collect();
    if first.is_empty() { smallest() } else { first }
}

pub(super) fn degrees(group: &PointGroup, g: usize) -> f64 {
    360.0 * g as f64 / group.turns() as f64
}

/// The action of a turn on maps (batch, maps, n, n), interpolated.
pub(super) fn turned(fields: &FieldType, g: usize, maps: &Tensor) -> Result<Tensor> {
    fields.check(maps.dims())?;
    let (_, _, height, width) = maps.dims4()?;
    let angle = TAU * g as f64 / fields.group.turns() as f64;
    let values: Vec<f32> = maps.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
    let (plane, size) = (height * width, fields.field_size());
    let mut turned = vec![0.0; values.len()];
    for (from, to) in values.chunks_exact(plane).zip(turned.chunks_exact_mut(plane)) {
        rotate(from, height, width, angle, to);
    }
    let action = fields.representation.matrix(&fields.group, g);
    let mut out = vec![0.0; values.len()];
    for (from, to) in turned.chunks_exact(size * plane).zip(out.chunks_exact_mut(size * plane)) {
        for (component, to) in to.chunks_exact_mut(plane).enumerate() {
            for (source, from) in from.chunks_exact(plane).enumerate() {
                let factor = action[(component, source)] as f32;
                if factor != 0.0 {
                    to.iter_mut().zip(from).for_each(|(to, from)| *to += factor * from);
                }
            }
        }
    }
    Ok(Tensor::from_vec(out, maps.shape(), maps.device())?.to_dtype(maps.dtype())?)
}

/// ‖found − wanted‖ / ‖reference‖ of maps (batch, maps, height, width), in the circle that touches the outermost pixels; 0 where nothing
/// differs.
pub(super) fn distance(found: &Tensor, wanted: &Tensor, reference: &Tensor) -> Result<f64> {
    let (_, _, height, width) = reference.dims4()?;
    let middle = [height, width].map(|side| (side as f64 - 1.0) / 2.0);
    let radius = middle[0].min(middle[1]);
    let inside = |n: usize| {
        let [down, right] = [(n / width % height) as f64 - middle[0], (n % width) as f64 - middle[1]];
        down.hypot(right) <= radius + 1e-9
    };
    let values = |tensor: &Tensor| -> Result<Vec<f64>> { Ok(tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1()?) };
    let (found, wanted, reference) = (values(found)?, values(wanted)?, values(reference)?);
    let mut sums = [0.0, 0.0];
    for n in (0..reference.len()).filter(|&n| inside(n)) {
        sums[0] += (found[n] - wanted[n]).powi(2);
        sums[1] += reference[n].powi(2);
    }
    Ok(if sums[0] == 0.0 { 0.0 } else { (sums[0] / sums[1]).sqrt() })
}
