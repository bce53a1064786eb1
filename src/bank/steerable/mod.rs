//! Steerable filters: learned combinations of a band-limited basis, copied for turns of any angle without interpolation.

mod basis;
mod families;

use candle_core::{DType, Device, Tensor};
use nalgebra::DMatrix;
use rand::seq::SliceRandom;
use rand_distr::{Distribution, StandardNormal};

use super::{Bank, Copies, Fan, FieldSizes, Initial, Kind, Parameter, check_input, check_sizes, checked};
use crate::error::Result;
use crate::group::{PointGroup, Representation};
use crate::kernel::rearranged_copies;
use crate::rng::Stream;

pub use basis::{RingBasis, Rings};
pub use families::{BandLimited, ScrambledSteerable, Steerable};

/// Filters that are combinations θ of B basis functions, copied for every element of a group or for none.
///
/// Lifting θ has the shape (out fields, in fields, B), regular θ (out fields, in fields, |H|, B).
#[derive(Clone, Debug)]
pub struct SteerableBank {
    out_fields: usize,
    in_fields: usize,
    /// Maps per input field.
    components: usize,
    kernel: usize,
    /// The functions of every copy, (B, copies · k²).
    functions: Tensor,
    /// For each copy, where its entries (component, pixel) are among the expansions (component of θ, copy, pixel).
    tables: Vec<Vec<usize>>,
    /// What the copies are, and their names; `None` where there's one.
    labels: Option<(String, Vec<String>)>,
}

impl SteerableBank {
    /// Filters shared over a point group, `W[o·|H| + g, i·|H| + h] = Σ_b θ[o, i, g⁻¹h, b] ψ_b(g⁻¹x)` (Weiler & Cesa 2019, regular fields);
    /// of trivial input fields `W[o·|H| + g, i] = Σ_b θ[o, i, b] ψ_b(g⁻¹x)`.
    ///
    /// # Errors
    /// When a size is 0, the input fields are neither trivial nor regular, or the rings aren't those of a kernel.
    pub fn group(group: &PointGroup, input: Representation, sizes: [usize; 3], rings: &Rings) -> Result<Self> {
        check_input(input)?;
        let basis = rings.basis(sizes[2], group)?;
        let functions: Vec<Vec<f64>> = group.elements().map(|g| basis.moved(group, g)).collect();
        let axes: Vec<Vec<usize>> = group.elements().map(|g| axis(group, g, input)).collect();
        let names = group.elements().map(|g| group.element_name(g)).collect();
        let labels = Some((format!("its orbit under {}", group.name()), names));
        Self::new(sizes, &functions, basis.len(), &axes, labels)
    }

    /// The basis of the filters of one regular output field of `group` from one field, expanded: shape (dimension, |H|, maps of the input
    /// field, k, k), f64.
    ///
    /// # Errors
    /// As [`SteerableBank::group`].
    pub fn basis(group: &PointGroup, input: Representation, kernel: usize, rings: &Rings) -> Result<Tensor> {
        let one = Self::group(group, input, [1, 1, kernel], rings)?;
        let dimension = one.components * one.count();
        let each = Self { out_fields: dimension, ..one };
        let shape = each.parameters().into_iter().map(|parameter| parameter.shape).next().unwrap_or_default();
        let filters = each.filters(&[Tensor::eye(dimension, DType::F64, &Device::Cpu)?.reshape(shape)?])?;
        Ok(filters.reshape((dimension, each.tables.len(), each.components, kernel, kernel))?)
    }

    /// One copy of each filter: an ordinary convolution whose filters are combinations of the basis.
    ///
    /// # Errors
    /// When a size is 0, or the rings aren't those of a kernel.
    pub fn band_limited(sizes: [usize; 3], rings: &Rings) -> Result<Self> {
        let group = PointGroup::trivial();
        let basis = rings.basis(sizes[2], &group)?;
        let functions = [basis.moved(&group, 0)];
        Self::new(sizes, &functions, basis.len(), &[vec![0]], None)
    }

    /// As [`SteerableBank::group`] with the same arguments, parameters, maps and multiply-adds, but no group: copies are made by
    /// random orthogonal maps of the combinations and random permutations of the group axis, drawn from `stream`. Copy 0 stays the identity.
    ///
    /// # Errors
    /// As [`SteerableBank::group`].
    pub fn scrambled(
        group: &PointGroup,
        input: Representation,
        sizes: [usize; 3],
        rings: &Rings,
        stream: &mut Stream,
    ) -> Result<Self> {
        check_input(input)?;
        let basis = rings.basis(sizes[2], group)?;
        let area = sizes[2] * sizes[2];
        let upright = DMatrix::from_row_slice(basis.len(), area, &basis.moved(group, 0));
        let mut copies = Vec::with_capacity(group.order());
        let mut axes = Vec::with_capacity(group.order());
        for g in group.elements() {
            let map =
                if g == 0 { DMatrix::identity(basis.len(), basis.len()) } else { orthogonal(basis.len(), stream) };
            // nalgebra stores columns one after the other.
            copies.push((map * &upright).transpose().as_slice().to_vec());
            let mut axis: Vec<usize> = (0..input.dim(group)).collect();
            if g != 0 {
                axis.shuffle(stream);
            }
            axes.push(axis);
        }
        let names = (1..=group.order()).map(|copy| copy.to_string()).collect();
        let labels = Some(("the copies that its scramble makes of it".to_owned(), names));
        Self::new(sizes, &copies, basis.len(), &axes, labels)
    }

