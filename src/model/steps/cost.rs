//! What the steps of a skeleton lead to and cost, by arithmetic: no tensor is made.

use serde::Serialize;

use super::{ConvStep, FixedWidth, LinearStep, Norm, PoolStep, ResidualStep, Shortcut, Step, Steps, Width};
use crate::bank::{self, BankConfig, Site};
use crate::error::{Error, Result};
use crate::group::{PointGroup, Representation};
use crate::kernel::{Activation, Window};
use crate::model::InputShape;
use crate::model::network::MAX_MAPS;

/// Most convolutions and matrix products of a network: far more than any has that could be trained here.
const MOST_LAYERS: usize = 1_000;
/// How deep steps can lie in steps.
const DEEPEST: usize = 16;
/// Maps per base map of the banks that rescale.
const SCALE: usize = 2;

/// A step and what it leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepCost {
    /// Its name: convolutions, pools and matrix products are numbered, branches lead theirs.
    pub name: String,
    /// What it does, in words.
    pub what: String,
    /// Height and width of the maps behind it, in pixels.
    pub size: [usize; 2],
    /// Maps behind it.
    pub maps: usize,
    /// Real parameters, those of the norm and bias included.
    pub parameters: usize,
    /// Learned signs.
    pub one_bit_parameters: usize,
    /// Multiply-adds of an image.
    pub multiply_adds: u64,
}

/// Maps on their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Maps {
    size: [usize; 2],
    representation: Representation,
    /// Fields, or base maps of a bank that rescales.
    width: usize,
    /// The same after rescaling.
    rescaled: usize,
}

struct Walk<'a> {
    bank: &'a BankConfig,
    base: f64,
    classes: usize,
    group: PointGroup,
    maps: Maps,
    rows: Vec<StepCost>,
    /// Convolutions, pools, matrix products and blocks so far.
    numbers: [usize; 4],
}

impl Steps {
    /// What every step leads to and costs with this bank, its width scaled to a base width of `base` (the skeleton's own where
    /// `None`), on images of the shape `input`.
    ///
    /// # Errors
    /// When a size or a width vanishes, branches can't be added, there are too many layers, or the last step doesn't lead to the
    /// classes: the step, what reaches it, and what would be right.
    pub fn costs(&self, bank: &BankConfig, base: Option<f64>, input: InputShape) -> Result<Vec<StepCost>> {
        let mut walk = self.walk(bank, base, input)?;
        walk.follow(&self.steps, "", 0)?;
        let Maps { size, representation, rescaled, .. } = walk.maps;
        let leads_to_classes = matches!(self.last(), Some(Width::Classes(_)));
        if !leads_to_classes || size != [1, 1] || representation != Representation::Trivial {
            let [height, width] = size;
            return Err(Error::invalid(format!(
                "the steps lead to {rescaled} maps of {height}×{width} pixels, not to a number for every class: end with \
                 {{ global-pool = \"mean\" }} and {{ linear = {{ width = \"classes\" }} }}"
            )));
        }
        Ok(walk.rows)
    }

    /// The first of the steps, counted from 0, that [`Steps::costs`] refuses; `None` where it refuses none, or what they lead to.
    pub fn faulty_step(&self, bank: &BankConfig, base: Option<f64>, input: InputShape) -> Option<usize> {
        let mut walk = self.walk(bank, base, input).ok()?;
        self.steps.iter().position(|step| walk.follow(std::slice::from_ref(step), "", 0).is_err())
    }

