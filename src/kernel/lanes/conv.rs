//! Planar convolution and its gradients on lanes: what the two algorithms share, and the choice between them.

use std::ops::Range;

use rayon::prelude::*;

use super::buffer::{Buffer, Floats, Workspace};
use super::direct;
use super::maps::{Cost, LaneShape, Lanes, waves};
use super::simd::lane_count;
use super::sums::Watch;
use super::winograd::{self, Context, Scheme, Threads};
use crate::kernel::geometry::{Geometry, Window};

/// A convolution of feature maps with filters (out maps, in maps, k, k).
pub struct Convolution {
    input: LaneShape,
    geometry: Geometry,
    filters: Buffer,
    algorithm: Algorithm,
}

/// Which gradients of a convolution are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// That of the input.
    Input,
    /// That of the filters.
    Filters,
    /// Both.
    Both,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Algorithm {
    Direct,
    /// Fewer multiplications, for 3×3, 5×5 and 7×7 filters at stride 1.
    Winograd(Scheme),
}

/// Maps below which Winograd's transforms cost more than they save.
const WINOGRAD_MAPS: usize = 8;

/// Sums of filters' gradients that a thread adds up at once.
const SUMS_AT_ONCE: usize = 4096;

/// Steps that the sums for the gradient of filters should have before they are added to memory, and tiles that should read the
/// same weights.
const STEPS: usize = 8;

/// Groups that are worked on together so that sums have that many steps: no more, since threads share runs of groups better
/// than what is within one.
const MOST_GROUPS: usize = 4;

impl Convolution {
    /// The convolution of `input` with `filters`; `None` where they don't fit.
    pub fn new(input: LaneShape, filters: Buffer, shape: [usize; 4], window: Window) -> Option<Self> {
        let geometry = Geometry::new(input.maps, input.size, shape, window)?;
        let [out_maps, in_maps, ..] = shape;
        if filters.len() != out_maps * in_maps * geometry.taps() {
            return None;
        }
        let scheme = Scheme::of(&geometry).filter(|_| in_maps.min(out_maps) >= WINOGRAD_MAPS);
        let algorithm = scheme.map_or(Algorithm::Direct, Algorithm::Winograd);
        Some(Self { input, geometry, filters, algorithm })
    }

    /// The shape of the output.
    pub fn output(&self) -> LaneShape {
        LaneShape { maps: self.geometry.out_maps, size: self.geometry.out_size, ..self.input }
    }

    /// The output, shown to `watch`.
    pub fn forward(&self, input: &Lanes, watch: Option<Watch>) -> Lanes {
        let workspace = input.workspace();
        let weights = self.forward_weights(workspace);
        Lanes::build_runs(workspace, self.output(), self.run_length(), watch, |groups, output| {
            self.write(workspace, &weights, &input.groups(groups), output);
        })
    }

    /// The output where it's read once and nothing else is asked of it: computed then, group by group, so that what follows finds
    /// it near. Where threads have to share groups, or groups share weights, it's computed at once.
    pub fn forward_when_read(self, input: Lanes) -> Lanes {
        if self.run_length() > 1 || self.input.groups() < rayon::current_num_threads() {
            return self.forward(&input, None);
        }
        let (workspace, shape) = (input.workspace().clone(), self.output());
        let weights = self.forward_weights(&workspace);
        Lanes::defer(&workspace.clone(), shape, Cost::Heavy, move |group, output| {
            self.write(&workspace, &weights, &input.group(group), output);
        })
    }

    fn forward_weights(&self, workspace: &Workspace) -> Forward {
        match self.algorithm {
            Algorithm::Direct => Forward::Direct(direct::ForwardWeights::new(&self.geometry, workspace, &self.filters)),
            Algorithm::Winograd(scheme) => {
                Forward::Winograd(scheme, winograd::Weights::forward(scheme, &self.geometry, workspace, &self.filters))
            }
        }
    }

    /// Writes the output of some groups.
    fn write(&self, workspace: &Workspace, weights: &Forward, input: &[f32], output: &mut [f32]) {
        match weights {
            Forward::Direct(weights) => {
                direct::forward(&self.geometry, workspace, &self.pad(workspace, input), weights, output);
            }
            Forward::Winograd(scheme, weights) => scheme.forward(self.context(workspace), input, weights, output),
        }
    }

