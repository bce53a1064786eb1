//! Batch normalisation over fields with the non-linearity behind it, on lanes.

use std::borrow::Cow;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::activation::Activation;
use super::buffer::{Buffer, Workspace};
use super::maps::{Cost, LaneShape, Lanes};
use super::simd::{dispatch, lane_count};
use super::sums::{GradientSums, GradientsWatch, MomentSums};
use crate::kernel::Moments;

/// Pixels over which f32 sums run before they are taken up in f64.
const PIXELS_PER_SUM: usize = 128;

/// Takes the moments of every map.
pub fn moments_watch(
    workspace: &Workspace,
    shape: LaneShape,
) -> impl Fn(usize, &[f32]) -> Vec<MomentSums> + Send + Sync + use<> {
    let workspace = workspace.clone();
    move |group, entries| map_moments(&workspace, entries, shape, group)
}

/// The moments of every field, whose maps follow each other. Those of maps that [`moments_watch`] has seen aren't read again.
pub fn field_moments(input: &Lanes, fields: usize) -> Moments {
    let shape = input.shape();
    let by_group = all_groups(input, input.seen_moments(), &moments_watch(input.workspace(), shape));
    let mut total = vec![MomentSums::default(); fields];
    for maps in &by_group {
        for (map, sums) in maps.iter().enumerate() {
            let field = &mut total[map * fields / shape.maps];
            *field = field.with(*sums);
        }
    }
    Moments {
        mean: total.iter().map(|sums| sums.mean).collect(),
        variance: total.iter().map(|sums| sums.squares / sums.count.max(1.0)).collect(),
        count: shape.batch * shape.maps / fields * shape.pixels(),
    }
}

/// What `watch` takes of every group: what was seen, or else, since it wasn't or was something else, what it takes now.
fn all_groups<'a, T: Clone + Send + Sync>(
    lanes: &Lanes,
    seen: Option<Vec<&'a [T]>>,
    watch: &(impl Fn(usize, &[f32]) -> Vec<T> + Sync + ?Sized),
) -> Vec<Cow<'a, [T]>> {
    match seen {
        Some(seen) => seen.into_iter().map(Cow::Borrowed).collect(),
        None => {
            let groups = (0..lanes.shape().groups()).into_par_iter();
            groups.map(|group| Cow::Owned(watch(group, &lanes.group(group)))).collect()
        }
    }
}

fn map_moments(workspace: &Workspace, entries: &[f32], shape: LaneShape, group: usize) -> Vec<MomentSums> {
    let (lanes, row) = (lane_count(), shape.maps * lane_count());
    let mut maps = vec![MomentSums::default(); shape.maps];
    let mut sums = workspace.take(2 * row);
    for pixels in entries.chunks(PIXELS_PER_SUM * row) {
        sums.fill(0.0);
        let (sum, squares) = sums.split_at_mut(row);
        // Distances from some entry near the mean: squares of the entries themselves would cancel.
        let shift = &pixels[..row];
        dispatch(AddMoments { pixels, shift, sum, squares });
        let count = (pixels.len() / row) as f64;
        // Maps in the inner loop: of one, each lane waits for the divisions of the one before.
        for lane in 0..shape.lanes_of(group) {
            for (map, total) in maps.iter_mut().enumerate() {
                let entry = map * lanes + lane;
                let (sum, squares) = (f64::from(sum[entry]), f64::from(squares[entry]));
                let mean = f64::from(shift[entry]) + sum / count;
                *total = total.with(MomentSums { count, mean, squares: (squares - sum * sum / count).max(0.0) });
            }
        }
    }
    maps
}

struct AddMoments<'a> {
    pixels: &'a [f32],
    shift: &'a [f32],
    sum: &'a mut [f32],
    squares: &'a mut [f32],
}

impl WithSimd for AddMoments<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let shift: &[S::f32s] = bytemuck::cast_slice(self.shift);
        let n = shift.len();
        let sum = &mut bytemuck::cast_slice_mut::<_, S::f32s>(self.sum)[..n];
        let squares = &mut bytemuck::cast_slice_mut::<_, S::f32s>(self.squares)[..n];
        for pixel in bytemuck::cast_slice::<_, S::f32s>(self.pixels).chunks_exact(n) {
            for v in 0..n {
                let distance = simd.sub_f32s(pixel[v], shift[v]);
                sum[v] = simd.add_f32s(sum[v], distance);
                squares[v] = simd.mul_add_e_f32s(distance, distance, squares[v]);
            }
        }
    }
}

/// An affine map per field and the non-linearity behind it.
#[derive(Clone, Debug)]
pub struct Affine {
    /// Factor per field.
    pub slope: Vec<f64>,
    /// What is added per field.
    pub offset: Vec<f64>,
    /// What follows.
    pub activation: Activation,
}