    fn walk<'a>(&self, bank: &'a BankConfig, base: Option<f64>, input: InputShape) -> Result<Walk<'a>> {
        input.check()?;
        let base = base.unwrap_or(self.base);
        if !(base.is_finite() && base > 0.0) {
            return Err(Error::invalid(format!("base = {base}, but it must be above 0")));
        }
        let group = bank.symmetry().map_or_else(PointGroup::trivial, |symmetry| symmetry.point_group());
        let (channels, size) = (input.channels, input.size);
        let maps = Maps { size, representation: Representation::Trivial, width: channels, rescaled: channels };
        Ok(Walk { bank, base, classes: input.classes, group, maps, rows: Vec::new(), numbers: [0; 4] })
    }

    /// The width of the last step that has one.
    fn last(&self) -> Option<Width> {
        fn of(steps: &[Step]) -> Option<Width> {
            steps.iter().rev().find_map(|step| match step {
                Step::Conv(conv) => Some(conv.width),
                Step::Linear(linear) => Some(linear.width),
                Step::Residual(block) => of(&block.steps),
                Step::Repeat(repeat) => of(&repeat.steps),
                Step::Pool(_) | Step::GlobalPool(_) | Step::GroupPool(_) => None,
            })
        }
        of(&self.steps)
    }
}