    /// The gradients of the input and of the filters, as far as they are wanted; the input's watch is shown its gradient.
    pub fn backward(&self, input: &Lanes, gradient: &Lanes, wanted: Wanted) -> (Option<Lanes>, Option<Vec<f32>>) {
        let (of_input, of_filters) = (wanted != Wanted::Filters, wanted != Wanted::Input);
        if let Some(transposed) = of_input.then(|| self.transposed(input.workspace())).flatten() {
            let of_filters = of_filters.then(|| self.backward(input, gradient, Wanted::Filters).1);
            return (Some(transposed.forward(gradient, input.gradients_watch())), of_filters.flatten());
        }
        let (g, workspace) = (&self.geometry, input.workspace());
        let weights = match self.algorithm {
            Algorithm::Direct => {
                Backward::Direct(of_input.then(|| direct::BackwardWeights::new(g, workspace, &self.filters)))
            }
            Algorithm::Winograd(scheme) => {
                let weights = || winograd::Weights::backward(scheme, g, workspace, &self.filters);
                Backward::Winograd(scheme, of_input.then(weights))
            }
        };
        let length = match self.algorithm {
            Algorithm::Direct => direct::sums_length(g),
            Algorithm::Winograd(scheme) => scheme.sums_length(g),
        };
        let run = |groups: Range<usize>, input_gradient: Option<&mut [f32]>| {
            let mut sums = of_filters.then(|| workspace.take(length));
            let (input, gradient) = (input.groups(groups.clone()), gradient.groups(groups));
            let entries = (&*input, &*gradient);
            match &weights {
                Backward::Direct(weights) => {
                    let of_input = weights.as_ref().zip(input_gradient);
                    self.backward_directly(workspace, entries, of_input, sums.as_deref_mut());
                }
                Backward::Winograd(scheme, weights) => {
                    let of_input = weights.as_ref().zip(input_gradient);
                    scheme.backward(self.context(workspace), entries, of_input, sums.as_deref_mut());
                }
            }
            sums
        };
        let mut total: Option<Buffer> = None;
        let add = |parts: Vec<Option<Buffer>>| {
            let mut parts = parts.into_iter().flatten();
            let Some(mut sums) = total.take().or_else(|| parts.next()) else { return };
            let parts: Vec<Buffer> = parts.collect();
            sums.par_chunks_mut(SUMS_AT_ONCE).enumerate().for_each(|(chunk, sums)| {
                for part in &parts {
                    sums.iter_mut().zip(&part[chunk * SUMS_AT_ONCE..]).for_each(|(sum, part)| *sum += part);
                }
            });
            total = Some(sums);
        };
        let input_gradient = self.for_each_run(input, of_input, run, add);
        let filter_gradient = of_filters.then(|| match (self.algorithm, total) {
            // Of no images.
            (_, None) => vec![0.0; self.filters.len()],
            (Algorithm::Direct, Some(sums)) => direct::filter_gradient(g, &sums),
            (Algorithm::Winograd(scheme), Some(sums)) => winograd::filter_gradient(scheme, g, &sums),
        });
        (input_gradient, filter_gradient)
    }

    /// The convolution of the output's gradient that gives the input's, by the same filters turned around, for kernels in
    /// pieces, of which [`Scheme::backward`] gives no gradient of the input.
    fn transposed(&self, workspace: &Workspace) -> Option<Self> {
        let Geometry { in_maps, out_maps, kernel: [height, width], window, .. } = self.geometry;
        let Algorithm::Winograd(scheme) = self.algorithm else { return None };
        if scheme.numbers().pieces == 1 {
            return None;
        }
        let taps = height * width;
        let mut filters = workspace.take(self.filters.len());
        filters.par_chunks_mut(out_maps * taps).enumerate().for_each(|(i, filters)| {
            for (o, to) in filters.chunks_exact_mut(taps).enumerate() {
                let from = &self.filters[(o * in_maps + i) * taps..][..taps];
                to.iter_mut().zip(from.iter().rev()).for_each(|(to, from)| *to = *from);
            }
        });
        let window = Window { stride: 1, padding: (height - 1).checked_sub(window.padding)? };
        Self::new(self.output(), filters, [in_maps, out_maps, height, width], window)
    }

