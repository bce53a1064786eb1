//! Repetition of a small layer's weights in a larger one (Chavan et al. 2021): what the repetition banks share.

use candle_core::{Device, Tensor};
use candle_nn::Init;

use super::{Copies, Fan, Initial, Kind, Parameter, check_sizes};
use crate::error::{Error, Result};

/// Most maps on a side of a rescaled layer; more could only exhaust the memory.
const MAX_MAPS: usize = 1 << 14;

/// A base layer (o, i, k, k) rescaled to (O, I, k, k).
///
/// Out map a·o + j and in map b·i + l come from base entry (j, l) of tile (a, b). Where the sizes don't divide, the last
/// tile is cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rescale {
    /// Out and in maps (o, i) of the base.
    pub base: [usize; 2],
    /// Out and in maps (O, I) of the filters.
    pub scaled: [usize; 2],
    /// Kernel size k.
    pub kernel: usize,
}

impl Rescale {
    pub(super) fn check(&self, bank: &str) -> Result<()> {
        let [o, i] = self.base;
        let [out_maps, in_maps] = self.scaled;
        if self.scaled.iter().any(|&maps| maps > MAX_MAPS) {
            let message = format!("{bank}: {out_maps} out and {in_maps} in maps, but at most {MAX_MAPS} can be made");
            return Err(Error::invalid(message));
        }
        check_sizes(
            bank,
            &[
                ("base out maps", o),
                ("base in maps", i),
                ("out maps", out_maps),
                ("in maps", in_maps),
                ("kernel", self.kernel),
            ],
        )
    }

    /// Shape of the filters: (O, I, k, k).
    pub fn filter_shape(&self) -> [usize; 4] {
        [self.scaled[0], self.scaled[1], self.kernel, self.kernel]
    }

    /// Numbers of tiles (over the out maps, over the in maps).
    pub fn tiles(&self) -> [usize; 2] {
        [self.scaled[0].div_ceil(self.base[0]), self.scaled[1].div_ceil(self.base[1])]
    }

    /// The out maps whose filters repeat each base filter.
    pub(super) fn copies(&self) -> Copies {
        let ([base, _], [maps, _], [tiles, _]) = (self.base, self.scaled, self.tiles());
        let of = |filter| (0..tiles).map(|tile| tile * base + filter).filter(|&map| map < maps).collect();
        Copies {
            what: "its tiles with their transformation".to_owned(),
            names: (1..=tiles).map(|tile| tile.to_string()).collect(),
            maps: (0..base).map(of).collect(),
        }
    }

    /// The learned base, drawn as the small layer that it is.
    pub(super) fn base_parameter(&self) -> Parameter {
        self.base_drawn_for(self.base)
    }

    /// The learned base, drawn as the filters are of a layer of their size.
    pub(super) fn base_of_filters(&self) -> Parameter {
        self.base_drawn_for(self.scaled)
    }

    fn base_drawn_for(&self, [out_maps, in_maps]: [usize; 2]) -> Parameter {
        let [o, i] = self.base;
        let area = self.kernel * self.kernel;
        Parameter {
            name: "base",
            shape: vec![o, i, self.kernel, self.kernel],
            kind: Kind::Real,
            initial: Initial::Weight(Fan { inputs: in_maps * area, outputs: out_maps * area }),
        }
    }

    /// The base (o, i, k, k) tiled to (O, I, k, k).
    pub(super) fn tile(&self, base: &Tensor) -> Result<Tensor> {
        let [rows, columns] = self.positions(base.device(), |map, base| map % base)?;
        Ok(base.index_select(&rows, 0)?.index_select(&columns, 1)?)
    }

    /// A value per tile, (tiles out, tiles in), spread to (O, I, 1, 1).
    pub(super) fn spread(&self, per_tile: &Tensor) -> Result<Tensor> {
        let [rows, columns] = self.positions(per_tile.device(), |map, base| map / base)?;
        let spread = per_tile.index_select(&rows, 0)?.index_select(&columns, 1)?;
        Ok(spread.reshape((self.scaled[0], self.scaled[1], 1, 1))?)
    }

    /// `place`(map, base maps) for every out map and every in map.
    fn positions(&self, device: &Device, place: impl Fn(usize, usize) -> usize) -> Result<[Tensor; 2]> {
        let axis = |n: usize| {
            let places: Vec<u32> = (0..self.scaled[n]).map(|map| place(map, self.base[n]) as u32).collect();
            Tensor::new(places, device)
        };
        Ok([axis(0)?, axis(1)?])
    }
}

/// The signs of `scores` (0 counts as positive), with the straight-through gradient clipped to [-1, 1]: a score passes
/// its gradient on while it's within those bounds (Courbariaux et al. 2016).
pub(super) fn straight_through_sign(scores: &Tensor) -> Result<Tensor> {
    let signs = scores.ge(0.0)?.to_dtype(scores.dtype())?.affine(2.0, -1.0)?;
    let clipped = scores.clamp(-1.0, 1.0)?;
    // The bracket is exactly 0 in value and carries the gradient.
    Ok((signs.detach() + (&clipped - clipped.detach())?)?)
}

/// One learned sign per entry of W, drawn so close to 0 that training starts from plain repetition and flips it easily.
pub(super) fn sign_scores(shape: [usize; 4]) -> Parameter {
    Parameter {
        name: "sign",
        shape: shape.to_vec(),
        kind: Kind::OneBit,
        initial: Initial::Own(Init::Uniform { lo: 0.0, up: 0.001 }),
    }
}
