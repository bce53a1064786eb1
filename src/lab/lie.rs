//! The Lie derivative of a network: how far it is from equivariance under the smallest of motions, and which layer is to blame.

use std::f64::consts::TAU;

use candle_core::{DType, Tensor, Var};
use rand::RngExt;
use serde::{Deserialize, Serialize};

use super::Shifts;
use super::layers::shifts;
use super::report::between_images;
use crate::error::{Error, Result};
use crate::group::{PointGroup, Representation};
use crate::nn::{FieldType, Mode, NamedLayer};
use crate::rng;

/// Classes up to which the derivative of every score is taken; of more, that of as many random sums of them.
const DIRECTIONS: usize = 16;

/// Local equivariance errors of a chain of layers from images to scores (Gruver et al., ICLR 2023): what the scores change by, per unit of
/// motion, as the image starts to move.
///
/// With T the velocity of maps, the Lie derivative of f at x is L f(x) = df(x)·T x − T f(x), and scores stand still. Of a chain
/// f_n ∘ … ∘ f_1 it's the sum over the layers of d(f_n ∘ … ∘ f_(i+1))·L f_i: how much of it each layer brings in. These shares can cancel;
/// which they are depends on how hidden maps are said to move. Here
///
/// - velocities in the plane take the slopes of maps by central differences, at the edge by the difference to the neighbour;
/// - regular fields turn over their group axis, too, along the trigonometric polynomial through their components;
/// - behind strides, maps move by as much less.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LocalEquivariance {
    /// Under turns about the centre, per radian.
    pub rotation: LocalError,
    /// Under shifts, per pixel: the root mean square of both directions.
    pub translation: LocalError,
}

/// A local equivariance error, and what the layers bring in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LocalError {
    /// The mean square of L f(x) over images and classes, which Gruver et al. call LEE.
    pub mean_square: f64,
    /// ‖L f(x)‖ / ‖f(x)‖, root mean squares over the images; `None` where all scores are 0.
    pub norm_error: Option<f64>,
    /// ‖L f(x)‖ / ‖f(x) − f(x′)‖, root mean squares over images and over pairs of different images; `None` where these lead to the same.
    pub image_error: Option<f64>,
    /// What each layer brings in, from the image on.
    pub layers: Vec<LayerShare>,
}

/// A layer's part of a Lie derivative.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerShare {
    /// Its name.
    pub layer: String,
    /// Its part relative to ‖f(x)‖, as [`LocalError::norm_error`].
    pub norm_error: Option<f64>,
    /// Its part relative to ‖f(x) − f(x′)‖, as [`LocalError::image_error`].
    pub image_error: Option<f64>,
}

/// How maps start to move.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Motion {
    /// Counter-clockwise about the centre, by one radian.
    Turn,
    /// To the right, by so many pixels.
    Right(f64),
    /// Down, by so many pixels.
    Down(f64),
}

/// The local equivariance error of `layers` in inference, on `images` (batch, maps, height, width), and where it comes from. The last layer
/// leads to scores, (batch, classes, 1, 1). Derivatives are exact: one pass back for every class. `None` where scores or
/// derivatives aren't finite.
///
/// # Errors
/// When a layer fails, or the last one leads to maps of several pixels.
pub fn local_equivariance(layers: &[NamedLayer], images: &Tensor) -> Result<Option<LocalEquivariance>> {
    let passes = passes(layers, images)?;
    let scores = match passes.last() {
        Some(last) if last.output.dims()[2..] == [1, 1] => &last.output,
        _ => return Err(Error::invalid("a Lie derivative is taken of scores, which have no pixels")),
    };
    let Some(scale) = Scale::of(scores)? else { return Ok(None) };
    let directions = directions(scores.dims()[1]);
    let mut gradients = directions.iter().map(|(sum, _)| of_sum(sum, scores)).collect::<Result<Vec<_>>>()?;
    // By motion and direction, ⟨gradient, T x⟩ for every layer from the last on, image by image.
    let mut along = vec![vec![Vec::with_capacity(layers.len()); directions.len()]; 3];
    for pass in passes.iter().rev() {
        let velocities = pass.velocities()?;
        for (direction, gradient) in gradients.iter_mut().enumerate() {
            *gradient = pass.back(gradient)?;
            let gradient = gradient.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
            for (along, velocity) in along.iter_mut().zip(&velocities) {
                along[direction].push(products(velocity, &gradient, images.dims()[0]));
            }
        }
    }
    let weights = || directions.iter().map(|(_, weight)| *weight);
    let [turn, right, down] = [0, 1, 2].map(|motion| Sums::of(along[motion].iter().zip(weights()), layers.len()));
    let finite = |sums: &Sums| sums.whole.is_finite() && sums.layers.iter().all(|sum| sum.is_finite());
    if ![&turn, &right, &down].into_iter().all(finite) {
        return Ok(None);
    }
    let names = || layers.iter().map(|layer| layer.name.as_str());
    Ok(Some(LocalEquivariance {
        rotation: scale.error(&turn, names()),
        translation: scale.error(&right.mean(&down), names()),
    }))
}

