//! How a crate of one's own tests its layers: the layer and its test know candle, and of `equisplit` only the types of
//! fields and `assert_equivariant!`.
//!
//! `cargo run --release --example equivariance_test`

use std::sync::Arc;

use candle_core::{D, Device, Module, Result, Tensor};
use equisplit::assert_equivariant;
use equisplit::group::PointGroup;
use equisplit::lab::{EquivarianceReport, TOLERANCE, equivariance_report};
use equisplit::nn::FieldType;

/// Squeeze and excitation (Hu et al. 2018) without weights: every map is weighed by the sigmoid of its mean. For regular
/// fields the weight must be one for the whole field, so the mean goes over the group axis too.
struct Gate {
    /// Maps that share a weight.
    shared: usize,
}

impl Module for Gate {
    fn forward(&self, maps: &Tensor) -> Result<Tensor> {
        let (batch, channels, height, width) = maps.dims4()?;
        let fields = maps.reshape((batch, channels / self.shared, self.shared * height * width))?;
        let weights = candle_nn::ops::sigmoid(&fields.mean_keepdim(D::Minus1)?)?;
        fields.broadcast_mul(&weights)?.reshape(maps.shape())
    }
}

/// A convolution with a pinwheel, which looks the same after quarter turns and changes its sign under mirrors: a scalar
/// field becomes a pseudoscalar one.
struct Pinwheel;

impl Module for Pinwheel {
    fn forward(&self, maps: &Tensor) -> Result<Tensor> {
        const KERNEL: [[f32; 5]; 5] = [
            [0.0, 1.0, 0.0, -1.0, 0.0],
            [-1.0, 0.0, 0.0, 0.0, 1.0],
            [0.0, 0.0, 0.0, 0.0, 0.0],
            [1.0, 0.0, 0.0, 0.0, -1.0],
            [0.0, -1.0, 0.0, 1.0, 0.0],
        ];
        maps.conv2d(&Tensor::new(&KERNEL, maps.device())?.reshape((1, 1, 5, 5))?, 0, 1, 1, 1)
    }
}

fn main() -> equisplit::Result<()> {
    let group = Arc::new(PointGroup::d4());
    let regular = FieldType::regular(&group, 3);
    let x = Tensor::rand(-1f32, 1.0, (2, regular.maps(), 6, 6), &Device::Cpu)?;

    let gate = Gate { shared: group.order() };
    assert_equivariant!(|x| gate.forward(x), &x, &regular => &regular);
    println!("one weight per field: equivariant");

    // Turns take a map to the next, and so from one pair to another: weights shared by pairs don't go along.
    let report = equivariance_report(&x, &regular, &regular, |x| Gate { shared: 2 }.forward(x))?;
    println!("a weight per two maps: {}; {report}", verdict(&report));

    // An output that is no scalar: declared as one, it fails, and the report shows that it's the mirrors.
    let (scalar, sign) = (FieldType::trivial(&group, 1), FieldType::sign(&group, 1));
    let image = Tensor::rand(-1f32, 1.0, (1, 1, 9, 9), &Device::Cpu)?;
    for (name, output) in [("scalar", &scalar), ("pseudoscalar", &sign)] {
        let report = equivariance_report(&image, &scalar, output, |x| Pinwheel.forward(x))?;
        println!("as a {name}: {}; {report}", verdict(&report));
    }
    Ok(())
}

fn verdict(report: &EquivarianceReport) -> &'static str {
    if report.holds(TOLERANCE) { "equivariant" } else { "not equivariant" }
}