    fn backward_directly(
        &self,
        workspace: &Workspace,
        (input, gradient): (&[f32], &[f32]),
        of_input: Option<(&direct::BackwardWeights, &mut [f32])>,
        sums: Option<&mut [f32]>,
    ) {
        let padded = self.pad(workspace, input);
        let entries = (&*padded, gradient);
        match of_input {
            Some((weights, to)) if to.len() < padded.len() => {
                let mut scratch = workspace.take(padded.len());
                direct::backward(&self.geometry, workspace, entries, Some((weights, &mut scratch)), sums);
                self.crop(&scratch, to);
            }
            of_input => direct::backward(&self.geometry, workspace, entries, of_input, sums),
        }
    }

    /// What Winograd's algorithm works on. Where there are fewer runs of groups than threads, these share the points of each;
    /// otherwise a thread that waits for others would start a further run, with memory of its own.
    fn context<'a>(&'a self, workspace: &'a Workspace) -> Context<'a> {
        let runs = self.input.groups().div_ceil(self.run_length());
        let threads = if runs < rayon::current_num_threads() { Threads::All } else { Threads::One };
        Context { geometry: &self.geometry, workspace, threads }
    }

    /// Groups that are worked on together.
    fn run_length(&self) -> usize {
        let steps = match self.algorithm {
            Algorithm::Direct => self.geometry.out_pixels(),
            Algorithm::Winograd(scheme) => scheme.tiles(&self.geometry),
        };
        STEPS.div_ceil(steps).min(MOST_GROUPS).next_power_of_two()
    }

    /// Does `run` for all groups of images, some at a time, with their part of the input's gradient if that's wanted, and
    /// `add` with the results in order; returns the gradient.
    fn for_each_run(
        &self,
        input: &Lanes,
        of_input: bool,
        run: impl Fn(Range<usize>, Option<&mut [f32]>) -> Option<Buffer> + Sync,
        mut add: impl FnMut(Vec<Option<Buffer>>),
    ) -> Option<Lanes> {
        if of_input {
            let run = |groups: Range<usize>, entries: &mut [f32]| run(groups, Some(entries));
            let workspace = input.workspace();
            return Some(Lanes::build_with(
                workspace,
                self.input,
                self.run_length(),
                input.gradients_watch(),
                run,
                add,
            ));
        }
        for wave in waves(self.input.groups(), self.run_length()) {
            add(wave.into_par_iter().map(|groups| run(groups, None)).collect());
        }
        None
    }

    fn row(&self) -> usize {
        self.geometry.in_maps * lane_count()
    }

    /// Groups' inputs with their padding; themselves where there's none.
    fn pad<'b>(&self, workspace: &Workspace, entries: &'b [f32]) -> Floats<'b> {
        if self.geometry.window.padding == 0 {
            return Floats::Borrowed(entries);
        }
        let [inside, outside] = self.images();
        let mut padded = workspace.take(entries.len() / inside * outside);
        padded.fill(0.0);
        for (entries, padded) in entries.chunks_exact(inside).zip(padded.chunks_exact_mut(outside)) {
            self.for_each_row(|inside, outside, length| {
                padded[outside..outside + length].copy_from_slice(&entries[inside..inside + length]);
            });
        }
        Floats::Owned(padded)
    }

    fn crop(&self, padded: &[f32], entries: &mut [f32]) {
        let [inside, outside] = self.images();
        for (entries, padded) in entries.chunks_exact_mut(inside).zip(padded.chunks_exact(outside)) {
            self.for_each_row(|inside, outside, length| {
                entries[inside..inside + length].copy_from_slice(&padded[outside..outside + length]);
            });
        }
    }

    /// Floats of a group's input without and with its padding.
    fn images(&self) -> [usize; 2] {
        [self.geometry.in_size, self.geometry.padded()].map(|[height, width]| height * width * self.row())
    }

    /// Visits the image's rows: (start in the image, start in the padded image, length).
    fn for_each_row(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let Geometry { window: Window { padding, .. }, in_size: [height, width], .. } = self.geometry;
        let [_, padded_width] = self.geometry.padded();
        for y in 0..height {
            let outside = (y + padding) * padded_width + padding;
            visit(y * width * self.row(), outside * self.row(), width * self.row());
        }
    }
}

enum Forward {
    Direct(direct::ForwardWeights),
    Winograd(Scheme, winograd::Weights),
}

enum Backward {
    Direct(Option<direct::BackwardWeights>),
    Winograd(Scheme, Option<winograd::Weights>),
}
