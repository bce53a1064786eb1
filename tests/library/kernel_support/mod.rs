//! Operators on random maps, whichever way these are stored, against the same operators on f64 tensors of the CPU.
#![allow(dead_code, reason = "every test file uses a part of this")]

use candle_core::{DType, Device, Result, Tensor, Var};
use equisplit::kernel::{FeatureMap, Workspace};
use equisplit::rng;
use rand::RngExt;

/// How many cases a property is tried with: so many, unless `PROPTEST_CASES` says otherwise.
pub fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

/// Entries of -1 to 1, f64, drawn from the stream of this name.
pub fn random(shape: &[usize], name: &str) -> Tensor {
    let mut stream = rng::stream(5, name);
    let entries: Vec<f64> = (0..shape.iter().product()).map(|_| stream.random_range(-1.0..1.0)).collect();
    Tensor::from_vec(entries, shape, &Device::Cpu).unwrap()
}

pub fn flat(tensor: &Tensor) -> Vec<f64> {
    tensor.to_dtype(DType::F64).unwrap().flatten_all().unwrap().to_vec1().unwrap()
}

/// How feature maps are stored.
#[derive(Clone, Debug)]
pub enum Storage {
    /// In vector lanes, f32.
    Lanes,
    /// As tensors, which candle differentiates.
    Tensors(DType, Device),
}

impl Storage {
    /// What all others are compared with.
    pub const REFERENCE: Self = Self::Tensors(DType::F64, Device::Cpu);

    fn put(&self, tensor: &Tensor) -> Result<Tensor> {
        match self {
            Self::Lanes => tensor.to_dtype(DType::F32),
            Self::Tensors(dtype, device) => tensor.to_dtype(*dtype)?.to_device(device),
        }
    }
}

/// The output of an operator, and the gradients of its input and parameters for a random gradient of the output.
pub fn run(
    storage: &Storage,
    input: &Tensor,
    parameters: &[Tensor],
    operator: impl Fn(FeatureMap, &[Var]) -> Result<FeatureMap>,
) -> Result<Vec<Tensor>> {
    let x = Var::from_tensor(&storage.put(input)?)?;
    let parameters: Vec<Var> = parameters.iter().map(|p| Var::from_tensor(&storage.put(p)?)).collect::<Result<_>>()?;
    let maps = match storage {
        // Images take no gradients: the input comes in as a parameter of a first step.
        Storage::Lanes => {
            FeatureMap::from_images(&x.ones_like()?, &Workspace::default(), true)?.through(|ones| ones * &*x)?
        }
        Storage::Tensors(..) => FeatureMap::from_tensor(&x),
    };
    let output = operator(maps, &parameters)?.output()?;
    let value = output.tensor().clone();
    // The gradient is r/4 + value: under a random one alone the sums behind γ and β would cancel.
    let random = (&value * storage.put(&random(value.dims(), "gradient"))?)?.sum_all()?;
    let loss = ((random * 0.25)? + (value.sqr()?.sum_all()? * 0.5)?)?;
    let gradients = output.backward(&loss)?;
    let of = |var: &Var| gradients.get(var).cloned().map_or_else(|| var.zeros_like(), Ok);
    let mut found = vec![value, of(&x)?];
    for parameter in &parameters {
        found.push(of(parameter)?);
    }
    Ok(found)
}

/// Checks that maps in `storage` and f64 tensors agree to 1e-5 of the largest entry, output and gradients.
pub fn assert_same(
    storage: &Storage,
    input: &Tensor,
    parameters: &[Tensor],
    operator: impl Fn(FeatureMap, &[Var]) -> Result<FeatureMap>,
) {
    let found = run(storage, input, parameters, &operator).unwrap();
    let expected = run(&Storage::REFERENCE, input, parameters, &operator).unwrap();
    let largest = |t: &Tensor| flat(t).iter().fold(1e-30f64, |m, e| m.max(e.abs()));
    // γ and β share a scale: where the sum behind one of them nearly cancels, rounding relative to it says nothing.
    let parameters = expected[2..].iter().map(largest).fold(1e-30, f64::max);
    for (n, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found.dims(), expected.dims());
        let scale = if n < 2 { largest(expected) } else { parameters };
        let differences = flat(found).into_iter().zip(flat(expected)).map(|(f, e)| (f - e).abs() / scale);
        // NaN is no agreement, and `max` alone would drop it.
        let worst = differences.map(|d| if d.is_nan() { f64::INFINITY } else { d }).fold(0.0, f64::max);
        assert!(worst <= 1e-5, "{worst} in result {n}");
    }
}
