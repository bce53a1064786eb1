use candle_core::{Device, Tensor, DType};
use equisplit::kernel::lanes::*;
use equisplit::kernel::{Window, conv2d};
use std::time::Instant;
fn rnd(shape: &[usize], seed: u64) -> Tensor {
    let n: usize = shape.iter().product();
    let mut s = seed.wrapping_mul(0x9E3779B97F4A7C15) | 1;
    let v: Vec<f64> = (0..n).map(|_| { s ^= s << 13; s ^= s >> 7; s ^= s << 17; (s >> 11) as f64 / (1u64 << 53) as f64 - 0.5 }).collect();
    Tensor::from_vec(v, shape, &Device::Cpu).unwrap()
}
fn diff(a: &Tensor, b: &Tensor) -> f64 {
    let a = a.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let b = b.flatten_all().unwrap().to_vec1::<f64>().unwrap();
    let m = b.iter().fold(0f64, |m, x| m.max(x.abs()));
    a.iter().zip(&b).fold(0f64, |m, (a, b)| m.max((a - b).abs())) / m
}
fn main() {
    let threads: usize = std::env::args().nth(1).map_or(2, |s| s.parse().unwrap());
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global().unwrap();
    let cases = [(128, 1, 40, 3, 28, 1, 0), (128, 40, 40, 3, 26, 1, 0), (128, 40, 40, 3, 12, 1, 0), (128, 40, 40, 3, 10, 1, 0), (128, 40, 40, 3, 8, 1, 0), (128, 40, 40, 3, 6, 1, 0), (128, 40, 40, 4, 4, 1, 0), (128, 20, 20, 3, 26, 1, 0), (32, 64, 64, 5, 12, 1, 2), (32, 64, 64, 7, 25, 1, 3), (32, 128,128,3,12,1,1), (32,256,256,3,6,1,1), (13, 5, 7, 5, 11, 2, 1)];
    let only: Option<usize> = std::env::args().nth(2).map(|s| s.parse().unwrap());
    for (n, (b, i, o, k, s, stride, padding)) in cases.into_iter().enumerate() {
        if only.is_some_and(|o| o != n) { continue }
        let (x, w) = (rnd(&[b, i, s, s], 1), rnd(&[o, i, k, k], 2));
        let window = Window { stride, padding };
        let ws = Workspace::default();
        let lanes = Lanes::from_tensor(&ws, &x.to_dtype(DType::F32).unwrap()).unwrap();
        let f: Vec<f32> = w.to_dtype(DType::F32).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let conv = Convolution::new(lanes.shape(), &f, [o, i, k, k], window).unwrap();
        let y = conv.forward(&lanes);
        let g = rnd(y.to_tensor().unwrap().dims(), 3);
        let gl = Lanes::from_tensor(&ws, &g.to_dtype(DType::F32).unwrap()).unwrap();
        let (xv, wv) = (candle_core::Var::from_tensor(&x).unwrap(), candle_core::Var::from_tensor(&w).unwrap());
        let r = conv2d(&xv, &wv, window).unwrap();
        let grads = (&r * &g).unwrap().sum_all().unwrap().backward().unwrap();
        let (dx, dw) = conv.backward(&lanes, &gl, Wanted::Both); let dw = dw.unwrap();
        let dw = Tensor::from_vec(dw, (o, i, k, k), &Device::Cpu).unwrap();
        let e = (diff(&y.to_tensor().unwrap(), &r), diff(&dx.unwrap().to_tensor().unwrap(), grads.get(&xv).unwrap()), diff(&dw, grads.get(&wv).unwrap()));
        let flop = 2.0 * r.elem_count() as f64 * (i * k * k) as f64;
        let time = |f: &dyn Fn()| { for _ in 0..3 { f() } let mut t: Vec<f64> = (0..15).map(|_| { let s = Instant::now(); f(); s.elapsed().as_secs_f64() }).collect(); t.sort_by(f64::total_cmp); t[7] };
        let tf = time(&|| { conv.forward(&lanes); });
        if std::env::args().nth(3).is_some() { for _ in 0..200 { if std::env::args().nth(3).unwrap() == "f" { conv.forward(&lanes); } else { conv.backward(&lanes, &gl, Wanted::Filters); } } println!("{tf}"); continue }
        let tb = time(&|| { conv.backward(&lanes, &gl, Wanted::Both); });
        let tw = time(&|| { conv.backward(&lanes, &gl, Wanted::Filters); });
        println!("{b}x{i}->{o} k{k} {s}px: err {:.1e} {:.1e} {:.1e}; fwd {:.2} ms {:.0} GF/s; dx+dw {:.2} ms {:.0} GF/s; dw {:.2} ms {:.0}", e.0, e.1, e.2, tf * 1e3, flop / tf / 1e9, tb * 1e3, 2.0 * flop / tb / 1e9, tw * 1e3, flop / tw / 1e9);
    }
}
