//! Optimisers, schedules and losses against PyTorch's numbers, which `fixtures/optimisers.py` printed.

use std::collections::{BTreeMap, HashMap};

use candle_core::backprop::GradStore;
use candle_core::{Device, Tensor, Var};
use equisplit::train::{
    DecayOn, Method, Optimiser, OptimiserConfig, Protocol, Schedule, TrainingConfig, cross_entropy,
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    steps: HashMap<String, BTreeMap<String, Vec<f64>>>,
    schedules: HashMap<String, Vec<f64>>,
    smoothing: Smoothing,
}

#[derive(Deserialize)]
struct Smoothing {
    loss: f64,
    gradient: Vec<f64>,
}

fn expected() -> Expected {
    serde_json::from_str(include_str!("../fixtures/optimisers.json")).unwrap()
}

const SHAPES: [(&str, &[usize]); 2] = [("bias", &[4]), ("filters", &[2, 3, 2, 2])];

fn tensor(shape: &[usize], entry: impl Fn(f64) -> f64) -> Tensor {
    let entries: Vec<f32> = (0..shape.iter().product()).map(|n: usize| entry(n as f64) as f32).collect();
    Tensor::from_vec(entries, shape, &Device::Cpu).unwrap()
}

fn start() -> BTreeMap<String, Var> {
    let of = |(name, shape): (&str, &[usize])| {
        let values = tensor(shape, |n| (0.9 * n + name.len() as f64).cos());
        (name.to_owned(), Var::from_tensor(&values).unwrap())
    };
    SHAPES.into_iter().map(of).collect()
}

/// The gradients of step `step`, which depend on the parameters.
fn gradients(parameters: &BTreeMap<String, Var>, step: usize) -> GradStore {
    let mut gradients = GradStore::default();
    for (name, shape) in SHAPES {
        let wave = tensor(shape, |n| 3.0 * (1.3 * n + 0.7 * step as f64).sin());
        let parameter = &parameters[name];
        gradients.insert(parameter, (wave + (parameter.as_detached_tensor() * 0.5).unwrap()).unwrap());
    }
    gradients
}

fn values(parameters: &BTreeMap<String, Var>) -> BTreeMap<String, Vec<f64>> {
    let of = |var: &Var| var.flatten_all().unwrap().to_vec1::<f32>().unwrap().into_iter().map(f64::from).collect();
    parameters.iter().map(|(name, var)| (name.clone(), of(var))).collect()
}

fn close(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-6 * expected.abs().max(1.0), "{what}: {found}, not {expected}");
    }
}

#[test]
fn ten_steps_lead_where_pytorchs_do() {
    let adam = OptimiserConfig::default();
    let sgd = OptimiserConfig { method: Method::Sgd, ..adam };
    let momentum = OptimiserConfig { momentum: 0.9, weight_decay: 0.1, ..sgd };
    let configs = [
        ("adam", adam),
        ("adam-decay", OptimiserConfig { weight_decay: 0.1, ..adam }),
        ("adamw", OptimiserConfig { method: Method::Adamw, weight_decay: 0.1, ..adam }),
        ("sgd", sgd),
        ("sgd-momentum", momentum),
        ("sgd-nesterov", OptimiserConfig { nesterov: true, ..momentum }),
        ("sgd-clipped", OptimiserConfig { clip_norm: Some(1.0), ..momentum }),
        ("adam-clipped-little", OptimiserConfig { clip_norm: Some(11.0), ..adam }),
    ];
    let expected = expected().steps;
    assert_eq!(expected.len(), configs.len());
    for (name, config) in configs {
        let parameters = start();
        let mut optimiser = Optimiser::new(parameters.clone(), config).unwrap();
        for step in 0..10 {
            // Taken up in the middle, from what a checkpoint holds.
            if step == 4 {
                let mut other = Optimiser::new(parameters.clone(), config).unwrap();
                other.load(&optimiser.state(), optimiser.steps()).unwrap();
                optimiser = other;
            }
            optimiser.step(&gradients(&parameters, step), 0.01).unwrap();
        }
        for (parameter, found) in values(&parameters) {
            close(&found, &expected[name][&parameter], &format!("{name}, {parameter}"));
        }
    }
}

/// λ·sign(x) and decay on filters alone, against the definition on numbers.
#[test]
fn penalties_are_of_the_parameters_that_they_are_for() {
    for decay_on in [DecayOn::All, DecayOn::Filters] {
        let config =
            OptimiserConfig { method: Method::Sgd, l1: 0.2, weight_decay: 0.1, decay_on, ..OptimiserConfig::default() };
        let (parameters, before) = (start(), values(&start()));
        let store = gradients(&parameters, 0);
        let plain: BTreeMap<&str, Vec<f32>> = SHAPES
            .map(|(name, _)| (name, store.get(&parameters[name]).unwrap().flatten_all().unwrap().to_vec1().unwrap()))
            .into();
        Optimiser::new(parameters.clone(), config).unwrap().step(&store, 0.01).unwrap();
        for (name, found) in values(&parameters) {
            let penalised = decay_on == DecayOn::All || name == "filters";
            let moved = before[&name].iter().zip(&plain[name.as_str()]).map(|(x, g)| {
                let penalty = if penalised { 0.2 * x.signum() + 0.1 * x } else { 0.0 };
                x - 0.01 * (f64::from(*g) + penalty)
            });
            close(&found, &moved.collect::<Vec<_>>(), &name);
        }
    }
}

