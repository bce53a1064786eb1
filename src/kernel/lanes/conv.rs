//! Planar convolution and its gradients on lanes: what the two algorithms share, and the choice between them.

use rayon::prelude::*;

use super::buffer::{Buffer, Workspace};
use super::maps::{GROUPS_AT_ONCE, LaneShape, Lanes};
use super::simd::lane_count;
use super::{direct, winograd};
use crate::kernel::Window;

/// The sizes of a convolution whose input has been padded with zeros as far as the algorithm needs.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    pub in_maps: usize,
    pub out_maps: usize,
    pub kernel: [usize; 2],
    pub stride: usize,
    /// Height and width of the padded input.
    pub padded: [usize; 2],
    /// Height and width of the output.
    pub out_size: [usize; 2],
}

/// A convolution of feature maps with filters (out maps, in maps, k, k).
pub struct Convolution {
    input: LaneShape,
    geometry: Geometry,
    padding: usize,
    filters: Vec<f32>,
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
    /// Fewer multiplications, for 3×3 filters at stride 1.
    Winograd,
}

/// Maps below which Winograd's transforms cost more than they save.
const WINOGRAD_MAPS: usize = 8;

impl Convolution {
    /// The convolution of `input` with `filters`; `None` where they don't fit.
    pub fn new(
        input: LaneShape,
        filters: Vec<f32>,
        [out_maps, in_maps, k_height, k_width]: [usize; 4],
        window: Window,
    ) -> Option<Self> {
        let Window { stride, padding } = window;
        let [height, width] = input.size;
        let out_size = [window.positions(height, k_height)?, window.positions(width, k_width)?];
        if input.maps != in_maps || filters.len() != out_maps * in_maps * k_height * k_width || filters.is_empty() {
            return None;
        }
        let few = in_maps.min(out_maps) < WINOGRAD_MAPS;
        let algorithm = match ([k_height, k_width], stride) {
            ([3, 3], 1) if !few => Algorithm::Winograd,
            _ => Algorithm::Direct,
        };
        let padded = match algorithm {
            Algorithm::Direct => input.size.map(|pixels| pixels + 2 * padding),
            Algorithm::Winograd => out_size.map(winograd::padded),
        };
        let geometry = Geometry { in_maps, out_maps, kernel: [k_height, k_width], stride, padded, out_size };
        Some(Self { input, geometry, padding, filters, algorithm })
    }

    /// The output.
    pub fn forward(&self, input: &Lanes) -> Lanes {
        let workspace = input.workspace();
        let shape = LaneShape { maps: self.geometry.out_maps, size: self.geometry.out_size, ..self.input };
        match self.algorithm {
            Algorithm::Direct => {
                let weights = direct::ForwardWeights::new(&self.geometry, &self.filters);
                Lanes::build(workspace, shape, |group, output| {
                    let padded = self.pad(workspace, input.group(group));
                    direct::forward(&self.geometry, workspace, &padded, &weights, output);
                })
            }
            Algorithm::Winograd => {
                let weights = winograd::Weights::forward(&self.geometry, &self.filters);
                Lanes::build(workspace, shape, |group, output| {
                    let padded = self.pad(workspace, input.group(group));
                    winograd::forward(&self.geometry, workspace, &padded, &weights, output);
                })
            }
        }
    }

