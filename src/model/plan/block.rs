//! What a residual block becomes.

use super::step::{ConvPlan, behind};
use super::walk::Walk;
use super::{Maps, PlannedLayer};
use crate::bank::ParameterCount;
use crate::group::Representation;
use crate::kernel::{Activation, Window};
use crate::model::steps::{Norm, ResidualStep, Shortcut, Step};

impl Walk<'_> {
    pub fn block_step(&mut self, step: &ResidualStep, path: &str) -> Result<(), String> {
        self.numbers.blocks += 1;
        let name = &format!("{path}block{}", self.numbers.blocks);
        let (before, producer, declared) = (self.maps, self.producer, self.declared);
        let outer = std::mem::take(&mut self.layers);
        self.follow(&step.steps, &format!("{name}."))?;
        let main = std::mem::take(&mut self.layers);
        if main.is_empty() {
            return Err(format!("{name}: a residual block without layers"));
        }
        let after = self.maps;
        let is_same = before == after && !self.declared.rounds_apart_from(declared);
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
            let stride = stride(&step.steps);
            self.shortcut(name, stride, step.shortcut_norm, after)?;
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

    /// The 1×1 convolution that leads from the maps before a block to those behind it, by the stride of the main branch.
    fn shortcut(&mut self, block: &str, stride: Option<usize>, norm: Norm, after: Maps) -> Result<(), String> {
        let before = self.maps;
        self.restrict(&format!("{block}.shortcut"), &after.group);
        let fits = |stride: &usize| before.size.map(|pixels| pixels.div_ceil(*stride)) == after.size;
        let Some(stride) = stride.filter(fits) else {
            let stride =
                stride.map_or_else(String::new, |stride| format!(" of stride {stride}, as the main branch's,"));
            return Err(format!(
                "{block}: no 1×1 convolution{stride} leads from {} to {}; give the main branch's windows a padding that keeps the \
                 size, and pool over all pixels outside of blocks",
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

/// From how many pixels apart positions behind these steps that are next to each other come; `None` where it's no fixed number, or
/// no number of pixels that images have.
fn stride(steps: &[Step]) -> Option<usize> {
    steps.iter().try_fold(1usize, |product, step| {
        let of_step = match step {
            Step::Conv(conv) => conv.stride,
            Step::Pool(pool) => pool.stride.unwrap_or(pool.size),
            Step::Residual(block) => stride(&block.steps)?,
            Step::Repeat(repeat) => stride(&repeat.steps)?.checked_pow(repeat.times.try_into().ok()?)?,
            Step::Norm(_) | Step::GroupPool(_) => 1,
            Step::GlobalPool(_) | Step::Linear(_) => return None,
        };
        product.checked_mul(of_step).filter(|&product| product > 0)
    })
}

fn described(maps: Maps) -> String {
    let Maps { group, size: [height, width], representation, rescaled, .. } = maps;
    let what = match representation {
        Representation::Trivial => "maps".to_owned(),
        _ => format!("fields over {}", group.name()),
    };
    format!("{rescaled} {what} of {height}×{width} pixels")
}
