//! Pooling on lanes: over windows of pixels, over all of them, over the maps of a field. Of entries that tie for the maximum,
//! the first takes the gradient.

use pulp::{Simd, WithSimd};

use super::buffer::{List, Workspace};
use super::maps::{LaneShape, Lanes};
use super::simd::{dispatch, parts};

/// Which entries are pooled, in units of the lanes of a map: runs of `run` maps that follow each other are pooled alike.
/// Run r of the output is made of the runs that start at `starts`\[r\] + each of `members`.
pub struct Pooling {
    output: LaneShape,
    starts: List,
    members: List,
    run: usize,
}

/// How many become one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Reduce {
    /// The largest.
    Max,
    /// The mean.
    Mean,
}

impl Pooling {
    /// Windows of `size`×`size` pixels side by side; what is left over is dropped.
    pub fn windows(workspace: &Workspace, input: LaneShape, size: usize) -> Self {
        let LaneShape { maps, size: [height, width], .. } = input;
        let out = [height / size, width / size];
        let (pixels, members) = (out[0] * out[1], size * size);
        let pixel = |y: usize, x: usize| (y * width + x) * maps;
        let starts = (0..pixels).map(|n| pixel(n / out[1] * size, n % out[1] * size));
        Self {
            output: LaneShape { size: out, ..input },
            starts: workspace.list(pixels, starts),
            members: workspace.list(members, (0..members).map(|n| pixel(n / size, n % size))),
            run: maps,
        }
    }

    /// All pixels of every map.
    pub fn pixels(workspace: &Workspace, input: LaneShape) -> Self {
        Self {
            output: LaneShape { size: [1, 1], ..input },
            starts: workspace.list(1, [0]),
            members: workspace.list(input.pixels(), (0..input.pixels()).map(|pixel| pixel * input.maps)),
            run: input.maps,
        }
    }

    /// The maps of every field.
    pub fn fields(workspace: &Workspace, input: LaneShape, fields: usize) -> Self {
        let (size, count) = (input.maps / fields, input.pixels() * fields);
        Self {
            output: LaneShape { maps: fields, ..input },
            starts: workspace.list(count, (0..count).map(|field| field * size)),
            members: workspace.list(size, 0..size),
            run: 1,
        }
    }

    /// The pooled maps.
    pub fn forward(&self, input: &Lanes, reduce: Reduce) -> Lanes {
        Lanes::build(input.workspace(), self.output, None, |group, to| {
            dispatch(Forward { pooling: self, reduce, from: &input.group(group), to });
        })
    }

    /// The gradient of the input, shown to the input's watch.
    pub fn backward(&self, input: &Lanes, gradient: &Lanes, reduce: Reduce) -> Lanes {
        Lanes::build(input.workspace(), input.shape(), input.gradients_watch(), |group, to| {
            // The gradient of a mean doesn't depend on the entries.
            let entries = (reduce == Reduce::Max).then(|| input.group(group));
            let input = entries.as_deref().unwrap_or_default();
            dispatch(Backward { pooling: self, reduce, input, gradient: &gradient.group(group), to });
        })
    }
}

/// The larger of two, the first where they tie; NaN where either is.
#[inline(always)]
fn larger<S: Simd>(simd: S, first: S::f32s, second: S::f32s) -> S::f32s {
    let larger = simd.select_f32s(simd.less_than_or_equal_f32s(second, first), first, second);
    simd.select_f32s(simd.equal_f32s(first, first), larger, first)
}

struct Forward<'a> {
    pooling: &'a Pooling,
    reduce: Reduce,
    from: &'a [f32],
    to: &'a mut [f32],
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Pooling { starts, members, run, .. } = self.pooling;
        let parts = parts::<S>();
        let from: &[S::f32s] = bytemuck::cast_slice(self.from);
        let to: &mut [S::f32s] = bytemuck::cast_slice_mut(self.to);
        let scale = simd.splat_f32s(1.0 / members.len() as f32);
        for (to, start) in to.chunks_exact_mut(run * parts).zip(starts.iter()) {
            let runs = members.iter().map(|member| &from[(start + member) * parts..][..run * parts]);
            for (member, run) in runs.enumerate() {
                for (to, &value) in to.iter_mut().zip(run) {
                    *to = match (member, self.reduce) {
                        (0, _) => value,
                        (_, Reduce::Max) => larger(simd, *to, value),
                        (_, Reduce::Mean) => simd.add_f32s(*to, value),
                    };
                }
            }
            if self.reduce == Reduce::Mean {
                to.iter_mut().for_each(|to| *to = simd.mul_f32s(*to, scale));
            }
        }
    }
}

struct Backward<'a> {
    pooling: &'a Pooling,
    reduce: Reduce,
    /// Of a maximum.
    input: &'a [f32],
    gradient: &'a [f32],
    to: &'a mut [f32],
}

impl WithSimd for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Pooling { starts, members, run, .. } = self.pooling;
        let parts = parts::<S>();
        let vectors = run * parts;
        let input: &[S::f32s] = bytemuck::cast_slice(self.input);
        let to: &mut [S::f32s] = bytemuck::cast_slice_mut(self.to);
        let zero = simd.splat_f32s(0.0);
        let scale = simd.splat_f32s(1.0 / members.len() as f32);
        if starts.len() * members.len() * vectors < to.len() {
            to.fill(zero);
        }
        let gradient = bytemuck::cast_slice::<_, S::f32s>(self.gradient).chunks_exact(vectors);
        for (gradient, start) in gradient.zip(starts.iter()) {
            for (v, &gradient) in gradient.iter().enumerate() {
                let place = |member: &usize| (start + member) * parts + v;
                if self.reduce == Reduce::Mean {
                    let share = simd.mul_f32s(gradient, scale);
                    members.iter().for_each(|member| to[place(member)] = share);
                    continue;
                }
                let mut most = input[place(&members[0])];
                for member in &members[1..] {
                    most = larger(simd, most, input[place(member)]);
                }
                let mut left = gradient;
                for member in members.iter() {
                    // Where the maximum is NaN, the first NaN wins.
                    let value = input[place(member)];
                    let (wins, number) = (simd.equal_f32s(value, most), simd.equal_f32s(value, value));
                    let share = simd.select_f32s(number, simd.select_f32s(wins, left, zero), left);
                    left = simd.select_f32s(number, simd.select_f32s(wins, zero, left), zero);
                    to[place(member)] = share;
                }
            }
        }
    }
}