impl Walk<'_> {
    fn follow(&mut self, steps: &[Step], path: &str, depth: usize) -> Result<()> {
        if depth > DEEPEST {
            return Err(Error::invalid(format!("steps in steps, {depth} deep; at most {DEEPEST} are possible")));
        }
        for step in steps {
            match step {
                Step::Conv(conv) => self.conv(conv, &format!("{path}conv{}", self.numbers[0] + 1))?,
                Step::Pool(pool) => self.pool(pool, path)?,
                Step::GlobalPool(reduction) => {
                    let words = format!("{reduction:?} over the pixels").to_lowercase();
                    self.maps.size = [1, 1];
                    self.push(format!("{path}global-pool"), words, Cost::default());
                }
                Step::GroupPool(reduction) => {
                    self.maps.representation = Representation::Trivial;
                    let words = format!("{reduction:?} over the group").to_lowercase();
                    self.push(format!("{path}group-pool"), words, Cost::default());
                }
                Step::Linear(linear) => self.linear(linear, path)?,
                Step::Residual(block) => self.residual(block, path, depth)?,
                Step::Repeat(repeat) => {
                    if !(1..=MOST_LAYERS).contains(&repeat.times) {
                        let message = format!("repeat: times = {}, but it must be 1 to {MOST_LAYERS}", repeat.times);
                        return Err(Error::invalid(message));
                    }
                    (0..repeat.times).try_for_each(|_| self.follow(&repeat.steps, path, depth + 1))?;
                }
            }
        }
        Ok(())
    }

    fn conv(&mut self, step: &ConvStep, name: &str) -> Result<()> {
        let window = Window { stride: step.stride, padding: step.padding };
        let size = self.slide(name, step.kernel, window)?;
        let (width, rescaled) = self.width(name, step.width)?;
        let site = Site {
            layer: name,
            widths: [self.maps.width, width],
            rescaled: [self.maps.rescaled, rescaled],
            kernel: step.kernel,
            input: self.maps.representation,
            group: &self.group,
            seed: 0,
        };
        let bank = self.bank.bank(&site).map_err(|e| Error::invalid(format!("{name}: {e}")))?;
        let (filters, parameters) = (bank.filter_shape(), bank::count(bank.as_ref()));
        let field = bank.field_sizes().output;
        let representation = if field == 1 { Representation::Trivial } else { Representation::Regular };
        self.maps = Maps { size, representation, width, rescaled };
        let fields = filters[0] / field;
        let bias = if step.bias { fields } else { 0 };
        let cost = Cost {
            parameters: parameters.real + bias + self.norm(step.norm),
            one_bit: parameters.one_bit,
            multiply_adds: filters.iter().map(|&n| n as u64).product::<u64>() * (size[0] * size[1]) as u64,
        };
        self.numbers[0] += 1;
        let stride = if step.stride > 1 { format!(", stride {}", step.stride) } else { String::new() };
        let padding = if step.padding > 0 { format!(", padding {}", step.padding) } else { String::new() };
        let words = format!("{0}×{0} convolution{stride}{padding}{1}", step.kernel, behind(step.norm, step.activation));
        self.push(name.to_owned(), words, cost);
        self.check_layers()
    }

    fn pool(&mut self, step: &PoolStep, path: &str) -> Result<()> {
        let name = format!("{path}pool{}", self.numbers[1] + 1);
        let window = Window { stride: step.stride.unwrap_or(step.size), padding: step.padding };
        if 2 * step.padding.min(step.size) > step.size {
            return Err(Error::invalid(format!(
                "{name}: padding = {} leaves windows without a pixel; at most half of the size, {}, is possible",
                step.padding,
                step.size / 2
            )));
        }
        self.maps.size = self.slide(&name, step.size, window)?;
        self.numbers[1] += 1;
        let words = format!("{:?} over {1}×{1} pixels", step.reduce, step.size).to_lowercase();
        let stride = if window.stride == step.size { String::new() } else { format!(", stride {}", window.stride) };
        let padding = if step.padding > 0 { format!(", padding {}", step.padding) } else { String::new() };
        self.push(name, format!("{words}{stride}{padding}"), Cost::default());
        Ok(())
    }

    fn linear(&mut self, step: &LinearStep, path: &str) -> Result<()> {
        if self.maps.representation != Representation::Trivial {
            self.maps.representation = Representation::Trivial;
            self.push(format!("{path}group-pool"), "max over the group".to_owned(), Cost::default());
        }
        let name = format!("{path}linear{}", self.numbers[2] + 1);
        let inputs = self.maps.rescaled * self.maps.size[0] * self.maps.size[1];
        // Matrix products aren't repeated by any bank.
        let (width, _) = self.width(&name, step.width)?;
        self.maps = Maps { size: [1, 1], representation: Representation::Trivial, width, rescaled: width };
        let bias = if step.bias { width } else { 0 };
        let products = inputs.checked_mul(width).ok_or_else(|| Error::invalid(format!("{name}: too large")))?;
        let parameters = products + bias + self.norm(step.norm);
        self.numbers[2] += 1;
        let words = format!("matrix product{}", behind(step.norm, step.activation));
        self.push(name, words, Cost { parameters, one_bit: 0, multiply_adds: products as u64 });
        self.check_layers()
    }

    fn residual(&mut self, step: &ResidualStep, path: &str, depth: usize) -> Result<()> {
        self.numbers[3] += 1;
        let (name, before) = (format!("{path}block{}", self.numbers[3]), self.maps);
        if step.steps.is_empty() {
            return Err(Error::invalid(format!("{name}: a residual block without steps")));
        }
        self.follow(&step.steps, &format!("{name}."), depth + 1)?;
        let after = self.maps;
        let is_same = before == after;
        if step.shortcut == Shortcut::Identity && !is_same {
            return Err(Error::invalid(format!(
                "{name}: {} can't be added to {}; with shortcut = \"conv\" a 1×1 convolution comes between",
                described(before),
                described(after)
            )));
        }
        if step.shortcut == Shortcut::Conv || !is_same {
            self.maps = before;
            self.shortcut(&name, before, after)?;
        }
        let words = format!("sum{}", behind(Norm::None, step.activation));
        self.push(name, words, Cost::default());
        Ok(())
    }

    /// The 1×1 convolution that leads from the maps before a block to those behind it, by the stride that gives their size.
    fn shortcut(&mut self, name: &str, before: Maps, after: Maps) -> Result<()> {
        let stride = |axis: usize| (1..=before.size[axis]).find(|s| before.size[axis].div_ceil(*s) == after.size[axis]);
        let (Some(stride), true) = (stride(0), stride(0) == stride(1)) else {
            return Err(Error::invalid(format!(
                "{name}: no stride of a 1×1 convolution leads from {} to {}; give the main branch's convolutions a padding that \
                 keeps the size",
                described(before),
                described(after)
            )));
        };
        let conv = ConvStep {
            kernel: 1,
            stride,
            padding: 0,
            width: Width::Fixed(FixedWidth { fixed: after.width }),
            norm: Norm::Field,
            activation: Activation::Identity,
            bias: false,
            dropout: 0.0,
        };
        let number = self.numbers[0];
        self.conv(&conv, &format!("{name}.shortcut"))?;
        self.numbers[0] = number;
        match self.maps == after {
            true => Ok(()),
            false => Err(Error::invalid(format!(
                "{name}: a shortcut leads to {}, which can't be added to {}",
                described(self.maps),
                described(after)
            ))),
        }
    }

    /// The size behind a window of `kernel` pixels.
    fn slide(&self, name: &str, kernel: usize, window: Window) -> Result<[usize; 2]> {
        let [height, width] = self.maps.size;
        if kernel == 0 || window.stride == 0 {
            return Err(Error::invalid(format!("{name}: its window and its stride must be at least 1 pixel")));
        }
        match [window.positions(height, kernel), window.positions(width, kernel)] {
            [Some(rows), Some(columns)] => Ok([rows, columns]),
            _ => Err(Error::invalid(format!(
                "{name}: {height}×{width} pixels reach it, too few for a window of {kernel}×{kernel}; take larger images, padding, \
                 or fewer pools before it"
            ))),
        }
    }

    /// A width and the same after rescaling.
    fn width(&self, name: &str, width: Width) -> Result<(usize, usize)> {
        let (found, told) = match width {
            Width::Classes(_) => return Ok((self.classes, self.classes)),
            Width::Fixed(FixedWidth { fixed }) => (fixed as f64, format!("a width of {fixed}")),
            Width::Factor(factor) => {
                // 3 · (1/3) is meant to be 1.
                let found = factor * self.base + 1e-9;
                (found, format!("a width of {factor} times {} is {}", self.base, found.floor()))
            }
        };
        let scale = if self.bank.rescales() { SCALE } else { 1 };
        let most = MAX_MAPS / (scale * self.group.order());
        if !(found >= 1.0 && found < (most + 1) as f64) {
            return Err(Error::invalid(format!("{name}: {told}, but it must be 1 to {most}")));
        }
        let width = found as usize;
        Ok((width, width * scale))
    }

    /// Parameters of a norm of the maps so far.
    fn norm(&self, norm: Norm) -> usize {
        let Maps { representation, rescaled, .. } = self.maps;
        match norm {
            Norm::None => 0,
            Norm::Field => 2 * rescaled,
            Norm::Map => 2 * rescaled * representation.dim(&self.group),
        }
    }

    fn push(&mut self, name: String, what: String, cost: Cost) {
        let Maps { size, representation, rescaled, .. } = self.maps;
        let maps = rescaled * representation.dim(&self.group);
        let Cost { parameters, one_bit, multiply_adds } = cost;
        self.rows.push(StepCost { name, what, size, maps, parameters, one_bit_parameters: one_bit, multiply_adds });
    }

    fn check_layers(&self) -> Result<()> {
        match self.numbers[0] + self.numbers[2] > MOST_LAYERS {
            true => Err(Error::invalid(format!("more than {MOST_LAYERS} convolutions and matrix products"))),
            false => Ok(()),
        }
    }
}

#[derive(Default)]
struct Cost {
    parameters: usize,
    one_bit: usize,
    multiply_adds: u64,
}

fn described(maps: Maps) -> String {
    let Maps { size: [height, width], representation, rescaled, .. } = maps;
    let what = if representation == Representation::Trivial { "maps" } else { "fields over the group" };
    format!("{rescaled} {what} of {height}×{width} pixels")
}

fn behind(norm: Norm, activation: Activation) -> String {
    let norm = match norm {
        Norm::Field => ", norm",
        Norm::Map => ", norm by map",
        Norm::None => "",
    };
    let activation = match activation {
        Activation::Identity => "",
        Activation::Relu => ", ReLU",
        Activation::LeakyRelu => ", leaky ReLU",
        Activation::Elu => ", ELU",
        Activation::Swish => ", swish",
    };
    format!("{norm}{activation}")
}