/// A layer, what reached it, and what it made of that.
struct Pass {
    input: Var,
    fields: FieldType,
    /// Input pixels per pixel of the images.
    stride: usize,
    output: Tensor,
}

fn passes(layers: &[NamedLayer], images: &Tensor) -> Result<Vec<Pass>> {
    let mut passes = Vec::with_capacity(layers.len());
    let (mut arriving, mut before) = (images.detach(), Shifts { stride: 1, margin: 0 });
    // How maps move is up to the layer that made them: an ordinary head takes oriented maps for plain ones.
    let mut fields = layers.first().map(|first| first.layer.input().clone());
    for NamedLayer { name, layer } in layers {
        let input = Var::from_tensor(&arriving)?;
        let forward = layer.forward_in(input.as_tensor(), &mut Mode::Inference);
        let output = forward.map_err(|e| Error::invalid(format!("layer {name}: {e}")))?;
        arriving = output.detach();
        let own = fields.replace(layer.output().clone()).unwrap_or_else(|| layer.input().clone());
        passes.push(Pass { input, fields: own, stride: before.stride, output });
        before = shifts(layer.as_ref(), before);
    }
    Ok(passes)
}

impl Pass {
    /// T x of what reached the layer, for a turn and the two shifts.
    fn velocities(&self) -> Result<Vec<Vec<f64>>> {
        let pixels = 1.0 / self.stride as f64;
        let motions = [Motion::Turn, Motion::Right(pixels), Motion::Down(pixels)];
        motions.into_iter().map(|motion| velocity(&self.fields, self.input.as_tensor(), motion)).collect()
    }

    /// The gradient of what reached the layer, given that of what it made of it.
    fn back(&self, gradient: &Tensor) -> Result<Tensor> {
        let mut found = (&self.output * gradient)?.sum_all()?.backward()?;
        Ok(found.remove(&self.input).map_or_else(|| self.input.zeros_like(), Ok)?)
    }
}

/// For every image, ⟨a, b⟩.
fn products(a: &[f64], b: &[f64], images: usize) -> Vec<f64> {
    let entries = (a.len() / images.max(1)).max(1);
    a.chunks(entries).zip(b.chunks(entries)).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a * b).sum()).collect()
}

/// The gradient of a sum of scores.
fn of_sum(sum: &[f64], scores: &Tensor) -> Result<Tensor> {
    let sum = Tensor::new(sum, scores.device())?.to_dtype(scores.dtype())?;
    Ok(sum.reshape((1, sum.elem_count(), 1, 1))?.broadcast_as(scores.shape())?.contiguous()?)
}

/// Sums of scores, (classes), and the weight of the square of each: over all of them these sum to the square of any vector, or do so on
/// average.
fn directions(classes: usize) -> Vec<(Vec<f64>, f64)> {
    let unit = |class: usize| (0..classes).map(|other| if other == class { 1.0 } else { 0.0 }).collect();
    if classes <= DIRECTIONS {
        return (0..classes).map(|class| (unit(class), 1.0)).collect();
    }
    let mut stream = rng::stream(0, "lab/directions");
    let mut signs = || (0..classes).map(|_| if stream.random::<bool>() { 1.0 } else { -1.0 }).collect();
    (0..DIRECTIONS).map(|_| (signs(), 1.0 / DIRECTIONS as f64)).collect()
}

/// T x: the velocity of maps (batch, maps, height, width), entry by entry.
fn velocity(fields: &FieldType, maps: &Tensor, motion: Motion) -> Result<Vec<f64>> {
    let (_, _, height, width) = maps.dims4()?;
    let entries = maps.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
    let mut velocity = Vec::with_capacity(entries.len());
    let middle = [height, width].map(|side| (side as f64 - 1.0) / 2.0);
    for map in entries.chunks(height * width) {
        for row in 0..height {
            for column in 0..width {
                let along_row = || slope(column, width, |column| map[row * width + column]);
                let along_column = || slope(row, height, |row| map[row * width + column]);
                velocity.push(match motion {
                    Motion::Turn => {
                        (middle[0] - row as f64) * along_row() + (column as f64 - middle[1]) * along_column()
                    }
                    Motion::Right(pixels) => -pixels * along_row(),
                    Motion::Down(pixels) => -pixels * along_column(),
                });
            }
        }
    }
    if motion == Motion::Turn && fields.representation == Representation::Regular {
        let turning = turning(&fields.group);
        let (size, plane) = (fields.field_size(), height * width);
        for (field, velocity) in entries.chunks(size * plane).zip(velocity.chunks_mut(size * plane)) {
            for (n, velocity) in velocity.iter_mut().enumerate() {
                let rates = turning[n / plane].iter().enumerate();
                *velocity += rates.map(|(component, rate)| rate * field[component * plane + n % plane]).sum::<f64>();
            }
        }
    }
    Ok(velocity)
}

