use candle_core::{DType, Device, Tensor};
use candle_nn::loss::cross_entropy;
use equisplit::model::*; use equisplit::nn::*; use equisplit::train::*; use equisplit::rng;
use std::time::Instant;
fn main() {
    let threads: usize = std::env::args().nth(1).map_or(2, |s| s.parse().unwrap());
    let arm = std::env::args().nth(2).unwrap_or("p4".into());
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().unwrap();
    let weights = Weights::new(0);
    let net = Network::new(&NetConfig::preset(&arm).unwrap(), InputShape::DIGITS, &weights.builder(DType::F32, &Device::Cpu)).unwrap();
    let mut adam = Adam::new(weights.learned(), AdamConfig::default()).unwrap();
    let x = Tensor::randn(0f32, 1.0, (128, 1, 28, 28), &Device::Cpu).unwrap();
    let y = Tensor::zeros(128, DType::U32, &Device::Cpu).unwrap();
    let mut s = rng::stream(0, "d");
    let mut t = vec![vec![]; 4];
    for _ in 0..25 {
        let a = Instant::now();
        let out = net.output(&x, &mut Mode::Training(&mut s)).unwrap();
        let b = Instant::now();
        let loss = cross_entropy(&out.tensor().flatten_from(1).unwrap(), &y).unwrap();
        let c = Instant::now();
        let g = out.backward(&loss).unwrap();
        let d = Instant::now();
        adam.step(&g, 1e-3).unwrap();
        let e = Instant::now();
        for (t, v) in t.iter_mut().zip([b - a, c - b, d - c, e - d]) { t.push(v.as_secs_f64() * 1e3) }
    }
    for t in &mut t { t.sort_by(f64::total_cmp); print!("{:.2} ", t[12]); }
    println!();
    // expansion
    let mut e = vec![];
    for _ in 0..20 { let a = Instant::now(); for l in net.layers() { if l.layer.filter_shape().is_some() { } } e.push(a.elapsed()); }
}
