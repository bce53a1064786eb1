//! What a residual block becomes.

use super::step::{ConvPlan, behind};
use super::walk::Walk;
use super::{Maps, PlannedLayer};
use crate::bank::ParameterCount;
use crate::group::Representation;
use crate::kernel::{Activation, Window};
use crate::model::steps::{Norm, ResidualStep, Shortcut};

impl Walk<'_> {
    pub fn block_step(&mut self, step: &ResidualStep, path: &str) -> Result<(), String> {
        self.numbers.blocks += 1;
        let name = &format!("{path}block{}", self.numbers.blocks);
        let (before, producer) = (self.maps, self.producer);
        let outer = std::mem::take(&mut self.layers);
        self.follow(&step.steps, &format!("{name}."))?;
        let main = std::mem::take(&mut self.layers);
        if main.is_empty() {
            return Err(format!("{name}: a residual block without layers"));
        }
        let (after, is_same) = (self.maps, before == self.maps);
        if step.shortcut == Shortcut::Identity && !is_same {
            return Err(format!(
                "{name}: {} can't be added to {}; with shortcut = \"conv\" a 1×1 convolution comes between",
                described(before),
                described(after)
            ));
        }
        if step.shortcut == Shortcut::Conv || !is_same {
            let of_main = self.producer;
            self.maps = before;
            self.shortcut(name, step.shortcut_norm, after)?;
            self.producer = of_main;
        } else {
            self.tie(producer, self.producer);
        }
        let shortcut = std::mem::replace(&mut self.layers, outer);
        let layer = PlannedLayer::Residual { main, shortcut, activation: step.activation };
        self.maps = before;
        self.push(name.clone(), layer, ParameterCount::default(), 0);
        self.maps = after;
        name.clone_into(&mut self.last);
        self.end_step(name.clone(), format!("sum{}", behind(None, step.activation)));
        Ok(())
    }

    /// The 1×1 convolution that leads from the maps before a block to those behind it, by the stride that gives their size.
    fn shortcut(&mut self, block: &str, norm: Norm, after: Maps) -> Result<(), String> {
        let before = self.maps;
        let longest = before.size[0].max(before.size[1]);
        let Some(stride) = (1..=longest).find(|s| before.size.map(|pixels| pixels.div_ceil(*s)) == after.size) else {
            return Err(format!(
                "{block}: no stride of a 1×1 convolution leads from {} to {}; give the main branch's convolutions a padding that \
                 keeps the size",
                described(before),
                described(after)
            ));
        };
        self.convolution(&ConvPlan {
            name: &format!("{block}.shortcut"),
            kernel: 1,
            window: Window { stride, padding: 0 },
            width: [after.width, after.rescaled],
            bias: false,
            norm,
            activation: Activation::Identity,
            dropout: 0.0,
            is_fixed: after.width == after.rescaled,
        })?;
        match self.maps == after {
            true => Ok(()),
            false => Err(format!(
                "{block}: a shortcut leads to {}, which can't be added to {}",
                described(self.maps),
                described(after)
            )),
        }
    }
}

fn described(maps: Maps) -> String {
    let Maps { size: [height, width], representation, rescaled, .. } = maps;
    let what = if representation == Representation::Trivial { "maps" } else { "fields over the group" };
    format!("{rescaled} {what} of {height}×{width} pixels")
}
