//! Layers as modules of candle, trained by candle's optimiser on the variables of candle's `VarMap`.

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::{DType, Device, Module, ModuleT, Tensor};
use candle_nn::{AdamW, Optimizer, ParamsAdamW, VarBuilder, VarMap};
use equisplit::bank::{
    Bank, CopiesBank, FreeBank, Kind, RandomMaskBank, RepeatDropBank, RepeatLinearBank, RepeatMaskBank,
    RepeatSwishBank, Rescale, Scramble,
};
use equisplit::group::{PointGroup, Representation};
use equisplit::nn::{
    Activate, Activation, Conv, ConvConfig, FieldDropout, FieldNorm, FieldNormConfig, GroupPool, Layer, Linear,
    LinearConfig, Mode, Reduction, SpatialPool, group_conv, lifting_conv, p4_conv, p4_lifting, p4m_conv, p4m_lifting,
    seq_t,
};
use equisplit::rng;

#[allow(dead_code, reason = "the example's main")]
#[path = "../../examples/digits.rs"]
mod digits;

const C: Device = Device::Cpu;

fn images(shape: (usize, usize, usize, usize)) -> Tensor {
    Tensor::randn(0f32, 1.0, shape, &C).unwrap()
}

fn entries(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn values(variables: &VarMap) -> HashMap<String, Vec<u32>> {
    let data = variables.data().lock().unwrap();
    let bits = |tensor: &Tensor| entries(tensor).into_iter().map(f32::to_bits).collect();
    data.iter().map(|(path, var)| (path.clone(), bits(var.as_tensor()))).collect()
}

fn every_bank() -> Vec<Box<dyn Bank>> {
    let rescale = Rescale { base: [2, 3], scaled: [4, 6], kernel: 3 };
    let c4 = PointGroup::c4();
    let scrambled =
        CopiesBank::scrambled(&c4, Representation::Trivial, [1, 6, 3], Scramble::Joint, &mut rng::stream(0, "s"));
    vec![
        Box::new(FreeBank::new(4, 6, 3).unwrap()),
        Box::new(CopiesBank::group(&c4, Representation::Trivial, [1, 6, 3]).unwrap()),
        Box::new(scrambled.unwrap()),
        Box::new(RepeatLinearBank::new(rescale).unwrap()),
        Box::new(RepeatSwishBank::new(rescale).unwrap()),
        Box::new(RepeatMaskBank::new(rescale).unwrap()),
        Box::new(RepeatDropBank::new(rescale, 0.5).unwrap()),
        Box::new(RandomMaskBank::new(rescale).unwrap()),
    ]
}

/// Every tensor of a bank is a variable of the map, the frozen ones too; candle's optimiser gets them all, with a decay that
/// would shrink whatever it finds a gradient for.
#[test]
fn an_optimiser_of_all_variables_changes_what_is_learned_and_nothing_else() {
    let group = Arc::new(PointGroup::c4());
    let mut frozen_seen = 0;
    for bank in every_bank() {
        let (variables, name) = (VarMap::new(), format!("{bank:?}"));
        let vb = VarBuilder::from_varmap(&variables, DType::F32, &C);
        let kinds: Vec<(&str, Kind)> = bank.parameters().iter().map(|p| (p.name, p.kind)).collect();
        let conv = Conv::new(bank, &group, ConvConfig::default().with_bias(true), vb.pp("conv")).unwrap();
        let norm = FieldNorm::new(conv.output().clone(), FieldNormConfig::default(), vb.pp("norm")).unwrap();
        let network = seq_t().add(conv).add(norm).add_fn(Tensor::sqr);
        let before = values(&variables);
        let params = ParamsAdamW { lr: 0.01, weight_decay: 0.1, ..Default::default() };
        let mut optimiser = AdamW::new(variables.all_vars(), params).unwrap();
        let x = images((5, 6, 7, 7));
        let target = images((5, 4, 5, 5));
        for _ in 0..3 {
            let loss = (network.forward_t(&x, true).unwrap() - &target).unwrap().sqr().unwrap().mean_all().unwrap();
            optimiser.backward_step(&loss).unwrap();
        }
        let after = values(&variables);
        for (parameter, kind) in kinds {
            let (path, frozen) = match kind {
                Kind::Frozen => (format!("conv.buffers.{parameter}"), true),
                Kind::Real | Kind::OneBit => (format!("conv.{parameter}"), false),
            };
            assert_eq!(before[&path] == after[&path], frozen, "{name}: {path}");
            frozen_seen += usize::from(frozen);
        }
        assert_ne!(before["norm.gamma"], after["norm.gamma"], "{name}");
        assert_ne!(before["norm.buffers.running_mean"], after["norm.buffers.running_mean"], "{name}");
    }
    assert_eq!(frozen_seen, 2);
}

/// Running statistics follow the batches, and the optimiser has no part in it: they are the same whether it steps or not.
#[test]
fn running_statistics_follow_batches_alone() {
    let group = Arc::new(PointGroup::c4());
    let batches: Vec<Tensor> = (0..4).map(|_| images((6, 3, 5, 5))).collect();
    let fields = equisplit::nn::FieldType::trivial(&group, 3);
    let statistics = |learning_rate: Option<f64>| {
        let variables = VarMap::new();
        let vb = VarBuilder::from_varmap(&variables, DType::F32, &C);
        let norm = FieldNorm::new(fields.clone(), FieldNormConfig::default(), vb).unwrap();
        let mut optimiser = AdamW::new_lr(variables.all_vars(), learning_rate.unwrap_or(0.0)).unwrap();
        for batch in &batches {
            let loss = norm.forward_t(batch, true).unwrap().powf(3.0).unwrap().sum_all().unwrap();
            if learning_rate.is_some() {
                optimiser.backward_step(&loss).unwrap();
            }
        }
        let values = values(&variables);
        ["buffers.running_mean", "buffers.running_variance"].map(|path| values[path].clone())
    };
    assert_eq!(statistics(Some(0.1)), statistics(None));
    // Inference uses them, and leaves them as they are.
    let variables = VarMap::new();
    let norm =
        FieldNorm::new(fields.clone(), FieldNormConfig::default(), VarBuilder::from_varmap(&variables, DType::F32, &C));
    let norm = norm.unwrap();
    norm.forward_t(&batches[0], true).unwrap();
    let before = values(&variables);
    let found = norm.forward_t(&batches[1], false).unwrap();
    let expected = norm.forward_in(&batches[1], &mut Mode::Inference).unwrap();
    assert_eq!(before, values(&variables));
    assert_eq!(entries(&found), entries(&expected));
}

#[test]
fn layers_join_candles_sequences_and_give_what_they_give_alone() {
    let variables = VarMap::new();
    let vb = VarBuilder::from_varmap(&variables, DType::F32, &C);
    let config = ConvConfig::default().with_padding(1);
    let (conv, relu) = (p4_lifting(2, 3, 3, config, vb.pp("a")).unwrap(), |conv: &Conv| {
        Activate::new(conv.output().clone(), Activation::Relu)
    });
    let next = p4_conv(3, 2, 3, config, vb.pp("b")).unwrap();
    let pool = SpatialPool::new(next.output().clone(), Reduction::Mean, 2).unwrap();
    let group_pool = GroupPool::new(next.output().clone(), Reduction::Max);
    let head = Linear::new(group_pool.output().clone(), [3, 3], 4, LinearConfig::default(), vb.pp("head")).unwrap();
    let x = images((3, 2, 6, 6));
    let mode = &mut Mode::Inference;
    let layers: [&dyn Layer; 6] = [&conv, &relu(&conv), &next, &pool, &group_pool, &head];
    let expected = layers.iter().try_fold(x.clone(), |maps, layer| layer.forward_in(&maps, mode)).unwrap();
    // `apply` is candle's way to call a module.
    let applied = x.apply(&conv).unwrap().apply(&relu(&conv)).unwrap().apply_t(&next, true).unwrap();
    let relu = relu(&conv);
    let network = candle_nn::seq().add(conv).add(relu).add(next).add(pool).add(group_pool).add(head);
    assert_eq!(entries(&network.forward(&x).unwrap()), entries(&expected));
    assert_eq!(entries(&network.forward_all(&x).unwrap()[2]), entries(&applied));
    // An error says what was wrong, through candle's type.
    let message = network.forward(&images((1, 3, 6, 6))).unwrap_err().to_string();
    assert!(message.contains("don't fit"), "{message}");
}

#[test]
fn dropout_draws_from_a_stream_of_its_own() {
    let fields = equisplit::nn::FieldType::regular(&Arc::new(PointGroup::c4()), 2);
    let ones = Tensor::ones((4, 8, 6, 6), DType::F32, &C).unwrap();
    let bare = FieldDropout::new(fields.clone(), 0.5).unwrap();
    assert!(bare.forward_t(&ones, true).unwrap_err().to_string().contains("with_stream"));
    assert_eq!(entries(&bare.forward_t(&ones, false).unwrap()), entries(&ones));

    let dropout = |name| FieldDropout::new(fields.clone(), 0.5).unwrap().with_stream(rng::stream(1, name));
    let draws = |dropout: &FieldDropout| [0; 2].map(|_| entries(&dropout.forward_t(&ones, true).unwrap()));
    let [first, second] = draws(&dropout("a"));
    assert_ne!(first, second);
    assert_eq!([first.clone(), second], draws(&dropout("a")));
    assert_ne!(first, draws(&dropout("b"))[0]);
    // What the mode brings is as good.
    let stream = &mut rng::stream(1, "a");
    assert_eq!(first, entries(&bare.forward_in(&ones, &mut Mode::Training(stream)).unwrap()));
    assert!(first.iter().all(|&kept| kept == 0.0 || kept == 2.0));
}

#[test]
fn group_convolutions_in_one_call_are_those_of_the_banks() {
    let config = ConvConfig::default().with_bias(true).with_stride(2).with_padding(1);
    let d4 = Arc::new(PointGroup::d4());
    let made = |make: &dyn Fn(VarBuilder) -> equisplit::Result<Conv>| {
        let variables = VarMap::new();
        make(VarBuilder::from_varmap(&variables, DType::F32, &C)).unwrap()
    };
    for (conv, weight, maps) in [
        (made(&|vb| p4_lifting(2, 3, 5, config, vb)), vec![3, 2, 5, 5], [12, 2]),
        (made(&|vb| p4_conv(2, 3, 5, config, vb)), vec![3, 2, 4, 5, 5], [12, 8]),
        (made(&|vb| p4m_lifting(2, 3, 5, config, vb)), vec![3, 2, 5, 5], [24, 2]),
        (made(&|vb| p4m_conv(2, 3, 5, config, vb)), vec![3, 2, 8, 5, 5], [24, 16]),
        (made(&|vb| lifting_conv(&d4, 2, 3, 5, config, vb)), vec![3, 2, 5, 5], [24, 2]),
        (made(&|vb| group_conv(&d4, 2, 3, 5, config, vb)), vec![3, 2, 8, 5, 5], [24, 16]),
    ] {
        assert_eq!(conv.weight().unwrap().dims(), weight);
        assert_eq!(conv.bias().unwrap().dims(), [3]);
        assert_eq!(*conv.config(), config);
        assert_eq!([conv.output().maps(), conv.input().maps()], maps);
        let filters = conv.filters().unwrap();
        assert_eq!(filters.dims(), [maps[0], maps[1], 5, 5]);
        let made = conv.bank().filters(conv.weights()).unwrap();
        assert_eq!(entries(&filters), entries(&made));
        let layer: &dyn Layer = &conv;
        assert_eq!(entries(&layer.filters().unwrap().unwrap()), entries(&filters));
        assert!(Activate::new(conv.output().clone(), Activation::Relu).filters().unwrap().is_none());
        assert_eq!(conv.forward(&images((2, maps[1], 7, 7))).unwrap().dims(), [2, maps[0], 3, 3]);
    }
    let variables = VarMap::new();
    assert!(p4_conv(0, 3, 5, config, VarBuilder::from_varmap(&variables, DType::F32, &C)).is_err());
}

#[test]
fn configurations_are_built_step_by_step() {
    let config = FieldNormConfig::default().with_epsilon(1e-3).with_momentum(0.5).with_activation(Activation::Elu);
    assert_eq!((config.epsilon, config.momentum, config.activation), (1e-3, 0.5, Activation::Elu));
    let config = ConvConfig::default().with_stride(3).with_padding(2);
    assert_eq!((config.window.stride, config.window.padding, config.bias), (3, 2, false));
}

#[test]
fn the_example_learns_digits() {
    let error = digits::test_error().unwrap();
    assert!(error < 0.15, "{error}, where guesses have 0.9");
}
