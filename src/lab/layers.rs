//! A chain of layers: which of them breaks equivariance, and how far the maps are from it after each.

use std::sync::Arc;

use candle_core::Tensor;
use serde::Serialize;

use super::report::{report_named, same};
use super::turns::{TurnError, between, degrees, distance, turned};
use super::{EquivarianceReport, Shifts, shift_report};
use crate::error::{Error, Result};
use crate::group::PointGroup;
use crate::nn::{FieldType, Layer, Mode, NamedLayer, SlidingWindow};

/// What was found of one layer of a chain.
#[derive(Clone, Debug, Serialize)]
pub struct LayerReport {
    /// Its name.
    pub layer: String,
    /// Whether its types say that it's equivariant: it takes the fields that reach it for what they are.
    pub declared: bool,
    /// The layer alone, on the maps that reach it for the images as they are, under the point group and under shifts; a
    /// fault shows here at the layer that has it.
    pub alone: EquivarianceReport,
    /// Everything from the image up to this layer: Φ(g·x) against g·Φ(x).
    pub from_image: EquivarianceReport,
    /// What turns between those of the grid show, of groups that have some.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub turns: Vec<TurnError>,
}

impl LayerReport {
    /// Whether the layer is seen to break what its types say. Maps that show nothing aren't held against it.
    pub fn is_broken(&self, tolerance: f64) -> bool {
        self.declared && self.alone.breaks(tolerance)
    }
}

/// Tests every layer of a chain in inference, on `images` (batch, maps, n, n).
///
/// Layers behind a restriction to a subgroup are held against that.
///
/// Fields of layers that know another group than `group` are taken as trivial ones: every map turned in place. That is the
/// action which is there for any map; for the hidden maps of a plain network there's no other that one could name
/// beforehand, since turning the image may as well permute its maps (Lenc & Vedaldi 2015 learn such a permutation). An
/// error near 0 then says that each map turns with the image by itself, a large one only that it doesn't; the maps after the
/// pooling over pixels, where turning in place does nothing, tell of invariance without reserve.
///
/// # Errors
/// When a layer fails, or doesn't take the maps that reach it.
pub fn layer_reports(layers: &[NamedLayer], group: &Arc<PointGroup>, images: &Tensor) -> Result<Vec<LayerReport>> {
    let first = layers.first().ok_or_else(|| Error::invalid("no layers to test"))?;
    let arriving = typed(first.layer.input(), group);
    let moved: Vec<Tensor> = group.grid_elements().map(|g| arriving.act(g, images)).collect::<Result<_>>()?;
    let unmoved: Vec<bool> = moved.iter().map(|moved| same(moved, images)).collect::<Result<_>>()?;
    let between = between(group);
    let turned = between.iter().map(|&g| turned(&arriving, g, images)).collect::<Result<_>>()?;
    let mut reports = Vec::with_capacity(layers.len());
    let arrival = Arrival { group, unmoved: &unmoved, between: &between };
    follow(layers, &arrival, arriving, Maps { moved, turned }, &mut reports)?;
    Ok(reports)
}

/// What is the same all the way from the image.
struct Arrival<'a> {
    group: &'a Arc<PointGroup>,
    /// For each element that maps the grid onto itself, whether it leaves the image as it is.
    unmoved: &'a [bool],
    /// Turns that don't.
    between: &'a [usize],
}

/// The maps of moved images: under each element that maps the grid onto itself, and under each turn that doesn't.
#[derive(Clone)]
struct Maps {
    moved: Vec<Tensor>,
    turned: Vec<Tensor>,
}

