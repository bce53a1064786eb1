//! Group convolutions in a network of one's own, and a test that it's equivariant. Its tensors are the crate's: drawn from seeded
//! streams, so that a run can be repeated to the bit. `digits.rs` has them in candle's `VarMap` instead.
//!
//! `cargo run --release --example own_layer`

use std::sync::Arc;

use candle_core::{DType, Device, Tensor};
use equisplit::prelude::*;
use equisplit::rng;

/// Lifting, norm, ReLU, a regular group convolution, and the maximum over the group: RGB images to four invariant maps.
struct Encoder {
    layers: Vec<Box<dyn Layer>>,
}

impl Encoder {
    fn new(group: &Arc<PointGroup>, weights: &Weights) -> equisplit::Result<Self> {
        let vb = weights.builder(DType::F32, &Device::Cpu);
        let lifting = lifting_conv(group, 3, 8, 5, ConvConfig::default(), vb.pp("lifting"))?;
        let regular = group_conv(group, 8, 4, 3, ConvConfig::default().with_bias(true), vb.pp("regular"))?;
        let norm = FieldNorm::new(lifting.output().clone(), FieldNormConfig::default(), vb.pp("norm"))?;
        let relu = Activate::new(lifting.output().clone(), Activation::Relu);
        let pool = GroupPool::new(regular.output().clone(), Reduction::Max);
        Ok(Self { layers: vec![Box::new(lifting), Box::new(norm), Box::new(relu), Box::new(regular), Box::new(pool)] })
    }

    fn forward(&self, images: &Tensor, mode: &mut Mode) -> equisplit::Result<Tensor> {
        self.layers.iter().try_fold(images.clone(), |maps, layer| layer.forward_in(&maps, mode))
    }
}

fn main() -> equisplit::Result<()> {
    let group = Arc::new(PointGroup::d4());
    let weights = Weights::new(0);
    let encoder = Encoder::new(&group, &weights)?;
    let noise = rand::distr::Uniform::new(-1.0f32, 1.0).map_err(|e| equisplit::Error::invalid(e.to_string()))?;
    let pixels: Vec<f32> = rand::RngExt::sample_iter(rng::stream(0, "images"), noise).take(2 * 3 * 32 * 32).collect();
    let images = Tensor::from_vec(pixels, (2, 3, 32, 32), &Device::Cpu)?;

    // One step of training, so that the norm has seen a batch, and the gradients of all parameters.
    let maps = encoder.forward(&images, &mut Mode::Training(&mut rng::stream(0, "dropout")))?;
    let gradients = maps.sqr()?.mean_all()?.backward()?;
    for (path, parameter) in weights.learned() {
        let gradient = gradients.get(&parameter).ok_or_else(|| equisplit::Error::invalid(format!("{path}: none")))?;
        println!("{path:<16} {:?} gradient {:.1e}", parameter.dims(), gradient.abs()?.max_all()?.to_scalar::<f32>()?);
    }

    // Turning and mirroring the image turns and mirrors the maps: f(g·x) = g·f(x) for all eight g.
    let (rgb, invariant) = (FieldType::trivial(&group, 3), FieldType::trivial(&group, 4));
    assert_equivariant!(|x| encoder.forward(x, &mut Mode::Inference), &images, &rgb => &invariant);
    println!("equivariant under all {} elements of {}", group.order(), group.name());
    Ok(())
}