#[test]
fn schedules_are_pytorchs() {
    let plain = TrainingConfig { learning_rate: 0.1, epochs: 12, ..TrainingConfig::default() };
    let configs = [
        ("exponential", TrainingConfig { decay: 0.8, decay_from: 2, ..plain.clone() }),
        (
            "multistep",
            TrainingConfig { schedule: Schedule::Multistep, milestones: vec![3, 7], decay: 0.1, ..plain.clone() },
        ),
        ("cosine", TrainingConfig { schedule: Schedule::Cosine, ..plain.clone() }),
    ];
    let expected = expected().schedules;
    for (name, config) in configs {
        config.check().unwrap();
        let found: Vec<f64> = (1..=12).map(|epoch| config.learning_rate_in(epoch)).collect();
        close(&found, &expected[name], name);
        // Without a warm-up all steps of an epoch have its rate.
        assert_eq!(config.learning_rate_at(5, 3, 10), config.learning_rate_in(5));
    }
    // Two epochs of four steps.
    let warm = TrainingConfig { warmup: 2, ..plain.clone() };
    let found: Vec<f64> = (0..8).map(|step| warm.learning_rate_at(1 + step / 4, step % 4, 4)).collect();
    close(&found, &expected["warm-up-steps"], "warm-up");
    // What follows a warm-up is half a cosine over the other epochs.
    let cosine = TrainingConfig { schedule: Schedule::Cosine, epochs: 14, ..warm };
    let found: Vec<f64> = (3..=14).map(|epoch| cosine.learning_rate_at(epoch, 0, 4)).collect();
    close(&found, &expected["cosine"], "warm-up and cosine");
}

#[test]
fn labels_are_smoothed_as_pytorch_does() {
    let scores = tensor(&[3, 5], |n| ((2.1 * (n % 5.0) + (n / 5.0).floor()).sin()) * 4.0);
    let scores = Var::from_tensor(&scores).unwrap();
    let labels = Tensor::new(&[0u32, 4, 2], &Device::Cpu).unwrap();
    let loss = cross_entropy(&scores, &labels, 0.1).unwrap();
    let Smoothing { loss: expected, gradient } = expected().smoothing;
    close(&[f64::from(loss.to_scalar::<f32>().unwrap())], &[expected], "loss");
    let found = loss.backward().unwrap().get(&scores).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
    close(&found.into_iter().map(f64::from).collect::<Vec<_>>(), &gradient, "gradient");
}

#[test]
fn protocols_can_be_run_and_what_nothing_would_read_is_refused() {
    use Protocol::{Repeatnet2021Cifar, WeilerCesa2019, WeilerCesa2019Final};
    for protocol in Protocol::ALL {
        protocol.config().check().unwrap();
        assert_eq!(serde_json::to_value(protocol).unwrap(), protocol.name());
    }
    let cifar = Repeatnet2021Cifar.config();
    for (epoch, rate) in [(1, 0.1), (80, 0.1), (81, 0.01), (120, 0.01), (121, 0.001), (160, 0.001)] {
        assert!((cifar.learning_rate_in(epoch) - rate).abs() < 1e-12, "{epoch}");
    }
    // The code counts epochs from 0, and decays where they are above 10 and 15.
    for (protocol, last, rate) in [(WeilerCesa2019, 11, 0.001), (WeilerCesa2019Final, 16, 0.015)] {
        let config = protocol.config();
        assert_eq!(config.learning_rate_in(last), rate);
        assert!((config.learning_rate_in(last + 2) - rate * 0.64).abs() < 1e-12);
    }
    let plain = TrainingConfig::default();
    let multistep = TrainingConfig { schedule: Schedule::Multistep, ..plain.clone() };
    let refused = [
        ("momentum", TrainingConfig { momentum: 0.9, ..plain.clone() }),
        ("momentum", TrainingConfig { optimiser: Method::Sgd, momentum: 1.0, ..plain.clone() }),
        ("nesterov", TrainingConfig { optimiser: Method::Sgd, nesterov: true, ..plain.clone() }),
        ("milestones", TrainingConfig { milestones: vec![3], ..plain.clone() }),
        ("milestones", multistep.clone()),
        ("milestones", TrainingConfig { milestones: vec![7, 3], ..multistep }),
        ("warmup", TrainingConfig { warmup: 20, ..plain.clone() }),
        ("clip_norm", TrainingConfig { clip_norm: Some(0.0), ..plain.clone() }),
        ("clip_norm", TrainingConfig { clip_norm: Some(f64::NAN), ..plain.clone() }),
        ("label_smoothing", TrainingConfig { label_smoothing: 1.0, ..plain.clone() }),
        ("l1", TrainingConfig { l1: -1.0, ..plain.clone() }),
        ("decay", TrainingConfig { schedule: Schedule::Cosine, decay: 0.8, ..plain.clone() }),
        ("decay_from", TrainingConfig { schedule: Schedule::Cosine, decay_from: 3, ..plain }),
    ];
    for (key, config) in refused {
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains(&format!("training.{key}")), "{key}: {error}");
    }
}

/// Records of before have none of the younger keys, and are written again as they were.
#[test]
fn records_of_before_are_read_and_written_as_they_were() {
    let record = r#"{"epochs":40,"images_per_epoch":null,"batch":128,"learning_rate":0.001,"weight_decay":1e-7,"decay":0.8,"decay_from":10,"augmentation":{"rotate":true,"flip":true},"test_every_epoch":false}"#;
    let config: TrainingConfig = serde_json::from_str(record).unwrap();
    assert_eq!(config, Protocol::Repeatnet2021.config());
    assert_eq!(serde_json::to_string(&config).unwrap(), record);
    for protocol in [Protocol::Repeatnet2021Cifar, Protocol::Repeatnet2021Tinyimagenet, Protocol::WeilerCesa2019Final] {
        let written = serde_json::to_string(&protocol.config()).unwrap();
        assert_eq!(serde_json::from_str::<TrainingConfig>(&written).unwrap(), protocol.config());
    }
}
