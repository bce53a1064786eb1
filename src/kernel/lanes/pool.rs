//! Pooling on lanes: over windows of pixels, over all of them, over the maps of a field. Of entries that tie for the maximum,
//! the first takes the gradient.

use pulp::{Simd, WithSimd};

use super::buffer::{List, Workspace};
use super::maps::{LaneShape, Lanes};
use super::simd::{dispatch, parts};
use crate::kernel::geometry::{PoolWindows, Window};

/// Which entries are pooled, in units of the lanes of a map: runs of `run` maps that follow each other are pooled alike.
pub struct Pooling {
    output: LaneShape,
    sources: Sources,
    run: usize,
    /// What a mean divides a sum by.
    count: f32,
    /// Whether some entries are pooled several times.
    overlap: bool,
}

/// The runs of the input that each run of the output is made of.
enum Sources {
    /// Run r of those that start at `starts`\[r\] + each of `members`.
    Alike { starts: List, members: List },
    /// Run r of those that start at `members`\[`bounds`\[r\]..`bounds`\[r + 1\]\], at least one.
    Each { members: List, bounds: List },
}

impl Sources {
    /// Of run `run` of the output, as a start and what is added to it.
    #[inline(always)]
    fn of(&self, run: usize) -> (usize, &[usize]) {
        match self {
            Self::Alike { starts, members } => (starts[run], members),
            Self::Each { members, bounds } => (0, &members[bounds[run]..bounds[run + 1]]),
        }
    }

    /// Runs of the input that are read, as often as they are.
    fn count(&self) -> usize {
        match self {
            Self::Alike { starts, members } => starts.len() * members.len(),
            Self::Each { members, .. } => members.len(),
        }
    }

    /// Windows that all lie on the image, on which `maps` maps are.
    fn whole_windows(workspace: &Workspace, maps: usize, windows: &PoolWindows) -> Self {
        let PoolWindows { size, window: Window { stride, .. }, in_size: [_, width], out_size: [rows, columns] } =
            *windows;
        let place = |n: usize, columns: usize, step: usize| (n / columns * width + n % columns) * step * maps;
        Self::Alike {
            starts: workspace.list(rows * columns, (0..rows * columns).map(|n| place(n, columns, stride))),
            members: workspace.list(size * size, (0..size * size).map(|n| place(n, size, 1))),
        }
    }

    /// Windows that may reach into the padding, of which only the pixels are listed.
    fn clipped_windows(workspace: &Workspace, maps: usize, windows: &PoolWindows) -> Self {
        let PoolWindows { in_size: [_, width], out_size: [rows, columns], .. } = *windows;
        let pixels = |n: usize| [windows.pixels(0, n / columns), windows.pixels(1, n % columns)];
        let ends = (0..rows * columns).scan(0, |end, n| {
            let [lines, columns] = pixels(n);
            *end += lines.len() * columns.len();
            Some(*end)
        });
        let bounds = workspace.list(rows * columns + 1, std::iter::once(0).chain(ends));
        let members = (0..rows * columns).flat_map(|n| {
            let [lines, columns] = pixels(n);
            lines.flat_map(move |y| columns.clone().map(move |x| (y * width + x) * maps))
        });
        let members = workspace.list(bounds[rows * columns], members);
        Self::Each { members, bounds }
    }
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
    /// Windows of pixels.
    pub fn windows(workspace: &Workspace, input: LaneShape, windows: &PoolWindows) -> Self {
        let sources = match windows.window.padding {
            0 => Sources::whole_windows(workspace, input.maps, windows),
            _ => Sources::clipped_windows(workspace, input.maps, windows),
        };
        let size = windows.size as f32;
        Self {
            output: LaneShape { size: windows.out_size, ..input },
            sources,
            run: input.maps,
            count: size * size,
            overlap: windows.overlap(),
        }
    }