/// activation(slope·x + offset), by field.
pub fn apply(input: &Lanes, affine: &Affine) -> Lanes {
    let heavy = input.are_heavy();
    let (input, activation) = (if heavy { input.clone() } else { input.clone().stored() }, affine.activation);
    let (shape, workspace) = (input.shape(), input.workspace().clone());
    let [slope, offset] = [&affine.slope, &affine.offset].map(|list| spread(&workspace, list, shape.maps));
    let write = move |group: usize, to: &mut [f32]| {
        dispatch(Apply { from: &input.group(group), slope: &slope, offset: &offset, activation, to });
    };
    match heavy {
        // What is read once is computed once.
        true => Lanes::defer(&workspace, shape, Cost::Heavy, write),
        false => entrywise(&workspace, shape, activation, write),
    }
}

/// What `write` gives: deferred, since to compute it again costs less than to write and read it, but for exponentials.
fn entrywise(
    workspace: &Workspace,
    shape: LaneShape,
    activation: Activation,
    write: impl Fn(usize, &mut [f32]) + Send + Sync + 'static,
) -> Lanes {
    match activation.is_costly() {
        true => Lanes::build(workspace, shape, None, write),
        false => Lanes::defer(workspace, shape, Cost::Light, write),
    }
}

/// A value per field for each lane of each of its maps.
fn spread(workspace: &Workspace, values: &[f64], maps: usize) -> Buffer {
    let repeats = maps / values.len() * lane_count();
    let mut spread = workspace.take(values.len() * repeats);
    spread.chunks_exact_mut(repeats).zip(values).for_each(|(floats, value)| floats.fill(*value as f32));
    spread
}

struct Apply<'a> {
    from: &'a [f32],
    slope: &'a [f32],
    offset: &'a [f32],
    activation: Activation,
    to: &'a mut [f32],
}

impl WithSimd for Apply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let slope: &[S::f32s] = bytemuck::cast_slice(self.slope);
        let n = slope.len();
        let offset = &bytemuck::cast_slice::<_, S::f32s>(self.offset)[..n];
        let from = bytemuck::cast_slice::<_, S::f32s>(self.from).chunks_exact(n);
        for (from, to) in from.zip(bytemuck::cast_slice_mut::<_, S::f32s>(self.to).chunks_exact_mut(n)) {
            for v in 0..n {
                to[v] = self.activation.value(simd, simd.mul_add_e_f32s(from[v], slope[v], offset[v]));
            }
        }
    }
}

/// Takes the sums of every field of the gradient behind a norm of `input`.
pub fn gradients_watch(
    input: &Lanes,
    affine: &Affine,
    mean: &[f64],
) -> impl Fn(usize, &[f32]) -> Vec<GradientSums> + Send + Sync + use<> {
    let (input, activation, fields) = (input.clone().stored(), affine.activation, affine.slope.len());
    let row = input.shape().maps * lane_count();
    let lists = [affine.slope.as_slice(), &affine.offset, mean];
    let [slope, offset, mean] = lists.map(|list| spread(input.workspace(), list, input.shape().maps));
    move |group, gradient| {
        let mut totals = vec![GradientSums::default(); fields];
        let mut sums = input.workspace().take(2 * row);
        let input = input.group(group);
        for (input, gradient) in input.chunks(PIXELS_PER_SUM * row).zip(gradient.chunks(PIXELS_PER_SUM * row)) {
            sums.fill(0.0);
            let (plain, along) = sums.split_at_mut(row);
            let (slope, offset, mean) = (&slope, &offset, &mean);
            dispatch(AddGradients { input, gradient, slope, offset, mean, activation, plain, along });
            let by_field = plain.chunks_exact(row / fields).zip(along.chunks_exact(row / fields));
            for (total, (plain, along)) in totals.iter_mut().zip(by_field) {
                plain.iter().for_each(|plain| total.plain += f64::from(*plain));
                along.iter().for_each(|along| total.along += f64::from(*along));
            }
        }
        totals
    }
}

/// What `watch`, a [`gradients_watch`], takes of the whole gradient. If it has seen that, it isn't read again.
pub fn gradient_sums(gradient: &Lanes, watch: &GradientsWatch) -> Vec<GradientSums> {
    let by_group = all_groups(gradient, gradient.seen_gradients(), watch);
    let fields = by_group.first().map_or(0, |fields| fields.len());
    let total =
        |field: usize| by_group.iter().map(|group| group[field]).fold(GradientSums::default(), GradientSums::with);
    (0..fields).map(total).collect()
}

struct AddGradients<'a> {
    input: &'a [f32],
    gradient: &'a [f32],
    slope: &'a [f32],
    offset: &'a [f32],
    mean: &'a [f32],
    activation: Activation,
    plain: &'a mut [f32],
    along: &'a mut [f32],
}