/// Layers in a row, and before one that is made of branches their layers.
fn follow(
    layers: &[NamedLayer],
    arrival: &Arrival,
    mut arriving: FieldType,
    mut maps: Maps,
    reports: &mut Vec<LayerReport>,
) -> Result<()> {
    let Arrival { group, unmoved, between } = *arrival;
    for NamedLayer { name, layer } in layers {
        for (_, branch) in layer.inner() {
            follow(branch, arrival, arriving.clone(), maps.clone(), reports)?;
        }
        let located = |e: Error| Error::invalid(format!("layer {name}: {e}"));
        let output = typed(layer.output(), group);
        // Behind the last restriction, maps are turned in place.
        if !output.group.is_within(&arriving.group) {
            arriving = FieldType::trivial(group, arriving.maps());
        }
        let alone = alone(layer.as_ref(), &maps.moved[0], [&arriving, &output], group).map_err(located)?;
        let forward = |x: &Tensor| layer.forward_in(x, &mut Mode::Inference);
        let each = |maps: &[Tensor]| maps.iter().map(forward).collect::<Result<Vec<_>>>().map_err(located);
        let after = Maps { moved: each(&maps.moved)?, turned: each(&maps.turned)? };
        let plain = &after.moved[0];
        let mut from_image = EquivarianceReport::new(plain)?;
        for ((g, found), unmoved) in group.grid_elements().zip(&after.moved).zip(unmoved) {
            let Some(k) = group.element_of(&output.group, g) else { continue };
            from_image.compare(&group.element_name(g), found, &output.act(k, plain)?, output.field_size())?;
            from_image.untested_if(g != 0 && *unmoved);
        }
        let turn = |(&g, found): (&usize, &Tensor)| -> Result<Option<TurnError>> {
            let elements = [&arriving, &output].map(|fields| group.element_of(&fields.group, g));
            let [Some(before), Some(behind)] = elements else { return Ok(None) };
            let wanted = turned(&output, behind, plain)?;
            let own = forward(&turned(&arriving, before, &maps.moved[0])?)?;
            let (element, degrees) = (group.element_name(g), degrees(group, g));
            let (alone, from_image) = (distance(&own, &wanted, plain)?, distance(found, &wanted, plain)?);
            Ok(Some(TurnError { element, degrees, alone, from_image }))
        };
        let turns = between.iter().zip(&after.turned).filter_map(|pair| turn(pair).transpose());
        let turns = turns.collect::<Result<_>>().map_err(located)?;
        let declared = *layer.input() == arriving && *layer.output() == output;
        reports.push(LayerReport { layer: name.clone(), declared, alone, from_image, turns });
        (arriving, maps) = (output, after);
    }
    Ok(())
}

/// One layer under the point group and, where it has pixels to spare, under shifts.
fn alone(
    layer: &dyn Layer,
    x: &Tensor,
    [input, output]: [&FieldType; 2],
    group: &PointGroup,
) -> Result<EquivarianceReport> {
    let forward = |x: &Tensor| layer.forward_in(x, &mut Mode::Inference);
    let mut report = report_named(x, input, output, group, forward)?;
    let shifts = shifts(layer, Shifts { stride: 1, margin: 0 });
    report.elements.extend(shift_report(x, output, shifts, forward)?.elements);
    Ok(report)
}

/// The shifts that a layer commutes with, after layers that commute with `before`: its strides multiply, and where padding was within
/// reach, maps differ.
pub(super) fn shifts(layer: &dyn Layer, before: Shifts) -> Shifts {
    let branches = layer.inner();
    let along =
        |layers: &[NamedLayer]| layers.iter().fold(before, |shifts, named| self::shifts(named.layer.as_ref(), shifts));
    let of_branches = branches.iter().map(|(_, layers)| along(layers));
    let widest = of_branches.reduce(|a, b| Shifts { stride: a.stride.max(b.stride), margin: a.margin.max(b.margin) });
    match (widest, layer.window()) {
        (Some(widest), _) => widest,
        (None, Some(SlidingWindow { stride, padding, .. })) => {
            Shifts { stride: before.stride * stride, margin: (before.margin + padding).div_ceil(stride) }
        }
        (None, None) => before,
    }
}

/// The type under `group`: its own where that's the type's or what the type's was restricted from.
fn typed(fields: &FieldType, group: &Arc<PointGroup>) -> FieldType {
    let is_known = fields.group == *group || fields.group.order() > 1 && fields.group.is_within(group);
    if is_known { fields.clone() } else { FieldType::trivial(group, fields.maps()) }
}