    /// `functions` are (B, k, k) for each copy, `axes` the component of θ that each of its components is made of.
    fn new(
        [out_fields, in_fields, kernel]: [usize; 3],
        functions: &[Vec<f64>],
        count: usize,
        axes: &[Vec<usize>],
        labels: Option<(String, Vec<String>)>,
    ) -> Result<Self> {
        check_sizes("steerable bank", &[("out fields", out_fields), ("in fields", in_fields), ("kernel", kernel)])?;
        let area = kernel * kernel;
        let of_function = |b: usize| functions.iter().flat_map(move |copy| &copy[b * area..(b + 1) * area]);
        let values: Vec<f64> = (0..count).flat_map(of_function).copied().collect();
        let functions = Tensor::from_vec(values, (count, functions.len() * area), &Device::Cpu)?;
        let tables = tables(axes, area);
        Ok(Self { out_fields, in_fields, components: axes[0].len(), kernel, functions, tables, labels })
    }

    /// Number of basis functions, B.
    fn count(&self) -> usize {
        self.functions.dims()[0]
    }
}

/// For each copy, the places of its entries among the expansions, `area` pixels each.
fn tables(axes: &[Vec<usize>], area: usize) -> Vec<Vec<usize>> {
    let table = |(copy, axis): (usize, &Vec<usize>)| {
        let of = move |component: usize| (0..area).map(move |pixel| (component * axes.len() + copy) * area + pixel);
        axis.iter().flat_map(|&component| of(component)).collect()
    };
    axes.iter().enumerate().map(table).collect()
}

/// The component g⁻¹h that component h of copy g is made of.
fn axis(group: &PointGroup, g: usize, input: Representation) -> Vec<usize> {
    match input {
        Representation::Regular => group.elements().map(|h| group.product(group.inverse(g), h)).collect(),
        _ => vec![0],
    }
}

/// A random orthogonal matrix, uniform over all of them (Mezzadri 2007); the identity of one number.
fn orthogonal(size: usize, stream: &mut Stream) -> DMatrix<f64> {
    if size == 1 {
        return DMatrix::identity(1, 1);
    }
    let normal = DMatrix::from_fn(size, size, |_, _| StandardNormal.sample(stream));
    let (q, r) = normal.qr().unpack();
    let signs = DMatrix::from_diagonal(&r.diagonal().map(f64::signum));
    q * signs
}

impl Bank for SteerableBank {
    fn filter_shape(&self) -> [usize; 4] {
        let Self { out_fields, in_fields, components, kernel, tables, .. } = self;
        [out_fields * tables.len(), in_fields * components, *kernel, *kernel]
    }

    fn field_sizes(&self) -> FieldSizes {
        FieldSizes { input: self.components, output: self.tables.len() }
    }

    fn parameters(&self) -> Vec<Parameter> {
        let Self { out_fields, in_fields, components, .. } = *self;
        let count = self.count();
        let shape = match components {
            1 => vec![out_fields, in_fields, count],
            _ => vec![out_fields, in_fields, components, count],
        };
        let [out_maps, in_maps, ..] = self.filter_shape();
        // The squares of all functions sum to their number over the pixels: with it in place of the kernel's area the variance of
        // an output is that of filters whose every pixel is drawn.
        let initial = Initial::Weight(Fan { inputs: in_maps * count, outputs: out_maps * count });
        vec![Parameter { name: "weight", shape, kind: Kind::Real, initial }]
    }

    fn copies(&self) -> Option<Copies> {
        Some(Copies::in_a_row(self.labels.clone()?, self.out_fields))
    }

    fn filters(&self, values: &[Tensor]) -> Result<Tensor> {
        let [weight] = checked(self, values)?;
        let Self { out_fields, in_fields, components, functions, .. } = self;
        let functions = functions.to_device(weight.device())?.to_dtype(weight.dtype())?;
        let rows = weight.reshape((out_fields * in_fields * components, self.count()))?.matmul(&functions)?;
        let rows = rows.reshape((*out_fields, *in_fields, components * functions.dims()[1]))?;
        Ok(rearranged_copies(&rows, &self.tables)?.reshape(&self.filter_shape())?)
    }
}
