//! The maps of every field in another order.

use std::sync::Arc;

use super::maps::{Cost, Lanes};
use super::simd::lane_count;
use super::sums::Watch;

/// Maps whose map n of every field is map `table`\[n\] of it; fields have as many maps as the table.
pub fn permute(maps: Lanes, table: Arc<[usize]>) -> Lanes {
    let (workspace, shape) = (maps.workspace().clone(), maps.shape());
    Lanes::defer(&workspace, shape, Cost::Light, move |group, to| rearrange(&maps.group(group), to, &table))
}

/// The gradient of the maps that were permuted, given that of what came out; shown to `watch`.
pub fn permute_back(gradient: &Lanes, table: &[usize], watch: Option<Watch>) -> Lanes {
    let mut inverse = vec![0; table.len()];
    table.iter().enumerate().for_each(|(to, &from)| inverse[from] = to);
    let shape = gradient.shape();
    Lanes::build(gradient.workspace(), shape, watch, |group, to| rearrange(&gradient.group(group), to, &inverse))
}

fn rearrange(from: &[f32], to: &mut [f32], table: &[usize]) {
    let lanes = lane_count();
    let fields = from.chunks_exact(table.len() * lanes).zip(to.chunks_exact_mut(table.len() * lanes));
    for (from, to) in fields {
        for (&map, to) in table.iter().zip(to.chunks_exact_mut(lanes)) {
            to.copy_from_slice(&from[map * lanes..][..lanes]);
        }
    }
}
