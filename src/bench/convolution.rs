//! Times of single convolutions.

use candle_core::{DType, Device};
use candle_nn::VarBuilder;
use rand::RngExt;
use serde::Serialize;

use super::Timing;
use crate::error::{Error, Result};
use crate::kernel::lanes::{Convolution, LaneShape, Lanes, Wanted, Workspace};
use crate::kernel::{self, Window};
use crate::model::{InputShape, NetConfig, Network};
use crate::nn::{NamedLayer, SlidingWindow};
use crate::rng;

/// A convolution with square kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ConvolutionShape {
    /// Maps before it.
    pub in_maps: usize,
    /// Maps behind it.
    pub out_maps: usize,
    /// Pixels of the kernel in each direction.
    pub kernel: usize,
    /// Height and width of the image, in pixels.
    pub size: [usize; 2],
    /// Zeros on every side.
    pub padding: usize,
    /// Pixels from one position to the next.
    pub stride: usize,
}

/// Times of a convolution's three passes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ConvolutionTimes {
    /// What was measured.
    pub convolution: ConvolutionShape,
    /// Images.
    pub batch: usize,
    /// The output.
    pub forward: Timing,
    /// The gradient of the input.
    pub input_gradient: Timing,
    /// The gradient of the filters.
    pub filter_gradient: Timing,
    /// Floating-point operations of each pass, by the definition of a convolution, in 10⁹.
    pub gflop: f64,
}

/// Most entries of a tensor that is timed: 4 GB.
const MAX_ENTRIES: usize = 1 << 30;

impl ConvolutionShape {
    /// Refuses what can't be made, or not in any usual memory.
    ///
    /// # Errors
    /// A size of 0, a kernel larger than the image, or too many entries.
    pub fn check(&self, batch: usize) -> Result<()> {
        let Self { in_maps, out_maps, kernel, size: [height, width], padding, stride } = *self;
        if [in_maps, out_maps, kernel, height, width, stride, batch].contains(&0) {
            let message = "a convolution needs maps, a kernel, pixels, a stride and images: at least 1 of each";
            return Err(Error::invalid(message));
        }
        let [height, width] = [height, width].map(|pixels| padding.saturating_mul(2).saturating_add(pixels));
        let padded = height.min(width);
        if kernel > padded {
            return Err(Error::invalid(format!("a kernel of {kernel} pixels doesn't fit {padded} padded ones")));
        }
        let product = |factors: &[usize]| factors.iter().fold(1usize, |product, &n| product.saturating_mul(n));
        let maps = product(&[batch, in_maps.max(out_maps), height, width]);
        let filters = product(&[in_maps, out_maps, kernel.max(4), kernel.max(4)]);
        match maps.max(filters) > MAX_ENTRIES {
            true => Err(Error::invalid(format!("a convolution with tensors of more than {MAX_ENTRIES} entries"))),
            false => Ok(()),
        }
    }
}

impl ConvolutionTimes {
    /// Achieved GFLOP/s of forward, input gradient and filter gradient.
    pub fn gflops(&self) -> [f64; 3] {
        [self.forward, self.input_gradient, self.filter_gradient].map(|timing| self.gflop * timing.per_second())
    }
}

/// Times a convolution of `batch` images of noise on the current pool.
///
/// # Errors
/// As [`ConvolutionShape::check`], and when instructions are asked for that aren't there.
pub fn convolution(shape: ConvolutionShape, batch: usize, repeats: usize) -> Result<ConvolutionTimes> {
    let ConvolutionShape { in_maps, out_maps, kernel, size, padding, stride } = shape;
    shape.check(batch)?;
    kernel::check_override()?;
    let input = LaneShape { batch, maps: in_maps, size };
    let window = Window { stride, padding };
    let filters = noise("filters", out_maps * in_maps * kernel * kernel);
    let filter_shape = [out_maps, in_maps, kernel, kernel];
    let filter_entries = filters.len();
    let workspace = Workspace::default();
    let convolution = Convolution::new(input, workspace.copy(&filters), filter_shape, window);
    let convolution = convolution.ok_or_else(|| Error::invalid("the kernel doesn't fit the image"))?;
    let images = noise_maps(&workspace, input);
    let output = convolution.forward(&images, None);
    let gradient = noise_maps(&workspace, output.shape());
    let time = |pass: &dyn Fn(&Convolution)| {
        Timing::of(repeats, || {
            pass(&convolution);
            Ok(())
        })
    };
    let forward = time(&|convolution| drop(convolution.forward(&images, None)))?;
    let input_gradient = time(&|convolution| drop(convolution.backward(&images, &gradient, Wanted::Input)))?;
    let filter_gradient = time(&|convolution| drop(convolution.backward(&images, &gradient, Wanted::Filters)))?;
    let products = output.shape().batch * output.shape().pixels() * filter_entries;
    let gflop = 2.0 * products as f64 / 1e9;
    Ok(ConvolutionTimes { convolution: shape, batch, forward, input_gradient, filter_gradient, gflop })
}

/// The convolutions of a network, by name, those of branches included.
///
/// # Errors
/// When the network can't be built for `input`.
pub fn convolutions_of(config: &NetConfig, input: InputShape) -> Result<Vec<(String, ConvolutionShape)>> {
    let network = Network::new(config, input, &VarBuilder::zeros(DType::F32, &Device::Cpu))?;
    let mut convolutions = Vec::new();
    gather(network.layers(), input.size, &mut convolutions);
    Ok(convolutions)
}

fn gather(layers: &[NamedLayer], mut size: [usize; 2], convolutions: &mut Vec<(String, ConvolutionShape)>) {
    for NamedLayer { name, layer } in layers {
        layer.inner().into_iter().for_each(|(_, branch)| gather(branch, size, convolutions));
        if let (Some([out_maps, in_maps, kernel, _]), Some(window)) = (layer.filter_shape(), layer.window()) {
            let SlidingWindow { stride, padding, .. } = window;
            convolutions.push((name.clone(), ConvolutionShape { in_maps, out_maps, kernel, size, padding, stride }));
        }
        size = layer.output_size(size).unwrap_or(size);
    }
}

fn noise(stream: &str, length: usize) -> Vec<f32> {
    let mut stream = rng::stream(0, stream);
    (0..length).map(|_| stream.random::<f32>() - 0.5).collect()
}

fn noise_maps(workspace: &Workspace, shape: LaneShape) -> Lanes {
    let entries = noise("maps", shape.group());
    Lanes::build(workspace, shape, None, |_, to| to.copy_from_slice(&entries))
}