    /// The gradients of the input and of the filters, as far as they are wanted.
    pub fn backward(&self, input: &Lanes, gradient: &Lanes, wanted: Wanted) -> (Option<Lanes>, Option<Vec<f32>>) {
        let (of_input, of_filters) = (wanted != Wanted::Filters, wanted != Wanted::Input);
        let workspace = input.workspace();
        let plan = match self.algorithm {
            Algorithm::Direct => Backward::Direct(direct::BackwardWeights::new(&self.geometry, &self.filters)),
            Algorithm::Winograd => Backward::Winograd(winograd::Weights::backward(&self.geometry, &self.filters)),
        };
        let length = match self.algorithm {
            Algorithm::Direct => self.filters.len(),
            Algorithm::Winograd => winograd::sums_length(&self.geometry),
        };
        let group = |group: usize, mut input_gradient: Option<&mut [f32]>| {
            let padded = self.pad(workspace, input.group(group));
            let mut sums = of_filters.then(|| workspace.take(length));
            if let Some(sums) = &mut sums {
                sums.fill(0.0);
            }
            let mut scratch = match &mut input_gradient {
                Some(to) if to.len() == padded.len() => {
                    to.fill(0.0);
                    None
                }
                Some(_) => Some(self.padded_zeros(workspace)),
                None => None,
            };
            let into = scratch.as_deref_mut().or(input_gradient.as_deref_mut());
            let entries = (&*padded, gradient.group(group));
            match &plan {
                Backward::Direct(weights) => {
                    direct::backward(&self.geometry, workspace, entries, weights, into, sums.as_deref_mut());
                }
                Backward::Winograd(weights) => {
                    winograd::backward(&self.geometry, workspace, entries, weights, into, sums.as_deref_mut());
                }
            }
            if let (Some(to), Some(scratch)) = (&mut input_gradient, &scratch) {
                self.crop(scratch, to);
            }
            sums
        };
        let mut total = vec![0.0; if of_filters { length } else { 0 }];
        let add = |sums: Option<Buffer>| {
            total.iter_mut().zip(sums.iter().flat_map(|sums| sums.iter())).for_each(|(total, part)| *total += part);
        };
        let input_gradient = self.for_each_group(workspace, of_input, group, add);
        if !of_filters {
            return (input_gradient, None);
        }
        let filter_gradient = match self.algorithm {
            Algorithm::Direct => total,
            Algorithm::Winograd => winograd::filter_gradient(&self.geometry, &total),
        };
        (input_gradient, Some(filter_gradient))
    }

    /// Runs `group` for every group of images, with the group's part of the input's gradient if that's wanted, and `add` on
    /// the results in order; returns the gradient.
    fn for_each_group(
        &self,
        workspace: &Workspace,
        of_input: bool,
        group: impl Fn(usize, Option<&mut [f32]>) -> Option<Buffer> + Sync,
        mut add: impl FnMut(Option<Buffer>),
    ) -> Option<Lanes> {
        if of_input {
            return Some(Lanes::build_with(workspace, self.input, |n, entries| group(n, Some(entries)), add));
        }
        let groups: Vec<usize> = (0..self.input.groups()).collect();
        for wave in groups.chunks(GROUPS_AT_ONCE) {
            wave.par_iter().map(|&n| group(n, None)).collect::<Vec<_>>().into_iter().for_each(&mut add);
        }
        None
    }

    fn row(&self) -> usize {
        self.geometry.in_maps * lane_count()
    }

    /// A group's input with its padding; itself where there's none.
    fn pad<'b>(&self, workspace: &Workspace, entries: &'b [f32]) -> Padded<'b> {
        if self.input.size == self.geometry.padded {
            return Padded::Same(entries);
        }
        let mut padded = self.padded_zeros(workspace);
        self.for_each_row(|inside, outside, length| {
            padded[outside..outside + length].copy_from_slice(&entries[inside..inside + length]);
        });
        Padded::Copy(padded)
    }

    fn crop(&self, padded: &[f32], entries: &mut [f32]) {
        entries.fill(0.0);
        self.for_each_row(|inside, outside, length| {
            entries[inside..inside + length].copy_from_slice(&padded[outside..outside + length]);
        });
    }

    fn padded_zeros(&self, workspace: &Workspace) -> Buffer {
        let [height, width] = self.geometry.padded;
        let mut zeros = workspace.take(height * width * self.row());
        zeros.fill(0.0);
        zeros
    }

    /// Visits the image's rows as far as the padded image has them: (start in the image, start in the padded image, length).
    fn for_each_row(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let ([height, width], [padded_height, padded_width]) = (self.input.size, self.geometry.padded);
        let columns = width.min(padded_width.saturating_sub(self.padding));
        for y in 0..height.min(padded_height.saturating_sub(self.padding)) {
            let outside = (y + self.padding) * padded_width + self.padding;
            visit(y * width * self.row(), outside * self.row(), columns * self.row());
        }
    }
}

enum Backward {
    Direct(direct::BackwardWeights),
    Winograd(winograd::Weights),
}

enum Padded<'a> {
    Same(&'a [f32]),
    Copy(Buffer),
}

impl std::ops::Deref for Padded<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::Same(entries) => entries,
            Self::Copy(buffer) => buffer,
        }
    }
}