impl WithSimd for AddGradients<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let slope: &[S::f32s] = bytemuck::cast_slice(self.slope);
        let n = slope.len();
        let offset = &bytemuck::cast_slice::<_, S::f32s>(self.offset)[..n];
        let mean = &bytemuck::cast_slice::<_, S::f32s>(self.mean)[..n];
        let plain = &mut bytemuck::cast_slice_mut::<_, S::f32s>(self.plain)[..n];
        let along = &mut bytemuck::cast_slice_mut::<_, S::f32s>(self.along)[..n];
        let input = bytemuck::cast_slice::<_, S::f32s>(self.input).chunks_exact(n);
        for (x, g) in input.zip(bytemuck::cast_slice::<_, S::f32s>(self.gradient).chunks_exact(n)) {
            for v in 0..n {
                let z = simd.mul_add_e_f32s(x[v], slope[v], offset[v]);
                let g = self.activation.gradient(simd, z, g[v]);
                plain[v] = simd.add_f32s(plain[v], g);
                along[v] = simd.mul_add_e_f32s(g, simd.sub_f32s(x[v], mean[v]), along[v]);
            }
        }
    }
}

/// Per field, the factors of g and x and the constant in the gradient of the input.
pub struct InputGradient {
    /// Factor of g.
    pub of_gradient: Vec<f64>,
    /// Factor of x.
    pub of_input: Vec<f64>,
    /// What is added.
    pub constant: Vec<f64>,
}

/// of_gradient·g + of_input·x + constant, where g is the gradient before the non-linearity.
pub fn input_gradient(input: &Lanes, gradient: &Lanes, affine: &Affine, factors: &InputGradient) -> Lanes {
    let (input, gradient, activation) = (input.clone().stored(), gradient.clone().stored(), affine.activation);
    let (shape, workspace) = (input.shape(), input.workspace().clone());
    let lists = [&affine.slope, &affine.offset, &factors.of_gradient, &factors.of_input, &factors.constant];
    let [slope, offset, of_gradient, of_input, constant] = lists.map(|list| spread(&workspace, list, shape.maps));
    entrywise(&workspace, shape, activation, move |group, to| {
        dispatch(WriteGradient {
            input: &input.group(group),
            gradient: &gradient.group(group),
            affine: [&slope, &offset],
            factors: [&of_gradient, &of_input, &constant],
            activation,
            to,
        });
    })
}

struct WriteGradient<'a> {
    input: &'a [f32],
    gradient: &'a [f32],
    affine: [&'a [f32]; 2],
    factors: [&'a [f32]; 3],
    activation: Activation,
    to: &'a mut [f32],
}

impl WithSimd for WriteGradient<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let slope: &[S::f32s] = bytemuck::cast_slice(self.affine[0]);
        let n = slope.len();
        let offset = &bytemuck::cast_slice::<_, S::f32s>(self.affine[1])[..n];
        let of_gradient = &bytemuck::cast_slice::<_, S::f32s>(self.factors[0])[..n];
        let of_input = &bytemuck::cast_slice::<_, S::f32s>(self.factors[1])[..n];
        let constant = &bytemuck::cast_slice::<_, S::f32s>(self.factors[2])[..n];
        let input = bytemuck::cast_slice::<_, S::f32s>(self.input).chunks_exact(n);
        let gradient = bytemuck::cast_slice::<_, S::f32s>(self.gradient).chunks_exact(n);
        let to = bytemuck::cast_slice_mut::<_, S::f32s>(self.to).chunks_exact_mut(n);
        for ((x, g), to) in input.zip(gradient).zip(to) {
            for v in 0..n {
                let z = simd.mul_add_e_f32s(x[v], slope[v], offset[v]);
                let g = self.activation.gradient(simd, z, g[v]);
                let along = simd.mul_add_e_f32s(x[v], of_input[v], constant[v]);
                to[v] = simd.mul_add_e_f32s(g, of_gradient[v], along);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::lanes::sums::Watch;

    #[test]
    fn sums_of_one_kind_are_never_taken_for_the_other() {
        let (workspace, shape) = (Workspace::default(), LaneShape { batch: 9, maps: 4, size: [5, 3] });
        let write = |group: usize, to: &mut [f32]| {
            to.iter_mut().enumerate().for_each(|(n, to)| *to = ((7 * n + 31 * group) % 23) as f32 - 8.0);
        };
        let maps = Lanes::build(&workspace, shape, None, write);
        let affine = Affine { slope: vec![0.5; 2], offset: vec![0.1; 2], activation: Activation::Relu };
        let (moments, gradients) = (moments_watch(&workspace, shape), gradients_watch(&maps, &affine, &[0.3, 0.7]));
        let shown = |watch: Watch| Lanes::build(&workspace, shape, Some(watch), write);
        let (right, wrong) = (shown(Watch::Moments(&moments)), shown(Watch::Gradients(&gradients)));
        assert!(right.seen_moments().is_some() && wrong.seen_gradients().is_some());
        assert!(wrong.seen_moments().is_none() && right.seen_gradients().is_none());
        let of = |maps: &Lanes| (field_moments(maps, 2).mean, field_moments(maps, 2).variance);
        assert_eq!(of(&wrong), of(&maps));
        assert_eq!(of(&right), of(&maps));
        assert_eq!(gradient_sums(&right, &gradients), gradient_sums(&maps, &gradients));
        assert_eq!(gradient_sums(&wrong, &gradients), gradient_sums(&maps, &gradients));
    }
}
