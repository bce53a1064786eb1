//! A rotation-equivariant network as candle's users build and train theirs: layers of `equisplit::nn` in a sequence with candle's
//! own, their tensors in candle's `VarMap`, trained by candle's `AdamW`.
//!
//! A small P4CNN (Cohen & Welling 2016) learns the digits that the crate draws itself, each turned by any angle, in four passes
//! over 1,500 of them; of 1,000 others it then takes about 2 % for another digit, where guesses would be wrong in 90 %. That's
//! about 10 seconds on one core. The network's first values come from candle's generator, which has no seed on the CPU, so that
//! every run ends a little different.
//!
//! `cargo run --release --example digits`

use candle_nn::loss::cross_entropy;
use candle_nn::{AdamW, Optimizer, VarBuilder, VarMap};
use equisplit::candle_core::{DType, Device, Tensor};
use equisplit::data::{Images, builtin};
use equisplit::prelude::*;
use equisplit::rng;
use rand::seq::SliceRandom;

const EPOCHS: usize = 4;
const BATCH: usize = 50;

/// From images (batch, 1, 28, 28) to scores (batch, 10): three group convolutions, the maximum over turns and pixels, a linear
/// layer. The scores don't change when the image makes a quarter turn.
fn network(vb: &VarBuilder) -> equisplit::Result<SequentialT> {
    let relu = FieldNormConfig::default().with_activation(Activation::Relu);
    let config = ConvConfig::default();
    let conv1 = p4_lifting(1, 6, 5, config, vb.pp("conv1"))?;
    let norm1 = FieldNorm::new(conv1.output().clone(), relu, vb.pp("norm1"))?;
    let pool1 = SpatialPool::new(conv1.output().clone(), Reduction::Max, 2)?;
    let conv2 = p4_conv(6, 8, 3, config, vb.pp("conv2"))?;
    let norm2 = FieldNorm::new(conv2.output().clone(), relu, vb.pp("norm2"))?;
    let pool2 = SpatialPool::new(conv2.output().clone(), Reduction::Max, 2)?;
    let conv3 = p4_conv(8, 16, 4, config, vb.pp("conv3"))?;
    let norm3 = FieldNorm::new(conv3.output().clone(), relu, vb.pp("norm3"))?;
    let turns = GroupPool::new(conv3.output().clone(), Reduction::Max);
    let pixels = GlobalPool::new(turns.output().clone(), Reduction::Max);
    let head = candle_nn::linear(16, 10, vb.pp("head"))?;
    let network = seq_t().add(conv1).add(norm1).add(pool1).add(conv2).add(norm2).add(pool2).add(conv3).add(norm3);
    Ok(network.add(turns).add(pixels).add_fn(|maps| maps.flatten_from(1)).add(head))
}

/// Images (count, 1, 28, 28) around 0, and their labels.
fn tensors(images: &Images) -> equisplit::Result<[Tensor; 2]> {
    let pixels = Tensor::from_iter(images.pixels.iter(), &Device::Cpu)?.affine(4.0, -0.5)?;
    let labels = images.labels.iter().map(|&label| u32::from(label)).collect::<Vec<_>>();
    Ok([pixels.reshape((images.len(), 1, images.height, images.width))?, Tensor::new(labels, &Device::Cpu)?])
}

/// Trains a network and returns the part of the test images that it gets wrong.
pub fn test_error() -> equisplit::Result<f64> {
    let digits = builtin::digits(0, 1500, 1000)?;
    let [images, labels] = tensors(&digits.train)?;
    let variables = VarMap::new();
    let network = network(&VarBuilder::from_varmap(&variables, DType::F32, &Device::Cpu))?;
    let mut optimiser = AdamW::new_lr(variables.all_vars(), 0.01)?;
    let mut order: Vec<u32> = (0..digits.train.len() as u32).collect();
    let mut stream = rng::stream(0, "order");
    for _ in 0..EPOCHS {
        order.shuffle(&mut stream);
        for batch in order.chunks(BATCH) {
            let batch = Tensor::new(batch, &Device::Cpu)?;
            let scores = network.forward_t(&images.index_select(&batch, 0)?, true)?;
            optimiser.backward_step(&cross_entropy(&scores, &labels.index_select(&batch, 0)?)?)?;
        }
    }
    let [images, labels] = tensors(&digits.test)?;
    let answers = network.forward_t(&images, false)?.argmax(1)?;
    let wrong = answers.ne(&labels)?.to_dtype(DType::F64)?.mean_all()?.to_scalar::<f64>()?;
    check_turns(&network)?;
    Ok(wrong)
}

/// Any image scores the same after a quarter turn, whatever the network has learned.
fn check_turns(network: &SequentialT) -> equisplit::Result<()> {
    let image = FieldType::trivial(&std::sync::Arc::new(PointGroup::c4()), 1);
    let scores = FieldType { fields: 10, ..image.clone() };
    let noise = Tensor::rand(-1f32, 1.0, (2, 1, 28, 28), &Device::Cpu)?;
    // Exactly so since the windows of this network's pools divide what they pool.
    assert_equivariant!(|x| network.forward_t(x, false)?.reshape((2, 10, 1, 1)), &noise, &image => &scores);
    Ok(())
}

fn main() -> equisplit::Result<()> {
    println!("test error {:.1} %", 100.0 * test_error()?);
    Ok(())
}
