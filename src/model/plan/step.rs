//! What a step becomes.

use super::walk::{Walk, names};
use super::{Maps, PlannedLayer};
use crate::bank::{self, Bank, FreeBank, ParameterCount, Site};
use crate::error::Error;
use crate::group::{PointGroup, Representation};
use crate::kernel::{Activation, Window};
use crate::model::GroupPooling;
use crate::model::steps::{ConvStep, LinearStep, Norm, NormStep, PoolStep, Width};
use crate::nn::{FieldDropout, NormSharing, Reduction};

/// A convolution, whose output has this width before and after rescaling.
pub(super) struct ConvPlan<'a> {
    pub name: &'a str,
    pub kernel: usize,
    pub window: Window,
    pub width: [usize; 2],
    pub bias: bool,
    pub norm: Norm,
    pub activation: Activation,
    pub dropout: f64,
    /// Whether its width is the same whatever others are rescaled to.
    pub is_fixed: bool,
}

impl Walk<'_> {
    pub fn conv_step(&mut self, step: &ConvStep, path: &str) -> Result<(), String> {
        let name = &format!("{path}conv{}", self.numbers.convolutions + 1);
        let window = Window { stride: step.stride, padding: step.padding };
        let before = self.declared;
        if let Some(symmetry) = step.group {
            self.restrict(name, &symmetry.point_group());
        }
        let width = self.width(name, step.width, false)?;
        let own = if self.leads_to_classes { 0.0 } else { self.config.dropout };
        let dropout = if step.dropout == 0.0 { own } else { step.dropout };
        let ConvStep { kernel, norm, activation, .. } = *step;
        let bias = step.bias || self.config.bias && !self.config.bank.rescales();
        let is_fixed = match step.width {
            Width::Fixed(_) => true,
            Width::Classes(_) => before.is_a_number(),
            Width::Factor(_) => false,
        };
        self.convolution(&ConvPlan { name, kernel, window, width, bias, norm, activation, dropout, is_fixed })?;
        self.numbers.convolutions += 1;
        self.check_layers()
    }

    /// A convolution and what follows it, as a step.
    pub fn convolution(&mut self, conv: &ConvPlan) -> Result<(), String> {
        let ConvPlan { name, kernel, window, width, bias, norm, activation, dropout, .. } = *conv;
        let size = self.slide(name, kernel, window)?;
        let (bank, base_of) = self.bank(conv).map_err(|e| format!("{name}: {e}"))?;
        let bias = bias || self.config.bias && self.repeats(conv);
        let (filters, field) = (bank.filter_shape(), bank.field_sizes().output);
        let representation = if field == 1 { Representation::Trivial } else { Representation::Regular };
        let fields = filters[0] / field;
        let mut count = bank::count(bank.as_ref()) + real(if bias { fields } else { 0 });
        count.real -= base_of.as_ref().and_then(|_| bank::base(bank.as_ref())).map_or(0, |base| base.iter().product());
        let of_other = base_of.as_ref().map_or_else(String::new, |owner| format!(" of {owner}'s filters"));
        let entries = filters.iter().map(|&n| n as u64).product::<u64>();
        let multiply_adds = entries.saturating_mul((size[0] * size[1]) as u64);
        self.push(name.to_owned(), PlannedLayer::Conv { bank, window, bias, base_of }, count, multiply_adds);
        let [width, rescaled] = width;
        self.maps = Maps { size, representation, width, rescaled, ..self.maps };
        self.keep(entries);
        name.clone_into(&mut self.last);
        self.norm_and_activation(name, norm, activation);
        if dropout != 0.0 {
            FieldDropout::check(dropout).map_err(|e| format!("{name}: {e}"))?;
            self.push(format!("{name}.dropout"), PlannedLayer::Dropout(dropout), ParameterCount::default(), 0);
        }
        let words = format!(
            "{kernel}×{kernel} convolution{of_other}{}{}",
            described(window, 1),
            behind(norm.sharing(), activation)
        );
        if !self.leads_to_classes {
            self.widest();
        }
        self.end_step(name.to_owned(), words);
        if self.config.pool_every_layer && !self.leads_to_classes {
            self.group_pool();
        }
        Ok(())
    }

    /// Takes the maps before the layer called `name` for fields of what their group and `group` have in common.
    pub fn restrict(&mut self, name: &str, group: &PointGroup) {
        let part = self.maps.group.intersection(group);
        if part == self.maps.group {
            return;
        }
        let name = format!("{name}.restrict");
        self.push(name.clone(), PlannedLayer::Restrict(part), ParameterCount::default(), 0);
        if self.maps.representation == Representation::Regular {
            let cosets = self.maps.group.order() / part.order();
            self.maps.width *= cosets;
            self.maps.rescaled *= cosets;
        }
        if part.order() == 1 {
            self.maps.representation = Representation::Trivial;
        }
        self.maps.group = part;
        self.end_step(name, format!("restriction to {}", part.name()));
    }

    /// The bank of a convolution, and the layer whose base it transforms, if it has none of its own.
    fn bank(&mut self, conv: &ConvPlan) -> crate::Result<(Box<dyn Bank>, Option<String>)> {
        let name = conv.name.to_owned();
        if let Some(owner) = self.config.filters_of.get(conv.name) {
            let bank = self.borrowing(conv, owner)?;
            self.bases.insert(name, None);
            return Ok((bank, Some(owner.clone())));
        }
        let bank = self.own_bank(conv)?;
        self.bases.insert(name, bank::base(bank.as_ref()).map(|[out, inputs, kernel, _]| [out, inputs, kernel]));
        Ok((bank, None))
    }

    /// Whether a base is repeated here. What has the same size whatever it's rescaled to has nothing to repeat, nor has what lends its
    /// filters as they are.
    fn repeats(&self, conv: &ConvPlan) -> bool {
        let ConvPlan { name, width: [width, rescaled], is_fixed, .. } = *conv;
        let filters_of = &self.config.filters_of;
        let is_same = is_fixed || !filters_of.is_empty() && width == rescaled;
        let is_whole = is_same && self.maps.width == self.maps.rescaled;
        self.config.bank.rescales() && (filters_of.contains_key(name) || !is_whole)
    }

    /// The bank of a convolution that transforms the base of the layer `owner`.
    fn borrowing(&self, conv: &ConvPlan, owner: &str) -> crate::Result<Box<dyn Bank>> {
        let kernel = conv.kernel;
        let refused = |why: String| Err(Error::invalid(format!("filters_of = {owner}, but {why}")));
        let [out, inputs, of_owner] = match self.bases.get(owner) {
            Some(Some(base)) => *base,
            Some(None) => {
                return refused(format!("{owner} has no filters of its own; name the layer that it takes them of"));
            }
            None => {
                let lenders = self.bases.iter().filter(|(_, base)| base.is_some()).map(|(name, _)| name);
                let lenders = names(lenders);
                return refused(format!("there's no such convolution before this one; there are {lenders}"));
            }
        };
        if of_owner != kernel {
            return refused(format!("its filters have {of_owner}×{of_owner} pixels, and these {kernel}×{kernel}"));
        }
        self.config.bank.bank(&self.site(conv, [inputs, out], true))
    }

    /// The bank of a convolution to maps of this width before and after rescaling. Without pooling over the group, an ordinary convolution
    /// leads from oriented maps to the classes, with as many parameters as the group's.
    fn own_bank(&self, conv: &ConvPlan) -> crate::Result<Box<dyn Bank>> {
        let ConvPlan { kernel, width: [width, _], .. } = *conv;
        let is_oriented = self.maps.representation == Representation::Regular;
        if self.leads_to_classes && is_oriented && self.config.group_pooling == GroupPooling::None {
            return Ok(Box::new(FreeBank::new(width, self.count(self.maps), kernel)?));
        }
        if self.config.bank.rescales() && !self.repeats(conv) {
            return Ok(Box::new(FreeBank::new(width, self.maps.width, kernel)?));
        }
        self.config.bank.bank(&self.site(conv, [self.maps.width, width], false))
    }

    /// Where a convolution's bank is wanted, with a base of these widths.
    fn site<'a>(&'a self, conv: &ConvPlan<'a>, widths: [usize; 2], is_borrowed: bool) -> Site<'a> {
        Site {
            layer: conv.name,
            widths,
            rescaled: [self.maps.rescaled, conv.width[1]],
            kernel: conv.kernel,
            input: self.maps.representation,
            group: &self.maps.group,
            is_borrowed,
            seed: self.config.scramble_seed,
        }
    }

    /// What follows a convolution or a matrix product.
    fn norm_and_activation(&mut self, name: &str, norm: Norm, activation: Activation) {
        match norm.sharing() {
            Some(sharing) => self.norm(format!("{name}.norm"), sharing, activation),
            None if activation == Activation::Identity => {}
            None => {
                let layer = PlannedLayer::Activate(activation);
                self.push(format!("{name}.activation"), layer, ParameterCount::default(), 0);
            }
        }
    }

    fn norm(&mut self, name: String, sharing: NormSharing, activation: Activation) {
        let sharing = self.sharing(sharing);
        let groups = match sharing {
            NormSharing::Field => self.maps.rescaled,
            NormSharing::Map => self.count(self.maps),
        };
        self.push(name, PlannedLayer::Norm { sharing, activation }, real(2 * groups), 0);
    }

    pub fn norm_step(&mut self, step: &NormStep, path: &str) -> Result<(), String> {
        self.numbers.norms += 1;
        let name = format!("{path}norm{}", self.numbers.norms);
        self.norm(name.clone(), step.sharing, step.activation);
        let words = behind(Some(step.sharing), step.activation);
        self.end_step(name, words.trim_start_matches(", ").to_owned());
        self.check_layers()
    }

    pub fn pool_step(&mut self, step: &PoolStep, path: &str) -> Result<(), String> {
        let name = self.free_name(format!("{path}pool{}", self.numbers.convolutions));
        let PoolStep { reduce, size, stride, padding } = *step;
        let window = Window { stride: stride.unwrap_or(size), padding };
        let next = self.slide(&name, size, window)?;
        window.check_pool(size).map_err(|e| format!("{name}: {e}"))?;
        let layer = PlannedLayer::Pool { reduction: reduce, size, window };
        self.push(name.clone(), layer, ParameterCount::default(), 0);
        self.maps.size = next;
        let words = format!("{reduce:?} over {size}×{size} pixels").to_lowercase();
        self.end_step(name, words + &described(window, size));
        Ok(())
    }

    pub fn global_pool_step(&mut self, reduction: Reduction) {
        let name = self.free_name(format!("{}.{}", self.last, format!("{reduction:?}").to_lowercase()));
        self.push(name.clone(), PlannedLayer::GlobalPool(reduction), ParameterCount::default(), 0);
        self.maps.size = [1, 1];
        self.end_step(name, format!("{reduction:?} over the pixels").to_lowercase());
    }

    pub fn group_pool_step(&mut self, reduction: Reduction) -> Result<(), String> {
        match self.config.skeleton.steps().group_pooling() {
            Some(first) if first != reduction => Err(format!(
                "group-pool: {reduction:?}, but {first:?} in an earlier step; an arm pools over the group in one way only"
            )
            .to_lowercase()),
            _ => {
                self.group_pool();
                Ok(())
            }
        }
    }

    /// Pools over the group, if there's one, as the arm says, which has it from the skeleton where it says nothing.
    pub fn group_pool(&mut self) {
        let Some(reduction) = self.config.group_pooling.reduction() else { return };
        if self.maps.representation == Representation::Trivial {
            return;
        }
        let name = self.free_name(format!("{}.group_pool", self.last));
        self.push(name.clone(), PlannedLayer::GroupPool(reduction), ParameterCount::default(), 0);
        self.maps.representation = Representation::Trivial;
        self.end_step(name, format!("{reduction:?} over the group").to_lowercase());
    }

    pub fn linear_step(&mut self, step: &LinearStep, path: &str) -> Result<(), String> {
        self.group_pool();
        let name = &format!("{path}linear{}", self.numbers.products + 1);
        let [height, columns] = self.maps.size;
        let inputs = self.count(self.maps).checked_mul(height * columns);
        let [width, _] = self.width(name, step.width, true)?;
        let products =
            inputs.and_then(|inputs| inputs.checked_mul(width)).filter(|&products| products <= MOST_PRODUCTS);
        let products = products.ok_or_else(|| {
            format!(
                "{name}: a matrix product of {height}×{columns} pixels with more than {MOST_PRODUCTS} weights; pool before it, as \
                 {{ global-pool = \"mean\" }} does"
            )
        })?;
        let bias = real(if step.bias { width } else { 0 });
        let layer = PlannedLayer::Linear { outputs: width, bias: step.bias };
        self.push(name.clone(), layer, real(products) + bias, products as u64);
        let representation = Representation::Trivial;
        self.maps = Maps { size: [1, 1], representation, width, rescaled: width, ..self.maps };
        self.keep(products as u64);
        name.clone_into(&mut self.last);
        self.numbers.products += 1;
        self.norm_and_activation(name, step.norm, step.activation);
        self.end_step(name.clone(), format!("matrix product{}", behind(step.norm.sharing(), step.activation)));
        self.check_layers()
    }

    /// The name, or with a number behind it where a layer has it already.
    fn free_name(&self, name: String) -> String {
        let is_taken = |name: &str| self.layers.iter().any(|layer| layer.name == name);
        let numbered = (2..).map(|n| format!("{name}.{n}"));
        std::iter::once(name.clone()).chain(numbered).find(|name| !is_taken(name)).unwrap_or(name)
    }
}

/// Most weights of a matrix product: 4 GB in f32.
const MOST_PRODUCTS: usize = 1 << 30;

fn real(count: usize) -> ParameterCount {
    ParameterCount { real: count, one_bit: 0 }
}

/// What of a window isn't so by itself.
fn described(Window { stride, padding }: Window, usual: usize) -> String {
    let stride = if stride == usual { String::new() } else { format!(", stride {stride}") };
    let padding = if padding == 0 { String::new() } else { format!(", padding {padding}") };
    stride + &padding
}

/// What follows, in words.
pub(super) fn behind(norm: Option<NormSharing>, activation: Activation) -> String {
    let norm = match norm {
        Some(NormSharing::Field) => ", norm",
        Some(NormSharing::Map) => ", norm by map",
        None => "",
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
