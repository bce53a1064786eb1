//! From step to step.

use std::collections::HashMap;

use super::{Budget, MAX_MAPS, Maps, Plan, Planned, PlannedLayer, StepCost};
use crate::bank::ParameterCount;
use crate::group::{PointGroup, Representation};
use crate::kernel::Window;
use crate::model::steps::{DEEPEST, MOST_LAYERS, Step, Width, too_deep, too_many};
use crate::model::{GroupPooling, InputShape, NetConfig};
use crate::nn::NormSharing;

/// Most steps, repeated ones as often as they are.
const MOST_STEPS: usize = 10 * MOST_LAYERS;

/// Most pixels of a window, a stride or a padding: more than images have rows.
const MOST_PIXELS: usize = 4096;

/// How far a walk has come. What is wrong is told in words; `place` is left where it is.
pub(super) struct Walk<'a> {
    pub config: &'a NetConfig,
    pub input: InputShape,
    /// The step at hand, and those that it's in.
    pub place: Vec<usize>,
    pub maps: Maps,
    /// Layers so far, of the branch at hand.
    pub layers: Vec<Planned>,
    /// The last layer with parameters, which what follows is called after.
    pub last: String,
    /// Whether that leads to the classes.
    pub leads_to_classes: bool,
    pub numbers: Numbers,
    /// How many of the widths are taken, and which of them the maps at hand have.
    pub widths: usize,
    pub producer: Option<usize>,
    /// What says how many maps those at hand are.
    pub declared: Declared,
    /// Of every convolution out and in maps and kernel of the base that its filters are made of, if it has one of its own.
    pub bases: HashMap<String, Option<[usize; 3]>>,
    /// Parameters and products of the step at hand.
    cost: Cost,
    plan: Plan,
}

/// What says how many maps there are.
#[derive(Clone, Copy)]
pub(super) enum Declared {
    /// The images.
    Channels,
    /// A step.
    Step(Width),
}

impl Declared {
    /// Whether it's the same number at every width of the network.
    pub fn is_a_number(self) -> bool {
        !matches!(self, Self::Step(Width::Factor(_)))
    }

    /// Whether both are of the network's base width, but not as much of it: equal numbers are then only equally rounded.
    pub fn rounds_apart_from(self, other: Self) -> bool {
        matches!((self, other), (Self::Step(Width::Factor(one)), Self::Step(Width::Factor(other))) if one != other)
    }
}

/// How many there are so far.
#[derive(Default)]
pub(super) struct Numbers {
    /// Steps, and lists of them, as often as they're followed.
    pub steps: usize,
    pub convolutions: usize,
    pub norms: usize,
    pub products: usize,
    pub blocks: usize,
}

#[derive(Default)]
struct Cost {
    parameters: ParameterCount,
    multiply_adds: u64,
}

impl<'a> Walk<'a> {
    pub fn new(config: &'a NetConfig, input: InputShape) -> Result<Self, String> {
        input.check().map_err(|e| e.to_string())?;
        check(config)?;
        let group = config.bank.symmetry().map_or_else(PointGroup::trivial, |symmetry| symmetry.point_group());
        let InputShape { channels, size, .. } = input;
        let maps = Maps { group, size, representation: Representation::Trivial, width: channels, rescaled: channels };
        let count = config.widths.len();
        let budget = Budget { parameters: 0, one_bit_parameters: 0, maps: 0, multiply_adds: 0 };
        let plan = Plan {
            steps: Vec::new(),
            layers: Vec::new(),
            budget,
            kept_values: 0,
            largest_values: 0,
            filter_entries: 0,
            ties: (0..count).collect(),
        };
        Ok(Self {
            config,
            input,
            place: Vec::new(),
            maps,
            layers: Vec::new(),
            last: "conv0".to_owned(),
            leads_to_classes: false,
            numbers: Numbers::default(),
            widths: 0,
            producer: None,
            declared: Declared::Channels,
            bases: HashMap::new(),
            cost: Cost::default(),
            plan,
        })
    }

    /// All steps, and what they must lead to.
    pub fn follow_all(&mut self, steps: &[Step]) -> Result<(), String> {
        self.follow(steps, "")?;
        self.group_pool();
        let Maps { size: [height, width], representation, rescaled, .. } = self.maps;
        if self.leads_to_classes && [height, width] == [1, 1] && representation == Representation::Trivial {
            return Ok(());
        }
        Err(format!(
            "the steps lead to {rescaled} maps of {height}×{width} pixels, not to a number for every class: end with \
             {{ global-pool = \"mean\" }} and {{ linear = {{ width = \"classes\" }} }}"
        ))
    }

