//! The fast way through a network against candle's graph, and what it allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use candle_core::{DType, Device, Tensor};
use candle_nn::loss::cross_entropy;
use equisplit::data::{self, DataConfig, Source};
use equisplit::model::{InputShape, NetConfig, Network};
use equisplit::nn::{Mode, Weights};
use equisplit::rng;
use equisplit::train::{Batches, EpochDraw, Normalisation, Optimiser, OptimiserConfig, PixelStatistics};

/// Counts the bytes that a thread asks for: other tests run on others.
struct Counting;

thread_local! {
    static BYTES: Cell<usize> = const { Cell::new(0) };
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator, and the counts beside it allocate nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.set(BYTES.get() + layout.size());
        LARGEST.set(LARGEST.get().max(layout.size()));
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Trained {
    losses: Vec<f64>,
    /// Bytes allocated in each step.
    bytes: Vec<usize>,
    /// The largest piece of them.
    largest: Vec<usize>,
    /// Fraction of the test images that is wrong.
    error: f64,
}

/// Trains p4 (or z2) on drawn digits, through candle's graph or the fast way.
fn train(arm: &str, seed: u64, fast: bool, epochs: usize) -> Trained {
    let config = DataConfig { train: Some(1000), test: Some(500), ..DataConfig::new(Source::Builtin) };
    let dataset = data::load(&config, None).unwrap();
    let weights = Weights::new(seed);
    let net = NetConfig { widths: vec![4; 6], ..NetConfig::preset(arm).unwrap() };
    let network =
        Network::new(&net, InputShape::of(&dataset.train, dataset.classes), &weights.builder(DType::F32, &Device::Cpu))
            .unwrap();
    let mut optimiser = Optimiser::new(weights.learned(), OptimiserConfig::default()).unwrap();
    let statistics = PixelStatistics::of(&dataset.train, Normalisation::Pixels);
    let batches = Batches::new(&dataset.train, &statistics, 50, &Device::Cpu);
    let mut stream = rng::stream(seed, "dropout");
    let mut run = Trained { losses: Vec::new(), bytes: Vec::new(), largest: Vec::new(), error: 0.0 };
    for epoch in 1..=epochs {
        let draw = EpochDraw { seed, epoch, images: None, augmentation: Default::default() };
        for batch in batches.shuffled(draw, 0) {
            let batch = batch.unwrap();
            let before = BYTES.get();
            LARGEST.set(0);
            let mode = &mut Mode::Training(&mut stream);
            let (loss, gradients) = if fast {
                let output = network.output(&batch.images, mode).unwrap();
                let loss = cross_entropy(&output.tensor().flatten_from(1).unwrap(), &batch.labels).unwrap();
                (loss.clone(), output.backward(&loss).unwrap())
            } else {
                let loss = cross_entropy(&network.forward(&batch.images, mode).unwrap(), &batch.labels).unwrap();
                (loss.clone(), loss.backward().unwrap())
            };
            optimiser.step(&gradients, 5e-3).unwrap();
            run.bytes.push(BYTES.get() - before);
            run.largest.push(LARGEST.get());
            run.losses.push(f64::from(loss.to_scalar::<f32>().unwrap()));
        }
    }
    let test = Batches::new(&dataset.test, &statistics, 100, &Device::Cpu);
    for batch in test.in_order() {
        let batch = batch.unwrap();
        let scores: Tensor = match fast {
            true => network.output(&batch.images, &mut Mode::Inference).unwrap().tensor().flatten_from(1).unwrap(),
            false => network.forward(&batch.images, &mut Mode::Inference).unwrap(),
        };
        let classes = scores.argmax(1).unwrap().to_vec1::<u32>().unwrap();
        run.error += classes.iter().zip(&batch.classes).filter(|(a, b)| **a != u32::from(**b)).count() as f64 / 500.0;
    }
    run
}

#[test]
fn both_ways_train_alike_from_the_same_seed() {
    for arm in ["p4", "z2"] {
        let (fast, graph) = (train(arm, 1, true, 4), train(arm, 1, false, 4));
        // Rounding differs, and training amplifies that: close at first, then statistically the same.
        for step in 0..5 {
            let difference = (fast.losses[step] - graph.losses[step]).abs();
            assert!(difference < 1e-3, "{arm}: {} and {} in step {step}", fast.losses[step], graph.losses[step]);
        }
        let other = train(arm, 2, true, 4);
        println!("{arm}: {} fast, {} graph, {} another seed", fast.error, graph.error, other.error);
        let spread = (fast.error - other.error).abs().max(0.03);
        assert!((fast.error - graph.error).abs() <= 2.0 * spread, "{arm}: {} and {}", fast.error, graph.error);
    }
}

/// What is still allocated are candle's tensors of filters, gradients and moments, and tables of places in memory. How much
/// the first step takes beyond the maps themselves depends on the vectors, in whose groups images are stored.
#[test]
fn steps_after_the_first_allocate_no_feature_maps() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let Trained { bytes, largest, .. } = pool.install(|| train("p4", 3, true, 1));
    // 50 images, 4 fields over 4 turns, and the sides of the network of Cohen & Welling: each layer's maps once.
    let layer = |side: usize| 50 * 16 * side * side * DType::F32.size_in_bytes();
    let maps: usize = [26, 24, 12, 10, 8, 6, 4].map(layer).into_iter().sum();
    assert!(bytes[0] > maps, "{} of {maps} bytes", bytes[0]);
    assert!(bytes[2..].iter().all(|&bytes| bytes < maps), "{bytes:?} of {maps}");
    assert!(largest[2..].iter().all(|&bytes| bytes < layer(26) / 4), "{largest:?}");
}
