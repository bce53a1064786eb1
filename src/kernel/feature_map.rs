//! Feature maps on their way through a network, and the gradients on their way back.

use candle_core::backprop::GradStore;
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Result, Shape, Tensor, Var};

use super::lanes::{Lanes, Workspace};

/// Feature maps (batch, maps, height, width), which know how they are stored.
///
/// The one place where it's decided what computes: on the CPU, f32 maps can be kept in vector lanes, where operators of our
/// own with hand-written gradients run; all else are tensors, with the operators of [`kernel`](crate::kernel) that candle
/// differentiates. Both give the same numbers up to rounding.
pub struct FeatureMap(pub(super) Storage);

pub(super) enum Storage {
    Tensor(Tensor),
    Lanes(Lanes, Option<Tape>),
}

/// What was done to the maps, for the way back; candle's own record adds the gradient of every operator to a tensor of zeros,
/// which costs as much as the operators themselves.
#[derive(Default)]
pub(super) struct Tape(Vec<Pullback>);

/// The way back through an operator: from the gradient of its output to that of its input, if it's asked for, and those of
/// tensors that candle knows.
pub(super) type Pullback = Box<dyn FnOnce(Lanes, bool) -> Result<(Option<Lanes>, GradStore)> + Send>;

impl FeatureMap {
    /// Maps that stay tensors, part of candle's graph.
    pub fn from_tensor(tensor: &Tensor) -> Self {
        Self(Storage::Tensor(tensor.clone()))
    }

    /// Images on the way through a network: in lanes where they can be. If `record`, [`Output::backward`] can be asked for.
    ///
    /// # Errors
    /// When `images` doesn't have four dimensions, or has no pixels.
    pub fn from_images(images: &Tensor, workspace: &Workspace, record: bool) -> Result<Self> {
        if !(images.device().is_cpu() && images.dtype() == DType::F32) {
            return Ok(Self::from_tensor(images));
        }
        if images.elem_count() == 0 {
            candle_core::bail!("images of the shape {:?} have no pixels", images.shape())
        }
        let lanes = Lanes::from_tensor(workspace, images)?;
        Ok(Self(Storage::Lanes(lanes, record.then(Tape::default))))
    }

    /// Batch, maps, height and width.
    ///
    /// # Errors
    /// When a tensor doesn't have four dimensions.
    pub fn dims(&self) -> Result<[usize; 4]> {
        match &self.0 {
            Storage::Tensor(tensor) => tensor.dims4().map(Into::into),
            Storage::Lanes(lanes, _) => {
                let shape = lanes.shape();
                Ok([shape.batch, shape.maps, shape.size[0], shape.size[1]])
            }
        }
    }

    /// The maps as a tensor.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn into_tensor(self) -> Result<Tensor> {
        match self.0 {
            Storage::Tensor(tensor) => Ok(tensor),
            Storage::Lanes(lanes, _) => lanes.to_tensor(),
        }
    }

    /// Applies an operator that is only written for tensors; candle differentiates it.
    ///
    /// # Errors
    /// Those of the operator.
    pub fn through(self, operator: impl FnOnce(&Tensor) -> Result<Tensor>) -> Result<Self> {
        let (lanes, tape) = match self.0 {
            Storage::Tensor(tensor) => return Ok(Self(Storage::Tensor(operator(&tensor)?))),
            Storage::Lanes(lanes, tape) => (lanes, tape),
        };
        let workspace = lanes.workspace().clone();
        let input = Var::from_tensor(&lanes.to_tensor()?)?;
        let output = operator(input.as_tensor())?;
        let result = Lanes::from_tensor(&workspace, &output)?;
        let pullback = move |gradient: Lanes, of_input: bool| {
            let mut gradients = (output * gradient.to_tensor()?)?.sum_all()?.backward()?;
            let of_map = gradients.remove(&input).filter(|_| of_input);
            Ok((of_map.map(|g| Lanes::from_tensor(&workspace, &g)).transpose()?, gradients))
        };
        Ok(Self(Storage::Lanes(result, tape.map(|tape| tape.with(pullback)))))
    }

    /// The maps in lanes, which they were put into, and their tape.
    pub(super) fn in_lanes(self) -> Result<(Lanes, Option<Tape>)> {
        match self.0 {
            Storage::Lanes(lanes, tape) => Ok((lanes, tape)),
            Storage::Tensor(_) => candle_core::bail!("a branch took its maps out of the lanes"),
        }
    }

    /// Ends the way through: the maps as a tensor that a loss can be computed from.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn output(self) -> Result<Output> {
        match self.0 {
            Storage::Tensor(tensor) => Ok(Output { tensor, back: Back::Graph }),
            Storage::Lanes(lanes, tape) => {
                let leaf = Var::from_tensor(&lanes.to_tensor()?)?;
                let workspace = lanes.workspace().clone();
                let tensor = leaf.as_tensor().clone();
                let back = tape.map_or(Back::NotRecorded, |tape| Back::Tape(tape, leaf, workspace));
                Ok(Output { tensor, back })
            }
        }
    }
}

