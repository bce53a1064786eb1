//! Feature maps with the images of a batch side by side in vector lanes.

use std::ops::Range;
use std::sync::Arc;

use candle_core::{Result, Tensor};
use rayon::prelude::*;

use super::buffer::{Buffer, Floats, Workspace};
use super::simd::{check_override, lane_count};
use super::sums::{GradientSums, GradientsWatch, MomentSums, Sums, Watch};
use crate::kernel::slices::with_entries;

/// Feature maps of f32 as (groups, height, width, maps, lanes), stored or computed whenever they are read: a group is as many
/// images as there are lanes; lanes of the last one that have no image are 0.
///
/// A vector register then holds one pixel of one map for several images, so that every operator vectorises fully at any
/// number of maps and pixels, and weights are scalars.
#[derive(Clone)]
pub struct Lanes {
    shape: LaneShape,
    entries: Entries,
    workspace: Workspace,
    seen: Option<Arc<[Sums]>>,
    gradients_watch: Option<Arc<GradientsWatch>>,
}

#[derive(Clone)]
enum Entries {
    Stored(Arc<Buffer>),
    Deferred(Arc<Write>, Cost),
}

/// What it costs to compute maps whenever they are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Less than to write them to memory and to read them from there.
    Light,
    /// Much: they should be read once.
    Heavy,
}

/// Writes the floats of a group.
type Write = dyn Fn(usize, &mut [f32]) + Send + Sync;

/// The sizes of [`Lanes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneShape {
    /// Images.
    pub batch: usize,
    /// Maps.
    pub maps: usize,
    /// Height and width.
    pub size: [usize; 2],
}

/// Groups that are worked on before their results are taken up: enough to keep many threads busy, few enough to hold the
/// parts of large filters' gradients.
const GROUPS_AT_ONCE: usize = 32;

/// The groups as runs of `run` of them, the last maybe shorter; as many runs at once as have results that are held.
pub fn waves(groups: usize, run: usize) -> impl Iterator<Item = Vec<Range<usize>>> {
    let runs: Vec<_> = (0..groups).step_by(run).map(|start| start..(start + run).min(groups)).collect();
    let at_once = GROUPS_AT_ONCE.div_ceil(run);
    (0..runs.len()).step_by(at_once).map(move |first| runs[first..(first + at_once).min(runs.len())].to_vec())
}

impl LaneShape {
    /// Groups of images.
    pub fn groups(&self) -> usize {
        self.batch.div_ceil(lane_count())
    }

    /// Pixels of a map.
    pub fn pixels(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Floats of one group.
    pub fn group(&self) -> usize {
        self.pixels() * self.maps * lane_count()
    }

    /// Lanes of group `group` that hold images.
    pub fn lanes_of(&self, group: usize) -> usize {
        (self.batch - group * lane_count()).min(lane_count())
    }

    /// Sets the floats of group `group` that have no image to 0, which keeps them out of all sums.
    fn clear_unused(&self, group: usize, entries: &mut [f32]) {
        let used = self.lanes_of(group);
        if used < lane_count() {
            entries.chunks_exact_mut(lane_count()).for_each(|lanes| lanes[used..].fill(0.0));
        }
    }
}

impl Lanes {
    /// Maps filled by `write`(group, floats of the group), in parallel; each group is shown to `watch`.
    pub fn build(
        workspace: &Workspace,
        shape: LaneShape,
        watch: Option<Watch>,
        write: impl Fn(usize, &mut [f32]) + Sync,
    ) -> Self {
        Self::build_runs(workspace, shape, 1, watch, |groups, entries| write(groups.start, entries))
    }

    /// As [`Lanes::build`], with `run` groups at a time, the last time maybe less.
    pub fn build_runs(
        workspace: &Workspace,
        shape: LaneShape,
        run: usize,
        watch: Option<Watch>,
        write: impl Fn(Range<usize>, &mut [f32]) + Sync,
    ) -> Self {
        Self::build_with(workspace, shape, run, watch, write, |_| {})
    }

    /// As [`Lanes::build_runs`]; `take` gets what `write` returns, in the order of the groups, of which no more than a few
    /// dozen are held.
    pub fn build_with<R: Send>(
        workspace: &Workspace,
        shape: LaneShape,
        run: usize,
        watch: Option<Watch>,
        write: impl Fn(Range<usize>, &mut [f32]) -> R + Sync,
        mut take: impl FnMut(Vec<R>),
    ) -> Self {
        let mut entries = workspace.take(shape.groups() * shape.group());
        let mut rest = &mut entries[..];
        let mut seen = Vec::new();
        for wave in waves(shape.groups(), run) {
            let runs: Vec<_> = wave
                .into_iter()
                .map(|groups| {
                    let (entries, after) = std::mem::take(&mut rest).split_at_mut(groups.len() * shape.group());
                    rest = after;
                    (groups, entries)
                })
                .collect();
            let written = runs.into_par_iter().map(|(groups, entries)| {
                let result = write(groups.clone(), entries);
                shape.clear_unused(groups.end - 1, &mut entries[(groups.len() - 1) * shape.group()..]);
                let groups = groups.zip(entries.chunks_exact(shape.group()));
                (result, watch.map(|watch| groups.map(|(group, entries)| watch.sums(group, entries)).collect()))
            });
            let (results, sums): (Vec<R>, Vec<Option<Vec<Sums>>>) = written.unzip();
            take(results);
            seen.extend(sums.into_iter().flatten().flatten());
        }
        Self {
            shape,
            entries: Entries::Stored(Arc::new(entries)),
            workspace: workspace.clone(),
            seen: watch.map(|_| seen.into()),
            gradients_watch: None,
        }
    }