    pub fn finish(self) -> Result<Plan, String> {
        let Self { widths, layers, bases, mut plan, .. } = self;
        let (found, name) = (self.config.widths.len(), self.config.skeleton.name());
        if found != widths {
            return Err(format!("{found} widths, but {name} has {widths} layers that take one, those before its head"));
        }
        if let Some(borrower) = self.config.filters_of.keys().find(|name| !bases.contains_key(*name)) {
            let known = names(bases.keys());
            let skeleton = self.config.skeleton.name();
            return Err(format!("filters_of: {skeleton} has no convolution {borrower}, but {known}"));
        }
        plan.layers = layers;
        for place in 0..plan.ties.len() {
            plan.ties[place] = root(&plan.ties, place);
        }
        let sum = |of: fn(&StepCost) -> usize| plan.steps.iter().map(of).sum();
        plan.budget.parameters = sum(|step| step.parameters);
        plan.budget.one_bit_parameters = sum(|step| step.one_bit_parameters);
        plan.budget.multiply_adds = plan.steps.iter().fold(0, |sum, step| sum.saturating_add(step.multiply_adds));
        Ok(plan)
    }

    pub fn follow(&mut self, steps: &[Step], path: &str) -> Result<(), String> {
        if self.place.len() > DEEPEST {
            return Err(too_deep(self.place.len()));
        }
        self.numbers.steps += 1 + steps.len();
        if self.numbers.steps > MOST_STEPS {
            return Err(format!("more than {MOST_STEPS} steps"));
        }
        for (n, step) in steps.iter().enumerate() {
            self.place.push(n);
            match step {
                Step::Conv(conv) => self.conv_step(conv, path)?,
                Step::Norm(norm) => self.norm_step(norm, path)?,
                Step::Pool(pool) => self.pool_step(pool, path)?,
                Step::GlobalPool(reduction) => self.global_pool_step(*reduction),
                Step::GroupPool(reduction) => self.group_pool_step(*reduction)?,
                Step::Linear(linear) => self.linear_step(linear, path)?,
                Step::Residual(block) => self.block_step(block, path)?,
                Step::Repeat(repeat) => {
                    (0..repeat.checked_times()?).try_for_each(|_| self.follow(&repeat.steps, path))?;
                }
            }
            self.place.pop();
        }
        Ok(())
    }

    /// A layer behind those so far, and what it costs.
    pub fn push(&mut self, name: String, layer: PlannedLayer, parameters: ParameterCount, multiply_adds: u64) {
        self.cost.parameters = self.cost.parameters + parameters;
        self.cost.multiply_adds = self.cost.multiply_adds.saturating_add(multiply_adds);
        self.layers.push(Planned { name, layer, input: self.maps });
    }

    /// Ends a step: what its layers cost together.
    pub fn end_step(&mut self, name: String, what: String) {
        let Cost { parameters: ParameterCount { real, one_bit }, multiply_adds } = std::mem::take(&mut self.cost);
        let (size, maps) = (self.maps.size, self.count(self.maps));
        let step = StepCost { name, what, size, maps, parameters: real, one_bit_parameters: one_bit, multiply_adds };
        self.plan.steps.push(step);
    }

    /// Takes down what a convolution or matrix product with so many filter entries keeps of an image.
    pub fn keep(&mut self, filter_entries: u64) {
        let pixels = (self.maps.size[0] * self.maps.size[1]) as u64;
        let values = (self.count(self.maps) as u64).saturating_mul(pixels);
        self.plan.kept_values = self.plan.kept_values.saturating_add(values);
        self.plan.largest_values = self.plan.largest_values.max(values);
        self.plan.filter_entries += filter_entries;
    }

    /// Takes down that these are the maps of a convolution before the head.
    pub fn widest(&mut self) {
        self.plan.budget.maps = self.plan.budget.maps.max(self.count(self.maps));
    }

    /// Maps in all.
    pub fn count(&self, maps: Maps) -> usize {
        maps.rescaled * maps.representation.dim(&maps.group)
    }