/// The slope at `place` of `length` values.
fn slope(place: usize, length: usize, value: impl Fn(usize) -> f64) -> f64 {
    let (first, last) = (place.saturating_sub(1), (place + 1).min(length - 1));
    if first == last { 0.0 } else { (value(last) - value(first)) / (last - first) as f64 }
}

/// The velocity of a regular field over its group axis as the plane turns by a radian: the slope of the trigonometric polynomial through
/// its components, of which half the number of turns is the highest frequency that's left out.
fn turning(group: &PointGroup) -> Vec<Vec<f64>> {
    let turns = group.turns();
    let rate = |to: usize, from: usize| {
        if group.is_mirror(to) != group.is_mirror(from) {
            return 0.0;
        }
        // f(g⁻¹h): turns come from the component that is g behind, turns before a mirror from the one ahead.
        let direction = if group.is_mirror(to) { -1.0 } else { 1.0 };
        let angle = TAU * (to as f64 - from as f64) / turns as f64;
        let frequencies = (1..turns).take_while(|frequency| 2 * frequency < turns).map(|frequency| frequency as f64);
        direction * 2.0 / turns as f64 * frequencies.map(|k| k * (k * angle).sin()).sum::<f64>()
    };
    group.elements().map(|to| group.elements().map(|from| rate(to, from)).collect()).collect()
}

/// Squares under one motion, summed over images and directions.
struct Sums {
    whole: f64,
    layers: Vec<f64>,
}

impl Sums {
    /// Of every direction, ⟨gradient, T x⟩ for all layers from the last on, image by image, and the weight of its square.
    fn of<'a>(directions: impl Iterator<Item = (&'a Vec<Vec<f64>>, f64)>, layers: usize) -> Self {
        let mut sums = Self { whole: 0.0, layers: vec![0.0; layers] };
        for (along, weight) in directions {
            // Scores don't move.
            let mut behind = vec![0.0; along[0].len()];
            for (before, sum) in along.iter().zip(sums.layers.iter_mut().rev()) {
                let parts = before.iter().zip(&behind).map(|(before, behind)| before - behind);
                *sum += weight * parts.map(|part| part * part).sum::<f64>();
                behind.clone_from(before);
            }
            sums.whole += weight * behind.iter().map(|whole| whole * whole).sum::<f64>();
        }
        sums
    }

    fn mean(&self, other: &Self) -> Self {
        let layers = self.layers.iter().zip(&other.layers).map(|(a, b)| (a + b) / 2.0).collect();
        Self { whole: (self.whole + other.whole) / 2.0, layers }
    }
}

/// What errors are relative to.
struct Scale {
    /// Number of scores of all images.
    scores: usize,
    /// Their norm.
    norm: f64,
    /// √images times the distance between two different images.
    distance: Option<f64>,
}

impl Scale {
    /// `None` of numbers that aren't finite.
    fn of(scores: &Tensor) -> Result<Option<Self>> {
        let values = scores.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
        let norm = values.iter().map(|value| value * value).sum::<f64>().sqrt();
        let distance = between_images(&values, scores.dims()[0]);
        Ok(norm.is_finite().then_some(Self { scores: values.len(), norm, distance }))
    }

    fn error<'a>(&self, sums: &Sums, names: impl Iterator<Item = &'a str>) -> LocalError {
        let norm_error = |squares: f64| (self.norm > 0.0).then(|| squares.sqrt() / self.norm);
        let image_error = |squares: f64| self.distance.map(|distance| squares.sqrt() / distance);
        let share = |(layer, &squares): (&str, &f64)| LayerShare {
            layer: layer.to_owned(),
            norm_error: norm_error(squares),
            image_error: image_error(squares),
        };
        LocalError {
            mean_square: sums.whole / self.scores as f64,
            norm_error: norm_error(sums.whole),
            image_error: image_error(sums.whole),
            layers: names.zip(&sums.layers).map(share).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::DMatrix;

    use super::*;

    /// A turn by a group's element, taken as so many of the smallest ones, is the group's action on regular fields where no frequency is left
    /// out.
    #[test]
    fn turning_for_long_enough_is_the_action_of_the_group() {
        for group in [PointGroup::cyclic(3), PointGroup::cyclic(7), PointGroup::dihedral(5)].map(Result::unwrap) {
            let rates = turning(&group);
            let rates = DMatrix::from_fn(group.order(), group.order(), |to, from| rates[to][from]);
            for g in 0..group.turns() {
                let turned = (&rates * (TAU * g as f64 / group.turns() as f64)).exp();
                let action = Representation::Regular.matrix(&group, g);
                assert!((turned - action).norm() < 1e-9, "{} {g}", group.name());
            }
        }
    }
}