    /// Maps that `write`(group, floats of the group) computes whenever they are read.
    pub fn defer(
        workspace: &Workspace,
        shape: LaneShape,
        cost: Cost,
        write: impl Fn(usize, &mut [f32]) + Send + Sync + 'static,
    ) -> Self {
        let entries = Entries::Deferred(Arc::new(write), cost);
        Self { shape, entries, workspace: workspace.clone(), seen: None, gradients_watch: None }
    }

    /// The same maps, computed once; maps that were deferred lose their watch.
    pub fn stored(self) -> Self {
        match &self.entries {
            Entries::Stored(_) => self,
            Entries::Deferred(write, _) => {
                Self::build(&self.workspace, self.shape, None, |group, entries| write(group, entries))
            }
        }
    }

    /// The same maps, to be read several times.
    pub fn shared(self) -> Self {
        if self.are_heavy() { self.stored() } else { self }
    }

    /// Whether they should be read once.
    pub fn are_heavy(&self) -> bool {
        matches!(self.entries, Entries::Deferred(_, Cost::Heavy))
    }

    /// The same maps, with a watch for their gradient.
    pub fn with_gradients_watch(self, watch: Option<Arc<GradientsWatch>>) -> Self {
        Self { gradients_watch: watch, ..self }
    }

    /// The same maps without what was seen of them and without a watch for their gradient.
    pub fn forgetting(self) -> Self {
        Self { seen: None, gradients_watch: None, ..self }
    }

    /// What is to be shown the gradient of these maps.
    pub fn gradients_watch(&self) -> Option<Watch<'_>> {
        self.gradients_watch.as_deref().map(Watch::Gradients)
    }

    /// The moments of these maps by group, if they were taken when the maps were written.
    pub fn seen_moments(&self) -> Option<Vec<&[MomentSums]>> {
        self.seen.as_deref()?.iter().map(Sums::moments).collect()
    }

    /// The sums of this gradient by group, if they were taken when it was written.
    pub fn seen_gradients(&self) -> Option<Vec<&[GradientSums]>> {
        self.seen.as_deref()?.iter().map(Sums::gradients).collect()
    }

    /// From a tensor (batch, maps, height, width) of f32.
    ///
    /// # Errors
    /// When the tensor has another shape or type, or instructions are asked for that aren't there.
    pub fn from_tensor(workspace: &Workspace, tensor: &Tensor) -> Result<Self> {
        check_override()?;
        let (batch, maps, height, width) = tensor.dims4()?;
        let shape = LaneShape { batch, maps, size: [height, width] };
        let (lanes, pixels) = (lane_count(), shape.pixels());
        with_entries::<f32, _>(tensor, |images| {
            Ok(Self::build(workspace, shape, None, |group, entries| {
                entries.fill(0.0);
                for lane in 0..shape.lanes_of(group) {
                    let image = &images[(group * lanes + lane) * maps * pixels..][..maps * pixels];
                    for (map, values) in image.chunks(pixels).enumerate() {
                        let places = entries[map * lanes + lane..].iter_mut().step_by(maps * lanes);
                        places.zip(values).for_each(|(place, value)| *place = *value);
                    }
                }
            }))
        })
    }

    /// As a tensor (batch, maps, height, width).
    pub fn to_tensor(&self) -> Result<Tensor> {
        let LaneShape { batch, maps, size: [height, width] } = self.shape;
        let (lanes, pixels) = (lane_count(), self.shape.pixels());
        let whole = self.clone().stored();
        let mut images = vec![0.0; batch * maps * pixels];
        images.par_chunks_mut(maps * pixels).enumerate().for_each(|(image, values)| {
            let entries = whole.group(image / lanes);
            for (map, values) in values.chunks_mut(pixels).enumerate() {
                let places = entries[map * lanes + image % lanes..].iter().step_by(maps * lanes);
                values.iter_mut().zip(places).for_each(|(value, place)| *value = *place);
            }
        });
        Tensor::from_vec(images, (batch, maps, height, width), &candle_core::Device::Cpu)
    }

    /// The sizes.
    pub fn shape(&self) -> LaneShape {
        self.shape
    }

    /// Where results and scratch memory come from.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// The floats of one group: (height, width, maps, lanes).
    pub fn group(&self, group: usize) -> Floats<'_> {
        self.groups(group..group + 1)
    }

    /// The floats of some groups, one after the other; those of deferred maps are computed anew.
    pub fn groups(&self, groups: Range<usize>) -> Floats<'_> {
        let length = self.shape.group();
        match &self.entries {
            Entries::Stored(entries) => Floats::Borrowed(&entries[groups.start * length..groups.end * length]),
            Entries::Deferred(write, _) => {
                let mut entries = self.workspace.take(groups.len() * length);
                for (group, entries) in groups.zip(entries.chunks_exact_mut(length)) {
                    write(group, entries);
                    self.shape.clear_unused(group, entries);
                }
                Floats::Owned(entries)
            }
        }
    }
}
