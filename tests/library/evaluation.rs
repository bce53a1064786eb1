//! Filters that are kept while no weight changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use candle_core::{DType, Device, Tensor};
use equisplit::bank::{Bank, Parameter, Rings, SteerableBank};
use equisplit::group::{PointGroup, Representation};
use equisplit::model::{InputShape, NetConfig, Network};
use equisplit::nn::{Conv, ConvConfig, Filters, Layer, Mode, Weights};

use crate::kernel_support::{flat, random};

/// A bank that counts how often it's asked for filters.
#[derive(Debug)]
struct Counting(SteerableBank, Arc<AtomicUsize>);

impl Bank for Counting {
    fn filter_shape(&self) -> [usize; 4] {
        self.0.filter_shape()
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.0.parameters()
    }

    fn filters(&self, values: &[Tensor]) -> equisplit::Result<Tensor> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.filters(values)
    }
}

#[test]
fn filters_are_computed_once_and_never_taken_for_those_of_another_layer() {
    let group = Arc::new(PointGroup::c8());
    let layer = |seed| {
        let bank = SteerableBank::group(&group, Representation::Trivial, [2, 1, 5], &Rings::default()).unwrap();
        let count = Arc::new(AtomicUsize::new(0));
        let vb = Weights::new(seed).builder(DType::F64, &Device::Cpu);
        (Conv::new(Box::new(Counting(bank, count.clone())), &group, ConvConfig::default(), vb).unwrap(), count)
    };
    let x = random(&[2, 1, 9, 9], "x");
    let mut filters = Filters::default();
    for seed in 0..3 {
        // Each is gone before the next one is made.
        let (conv, count) = layer(seed);
        let expected = flat(&conv.forward_in(&x, &mut Mode::Inference).unwrap());
        for _ in 0..3 {
            assert_eq!(flat(&conv.forward_in(&x, &mut Mode::Evaluation(&mut filters)).unwrap()), expected);
        }
        assert_eq!(count.load(Ordering::Relaxed), 2, "once in inference, once for three batches");
    }
}

#[test]
fn evaluation_is_inference() {
    for name in ["p4", "steerable", "repeat-swish"] {
        let config = NetConfig { dropout: 0.5, ..NetConfig::preset(name).unwrap() };
        let weights = Weights::new(2);
        let network = Network::new(&config, InputShape::DIGITS, &weights.builder(DType::F32, &Device::Cpu)).unwrap();
        let images = random(&[3, 1, 28, 28], "images").to_dtype(DType::F32).unwrap();
        let scores = |mode: &mut Mode| flat(network.output(&images, mode).unwrap().tensor());
        let expected = scores(&mut Mode::Inference);
        let mut filters = Filters::default();
        for _ in 0..2 {
            assert_eq!(scores(&mut Mode::Evaluation(&mut filters)), expected, "{name}");
        }
    }
}