    /// All pixels of every map.
    pub fn pixels(workspace: &Workspace, input: LaneShape) -> Self {
        let members = (0..input.pixels()).map(|pixel| pixel * input.maps);
        Self {
            output: LaneShape { size: [1, 1], ..input },
            sources: Sources::Alike {
                starts: workspace.list(1, [0]),
                members: workspace.list(input.pixels(), members),
            },
            run: input.maps,
            count: input.pixels() as f32,
            overlap: false,
        }
    }

    /// The maps of every field.
    pub fn fields(workspace: &Workspace, input: LaneShape, fields: usize) -> Self {
        let (size, count) = (input.maps / fields, input.pixels() * fields);
        Self {
            output: LaneShape { maps: fields, ..input },
            sources: Sources::Alike {
                starts: workspace.list(count, (0..count).map(|field| field * size)),
                members: workspace.list(size, 0..size),
            },
            run: 1,
            count: size as f32,
            overlap: false,
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
        let Pooling { sources, run, count, .. } = self.pooling;
        let vectors = run * parts::<S>();
        let from: &[S::f32s] = bytemuck::cast_slice(self.from);
        let to: &mut [S::f32s] = bytemuck::cast_slice_mut(self.to);
        let scale = simd.splat_f32s(1.0 / count);
        for (n, to) in to.chunks_exact_mut(vectors).enumerate() {
            let (start, members) = sources.of(n);
            let runs = members.iter().map(|member| &from[(start + member) * parts::<S>()..][..vectors]);
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
        match self.pooling.overlap {
            true => self.spread(simd, |to: &mut S::f32s, share| *to = simd.add_f32s(*to, share)),
            false => self.spread(simd, |to: &mut S::f32s, share| *to = share),
        }
    }
}

impl Backward<'_> {
    /// Hands the gradient of every run of the output, in order, to what it's made of; `put` is given the shares.
    #[inline(always)]
    fn spread<S: Simd>(self, simd: S, put: impl Fn(&mut S::f32s, S::f32s)) {
        let Pooling { sources, run, count, overlap, .. } = self.pooling;
        let (parts, vectors) = (parts::<S>(), run * parts::<S>());
        let input: &[S::f32s] = bytemuck::cast_slice(self.input);
        let to: &mut [S::f32s] = bytemuck::cast_slice_mut(self.to);
        if *overlap || sources.count() * vectors < to.len() {
            to.fill(simd.splat_f32s(0.0));
        }
        let scale = simd.splat_f32s(1.0 / count);
        let gradient = bytemuck::cast_slice::<_, S::f32s>(self.gradient).chunks_exact(vectors);
        for (n, gradient) in gradient.enumerate() {
            let (start, members) = sources.of(n);
            for (v, &gradient) in gradient.iter().enumerate() {
                let places = members.iter().map(|member| (start + member) * parts + v);
                if self.reduce == Reduce::Mean {
                    let share = simd.mul_f32s(gradient, scale);
                    places.for_each(|place| put(&mut to[place], share));
                } else {
                    give_winners(simd, places, input, gradient, |place, share| put(&mut to[place], share));
                }
            }
        }
    }
}

/// Gives `gradient` in every lane to the first of the entries at `places` that is the largest, and 0 to the others.
#[inline(always)]
fn give_winners<S: Simd>(
    simd: S,
    places: impl Iterator<Item = usize> + Clone,
    input: &[S::f32s],
    gradient: S::f32s,
    mut give: impl FnMut(usize, S::f32s),
) {
    let zero = simd.splat_f32s(0.0);
    let entries = places.clone().map(|place| input[place]);
    let Some(most) = entries.reduce(|most, value| larger(simd, most, value)) else { return };
    let mut left = gradient;
    for place in places {
        // Where the maximum is NaN, the first NaN wins.
        let value = input[place];
        let (wins, number) = (simd.equal_f32s(value, most), simd.equal_f32s(value, value));
        give(place, simd.select_f32s(number, simd.select_f32s(wins, left, zero), left));
        left = simd.select_f32s(number, simd.select_f32s(wins, zero, left), zero);
    }
}