    /// The width of a layer, and what it's rescaled to.
    pub fn width(&mut self, name: &str, width: Width, is_linear: bool) -> Result<[usize; 2], String> {
        self.leads_to_classes = matches!(width, Width::Classes(_));
        self.producer = None;
        self.declared = Declared::Step(width);
        let [width, rescaled] = match width {
            Width::Classes(_) => return Ok([self.input.classes; 2]),
            Width::Fixed(fixed) => [fixed.fixed; 2],
            Width::Factor(factor) => self.factor(name, factor, is_linear)?,
        };
        let order = if is_linear || self.config.bank.rescales() { 1 } else { self.maps.group.order() };
        if width == 0 {
            return Err(format!("{name}: its width is 0, but it must be 1 to {}", MAX_MAPS / order));
        }
        if rescaled.max(width).checked_mul(order).is_none_or(|maps| maps > MAX_MAPS) {
            return Err(format!(
                "{name}: a width of {width} has too many maps; a layer can have {MAX_MAPS} maps at most"
            ));
        }
        Ok([width, rescaled])
    }

    /// The next of the widths.
    fn factor(&mut self, name: &str, factor: f64, is_linear: bool) -> Result<[usize; 2], String> {
        if !(factor.is_finite() && factor > 0.0) {
            return Err(format!("{name}: a width of {factor} times the base, but it must be above 0"));
        }
        let place = self.widths;
        self.widths += 1;
        let (Some(&width), Some(rescaled)) = (self.config.widths.get(place), self.config.rescaled(place)) else {
            let (found, name) = (self.config.widths.len(), self.config.skeleton.name());
            return Err(format!("{found} widths, but {name} has more layers that take one before its head"));
        };
        self.producer = Some(place);
        if !is_linear && (1..width).contains(&rescaled) {
            return Err(format!(
                "{name}: {rescaled} maps, but its base alone has {width}; what is repeated isn't fewer afterwards"
            ));
        }
        Ok([width, if is_linear { width } else { rescaled }])
    }

    /// Takes down that two widths must be the same.
    pub fn tie(&mut self, one: Option<usize>, other: Option<usize>) {
        if let (Some(one), Some(other)) = (one, other) {
            let (one, other) = (root(&self.plan.ties, one), root(&self.plan.ties, other));
            self.plan.ties[one.max(other)] = one.min(other);
        }
    }

    /// The size behind a window of `kernel` pixels.
    pub fn slide(&self, name: &str, kernel: usize, window: Window) -> Result<[usize; 2], String> {
        let [height, width] = self.maps.size;
        if kernel == 0 || window.stride == 0 {
            return Err(format!("{name}: its window and its stride must be at least 1 pixel"));
        }
        if let Some(pixels) = [kernel, window.stride, window.padding].into_iter().find(|&pixels| pixels > MOST_PIXELS) {
            return Err(format!(
                "{name}: {pixels} pixels of window, stride or padding; at most {MOST_PIXELS} are possible"
            ));
        }
        match [window.positions(height, kernel), window.positions(width, kernel)] {
            [Some(rows), Some(columns)] => Ok([rows, columns]),
            _ => Err(format!(
                "{name}: {height}×{width} pixels reach it, too few for a window of {kernel}×{kernel}; take larger images, \
                 padding, or fewer pools before it"
            )),
        }
    }

    /// Which maps share a norm: an arm can have less shared than its skeleton says.
    pub fn sharing(&self, sharing: NormSharing) -> NormSharing {
        if self.config.norm == NormSharing::Map { NormSharing::Map } else { sharing }
    }

    pub fn check_layers(&self) -> Result<(), String> {
        match self.numbers.convolutions + self.numbers.products + self.numbers.norms > MOST_LAYERS {
            true => Err(too_many()),
            false => Ok(()),
        }
    }
}

/// What is wrong with a configuration whatever its steps.
fn check(config: &NetConfig) -> Result<(), String> {
    let base = config.skeleton.steps().base;
    if !(base.is_finite() && base > 0.0) {
        return Err(format!("{}: base = {base}, but it must be a number above 0", config.skeleton.name()));
    }
    if let Some(maps) = config.maps.as_ref().filter(|maps| maps.len() != config.widths.len()) {
        return Err(format!("{} maps, but {} widths", maps.len(), config.widths.len()));
    }
    if !config.filters_of.is_empty() && !config.bank.rescales() {
        return Err(format!("filters_of: {} has no base that another layer could transform", config.bank.name()));
    }
    if config.pool_every_layer && config.group_pooling == GroupPooling::None {
        return Err("pool_every_layer needs a group_pooling of \"max\" or \"mean\"".to_owned());
    }
    Ok(())
}

/// Names in the order of their lengths and letters, which is about that of layers.
pub(super) fn names<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let mut names: Vec<&str> = names.map(String::as_str).collect();
    names.sort_unstable_by_key(|name| (name.len(), *name));
    names.join(", ")
}

fn root(ties: &[usize], mut place: usize) -> usize {
    while ties[place] != place {
        place = ties[place];
    }
    place
}