/// What a network gives.
pub struct Output {
    tensor: Tensor,
    back: Back,
}

/// How the gradients come back.
enum Back {
    /// Candle knows the whole way.
    Graph,
    /// Candle knows the way to the variable, the tape that from there on.
    Tape(Tape, Var, Workspace),
    /// They can't.
    NotRecorded,
}

impl Output {
    /// The maps (batch, maps, height, width).
    pub fn tensor(&self) -> &Tensor {
        &self.tensor
    }

    /// The gradients of `loss`, computed from [`Output::tensor`], with respect to all parameters on the way.
    ///
    /// # Errors
    /// When the way wasn't recorded, or a tensor operation fails.
    pub fn backward(self, loss: &Tensor) -> Result<GradStore> {
        let (tape, leaf, workspace) = match self.back {
            Back::Graph => return loss.backward(),
            Back::Tape(tape, leaf, workspace) => (tape, leaf, workspace),
            Back::NotRecorded => candle_core::bail!("there are no gradients of inference; use Mode::Training"),
        };
        let mut gradients = loss.backward()?;
        let Some(gradient) = gradients.remove(&leaf) else { return Ok(gradients) };
        let gradient = Lanes::from_tensor(&workspace, &gradient)?;
        tape.back(gradient, false, &mut gradients)?;
        Ok(gradients)
    }
}

impl Tape {
    pub(super) fn with(
        mut self,
        pullback: impl FnOnce(Lanes, bool) -> Result<(Option<Lanes>, GradStore)> + Send + 'static,
    ) -> Self {
        self.0.push(Box::new(pullback));
        self
    }

    /// The way back from the gradient of what the tape led to: that of the maps it began with, if it's asked for. What candle knows is
    /// added to `of_parameters`.
    pub(super) fn back(self, gradient: Lanes, of_start: bool, of_parameters: &mut GradStore) -> Result<Option<Lanes>> {
        let mut gradient = Some(gradient);
        for (n, pullback) in self.0.into_iter().enumerate().rev() {
            let Some(of_output) = gradient.take() else { break };
            let (of_input, more) = pullback(of_output, n > 0 || of_start)?;
            of_parameters.extend(more)?;
            gradient = of_input;
        }
        Ok(gradient)
    }
}

/// A number that nobody asks for, with this gradient: without the tensors of its size that candle would make of a product and a sum
/// to say the same.
struct Given(Tensor);

impl CustomOp1 for Given {
    fn name(&self) -> &'static str {
        "given"
    }

    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![0.0]), ().into()))
    }

    fn bwd(&self, _: &Tensor, _: &Tensor, _: &Tensor) -> Result<Option<Tensor>> {
        Ok(Some(self.0.clone()))
    }
}

/// The gradients of what candle made `tensors` from, given theirs.
pub(super) fn of_parameters<const N: usize>(tensors: [(&Tensor, Vec<f32>); N]) -> Result<GradStore> {
    let mut gradients = GradStore::default();
    let mut sum: Option<Tensor> = None;
    for (tensor, gradient) in tensors {
        let gradient = Tensor::from_vec(gradient, tensor.shape(), tensor.device())?;
        if tensor.is_variable() {
            let mut own = GradStore::default();
            own.insert(tensor, gradient);
            gradients.extend(own)?;
            continue;
        }
        let given = tensor.apply_op1(Given(gradient))?;
        sum = Some(match sum {
            Some(sum) => (sum + given)?,
            None => given,
        });
    }
    if let Some(sum) = sum {
        gradients.extend(sum.backward()?)?;
    }
    Ok(gradients)
}
